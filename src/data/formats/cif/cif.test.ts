import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { createRandom } from '../../../random.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { crystal } from '../../../structure/crystals.ts';
import { buildNeighbourList } from '../../../structure/neighbours.ts';
import type { Structure } from '../../../structure/structure.ts';
import type { Frame } from '../../dataset.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { CIF } from './cif.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): Frame[] => CIF.read!([{ path: 'a.cif', bytes: bytesOf(text) }], {});
const only = (text: string): Structure => {
  const frames = read(text);
  expect(frames).toHaveLength(1);
  return frames[0].structure;
};

/** A block with a cubic cell unless told otherwise. */
const block = (symmetry: string, sites: string, cell = '5.43 5.43 5.43 90 90 90'): string => {
  const [a, b, c, alpha, beta, gamma] = cell.split(' ');
  return `data_x
_cell_length_a ${a}
_cell_length_b ${b}
_cell_length_c ${c}
_cell_angle_alpha ${alpha}
_cell_angle_beta ${beta}
_cell_angle_gamma ${gamma}
${symmetry}
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
${sites}
`;
};

/** Nearest-neighbour distances of all atoms, sorted: the fingerprint of a crystal. */
function shells(structure: Structure, cutoff: number): number[] {
  const { distances } = neighbourDistances(structure, cutoff);
  return distances.sort((p, q) => p - q);
}

function neighbourDistances(structure: Structure, cutoff: number): { distances: number[] } {
  const list = buildNeighbourList(structure, cutoff);
  const { first, neighbours, owner, shift } = list;
  const { positions, cell } = structure;
  const distances: number[] = [];
  const site = (s: number, c: number): number => {
    let x = positions[3 * owner[s] + c];
    for (let k = 0; k < 3; k++) x += shift[3 * s + k] * cell[3 * k + c];
    return x;
  };
  for (let i = 0; i + 1 < first.length; i++) {
    for (let p = first[i]; p < first[i + 1]; p++) {
      const d = Math.hypot(...[0, 1, 2].map((c) => site(neighbours[p], c) - site(i, c)));
      if (d < cutoff) distances.push(d);
    }
  }
  return { distances };
}

describe('syntax', () => {
  test('quotes, text fields, comments, uncertainties and unknown values', () => {
    const text = `# written by hand
data_global
_publ_author_name "O'Neill, 'A dog's life'"
_publ_text
;
data_not_a_block  loop_ 'open
;
data_Si8 # a comment
_CELL_LENGTH_A 5.4310(12)  _cell_length_b   5.431
_cell_length_c
5.431(2)
_cell.angle_alpha 90.
_cell_angle_beta '90' _cell_angle_gamma 90.00(1)
_chemical_name_common ?
loop_
_atom_site.label
_atom_site.fract_x
_atom_site.fract_y _atom_site.fract_z
_atom_site.occupancy
Si1 0 0.0 0 1.0
'Si2' 0.25(1) 0.25 .25 .
Si3 1E-1 -2.5e-1 +.5 1.00(2)
`;
    const [frame] = read(text);
    expect(frame.info).toEqual({ name: 'Si8' });
    expect(frame.line).toBe(8);
    expect([...frame.structure.numbers]).toEqual([14, 14, 14]);
    expect([...frame.structure.cell]).toEqual([5.431, 0, 0, 0, 5.431, 0, 0, 0, 5.431]);
    const x = 5.431;
    expect([...frame.structure.positions]).toEqual([
      0,
      0,
      0,
      0.25 * x,
      0.25 * x,
      0.25 * x,
      0.1 * x,
      -0.25 * x,
      0.5 * x,
    ]);
  });

  test.each([
    ['bad-cif', 'hello\n', 'before the first data_'],
    ['bad-cif', 'data_a\n_cell_length_a\n_cell_length_b 3\n', 'no value'],
    ['bad-cif', 'data_a\nloop_\n_a\n_b\n1 2 3\n', '2 columns but 3 values'],
    ['bad-cif', "data_a\n_a 'open\n", 'never closes'],
    ['bad-cif', 'data_a\n_a\n;text\nfor ever\n', 'never ends'],
    ['bad-cif', 'data_a\nsave_x\n', 'dictionaries'],
    ['bad-cif', 'data_a\nloop_\n1\n', 'no columns'],
    ['bad-cif', 'data_a\n1\n', 'belongs to no item'],
    ['duplicate-key', 'data_a\n_a 1\n_A 2\n', 'twice'],
    ['no-structure', 'data_a\n_a 1\n', 'no crystal'],
    ['no-structure', '', 'no crystal'],
  ])('%s: %j', (code, text, words) => {
    const error = errorOf(code, () => read(text));
    expect(error.message).toContain(words);
    expect(error.place.path).toBe('a.cif');
  });
});

