import type { Place } from '../../../errors.ts';
import { checkStructure, type Structure } from '../../../structure/structure.ts';
import type { AtomArray, Frame, InfoValue, LabelSources, Labels } from '../../dataset.ts';
import { badNumber, quoted, refusal } from '../../refuse.ts';

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$/;

/**
 * A finite number; Fortran's `1.0D-3` is understood.
 * @throws NearsightError `bad-number`, `not-finite`
 */
export function numberOf(word: string, meaning: string, place: Place): number {
  const value = DECIMAL.test(word) ? Number(word.replace(/[dD]/, 'e')) : Number.NaN;
  if (!Number.isFinite(value)) throw badNumber(word, meaning, place);
  return value;
}

/**
 * A whole number between `least` and `most`.
 * @throws NearsightError `bad-count`
 */
export function countOf(word: string, meaning: string, place: Place, range: { least: number; most: number }): number {
  const value = /^[+-]?\d+$/.test(word) ? Number(word) : Number.NaN;
  if (value >= range.least && value <= range.most) return value;
  throw refusal(
    'bad-count',
    `${meaning} should be a whole number from ${range.least} to ${range.most}, found ${quoted(word)}`,
    'the file is damaged, or in another format',
    place,
  );
}

/** What a reader found of one frame, in nearsight's units. */
export interface FrameParts {
  readonly structure: Structure;
  readonly labels?: Labels;
  readonly group?: string;
  readonly info?: Readonly<Record<string, InfoValue>>;
  readonly arrays?: Readonly<Record<string, AtomArray>>;
  readonly names?: LabelSources;
}

/**
 * A checked frame: sound structure, finite labels of the right lengths, symmetric stress.
 * @param place where the frame starts; its line and frame become those of the frame
 * @throws NearsightError what `checkStructure` throws, `bad-label`
 */
export function frameOf(parts: FrameParts, place: Place & { readonly line: number; readonly frame: number }): Frame {
  const { structure, labels = {}, group = '', info = {}, arrays = {}, names } = parts;
  checkStructure(structure, place);
  const check = (field: keyof Labels, values: ArrayLike<number> | undefined, length: number): void => {
    if (values === undefined) return;
    if (values.length === length && Array.prototype.every.call(values, Number.isFinite)) return;
    throw refusal(
      'bad-label',
      `the ${field} should be ${length} finite number${length === 1 ? '' : 's'}`,
      'the calculation failed or its output is damaged: repeat it, or remove this frame',
      { ...place, field },
    );
  };
  check('energy', labels.energy === undefined ? undefined : [labels.energy], 1);
  check('forces', labels.forces, structure.positions.length);
  check('stress', labels.stress, 9);
  const frame = { structure, labels, group, info, arrays, line: place.line, index: place.frame };
  return names === undefined ? frame : { ...frame, names };
}

/** The symmetric matrix of six numbers in the order xx yy zz yz xz xy (Voigt's), times `factor`, [9]. */
export function fromVoigt(six: ArrayLike<number>, factor = 1): Float64Array {
  const [xx, yy, zz, yz, xz, xy] = Array.from(six, (value) => value * factor);
  return Float64Array.of(xx, xy, xz, xy, yy, yz, xz, yz, zz);
}
