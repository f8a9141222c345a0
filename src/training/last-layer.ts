/**
 * A committee of one trained head: copies of it whose last layers are what the training might have ended with on other
 * draws of the frames. The bootstrap to first order, in one pass over the frames and without any further training; the
 * mean of the heads says what the one head said. Theory and measurements: docs/theory/committees.md.
 */
import type { Kernel, KernelModel } from '../kernels/kernels.ts';
import { choleskyFactor, choleskySolve } from '../linear-algebra.ts';
import { isLastLayer, joinHeads } from '../model/heads.ts';
import { foldingOf, isConservative, loadModel, type Model } from '../model/model.ts';
import { createRandom, type Random } from '../random.ts';
import { type Registered, register, termsOf } from './loss-terms.ts';
import { capped } from './many-elements.ts';
import type { TrainingFrame } from './prepare.ts';
import type { TrainingSettings } from './settings.ts';

/** More frames than this say nothing new of so few parameters. */
const MOST_FRAMES = 1000;
/** Frames that the size of the spread is taken from. */
const SCALE_FRAMES = 100;
/** Share of the mean diagonal element that is added to the matrix of the gradients. */
const RIDGE = 1e-3;
/** Keeps these draws apart from those of the training. */
const STREAM = 0x6c_61_73_74;

/** What the committee is made from. */
export interface LastLayerInput {
  readonly frames: readonly TrainingFrame[];
  readonly kernel: Kernel;
  /** Those of the training; as many heads are made as its model shall have. */
  readonly settings: Pick<TrainingSettings, 'model' | 'loss' | 'seed'>;
}

/**
 * The model with as many heads as the settings ask for. With g_n the gradient of the loss of frame n by the parameters
 * of the last layer and C = Σ g_n g_nᵀ (and a little of its mean diagonal), head h has δ_h = −C⁻¹ Σ_n (w_hn − 1) g_n
 * more than the head before, w_hn exponential deviates of mean 1 (Bayesian bootstrap); the mean over the heads is taken
 * off, and all δ are scaled by one factor, so that over training frames the spread of the forces is as large as their
 * error. Errors elsewhere are larger: calibration takes care of that.
 * @param model of one head, at its optimum
 */
export function withBootstrappedHeads(model: Model, { frames, kernel, settings }: LastLayerInput): Model {
  const { heads } = settings.model;
  const random = createRandom(settings.seed ^ STREAM);
  const some = Array.from(random.permutation(frames.length).subarray(0, MOST_FRAMES), (k) =>
    capped(frames[k], settings.loss),
  );
  const engine = loadModel(model, kernel);
  try {
    const gradients = lastLayerGradients(model, engine, some, settings);
    const deltas = bootstrapShifts(gradients, heads, random);
    const wide = withShifts(model, deltas, 1);
    const factor = errorOverSpread(wide, model, some.slice(0, SCALE_FRAMES), kernel);
    return withShifts(model, deltas, factor);
  } finally {
    engine.close();
  }
}

/** Places of the parameters of the last layer. */
function lastLayer(model: Model): number[] {
  return foldingOf(model).layout.blocks.flatMap(({ name, offset, dimensions }) => {
    const size = isLastLayer(name) ? dimensions.reduce((p, q) => p * q, 1) : 0;
    return Array.from({ length: size }, (_, i) => offset + i);
  });
}

/** ∂L_n/∂(last layer) of each frame, in the weights of the end of the training. */
function lastLayerGradients(
  model: Model,
  engine: KernelModel,
  frames: readonly TrainingFrame[],
  settings: LastLayerInput['settings'],
): Float64Array[] {
  const folding = foldingOf(model);
  const places = lastLayer(model);
  const atoms = frames.reduce((sum, { system }) => sum + system.atoms, 0) / frames.length;
  const scale = { atoms, energy: settings.loss.energyRise, direct: !isConservative(model) };
  const registered = register(engine, frames, model.referenceEnergies, {
    heads: frames.map(() => [0]),
    replayed: false,
  });
  const dWeights = new Float64Array(folding.weights);
  const gradient = new Float64Array(folding.layout.length);
  return registered.map((member: Registered) => {
    dWeights.fill(0);
    engine.accumulate(termsOf([member], [0], scale, settings), dWeights);
    folding.unfold(model.parameters, dWeights, gradient);
    return Float64Array.from(places, (i) => gradient[i]);
  });
}