describe('the cell', () => {
  test('lengths, angles and volume are those that were given', () => {
    const { cell } = only(block('', 'Si1 0 0 0', '3.1 4.2 5.3 80.5 95.2 101.7'));
    const [alpha, beta, gamma] = [80.5, 95.2, 101.7].map((angle) => Math.cos((angle * Math.PI) / 180));
    const root = Math.sqrt(1 - alpha ** 2 - beta ** 2 - gamma ** 2 + 2 * alpha * beta * gamma);
    expect(cellVolume(cell)).toBeCloseTo(3.1 * 4.2 * 5.3 * root, 10);
    expect(Math.hypot(cell[3], cell[4])).toBeCloseTo(4.2, 12);
    expect(Math.hypot(cell[6], cell[7], cell[8])).toBeCloseTo(5.3, 12);
    const dot = (k: number, l: number): number =>
      cell[k] * cell[l] + cell[k + 1] * cell[l + 1] + cell[k + 2] * cell[l + 2];
    expect(dot(3, 6) / 4.2 / 5.3).toBeCloseTo(alpha, 12);
    expect(dot(0, 6) / 3.1 / 5.3).toBeCloseTo(beta, 12);
    expect(dot(0, 3) / 3.1 / 4.2).toBeCloseTo(gamma, 12);
    expect(cell[1] === 0 && cell[2] === 0 && cell[5] === 0).toBe(true);
  });

  test.each([
    ['missing-cell', '5 5 ? 90 90 90'],
    ['missing-cell', '5 5 5 90 . 90'],
    ['bad-cell', '5 5 5 10 90 150'],
    ['bad-cell', '5 -5 5 90 90 90'],
    ['bad-cell', '5 5 5 90 90 180'],
    ['bad-number', '5 5 five 90 90 90'],
    ['not-finite', '5 5 1e999 90 90 90'],
  ])('%s: %s', (code, cell) => {
    expect(errorOf(code, () => read(block('', 'Si1 0 0 0', cell))).place).toMatchObject({ path: 'a.cif', frame: 0 });
  });
});

