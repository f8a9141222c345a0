import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame, InfoValue } from '../../src/data/dataset.ts';
import type { WritableFrame } from '../../src/data/extxyz/write.ts';
import { readDataset, writeFrames } from '../../src/node/structures.ts';
import { findPython, runPython } from '../helpers/python.ts';

const python = findPython(['ase']);
if (python === undefined) console.warn('no Python with ASE: the exchange of files with ASE is NOT tested');

const folder = mkdtempSync(join(tmpdir(), 'nearsight-ase-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What ASE makes of a file; numbers pass through JSON bit for bit. */
const DUMP = `
import json, sys
import numpy as np
from ase.io import read
def plain(x):
    if isinstance(x, np.ndarray): return x.tolist()
    if isinstance(x, np.generic): return x.item()
    return x
def dump(path):
    frames = []
    for a in read(path, ':', format='extxyz'):
        r = a.calc.results if a.calc else {}
        frames.append(dict(
            numbers=a.numbers.tolist(), positions=a.positions.ravel().tolist(), cell=a.cell[:].ravel().tolist(),
            pbc=a.pbc.tolist(), energy=plain(r.get('energy')), forces=plain(r['forces'].ravel()) if 'forces' in r else None,
            stress=plain(r.get('stress')), info={k: plain(v) for k, v in a.info.items() if k not in ('energy', 'stress', 'free_energy')},
            arrays={k: plain(v) for k, v in a.arrays.items() if k not in ('numbers', 'positions', 'forces')}))
    print(json.dumps(frames))
`;

interface AseFrame {
  readonly numbers: number[];
  readonly positions: number[];
  readonly cell: number[];
  readonly pbc: boolean[];
  readonly energy: number | null;
  readonly forces: number[] | null;
  readonly stress: number[] | null;
  readonly info: Record<string, InfoValue>;
  readonly arrays: Record<string, unknown[]>;
}

/** Runs a script on `path`; it prints what `dump(path)` prints. */
function ase(script: string, path: string): AseFrame[] {
  return runPython(python ?? '', `${DUMP}\npath = json.load(sys.stdin)\n${script}`, path) as AseFrame[];
}

/** Both sides in the same shape: stress in Voigt order as ASE holds it, arrays as nested lists. */
function inShape({ structure, labels, info, arrays }: WritableFrame | Frame): AseFrame {
  const { numbers, positions, cell, pbc } = structure;
  const s = labels?.stress;
  return {
    numbers: [...numbers],
    positions: [...positions],
    cell: [...cell],
    pbc: [...pbc],
    energy: labels?.energy ?? null,
    forces: labels?.forces === undefined ? null : [...labels.forces],
    stress: s === undefined ? null : [s[0], s[4], s[8], s[5], s[2], s[1]],
    info: { ...info },
    arrays: Object.fromEntries(
      Object.entries(arrays ?? {}).map(([name, { columns, values }]) => {
        const flat = Array.from<unknown>(values);
        if (columns === 1) return [name, flat];
        return [name, Array.from(numbers, (_, atom) => flat.slice(atom * columns, (atom + 1) * columns))];
      }),
    ),
  };
}

describe.skipIf(python === undefined)('exchange with ASE', () => {
  test('ASE reads what nearsight writes, to the last bit', async () => {
    const frames: WritableFrame[] = [
      {
        structure: {
          numbers: Int32Array.of(14, 6, 1),
          positions: Float64Array.of(0.1, 1 / 3, -2e-17, 1e10, -0.30000000000000004, 5e-324, 1, 2, 3),
          cell: Float64Array.of(5.431, 0, 1e-9, 0.1, 6.2, 0, -1 / 7, 0, 7.3),
          pbc: [true, false, true],
        },
        labels: {
          energy: -163.1234567890123,
          forces: Float64Array.from({ length: 9 }, (_, k) => Math.sin(k)),
          stress: Float64Array.of(1, 0.6, 0.5, 0.6, 2, 0.4, 0.5, 0.4, 3 + 1 / 3),
        },
        info: {
          config_type: 'a group with blanks',
          count: 7,
          real: -1.5e-300,
          flag: false,
          vector: [1.5, -2, 3],
          truths: [true, false],
          text: 'say "yes" \\ it\'s [1, 2] {x} = 5, é',
          lines: 'one\ntwo\ttabs',
          digits: '5',
          words: ['a b', '', 'c'],
          empty: '',
          'odd key': 1,
        },
        arrays: {
          tags: { type: 'I', columns: 1, values: Int32Array.of(1, -2, 3) },
          vectors: { type: 'R', columns: 2, values: Float64Array.of(0.1, 0.2, 1e-20, 4, 5, 6) },
          names: { type: 'S', columns: 1, values: ['x', 'y"', "z'"] },
          fixed: { type: 'L', columns: 1, values: [true, false, true] },
        },
      },
      {
        structure: {
          numbers: Int32Array.of(8),
          positions: new Float64Array(3),
          cell: new Float64Array(9),
          pbc: [false, false, false],
        },
      },
    ];
    const path = join(folder, 'ours.xyz');
    await writeFrames(path, frames);
    expect(ase('dump(path)', path)).toEqual(frames.map(inShape));
  });

  test('nearsight reads what ASE writes, as ASE itself reads it', async () => {
    const path = join(folder, 'theirs.xyz');
    const theirs = ase(
      `
from ase.build import bulk, molecule, fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
rng = np.random.default_rng(1)
frames = []
for k in range(3):
    a = bulk('Cu', cubic=True) * (1, 1, 2)
    a.rattle(0.1, seed=k)
    a.set_cell(a.cell[:] * (1 + 0.02 * rng.normal(size=(3, 3))), scale_atoms=True)
    a.calc = EMT()
    a.get_potential_energy(); a.get_forces(); a.get_stress()
    a.info.update(config_type='copper %d' % k, step=k, time=0.1 * k, ok=True, kpts=[2, 2, 1], matrix=np.eye(3),
                  weights=np.array([0.5, 1e-12]), note='a "quoted" word', switches=np.array([True, False]))
    a.set_tags(range(len(a)))
    a.set_initial_magnetic_moments(rng.normal(size=len(a)))
    frames.append(a)
m = molecule('CH3CH2OH')
m.info['name'] = 'ethanol'
m.calc = SinglePointCalculator(m, energy=-1.25, forces=rng.normal(size=(len(m), 3)))
s = fcc111('Al', (1, 1, 3), vacuum=5)
write(path, frames + [m, s], format='extxyz')
dump(path)
`,
      path,
    );
    const { frames } = await readDataset(path);
    expect(frames).toHaveLength(5);
    expect(frames.map((frame) => frame.labels.stress !== undefined)).toEqual([true, true, true, false, false]);
    expect(frames[2].group).toBe('copper 2');
    expect(frames[4].structure.pbc).toEqual([true, true, false]);
    for (const [k, frame] of frames.entries()) {
      const ours = inShape(frame);
      // ASE keeps nested lists; nearsight hands them through as the text that they are.
      const { matrix, ...info } = theirs[k].info;
      const { matrix: text, free_energy: _, ...ourInfo } = ours.info;
      if (matrix !== undefined) expect(JSON.parse(String(text).replace('_JSON ', ''))).toEqual(matrix);
      expect({ ...ours, info: ourInfo }).toEqual({ ...theirs[k], info });
    }
    // And back again.
    const back = join(folder, 'back.xyz');
    await writeFrames(back, frames);
    const again = ase('dump(path)', back);
    expect(again).toEqual(theirs);
  });
});
