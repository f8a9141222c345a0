/** How noisy the labels are: what more data of the same kind would not cure. Theory: docs/theory/noise.md. */
import type { Frame } from '../data/dataset.ts';
import { jsonObjectOf } from '../model/json.ts';
import type { Attachment } from '../model/model-file.ts';
import type { Committee, Evaluation, Potential } from '../model/potential.ts';
import { speciesOf } from '../model/short-range.ts';
import { createRandom } from '../random.ts';
import type { NeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { type NoiseRecord, type QuantityNoise, readNoiseRecord } from './noise-record.ts';
import { collectResiduals, featuresOf, type Quantity, type Sample } from './noise-residuals.ts';
import { credible, witnessOf } from './noise-witness.ts';
import { fitVariances, type Witness } from './variance-fit.ts';

/** Standard deviations of the noise of labels; null where there were no such labels to learn from. */
export interface LabelNoise {
  /** Of the energy per atom, eV/atom. */
  readonly energy: number | null;
  /** Of each force component, by atom, eV/Å, [N]. */
  readonly forces: Float64Array | null;
  /**
   * The part of it that is the same for all atoms and that forces show of themselves, whatever the model: they do not
   * sum to zero. 0 where they do, which need not mean that there is none. eV/Å.
   */
  readonly shown: number | null;
  /** Of each stress component, eV/Å³. */
  readonly stress: number | null;
}

/** The noise that a model has learned, ready to be asked. */
export interface Noise {
  /** Groups that it knows by name. */
  readonly groups: readonly string[];
  /** All that was learned, for reports. */
  readonly record: NoiseRecord;
  /**
   * Of labels of this structure, were it computed like the frames of `group`; of all of them without one, or where the
   * group is not known. Misfit is estimated from the `evaluation` of the structure by the potential, which is made on
   * the spot when absent.
   * @throws NearsightError `unknown-species`
   */
  of(structure: Structure, options?: NoiseOptions): LabelNoise;
}

export interface NoiseOptions {
  readonly group?: string;
  readonly neighbours?: NeighbourList;
  readonly evaluation?: Pick<Evaluation, 'forces' | 'atomicEnergies'>;
}

/** Fewer labelled frames than these say nothing. */
const LEAST_FRAMES = 10;
const LEAST_HELD_OUT = 2;
/** More frames than these are not looked at, but for their net forces. */
const MOST_FRAMES = { train: 400, heldOut: 200 } as const;
/** Groups with a name of their own: of two frames or more, the largest. */
const MOST_GROUPS = 100;
/** Of the mean square of all residuals; what is smaller does not matter. */
const LEAST_SHARE = 1e-4;

/**
 * Learns the noise of labels from what a trained potential leaves of them, and from their net forces. The potential
 * stays as it is. `heldOut` are frames of the same kind that it was not trained on; null where there is too little to
 * learn from: less than 10 labelled frames, or less than 2 that were held out.
 * @throws NearsightError what the potential throws
 */
export function fitNoise(
  potential: Potential & Committee,
  frames: { readonly train: readonly Frame[]; readonly heldOut: readonly Frame[] },
  options: { readonly seed: number },
): Attachment | null {
  const all = [...frames.train, ...frames.heldOut];
  const names = groupNames(all);
  const index = new Map(names.map((name, g) => [name, g]));
  const groups = Int32Array.from(all, ({ group }) => index.get(group) ?? names.length - 1);
  const random = createRandom(options.seed);
  const some = (count: number, most: number, first: number): number[] =>
    Array.from(random.permutation(count).subarray(0, most).sort(), (k) => first + k);
  const train = some(frames.train.length, MOST_FRAMES.train, 0);
  const heldOut = some(frames.heldOut.length, MOST_FRAMES.heldOut, frames.train.length);
  const chosen = [...train, ...heldOut].map((k) => ({
    frame: all[k],
    group: groups[k],
    heldOut: k >= frames.train.length,
  }));
  const sample = collectResiduals(potential, chosen, names.length);
  const unseen: Witness = { variances: new Float64Array(names.length), squares: new Int32Array(names.length) };
  const energy = learned(sample.energy, unseen, 1);
  const stress = learned(sample.stress, unseen, 1);
  const least = LEAST_SHARE * meanOf(sample.forces.residuals.squares);
  const witness = credible(witnessOf(all, groups, names.length, least), sample.forces.residuals);
  const forces = learned(sample.forces, witness, potential.elements.length);
  if (energy === null && forces === null && stress === null) return null;
  const record: NoiseRecord = {
    version: 1,
    how: howOf(sample, frames),
    groups: names,
    features: sample.scale,
    energy,
    forces,
    stress,
  };
  return { record: jsonObjectOf(record), tensors: {} };
}

/** Names of the groups, those of most frames; '' at the end stands for the rest, if there is one. */
function groupNames(frames: readonly Frame[]): string[] {
  const counts = new Map<string, number>();
  for (const { group } of frames) counts.set(group, (counts.get(group) ?? 0) + 1);
  const named = [...counts]
    .filter(([name, count]) => name !== '' && count >= 2)
    .sort(([a, p], [b, q]) => q - p || (a < b ? -1 : 1));
  const names = named.slice(0, MOST_GROUPS).map(([name]) => name);
  return names.length === counts.size ? names : [...names, ''];
}

const meanOf = (values: Float64Array): number => values.reduce((sum, x) => sum + x / values.length, 0);

function howOf(
  sample: Sample,
  { train, heldOut }: { readonly train: readonly Frame[]; readonly heldOut: readonly Frame[] },
): string {
  return (
    `maximum likelihood on the residuals of ${sample.frames.train} of ${train.length} training frames and ` +
    `${sample.frames.heldOut} of ${heldOut.length} held-out frames; net forces of all of them`
  );
}

/** Fits one quantity; null where it is labelled in too few frames. */
function learned({ residuals, train, heldOut }: Quantity, witness: Witness, species: number): QuantityNoise | null {
  const sum = (counts: Int32Array): number => counts.reduce((all, n) => all + n, 0);
  if (sum(heldOut) < LEAST_HELD_OUT || sum(train) + sum(heldOut) < LEAST_FRAMES) return null;
  const least = LEAST_SHARE * meanOf(residuals.squares);
  // Labels that the model meets to the last bit leave nothing to take the logarithm of.
  if (least === 0) return null;
  const fitted = fitVariances({ ...residuals, squares: residuals.squares.map((x) => x + least) }, witness, species);
  const G = witness.variances.length;
  const misfit = new Float64Array(G);
  const bare = new Float64Array(G);
  const counts = new Float64Array(G);
  for (let i = 0; i < residuals.squares.length; i++) {
    const g = residuals.groups[i];
    const without = Math.exp(
      exponentOf(fitted, residuals.species[i], residuals.features.subarray(i * fitted.coefficients.length)),
    );
    bare[g] += without;
    misfit[g] += without * Math.exp(fitted.groups[g]);
    counts[g]++;
  }
  const total = counts.reduce((all, n) => all + n, 0);
  const white = fitted.white.reduce((all, x, g) => all + (x * counts[g]) / total, 0);
  const mean = misfit.reduce((all, x) => all + x / total, 0);
  const level = Math.log(misfit.reduce((all, x) => all + x, 0) / bare.reduce((all, x) => all + x, 0));
  return {
    coefficients: Array.from(fitted.coefficients),
    elements: Array.from(fitted.species),
    scale: fitted.scale,
    dispersion: fitted.dispersion,
    groups: Array.from(fitted.groups, (gamma, g) => ({
      ...{ train: train[g], heldOut: heldOut[g], white: Math.sqrt(fitted.white[g]), level: gamma },
      sigma: counts[g] === 0 ? Math.sqrt(fitted.white[g]) : Math.sqrt(fitted.white[g] + misfit[g] / counts[g]),
      witness: witness.variances[g] === 0 ? null : shownBy(witness, g),
    })),
    whole: { white: Math.sqrt(white), level, sigma: Math.sqrt(white + mean) },
  };
}

function shownBy({ variances, squares }: Witness, g: number): { sigma: number; error: number } {
  const sigma = Math.sqrt(variances[g]);
  return { sigma, error: sigma / Math.sqrt(2 * squares[g]) };
}

/** b·x + δ_z. */
function exponentOf(
  { coefficients, species }: { readonly coefficients: ArrayLike<number>; readonly species: ArrayLike<number> },
  z: number,
  x: ArrayLike<number>,
): number {
  let exponent = species[z];
  for (let k = 0; k < coefficients.length; k++) exponent += coefficients[k] * x[k];
  return exponent;
}

/**
 * The noise that a model file knows; null where it knows none.
 * @throws NearsightError `bad-noise`
 */
export function openNoise(attachment: Attachment | null, potential: Potential): Noise | null {
  if (attachment === null) return null;
  const record = readNoiseRecord(attachment.record, potential.elements.length);
  const { forces } = record;
  const ofFrame = (noise: QuantityNoise | null, g: number | null): number | null => {
    if (noise === null) return null;
    const { white, level } = levelOf(noise, g);
    return Math.sqrt(white ** 2 + Math.exp(noise.coefficients[0] + noise.elements[0] + level));
  };
  return {
    groups: record.groups.filter((name) => name !== ''),
    record,
    of(structure, { group, neighbours, evaluation } = {}) {
      const found = group === undefined ? -1 : record.groups.indexOf(group);
      const g = found < 0 ? null : found;
      const species = speciesOf(potential.elements, structure.numbers);
      const said = forces === null ? null : (evaluation ?? potential.evaluate(structure, neighbours));
      return {
        energy: ofFrame(record.energy, g),
        forces: forces === null ? null : ofAtoms(forces, g, featuresOf(said!, species, record.features), species),
        shown: forces === null ? null : levelOf(forces, g).white,
        stress: ofFrame(record.stress, g),
      };
    },
  };
}

const levelOf = (noise: QuantityNoise, g: number | null): { readonly white: number; readonly level: number } =>
  g === null ? noise.whole : noise.groups[g];

function ofAtoms(noise: QuantityNoise, g: number | null, x: Float64Array, species: Int32Array): Float64Array {
  const { white, level } = levelOf(noise, g);
  const model = { coefficients: noise.coefficients, species: noise.elements };
  const K = noise.coefficients.length;
  return Float64Array.from(species, (z, i) =>
    Math.sqrt(white ** 2 + Math.exp(exponentOf(model, z, x.subarray(i * K, (i + 1) * K)) + level)),
  );
}
