/** Crystals as CIF without symmetry (P1). */
import { symbolOf } from '../../../elements.ts';
import type { Place } from '../../../errors.ts';
import { toFractional } from '../../../structure/cell.ts';
import { checkStructure } from '../../../structure/structure.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import { refusal } from '../../refuse.ts';
import { joined, type OutputFile } from '../format.ts';

/**
 * One data block for each frame, named after its info entry `name` where that can be a name. Numbers have all their
 * digits; beside lengths, angles and fractional coordinates stand the lattice vectors and Cartesian coordinates
 * themselves, so that reading the file here gives every number back bit for bit. Labels have no place.
 * @throws NearsightError what `checkStructure` throws; `unwritable-pbc` where not everything repeats
 */
export function writeCif(frames: readonly WritableFrame[]): OutputFile[] {
  const names = new Set<string>();
  const blocks = frames.map((frame, index) => {
    const wanted = String(frame.info?.name ?? '');
    const name = /^[\w.+\-:()]{1,70}$/.test(wanted) && !names.has(wanted.toLowerCase()) ? wanted : `frame_${index}`;
    names.add(name.toLowerCase());
    return blockOf(frame, name, { frame: index });
  });
  return [{ path: '', content: joined(blocks.map((block, k) => (k === 0 ? block : `\n${block}`))) }];
}

function blockOf({ structure }: WritableFrame, name: string, place: Place): string {
  checkStructure(structure, place);
  const { cell, positions, numbers, pbc } = structure;
  if (!pbc.every((repeats) => repeats)) {
    const hint = 'give it a cell that repeats in all directions, or write extended XYZ';
    throw refusal('unwritable-pbc', 'CIF is for crystals, and this structure does not repeat in all directions', hint, {
      ...place,
      field: 'pbc',
    });
  }
  const vectors = [0, 1, 2].map((k) => cell.subarray(3 * k, 3 * k + 3));
  const [a, b, c] = vectors.map((vector) => Math.hypot(...vector));
  const lines = [
    `data_${name}`,
    `_cell_length_a ${a}`,
    `_cell_length_b ${b}`,
    `_cell_length_c ${c}`,
    `_cell_angle_alpha ${angle(vectors[1], vectors[2])}`,
    `_cell_angle_beta ${angle(vectors[0], vectors[2])}`,
    `_cell_angle_gamma ${angle(vectors[0], vectors[1])}`,
    "_space_group_name_H-M_alt 'P 1'",
    '_space_group_IT_number 1',
    'loop_',
    '_space_group_symop_operation_xyz',
    "'x, y, z'",
  ];
  for (let k = 0; k < 9; k++) {
    lines.push(
      `_atom_sites_Cartn_tran_matrix_${Math.floor(k / 3) + 1}${(k % 3) + 1} ${exact(vectors[k % 3][Math.floor(k / 3)])}`,
    );
  }
  const fractional = toFractional(positions, cell);
  const columns = ['label', 'type_symbol', 'fract_x', 'fract_y', 'fract_z', 'Cartn_x', 'Cartn_y', 'Cartn_z'];
  lines.push('loop_', ...columns.map((column) => `_atom_site_${column}`));
  const counts = new Map<string, number>();
  for (let atom = 0; atom < numbers.length; atom++) {
    const symbol = symbolOf(numbers[atom]);
    const count = (counts.get(symbol) ?? 0) + 1;
    counts.set(symbol, count);
    const row = [fractional, positions].flatMap((values) => [...values.subarray(3 * atom, 3 * atom + 3)]);
    lines.push(`${symbol}${count} ${symbol} ${row.map(exact).join(' ')}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The sign of zero is a bit, too. */
const exact = (value: number): string => (Object.is(value, -0) ? '-0.0' : String(value));

/** Between two vectors, degrees; right angles come out right. */
function angle(u: Float64Array, v: Float64Array): number {
  const dot = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
  const cross = Math.hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]);
  return (Math.atan2(cross, dot) * 180) / Math.PI;
}
