/** What a model file says of the noise of labels; anything else is refused. */
import { z } from 'zod';
import { NearsightError } from '../errors.ts';
import type { JsonObject } from '../model/json.ts';

/** Noise of the labels of one quantity (energy: eV/atom, forces: eV/Å, stress: eV/Å³, each by component). */
export interface QuantityNoise {
  /** b of the misfit exp(b·x + δ_z + γ_g): level of all (logarithm of a variance), then log force, energy of the atom. */
  readonly coefficients: readonly number[];
  /** δ_z by element of the model. */
  readonly elements: readonly number[];
  /** s: the spread of the committee times this is the part of the error that more data cure. */
  readonly scale: number;
  /** φ: how many times the squares of a frame scatter more than those of independent normal errors. */
  readonly dispersion: number;
  /** In the order of the record's groups. */
  readonly groups: readonly GroupNoise[];
  /** Of all labels together. */
  readonly whole: { readonly white: number; readonly level: number; readonly sigma: number };
}

/** Noise of the labels of one group. */
export interface GroupNoise {
  readonly train: number;
  readonly heldOut: number;
  /** Standard deviation of the noise that is the same everywhere, ν_g; 0 where labels show none of themselves. */
  readonly white: number;
  /** γ_g. */
  readonly level: number;
  /** Root mean square of σ_a over the labels that it was learned from. */
  readonly sigma: number;
  /** Noise that net forces and torques show without any model, and its standard error; null where they show none. */
  readonly witness: { readonly sigma: number; readonly error: number } | null;
}

export interface NoiseRecord {
  readonly version: 1;
  readonly how: string;
  /** Names; the last may be '' for the rest: frames without a group, and of groups of less than two frames. */
  readonly groups: readonly string[];
  /** What features are measured by. */
  readonly features: FeatureScale;
  readonly energy: QuantityNoise | null;
  readonly forces: QuantityNoise | null;
  readonly stress: QuantityNoise | null;
}

/** Units of the features of atoms, and how far they reach in the training: nothing is extrapolated. */
export interface FeatureScale {
  /** Root mean square of predicted force vectors, eV/Å. */
  readonly force: number;
  /** Mean and standard deviation of atomic energies by element of the model, eV. */
  readonly energies: readonly { readonly mean: number; readonly deviation: number }[];
  readonly lowest: readonly number[];
  readonly highest: readonly number[];
}

const number = z.number();
const positive = z.number().positive();
const atLeast0 = z.number().min(0);
const quantity = z
  .strictObject({
    coefficients: z.array(number).min(1),
    elements: z.array(number).min(1),
    scale: atLeast0,
    dispersion: z.number().min(1),
    groups: z.array(
      z.strictObject({
        train: z.int().min(0),
        heldOut: z.int().min(0),
        white: atLeast0,
        level: number,
        sigma: atLeast0,
        witness: z.strictObject({ sigma: positive, error: atLeast0 }).nullable(),
      }),
    ),
    whole: z.strictObject({ white: atLeast0, level: number, sigma: atLeast0 }),
  })
  .nullable();

const schema = z.strictObject({
  version: z.literal(1),
  how: z.string(),
  groups: z.array(z.string()).min(1),
  features: z.strictObject({
    // Its square is divided by.
    force: z.number().min(1e-100),
    energies: z.array(z.strictObject({ mean: number, deviation: positive })).min(1),
    lowest: z.array(number),
    highest: z.array(number),
  }),
  energy: quantity,
  forces: quantity,
  stress: quantity,
});

/** Features of an atom beside the constant 1. */
export const ATOM_FEATURES = 2;

/**
 * The record of an attachment.
 * @param elements how many the model has
 * @throws NearsightError `bad-noise`
 */
export function readNoiseRecord(json: JsonObject, elements: number): NoiseRecord {
  const { success, data, error } = schema.safeParse(json);
  if (!success) {
    const { path, message } = error.issues[0];
    return refuse(path.join('.'), message);
  }
  const { groups, features } = data;
  if (new Set(groups).size !== groups.length) refuse('groups', 'the same group twice');
  checkLength('features.energies', features.energies, elements);
  checkLength('features.lowest', features.lowest, ATOM_FEATURES);
  checkLength('features.highest', features.highest, ATOM_FEATURES);
  for (const name of ['energy', 'forces', 'stress'] as const) {
    const noise = data[name];
    if (noise === null) continue;
    checkLength(`${name}.coefficients`, noise.coefficients, name === 'forces' ? 1 + ATOM_FEATURES : 1);
    checkLength(`${name}.elements`, noise.elements, name === 'forces' ? elements : 1);
    checkLength(`${name}.groups`, noise.groups, groups.length);
    checkSize(name, noise, features);
  }
  return data;
}

/** Standard deviations beyond this, in eV and Å, are no noise: sums of logarithms soon overflow. */
const LARGEST = 1e12;

/** Whether no atom, whatever its features, would be said to have more noise than `LARGEST`. */
function checkSize(
  name: string,
  { coefficients, elements, groups, whole }: QuantityNoise,
  { lowest, highest }: FeatureScale,
): void {
  const levels = [...groups, whole];
  const [level, ...slopes] = coefficients;
  let most = level + Math.max(...elements) + Math.max(...levels.map((group) => group.level));
  for (const [k, slope] of slopes.entries()) most += Math.max(slope * lowest[k], slope * highest[k]);
  const white = Math.max(...levels.map((group) => group.white));
  if (!(most < 2 * Math.log(LARGEST) && white < LARGEST)) refuse(name, 'noise beyond all reason');
}

function checkLength(field: string, list: readonly unknown[], expected: number): void {
  if (list.length !== expected) refuse(field, `${list.length} entries where ${expected} belong`);
}

function refuse(field: string, message: string): never {
  throw new NearsightError('bad-noise', `what the model knows of the noise of labels is damaged: ${message}`, {
    hint: 'get the file anew, or train the model again',
    place: { field: field === '' ? 'noise' : `noise.${field}` },
  });
}