describe('symmetry', () => {
  const FCC = ['x,y,z', 'x,y+1/2,z+1/2', 'x+0.5,y,1/2+z', 'x+.5, y+1/2, z'];
  const listed = (operations: readonly string[], tag = '_symmetry_equiv_pos_as_xyz'): string =>
    `loop_\n${tag}\n${operations.map((operation) => `'${operation}'`).join('\n')}\n`;
  const silicon = shells(crystal('diamond', ['Si'], 5.43), 5);

  test.each([
    ['centring only', listed(FCC), 'Si1 0 0 0\nSi2 0.25 0.25 0.25'],
    [
      'numbered',
      `loop_\n_space_group_symop_id\n_space_group_symop_operation_xyz\n1 x,y,z\n2 x,y+1/2,z+1/2\n3 x+1/2,y,z+1/2\n4 x+1/2,y+1/2,z`,
      'Si1 0 0 0\nSi2 .25 .25 .25',
    ],
    ['all 192 from the Hall symbol', "_space_group_name_Hall '-F 4vw 2vw 3'", 'Si1 0.125 0.125 0.125'],
    ['the other origin', "_symmetry_space_group_name_Hall 'F 4d 2 3 -1d'", 'Si1 0 0 0'],
    ['a name with its origin', "_symmetry_space_group_name_H-M 'F d -3 m :1'", 'Si1 0 0 0'],
    [
      'a name and a code',
      "_space_group_name_H-M_alt 'Fd-3m'\n_space_group_IT_coordinate_system_code 2",
      'Si1 0.125 0.125 0.125',
    ],
    ['rounded and shifted coordinates', "_space_group_name_Hall '-F 4vw 2vw 3'", 'Si1 -0.8751 1.1249 0.125'],
  ])('diamond from %s', (_, symmetry, sites) => {
    const structure = only(block(symmetry, sites));
    expect(structure.numbers).toHaveLength(8);
    const found = shells(structure, 5);
    expect(found).toHaveLength(silicon.length);
    expect(Math.max(...found.map((d, k) => Math.abs(d - silicon[k])))).toBeLessThan(5e-3);
  });

  test('rock salt: a name of one setting only is enough', () => {
    const named = block(
      "_symmetry_space_group_name_H-M 'F m -3 m'",
      'Na1 0 0 0\nCl1 0.5 0.5 0.5',
      '5.64 5.64 5.64 90 90 90',
    );
    expect(shells(only(named), 4)).toHaveLength(shells(crystal('rocksalt', ['Na', 'Cl'], 5.64), 4).length);
    const numbered = named.replace(/_symmetry_space.*/, '_symmetry_Int_Tables_number 225');
    expect(only(numbered).positions).toEqual(only(named).positions);
  });

  test('a rhombohedral group is read on the axes that the cell has', () => {
    const symmetry = "_space_group_name_H-M_alt 'R -3 m'";
    const hexagonal = only(block(symmetry, 'Bi1 0 0 0.2339', '4.546 4.546 11.862 90 90 120'));
    const rhombohedral = only(block(symmetry, 'Bi1 0.2339 0.2339 0.2339', '4.7459 4.7459 4.7459 57.23 57.23 57.23'));
    expect([hexagonal.numbers.length, rhombohedral.numbers.length]).toEqual([6, 2]);
    expect(cellVolume(hexagonal.cell) / cellVolume(rhombohedral.cell)).toBeCloseTo(3, 2);
  });

  test('a name from before 1992, and a short one of a monoclinic group', () => {
    expect(only(block("_symmetry_space_group_name_H-M 'C m c a'", 'P1 0 0.1 0.2')).numbers).toHaveLength(8);
    const phase = block("_symmetry_space_group_name_H-M 'P 21/c'", 'As1 0.1 0.2 0.3', '5 6 7 90 105 90');
    expect(only(phase).numbers).toHaveLength(4);
  });

  test.each([
    ['ambiguous-space-group', "_space_group_name_H-M_alt 'F d -3 m'"],
    ['ambiguous-space-group', '_symmetry_Int_Tables_number 62'],
    ['unknown-space-group', "_space_group_name_H-M_alt 'P 7'"],
    ['unknown-space-group', '_symmetry_Int_Tables_number 231'],
    ['unknown-space-group', "_space_group_name_Hall 'P 5 banana'"],
    ['bad-symmetry', listed(['x,y,z', 'x,y'])],
    ['bad-symmetry', listed(['x,y,z', 'x,x,z'])],
    ['bad-symmetry', listed(['x,y,z', '2x,y,z'])],
    ['bad-symmetry', listed(['x,y,z', 'x,y,z+1/0'])],
    ['bad-symmetry', listed(['x,y,z', 'x y,y,z'.replace(' ', '')])],
    ['incomplete-symmetry', listed(['x,y,z', '-x,-y,z', '-x,y,-z'])],
    ['incomplete-symmetry', listed(['-x,-y,-z'])],
    ['incomplete-symmetry', listed(['x,y,z', 'x,y,z'])],
  ])('%s: %s', (code, symmetry) => {
    errorOf(code, () => read(block(symmetry, 'Si1 0 0 0')));
  });

  test('different elements in one place are refused, the same one twice is one atom', () => {
    const error = errorOf('overlapping-atoms', () => read(block(listed(FCC), 'Si1 0 0 0\nGe1 0.5 0.5 0.001')));
    expect(error.message).toContain('"Ge1"');
    expect(only(block(listed(FCC), 'Si1 0 0 0\nSi2 0.5 0.5 1')).numbers).toHaveLength(4);
  });
});

