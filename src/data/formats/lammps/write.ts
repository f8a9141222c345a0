import { massOf, symbolOf } from '../../../elements.ts';
import type { Place } from '../../../errors.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { determinant3, rowsTimes3 } from '../../../structure/matrix3.ts';
import { checkStructure, type Structure } from '../../../structure/structure.ts';
import type { AtomArray } from '../../dataset.ts';
import { formatReal } from '../../decimal.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import { refusal } from '../../refuse.ts';
import type { FormatOptions } from '../format.ts';
import { unscaled } from '../shared/scaling.ts';
import { elementOrder } from '../shared/symbols.ts';
import { lammpsUnits } from './units.ts';

/**
 * A LAMMPS data file of one structure, in the units of `options.units` (metal when absent; the first line says which).
 * LAMMPS wants a = (lx, 0, 0), b = (xy, ly, 0), c = (xz, yz, lz) with positive diagonal: other cells are turned so,
 * and with them positions and velocities; a left-handed one becomes the right-handed −a, −b, −c of the same lattice.
 * The corner of the box is the origin. Types are numbered in the order of `options.elements`, else by atomic number.
 * Kept are `initial_charges`, `molecule`, `image_flags` and `velocities`; labels are not.
 * @throws NearsightError `unwritable-frames` for several frames, `unwritable-boundary` without a whole cell
 */
export function writeLammpsData(frames: readonly WritableFrame[], options: FormatOptions): string {
  if (frames.length !== 1) {
    const message = `a LAMMPS data file holds one structure, found ${frames.length}`;
    throw refusal('unwritable-frames', message, 'choose one of them, or another format', {});
  }
  const [{ structure, arrays = {} }] = frames;
  const place: Place = { frame: 0 };
  checkStructure(structure, place);
  const style = options.units ?? 'metal';
  const units = lammpsUnits(style, {}, place);
  const { cell, turned, sign } = restricted(structure, place);
  const atoms = structure.numbers.length;
  const types = elementOrder(structure.numbers, options.elements);
  const charges = takeArray(arrays.initial_charges, 1, atoms);
  const molecules = takeArray(arrays.molecule, 1, atoms);
  const images = takeArray(arrays.image_flags, 3, atoms);
  const velocities = takeArray(arrays.velocities, 3, atoms);
  const positions = turned(structure.positions);
  const text = (value: number, unit: number): string => formatReal(unscaled(value, unit));
  const three = (values: ArrayLike<number>, k: number, unit: number): string =>
    [0, 1, 2].map((c) => text(values[3 * k + c], unit)).join(' ');
  const row = (atom: number): string =>
    [
      atom + 1,
      ...(molecules === undefined ? [] : [molecules[atom]]),
      types.indexOf(structure.numbers[atom]) + 1,
      ...(charges === undefined ? [] : [text(charges[atom], units.charge)]),
      three(positions, atom, units.length),
      ...(images === undefined ? [] : [0, 1, 2].map((c) => sign * images[3 * atom + c] + 0)),
    ].join(' ');
  const atomStyle =
    molecules === undefined
      ? charges === undefined
        ? 'atomic'
        : 'charge'
      : charges === undefined
        ? 'molecular'
        : 'full';
  const edge = (axis: string, k: number): string => `0.0 ${text(cell[4 * k], units.length)} ${axis}lo ${axis}hi`;
  const tilts = [cell[3], cell[6], cell[7]];
  const rows = (line: (atom: number) => string): string[] => Array.from({ length: atoms }, (_, atom) => line(atom));
  const motion = velocities === undefined ? undefined : turned(Float64Array.from(velocities));
  return [
    titleOf(structure, style),
    '',
    `${atoms} atoms`,
    `${types.length} atom types`,
    '',
    ...['x', 'y', 'z'].map(edge),
    ...(tilts.some((tilt) => tilt !== 0)
      ? [`${tilts.map((tilt) => text(tilt, units.length)).join(' ')} xy xz yz`]
      : []),
    '\nMasses\n',
    ...types.map((z, k) => `${k + 1} ${text(massOf(z), units.mass)} # ${symbolOf(z)}`),
    `\nAtoms # ${atomStyle}\n`,
    ...rows(row),
    ...(motion === undefined
      ? []
      : ['\nVelocities\n', ...rows((atom) => `${atom + 1} ${three(motion, atom, units.velocity)}`)]),
    '',
  ].join('\n');
}

/** Directions that do not repeat are shrink-wrapped: atoms may lie outside the box. */
function titleOf({ pbc }: Structure, units: string): string {
  const boundary = pbc.every((repeats) => repeats)
    ? ''
    : `, boundary = ${pbc.map((repeats) => (repeats ? 'p' : 's')).join(' ')}`;
  return `LAMMPS data file by nearsight, units = ${units}${boundary}`;
}

function takeArray(array: AtomArray | undefined, columns: number, atoms: number): ArrayLike<number> | undefined {
  const { values } = array ?? {};
  const numeric = values instanceof Float64Array || values instanceof Int32Array;
  return numeric && array?.columns === columns && values.length === atoms * columns ? values : undefined;
}

interface Restricted {
  /** Lower triangular with positive diagonal, Å, [9]. */
  readonly cell: Float64Array;
  /** Vectors in the frame of that cell, [3N]. */
  readonly turned: (vectors: Float64Array) => Float64Array;
  /** −1 where the lattice vectors were turned round. */
  readonly sign: 1 | -1;
}

function restricted(structure: Structure, place: Place): Restricted {
  const { cell } = structure;
  if ([0, 3, 6].some((k) => cell[k] === 0 && cell[k + 1] === 0 && cell[k + 2] === 0)) {
    throw refusal(
      'unwritable-boundary',
      'the structure has no whole cell, and a LAMMPS data file needs a box',
      'put it into a cell with three lattice vectors; pbc="F F F" is kept',
      { ...place, field: 'cell' },
    );
  }
  cellVolume(cell);
  const above = cell[1] !== 0 || cell[2] !== 0 || cell[5] !== 0;
  if (!above && cell[0] > 0 && cell[4] > 0 && cell[8] > 0) return { cell, turned: (vectors) => vectors, sign: 1 };
  const sign = determinant3(cell) < 0 ? -1 : 1;
  const [a, b, c] = [0, 3, 6].map((k) => Array.from(cell.subarray(k, k + 3), (component) => sign * component));
  const e1 = unit(a);
  const e2 = unit(b.map((component, k) => component - dot(b, e1) * e1[k]));
  const e3 = cross(e1, e2);
  const axes = Float64Array.of(e1[0], e2[0], e3[0], e1[1], e2[1], e3[1], e1[2], e2[2], e3[2]);
  return {
    cell: Float64Array.of(Math.hypot(...a), 0, 0, dot(b, e1), dot(b, e2), 0, dot(c, e1), dot(c, e2), dot(c, e3)),
    turned: (vectors) => rowsTimes3(vectors, axes),
    sign,
  };
}

const dot = (u: readonly number[], v: readonly number[]): number => u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
const unit = (v: readonly number[]): number[] => v.map((component) => component / Math.hypot(...v));
const cross = (u: readonly number[], v: readonly number[]): number[] => [
  u[1] * v[2] - u[2] * v[1],
  u[2] * v[0] - u[0] * v[2],
  u[0] * v[1] - u[1] * v[0],
];
