import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame } from '../../src/data/dataset.ts';
import type { WritableFrame } from '../../src/data/extxyz/write.ts';
import { readOutcar } from '../../src/data/formats/vasp/outcar.ts';
import { readPoscar, writePoscar } from '../../src/data/formats/vasp/poscar.ts';
import { readVasprun } from '../../src/data/formats/vasp/vasprun.ts';
import { createStructure } from '../../src/structure/structure.ts';
import { expectNear } from '../helpers/ase-reference.ts';
import { findPython, runPython } from '../helpers/python.ts';
import { haveSamples, sample } from '../helpers/samples.ts';

const python = findPython(['ase']);
if (python === undefined) console.warn('no Python with ASE: the files of VASP are NOT compared with what ASE reads');

const folder = mkdtempSync(join(tmpdir(), 'nearsight-vasp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What ASE makes of a file; numbers pass through JSON bit for bit. */
const DUMP = `
import json, sys
from ase.io import read
asked = json.load(sys.stdin)
frames = []
for a in read(asked['path'], ':', format=asked['format']):
    r = a.calc.results if a.calc else {}
    frames.append(dict(
        numbers=a.numbers.tolist(), positions=a.positions.ravel().tolist(), cell=a.cell[:].ravel().tolist(),
        pbc=a.pbc.tolist(), energy=r.get('energy'), free=r.get('free_energy'),
        forces=r['forces'].ravel().tolist() if 'forces' in r else None,
        stress=r['stress'].tolist() if 'stress' in r else None,
        constraints=[c.todict()['kwargs'] for c in a.constraints]))
print(json.dumps(frames, default=lambda x: x.tolist()))
`;

interface AseFrame {
  readonly numbers: number[];
  readonly positions: number[];
  readonly cell: number[];
  readonly pbc: boolean[];
  /** For sigma → 0. */
  readonly energy: number | null;
  readonly free: number | null;
  readonly forces: number[] | null;
  /** xx yy zz yz xz xy. */
  readonly stress: number[] | null;
  readonly constraints: { indices?: number[]; a?: number; mask?: boolean[] }[];
}

const ase = (path: string, format: string): AseFrame[] => runPython(python ?? '', DUMP, { path, format }) as AseFrame[];

function expectSame(frames: readonly Frame[], expected: readonly AseFrame[]): void {
  expect(frames.length).toBe(expected.length);
  frames.forEach(({ structure, labels, info }, k) => {
    const { numbers, positions, cell, pbc, energy, free, forces, stress } = expected[k];
    expect([...structure.numbers]).toEqual(numbers);
    expect(structure.pbc).toEqual(pbc);
    expectNear([...structure.positions], positions);
    expectNear([...structure.cell], cell);
    expectNear([labels.energy!, Number(info.energy_sigma0)], [free!, energy!]);
    expectNear([...labels.forces!], forces!);
    expect(labels.stress === undefined).toBe(stress === null);
    const s = labels.stress;
    if (s !== undefined) expectNear([s[0], s[4], s[8], s[5], s[2], s[1]], stress!);
  });
}

describe.skipIf(python === undefined || !haveSamples)(
  'outputs of VASP (skipped without ASE and ../shared/data)',
  () => {
    test.each([
      ...['vasprun.Si.xml.gz', 'vasprun.Ti-aimd-nwrite0.xml.gz', 'vasprun.h2o.md.xml.gz'],
      ...['vasprun.h2o.md.tribox.xml.gz', 'vasprun.h2o.md.novirial.xml.gz'],
      ...['OUTCAR.h2o.md.gz', 'OUTCAR_sevennet_1.gz', 'OUTCAR_ase_example_1.gz'],
    ])('every number of %s', (name) => {
      const { path, bytes } = sample(`vasp/${name}`);
      const xml = path.endsWith('.xml');
      writeFileSync(join(folder, path), bytes);
      const frames = xml ? readVasprun({ path, bytes }) : readOutcar({ path, bytes });
      expectSame(frames, ase(join(folder, path), xml ? 'vasp-xml' : 'vasp-out'));
    });
  },
);

describe.skipIf(python === undefined)('POSCAR (skipped without ASE)', () => {
  const structure = createStructure(
    ['O', 'Ti', 'O', 'O'],
    Float64Array.from({ length: 12 }, (_, k) => Math.sin(k) * 7),
    [...[4.1, 0.1, 0], ...[-2, 5, 0], ...[1 / 3, -0.3, 6]],
  );

  test('what we write ASE reads', () => {
    const mask = [true, true, true, false, false, false, true, false, true, true, true, true];
    const frame: WritableFrame = { structure, arrays: { move_mask: { type: 'L', columns: 3, values: mask } } };
    const path = join(folder, 'POSCAR');
    writeFileSync(path, writePoscar([frame]).content);
    const [found] = ase(path, 'vasp');
    expect(found.numbers).toEqual([...structure.numbers]);
    expect(found.pbc).toEqual([true, true, true]);
    expect(found.cell).toEqual([...structure.cell]);
    expect(found.positions).toEqual([...structure.positions]);
    expect(found.constraints).toContainEqual({ indices: [1] });
    // ASE says what is fixed, along lattice vectors like VASP.
    expect(found.constraints).toContainEqual(expect.objectContaining({ a: 2, mask: [false, true, false] }));
  });

  test.each(['True', 'False'])('what ASE writes we read (direct: %s)', (direct) => {
    const path = join(folder, `written-${direct}.vasp`);
    const script = `
import json, sys
from ase import Atoms
from ase.constraints import FixAtoms
from ase.io import write
asked = json.load(sys.stdin)
atoms = Atoms(asked['numbers'], positions=[asked['positions'][k:k + 3] for k in range(0, 12, 3)],
              cell=[asked['cell'][k:k + 3] for k in range(0, 9, 3)], pbc=True, constraint=FixAtoms([1]))
write(asked['path'], atoms, format='vasp', vasp5=True, direct=${direct})
print('null')
`;
    runPython(python ?? '', script, {
      path,
      numbers: [...structure.numbers],
      positions: [...structure.positions],
      cell: [...structure.cell],
    });
    const [frame] = readPoscar({ path, bytes: new Uint8Array(readFileSync(path)) });
    expect([...frame.structure.numbers]).toEqual([...structure.numbers]);
    expectNear([...frame.structure.positions], [...structure.positions]);
    expectNear([...frame.structure.cell], [...structure.cell]);
    const free = [true, true, true];
    expect(frame.arrays.move_mask.values).toEqual([...free, false, false, false, ...free, ...free]);
  });
});