describe('sites', () => {
  const typed = (type: string, label = 'X1', more = ''): string =>
    `${block('', '').replace(
      '_atom_site_label\n',
      `_atom_site_label\n_atom_site_type_symbol\n${more === '' ? '' : '_atom_site_occupancy\n'}`,
    )}${label} ${type} ${more} 0 0 0\n`;

  test.each([
    ['Si4+', 14],
    ['O2-', 8],
    ['CU', 29],
    ['D', 1],
    ['Fe3+', 26],
  ])('the type symbol %s is element %d', (type, z) => expect([...only(typed(type)).numbers]).toEqual([z]));

  test.each([
    ['Si12A', 14],
    ['O1', 8],
    ['OH1', 8],
    ['Ow', 8],
    ['H1A', 1],
  ])('the label %s is element %d', (label, z) => expect([...only(block('', `${label} 0 0 0`)).numbers]).toEqual([z]));

  test.each(['CU1', 'Q1', 'Wat1', '?', '1Si'])('the label %s does not tell', (label) => {
    errorOf('unknown-element', () => read(block('', `${label} 0 0 0`)));
  });
  test.each(['Xx', 'Wat', 'Sili', 'Ow2-'])('the type symbol %s does not tell', (type) => {
    errorOf('unknown-element', () => read(typed(type)));
  });

  test('disorder is refused, full occupancy is not', () => {
    for (const share of ['0.5', '0.98(1)', '1.2', '0']) {
      expect(errorOf('partial-occupancy', () => read(typed('Si', 'Si1', share))).place.line).toBeGreaterThan(1);
    }
    for (const share of ['1', '1.0(3)', '?', '0.9999']) expect(only(typed('Si', 'Si1', share)).numbers).toHaveLength(1);
  });

  test('missing coordinates and missing atoms are refused', () => {
    errorOf('missing-coordinates', () => read(block('', 'Si1 0 ? 0')));
    errorOf('no-atoms', () => read(block('', 'Si1 0 0 0').replace(/loop_[\s\S]*/, '')));
  });

  test('Cartesian coordinates alone are on the axes of the cell', () => {
    const text = block('', 'Si1 0.1 0.2 0.3').replaceAll('fract', 'Cartn');
    expect([...only(text).positions]).toEqual([0.1, 0.2, 0.3]);
  });
});

describe('writing', () => {
  const written = (frames: Parameters<NonNullable<typeof CIF.write>>[0]): string =>
    String(CIF.write!(frames, {})[0].content);

  test('every number comes back bit for bit, wherever the cell lies', () => {
    const random = createRandom(3);
    const frames: WritableFrame[] = Array.from({ length: 50 }, (_, k) => ({
      structure: {
        numbers: Int32Array.of(14, 8, 8, 92),
        positions: Float64Array.from({ length: 12 }, () => 10 * random.normal()),
        cell: Float64Array.from({ length: 9 }, (_, c) => (c % 4 === 0 ? 6 : 0) + random.normal()),
        pbc: [true, true, true],
      },
      info: k % 2 === 0 ? { name: `phase-${k}` } : ({} as Record<string, string>),
    }));
    frames[3].structure.positions[4] = -0;
    const again = read(written(frames));
    expect(again.map(({ structure, info }) => ({ structure, info }))).toEqual(frames);
  });

  test('what does not repeat everywhere is refused', () => {
    const { structure } = read(block('', 'Si1 0 0 0'))[0];
    const error = errorOf('unwritable-pbc', () => written([{ structure: { ...structure, pbc: [true, true, false] } }]));
    expect(error.place.frame).toBe(0);
  });

  test('coordinates that contradict each other are refused', () => {
    const text = written([{ structure: crystal('diamond', ['Si'], 5.43) }]);
    errorOf('bad-coordinates', () => read(text.replace('Si2 Si 0', 'Si2 Si 0.1')));
    errorOf('bad-cell', () => read(text.replace(/_cell_length_a .*/, '_cell_length_a 5.5')));
  });
});

test('5,000 broken copies are read or refused', () => {
  const sample =
    `${block("_space_group_name_Hall '-P 2ybc'", 'As1 0.1 0.2 0.3\nAs2 0.3 0.4 0.5(1)', '5 6 7 90 105 90')}${block(
      "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n'-x, -y, -z'\n'x+1/2, -y+1/2, z'\n'-x+1/2, y+1/2, -z'",
      'Si1 0 0 0\nO1 0.25 .25 .25',
    )}_note 'a "quoted" note'\n;a text\nfield\n;\n${String(CIF.write!([{ structure: crystal('diamond', ['Si'], 5.43) }], {})[0].content)}`.replace(
      "note'\n;",
      "note'\n_text\n;",
    );
  expect(read(sample)).toHaveLength(3);
  const outcome = expectReadOrRefused(({ path, bytes }) => CIF.read!([{ path, bytes }], {}), bytesOf(sample), {
    count: 5000,
    seed: 4,
  });
  expect(outcome.read).toBeGreaterThan(300);
  expect(outcome.codes.size).toBeGreaterThan(12);
}, 30_000);
