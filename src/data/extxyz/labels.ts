import { NearsightError, type Place } from '../../errors.ts';
import { cellVolume } from '../../structure/cell.ts';
import type { Structure } from '../../structure/structure.ts';
import { parseReal } from '../decimal.ts';
import { badNumber, quoted, refusal } from '../refuse.ts';
import { type CommentEntries, fieldOf, parseTruth } from './comment.ts';

/** Which names of a file are read as which label, the first one present being taken; [] reads none. */
export interface LabelNames {
  /** Comment keys, eV, total energy of the frame. */
  readonly energy: readonly string[];
  /** Columns, eV/Å, three per atom. */
  readonly forces: readonly string[];
  /** Comment keys, eV/Å³, positive in tension; 9 numbers, or 6 in the order xx yy zz yz xz xy. */
  readonly stress: readonly string[];
  /** Comment keys, eV, virial = −V · stress; 9 or 6 numbers. Read where there is no stress. */
  readonly virial: readonly string[];
  /** Comment keys that say where a frame comes from. */
  readonly group: readonly string[];
}

/**
 * What is read unless told otherwise. Where a file has both `energy` and `free_energy`, forces and stress are
 * derivatives of the free energy; `energy` is taken all the same because it is what other programs read, and
 * `energy: ['free_energy']` takes the other one. `Frame.names` says what was taken.
 */
export const LABEL_NAMES: LabelNames = {
  energy: [
    'energy',
    'free_energy',
    'Energy',
    'total_energy',
    'potential_energy',
    'dft_energy',
    'DFT_energy',
    'REF_energy',
    'ref_energy',
  ],
  forces: [
    'forces',
    'force',
    'Forces',
    'Force',
    'dft_forces',
    'dft_force',
    'DFT_forces',
    'DFT_force',
    'REF_forces',
    'ref_forces',
  ],
  stress: ['stress', 'Stress', 'dft_stress', 'DFT_stress', 'REF_stress', 'ref_stress'],
  virial: ['virial', 'virials', 'Virial', 'dft_virial', 'DFT_virial', 'REF_virial', 'REF_virials', 'ref_virial'],
  group: [
    'config_type',
    'config_name',
    'group',
    'structure_type',
    'configuration_type',
    'system_name',
    'system',
    'dataset',
    'label',
  ],
};

/** Entry under the first of `names` that is there, taken out of `entries`. */
export function takeFirst(
  entries: CommentEntries,
  names: readonly string[],
): { readonly name: string; readonly text: string } | undefined {
  for (const name of names) {
    const text = entries.get(name);
    if (text === undefined) continue;
    entries.delete(name);
    return { name, text };
  }
  return undefined;
}

/** All words of an entry, whatever brackets and commas stand between them. */
function wordsOf(text: string): string[] {
  return text.match(/[^\s,;[\](){}]+/g) ?? [];
}

function numbersOf(text: string, place: Place): number[] {
  return wordsOf(text).map((word) => {
    const value = parseReal(word);
    if (!Number.isNaN(value)) return value;
    const fortran = parseReal(word.replace(/[dD]/, 'e'));
    if (Number.isNaN(fortran)) throw badNumber(word, 'the value', place);
    return fortran;
  });
}

/** @throws NearsightError `bad-label`, `bad-number`, `not-finite` */
export function energyOf(text: string, place: Place): number {
  const values = numbersOf(text, place);
  if (values.length === 1) return values[0];
  throw refusal('bad-label', `an energy is one number, found ${quoted(text)}`, 'give the total energy in eV', place);
}

/** Two entries that should be equal may differ by this much of the largest one, and by `ROUNDING` in any case. */
const ASYMMETRY = 1e-3;
/** eV/Å³; 0.2 MPa, less than any code prints. */
const ROUNDING = 1e-6;

/**
 * Symmetric tensor [9] from 9 numbers, or from 6 in Voigt order xx yy zz yz xz xy, all times `scale`.
 * @throws NearsightError `bad-label`, `bad-number`, `not-finite`, `asymmetric-tensor`
 */
export function tensorOf(text: string, scale: number, place: Place): Float64Array {
  const v = numbersOf(text, place);
  if (v.length === 6) return scaled([v[0], v[5], v[4], v[5], v[1], v[3], v[4], v[3], v[2]], scale, place);
  if (v.length !== 9) {
    throw refusal(
      'bad-label',
      `expected 9 numbers, or 6 in the order xx yy zz yz xz xy, found ${v.length}`,
      'stresses are in eV/Å³ and positive in tension, virials in eV',
      place,
    );
  }
  let largest = 0;
  for (const value of v) largest = Math.max(largest, Math.abs(value));
  for (const [k, l] of [
    [1, 3],
    [2, 6],
    [5, 7],
  ]) {
    if (v[k] === v[l]) continue;
    if (!(Math.abs(v[k] - v[l]) * Math.abs(scale) <= ASYMMETRY * largest * Math.abs(scale) + ROUNDING)) {
      throw refusal(
        'asymmetric-tensor',
        `elements ${k + 1} and ${l + 1} of the nine should be equal, found ${v[k]} and ${v[l]}`,
        'write all nine numbers of the symmetric tensor, row by row',
        place,
      );
    }
    v[k] = v[l] = (v[k] + v[l]) / 2;
  }
  return scaled(v, scale, place);
}