/** δ of each head, without the mean over the heads; of norm 1 in the mean square, since the factor is found later. */
function bootstrapShifts(gradients: readonly Float64Array[], heads: number, random: Random): Float64Array[] {
  const p = gradients[0].length;
  const C = new Float64Array(p * p);
  for (const g of gradients) {
    for (let i = 0; i < p; i++) for (let j = 0; j <= i; j++) C[i * p + j] += g[i] * g[j];
  }
  let trace = 0;
  for (let i = 0; i < p; i++) trace += C[i * (p + 1)];
  for (let i = 0; i < p; i++) C[i * (p + 1)] += (RIDGE * trace) / p || 1;
  const L = choleskyFactor(C, p)!;
  const deltas = Array.from({ length: heads }, () => {
    const sum = new Float64Array(p);
    for (const g of gradients) {
      const excess = -Math.log(1 - random.uniform()) - 1;
      for (let i = 0; i < p; i++) sum[i] -= excess * g[i];
    }
    return choleskySolve(L, p, sum);
  });
  const mean = deltas[0].map((_, i) => deltas.reduce((sum, delta) => sum + delta[i], 0) / heads);
  for (const delta of deltas) for (let i = 0; i < p; i++) delta[i] -= mean[i];
  const square = deltas.reduce((sum, delta) => sum + delta.reduce((s, x) => s + x * x, 0), 0) / heads;
  const norm = Math.sqrt(square) || 1;
  return deltas.map((delta) => delta.map((x) => x / norm));
}

/** Copies of the one head, the last layer of each shifted by its δ times a factor. */
function withShifts(model: Model, deltas: readonly Float64Array[], factor: number): Model {
  const one = lastLayer(model);
  const heads = deltas.map((delta) => {
    const parameters = Float64Array.from(model.parameters);
    for (const [k, i] of one.entries()) parameters[i] += factor * delta[k];
    return { ...model, parameters };
  });
  return joinHeads(heads);
}

/**
 * Root mean square of the error of the forces over that of their spread; of energies per atom where no forces are. What
 * is absurdly large counts as little as in the training.
 */
function errorOverSpread(wide: Model, model: Model, frames: readonly TrainingFrame[], kernel: Kernel): number {
  const engine = loadModel(wide, kernel);
  const sums = { error: 0, spread: 0 };
  const add = (members: readonly number[], target: number, weight = 1): void => {
    const mean = members.reduce((p, q) => p + q, 0) / members.length;
    sums.error += weight * (mean - target) ** 2;
    sums.spread += (weight * members.reduce((sum, x) => sum + (x - mean) ** 2, 0)) / (members.length - 1);
  };
  try {
    const forces = frames.filter(({ has }) => has.forces);
    for (const frame of forces.length > 0 ? forces : frames) {
      const { system, composition } = frame;
      const results = engine.evaluateHeads(system);
      if (frame.has.forces) {
        for (const [c, target] of system.forces.entries())
          add(
            results.map((r) => r.forces[c]),
            target,
            frame.weight,
          );
      } else {
        const reference = composition.reduce((sum, n, s) => sum + n * model.referenceEnergies[s], 0);
        const perAtom = (energy: number): number => energy / system.atoms;
        add(
          results.map((r) => perAtom(r.energies.reduce((p, q) => p + q, 0))),
          perAtom(system.energy - reference),
          frame.weight,
        );
      }
    }
  } finally {
    engine.close();
  }
  return sums.spread > 0 ? Math.sqrt(sums.error / sums.spread) : 0;
}
