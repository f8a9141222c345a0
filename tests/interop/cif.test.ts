import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CIF } from '../../src/data/formats/cif/cif.ts';
import { spaceGroupOf, spaceGroupSettings } from '../../src/data/formats/cif/space-group-names.ts';
import { hallOperations, type Operation } from '../../src/data/formats/cif/symmetry-operations.ts';
import { toFractional } from '../../src/structure/cell.ts';
import { findPython, runPython } from '../helpers/python.ts';

const python = findPython(['ase']);
if (python === undefined) console.warn('no Python with ASE: CIF and space groups are NOT compared with ASE');

const folder = mkdtempSync(join(tmpdir(), 'nearsight-cif-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface AseCrystal {
  /** The same crystal as ASE builds it, and as it reads the file. */
  readonly built: AseAtoms;
  readonly read: AseAtoms;
  readonly text: string;
}
interface AseAtoms {
  readonly numbers: number[];
  readonly scaled: number[][];
  readonly cellpar: number[];
}

/** Crystals of ASE as CIF files with their symmetry, written by hand since ASE itself writes P1. */
const CRYSTALS = `
import json, sys
import numpy as np
from fractions import Fraction
from ase.io import read
from ase.spacegroup import crystal, Spacegroup
job = json.load(sys.stdin)
def word(rotation, translation):
    parts = []
    for row, t in zip(rotation, translation):
        f = Fraction(float(t)).limit_denominator(24)
        text = ''.join(('+' if c > 0 else '-') + 'xyz'[k] for k, c in enumerate(row) if c)
        parts.append(text + ('' if f == 0 else '+%s' % f))
    return ', '.join(parts)
def dump(a):
    return dict(numbers=a.numbers.tolist(), scaled=a.get_scaled_positions().tolist(), cellpar=a.cell.cellpar().tolist())
out = []
for k, c in enumerate(job['crystals']):
    sg = Spacegroup(c['number'], c.get('setting', 1))
    lines = ['data_test'] + ['_cell_length_%s %.10f' % (n, v) for n, v in zip('abc', c['cell'])]
    lines += ['_cell_angle_%s %.10f' % (n, v) for n, v in zip(('alpha', 'beta', 'gamma'), c['cell'][3:])]
    lines += ['_symmetry_Int_Tables_number %d' % c['number'], 'loop_', '_symmetry_equiv_pos_as_xyz']
    lines += ["'%s'" % word(R, t) for R, t in sg.get_symop()]
    lines += ['loop_', '_atom_site_label', '_atom_site_type_symbol'] + ['_atom_site_fract_' + x for x in 'xyz']
    lines += ['%s%d %s %.10f %.10f %.10f' % (s, j, s, *p) for j, (s, p) in enumerate(zip(c['symbols'], c['sites']))]
    text = '\\n'.join(lines) + '\\n'
    path = job['folder'] + '/c%d.cif' % k
    open(path, 'w').write(text)
    built = crystal(c['symbols'], c['sites'], spacegroup=c['number'], setting=c.get('setting', 1), cellpar=c['cell'])
    out.append(dict(text=text, built=dump(built), read=dump(read(path))))
print(json.dumps(out))
`;

const cubic = (a: number): number[] => [a, a, a, 90, 90, 90];
const crystals = [
  { name: 'silicon', number: 227, symbols: ['Si'], sites: [[0, 0, 0]], cell: cubic(5.43) },
  {
    name: 'silicon, other origin',
    number: 227,
    setting: 2,
    symbols: ['Si'],
    sites: [[0.125, 0.125, 0.125]],
    cell: cubic(5.43),
  },
  {
    name: 'rock salt',
    number: 225,
    symbols: ['Na', 'Cl'],
    sites: [
      [0, 0, 0],
      [0.5, 0.5, 0.5],
    ],
    cell: cubic(5.64),
  },
  {
    name: 'rutile',
    number: 136,
    symbols: ['Ti', 'O'],
    sites: [
      [0, 0, 0],
      [0.3053, 0.3053, 0],
    ],
    cell: [4.594, 4.594, 2.959, 90, 90, 90],
  },
  {
    name: 'quartz',
    number: 154,
    symbols: ['Si', 'O'],
    sites: [
      [0.4697, 0, 0],
      [0.4133, 0.2672, 0.1188],
    ],
    cell: [4.913, 4.913, 5.405, 90, 90, 120],
  },
  { name: 'bismuth', number: 166, symbols: ['Bi'], sites: [[0, 0, 0.2339]], cell: [4.546, 4.546, 11.862, 90, 90, 120] },
  {
    name: 'corundum',
    number: 167,
    symbols: ['Al', 'O'],
    sites: [
      [0, 0, 0.35219],
      [0.30627, 0, 0.25],
    ],
    cell: [4.758, 4.758, 12.992, 90, 90, 120],
  },
  {
    name: 'perovskite, orthorhombic',
    number: 62,
    symbols: ['Ca', 'Ti', 'O', 'O'],
    sites: [
      [0.0065, 0.25, 0.0359],
      [0, 0, 0.5],
      [0.5711, 0.25, -0.0161],
      [0.2897, 0.0371, 0.2888],
    ].map(([x, y, z]) => [z, y, x]),
    cell: [5.3796, 7.6423, 5.4423, 90, 90, 90],
  },
  {
    name: 'baddeleyite',
    number: 14,
    symbols: ['Zr', 'O', 'O'],
    sites: [
      [0.2754, 0.0395, 0.2083],
      [0.07, 0.3317, 0.3447],
      [0.4496, 0.7569, 0.4792],
    ],
    cell: [5.1505, 5.2116, 5.3173, 90, 99.23, 90],
  },
  {
    name: 'a triclinic one',
    number: 2,
    symbols: ['Cu', 'S'],
    sites: [
      [0, 0, 0],
      [0.12, 0.23, 0.34],
    ],
    cell: [5.1, 6.2, 7.3, 81, 92, 103],
  },
];

/** Atoms as a set: sorted by element and by coordinates folded into the cell. */
function asSet({ numbers, scaled }: Pick<AseAtoms, 'numbers' | 'scaled'>): number[][] {
  const folded = scaled.map((row, k) => [numbers[k], ...row.map((x) => (Math.round(x * 1e5) / 1e5 + 2) % 1)]);
  return folded.sort((p, q) => p.map((v, k) => v - q[k]).find((d) => d !== 0) ?? 0);
}

describe.skipIf(python === undefined)('CIF and ASE', () => {
  test('crystals with symmetry have the atoms that ASE gives them', () => {
    const found = runPython(python ?? '', CRYSTALS, { crystals, folder }) as AseCrystal[];
    for (const [k, { text, built, read }] of found.entries()) {
      const [{ structure }] = CIF.read?.([{ path: 'c.cif', bytes: new TextEncoder().encode(text) }], {}) ?? [];
      const flat = toFractional(structure.positions, structure.cell);
      const scaled = Array.from(structure.numbers, (_, atom) => [...flat.subarray(3 * atom, 3 * atom + 3)]);
      const ours = asSet({ numbers: [...structure.numbers], scaled });
      for (const theirs of [built, read]) {
        expect(ours.length, crystals[k].name).toBe(theirs.numbers.length);
        const set = asSet(theirs);
        for (const [atom, row] of ours.entries()) {
          for (const [c, value] of row.entries()) {
            const d = Math.abs(value - set[atom][c]);
            expect(Math.min(d, Math.abs(1 - d)), `${crystals[k].name}: ${row} for ${set[atom]}`).toBeLessThan(1.5e-5);
          }
        }
      }
    }
  });

  test('the operations of all space groups are those of ASE, by their names', () => {
    const groups = runPython(
      python ?? '',
      `
import json
from ase.spacegroup import Spacegroup
out = []
for number in range(1, 231):
    for setting in (1, 2):
        try: sg = Spacegroup(number, setting)
        except Exception: continue
        R, t = sg.get_op()
        out.append(dict(number=number, setting=setting, symbol=sg.symbol, R=R.reshape(-1, 9).tolist(), t=t.tolist()))
print(json.dumps(out))`,
      null,
    ) as { number: number; setting: number; symbol: string; R: number[][]; t: number[][] }[];
    const keyOf = ({ rotation, translation }: Operation): string =>
      `${rotation.map((c) => c + 0).join()} ${translation.map((t) => ((Math.round(24 * t) % 24) + 24) % 24).join()}`;
    let compared = 0;
    for (const { number, setting, symbol, R, t } of groups) {
      const choices = spaceGroupSettings().filter((entry) => entry.number === number);
      const named = (code: string | null) =>
        spaceGroupOf({ symbol, number: String(number), setting: code, hexagonal: setting === 1 }, {});
      const origins = choices.some(({ name }) => name.endsWith(':2'));
      // ASE has other cells than the tables for these names, or names that the tables have twice.
      if (number > 2 && number < 16 && setting === 2) continue;
      if (number === 67 || number === 68) continue;
      const { hall } = named(origins ? String(setting) : null);
      const theirs = R.map((rotation, k) => keyOf({ rotation, translation: t[k] })).sort();
      expect((hallOperations(hall) ?? []).map(keyOf).sort(), `${number} ${symbol}`).toEqual(theirs);
      compared++;
    }
    expect(compared).toBeGreaterThan(255);
  });

  test('ASE reads what is written here, in every orientation of the cell', () => {
    const cell = Float64Array.of(3.1, -0.4, 0.2, 1.5, 4.4, -0.7, -0.9, 0.8, 5.2);
    const positions = Float64Array.of(0.1, 0.2, 0.3, 1.7, -2.9, 6.1, -1 / 3, 1e-9, 2.5);
    const structure = { numbers: Int32Array.of(57, 26, 8), positions, cell, pbc: [true, true, true] as const };
    const path = join(folder, 'ours.cif');
    writeFileSync(path, String(CIF.write?.([{ structure }], {})[0].content));
    const script = `
import json, sys
from ase.io import read
a = read(json.load(sys.stdin))
print(json.dumps(dict(numbers=a.numbers.tolist(), distances=a.get_all_distances(mic=True).ravel().tolist(), volume=a.get_volume(), scaled=a.get_scaled_positions(wrap=False).ravel().tolist())))`;
    const theirs = runPython(python ?? '', script, path) as { numbers: number[]; volume: number; scaled: number[] };
    expect(theirs.numbers).toEqual([57, 26, 8]);
    const ours = toFractional(positions, cell);
    for (const [k, value] of theirs.scaled.entries()) {
      const d = value - ours[k];
      expect(Math.abs(d - Math.round(d))).toBeLessThan(1e-12);
    }
  });
});