function scaled(values: readonly number[], scale: number, place: Place): Float64Array {
  const tensor = new Float64Array(9);
  for (let k = 0; k < 9; k++) {
    tensor[k] = values[k] * scale;
    if (Number.isFinite(tensor[k])) continue;
    throw refusal('not-finite', `the stress would be ${tensor[k]} eV/Å³`, 'mend the label', place);
  }
  return tensor;
}

/**
 * Volume that turns a virial into a stress, Å³.
 * @throws NearsightError `virial-without-cell` with `hint`
 */
export function volumeForVirial(cell: Float64Array, hint: string, place: Place): number {
  try {
    return cellVolume(cell);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    const message = 'a virial becomes a stress by division by the volume, but there is no cell with a volume';
    throw refusal('virial-without-cell', message, hint, place);
  }
}

/**
 * The stress (eV/Å³, positive in tension) that the entries give, as such or as a virial W = −V σ.
 * @throws NearsightError what `tensorOf` throws; `virial-without-cell`
 */
export function takeStress(
  entries: CommentEntries,
  names: LabelNames,
  cell: Float64Array,
  place: Place,
): { readonly name: string; readonly stress: Float64Array } | undefined {
  const found = takeFirst(entries, names.stress);
  if (found !== undefined) {
    return { name: found.name, stress: tensorOf(found.text, 1, fieldOf(place, found.name)) };
  }
  const virial = takeFirst(entries, names.virial);
  if (virial === undefined) return undefined;
  const here = fieldOf(place, virial.name);
  const volume = volumeForVirial(cell, 'add the Lattice, or remove the virial where there is no cell', here);
  return { name: virial.name, stress: tensorOf(virial.text, -1 / volume, here) };
}

/**
 * Takes Lattice and pbc out of the entries. Nine numbers are the lattice vectors one after another, three the
 * edges of an orthorhombic cell; with a Lattice and no pbc everything repeats, without a Lattice nothing does.
 * @throws NearsightError `bad-lattice`, `bad-pbc`, `bad-number`, `not-finite`
 */
export function takeCell(entries: CommentEntries, place: Place): Pick<Structure, 'cell' | 'pbc'> {
  const lattice = takeLattice(entries);
  const cell = new Float64Array(9);
  if (lattice !== undefined) {
    const here = fieldOf(place, lattice.name);
    const v = numbersOf(lattice.text, here);
    if (v.length !== 9 && v.length !== 3) {
      throw refusal(
        'bad-lattice',
        `expected 9 numbers (three lattice vectors) or 3 (edges of an orthorhombic cell), found ${v.length}`,
        'write Lattice="ax ay az bx by bz cx cy cz", in Å',
        here,
      );
    }
    if (v.length === 9) cell.set(v);
    else for (let k = 0; k < 3; k++) cell[4 * k] = v[k];
  }
  const pbc = takeFirst(entries, [entries.has('pbc') ? 'pbc' : 'PBC']);
  if (pbc !== undefined) return { cell, pbc: truthsOf(pbc.text, fieldOf(place, pbc.name)) };
  const periodic = lattice !== undefined;
  return { cell, pbc: [periodic, periodic, periodic] };
}

/** Some programs write `lattice=` for the vectors, others for a name such as fcc: only numbers count as vectors. */
function takeLattice(entries: CommentEntries): { readonly name: string; readonly text: string } | undefined {
  if (entries.has('Lattice')) return takeFirst(entries, ['Lattice']);
  for (const name of ['lattice', 'LATTICE']) {
    const words = wordsOf(entries.get(name) ?? '');
    if (words.length === 9 && words.every((word) => !Number.isNaN(parseReal(word)))) return takeFirst(entries, [name]);
  }
  return undefined;
}

function truthsOf(text: string, place: Place): [boolean, boolean, boolean] {
  if (text === 'T T T') return [true, true, true];
  let words = wordsOf(text);
  if (words.length === 1 && /^[TF01]{3}$/i.test(words[0])) words = [...words[0]];
  if (words.length === 1) words = [words[0], words[0], words[0]];
  const truths = words.map((word) =>
    word === '1' || word === 't' ? true : word === '0' || word === 'f' ? false : parseTruth(word),
  );
  const [a, b, c] = truths;
  if (truths.length === 3 && a !== undefined && b !== undefined && c !== undefined) return [a, b, c];
  throw refusal('bad-pbc', `expected three of T and F, found ${quoted(text)}`, 'write pbc="T T T"', place);
}
