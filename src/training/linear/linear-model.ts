/**
 * The linearised problem: an energy that is linear in the invariants of its atoms,
 *   E = Σ_i [c_{z_i} + Σ_f w_{g(z_i), f} x̂_if],   x̂ = (x − mean) / deviation,
 * so that energies, forces and strain gradients are linear in (w, c) too. What a label says of the model is then one row
 * of a matrix: fits are exact, and so is the influence of each label on them. Theory: docs/theory/outliers.md.
 */
import { featureCount, type Kernel, type KernelModel, type KernelSystem, weightLayout } from '../../kernels/kernels.ts';
import type { Structure } from '../../structure/structure.ts';
import {
  createDescriptor,
  DEFAULT_DESCRIPTOR,
  type Descriptor,
  type DescriptorSettings,
  systemOf,
} from './descriptor.ts';

/** A linear model without its coefficients. */
export interface LinearModel {
  readonly descriptor: Descriptor;
  /** Of each feature over the structures that it was made for, [F]. */
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** g(z): which coefficients w the atoms of each species have, [S]. */
  readonly group: Int32Array;
  /** Number of coefficients P = (number of groups) · F + S: first w, group after group, then c of each species. */
  readonly parameters: number;
}

/** Rows of the linear problem: derivatives with respect to the coefficients, row-major, P columns. */
export interface LinearRows {
  /** ∂E/∂coefficients, [P]. */
  readonly energy: Float64Array;
  /** The same of each force component, [3N][P]. */
  readonly forces: Float32Array;
  /** The same of ∂E/∂ε, [9][P]; the volume times the stress. */
  readonly strain: Float64Array;
  /** x̂ of each atom, [N][F]: what its environment is. */
  readonly features: Float32Array;
}

/** Up to so many species have coefficients of their own; more of them share one set. */
const MOST_GROUPS = 4;
/** A feature that is the same everywhere is not blown up beyond this share of its value. */
const LEAST_DEVIATION = 1e-3;

/**
 * A linear model for structures like these.
 * @param kernel any; results depend on it by rounding only
 */
export function createLinearModel(
  structures: readonly Structure[],
  kernel: Kernel,
  settings: DescriptorSettings = DEFAULT_DESCRIPTOR,
): LinearModel {
  const descriptor = createDescriptor(structures, kernel, settings);
  const { elements, shape, weights } = descriptor;
  const F = featureCount(shape);
  const mean = new Float64Array(F);
  const square = new Float64Array(F);
  const engine = kernel.load(shape, weights);
  let atoms = 0;
  for (const structure of structures) {
    const x = engine.features(systemOf(structure, elements, shape.cutoff));
    atoms += structure.numbers.length;
    for (let k = 0; k < x.length; k++) {
      mean[k % F] += x[k];
      square[k % F] += x[k] * x[k];
    }
  }
  engine.close();
  for (let f = 0; f < F; f++) mean[f] /= atoms;
  const deviation = square.map((sum, f) =>
    Math.max(Math.sqrt(Math.max(0, sum / atoms - mean[f] ** 2)), LEAST_DEVIATION * Math.abs(mean[f]), 1e-6),
  );
  const S = elements.length;
  const group = Int32Array.from(elements, (_, s) => (S <= MOST_GROUPS ? s : 0));
  return { descriptor, mean, deviation, group, parameters: (S <= MOST_GROUPS ? S : 1) * F + S };
}

/** A linear model loaded into a kernel. */
export interface LinearEngine {
  readonly model: LinearModel;
  /**
   * All rows of a structure. Time: the number of features times that of one evaluation.
   * @throws NearsightError `unknown-species`, `atoms-too-close`, and what `buildNeighbourList` throws
   */
  rows(structure: Structure): LinearRows;
  /** Gives memory and threads back. */
  close(): void;
}

/** Channels of a kernel model; its cost grows with them, and each feature needs but one. */
const CHANNELS_AT_A_TIME = 4;

/**
 * Derivatives come from the kernel itself: a model with one head for each feature, whose readout is that feature alone,
 * has the derivatives of the feature for its forces.
 */
export function openLinearModel(model: LinearModel, kernel: Kernel): LinearEngine {
  const { descriptor, mean, group, parameters: P } = model;
  const { elements, shape } = descriptor;
  const F = mean.length;
  const S = elements.length;
  const engines = Array.from({ length: shape.channels / CHANNELS_AT_A_TIME }, (_, part) =>
    engineOf(model, part, kernel),
  );
  return {
    model,
    rows(structure) {
      const system = systemOf(structure, elements, shape.cutoff);
      const N = system.atoms;
      const rows = {
        energy: new Float64Array(P),
        forces: new Float32Array(3 * N * P),
        strain: new Float64Array(9 * P),
        features: new Float32Array(N * F),
      };
      for (const g of new Set(group)) {
        const part = group.length === 1 ? system : edgesOf(system, (atom) => group[system.species[atom]] === g);
        for (const { engine, features } of engines) {
          for (const [head, f] of features.entries()) {
            const { energies, forces, strainGradient } = engine.evaluate(part, head);
            const column = g * F + f;
            let energy = 0;
            for (let i = 0; i < N; i++) {
              if (group[system.species[i]] !== g) continue;
              rows.features[i * F + f] = energies[i];
              energy += energies[i];
            }
            rows.energy[column] = energy;
            for (let c = 0; c < 3 * N; c++) rows.forces[c * P + column] = forces[c];
            for (let c = 0; c < 9; c++) rows.strain[c * P + column] = strainGradient[c];
          }
        }
      }
      for (let i = 0; i < N; i++) rows.energy[P - S + system.species[i]] += 1;
      return rows;
    },
    close() {
      for (const { engine } of engines) engine.close();
    },
  };
}

/** The kernel model of some channels, and which feature each of its heads is. */
function engineOf(
  { descriptor, mean, deviation }: LinearModel,
  part: number,
  kernel: Kernel,
): { engine: KernelModel; features: readonly number[] } {
  const K = descriptor.shape.channels;
  const channels = CHANNELS_AT_A_TIME;
  const invariants = mean.length / K;
  const heads = invariants * channels;
  const shape = { ...descriptor.shape, channels, hidden: [4, 4] as const, heads };
  const { species: S } = shape;
  const layout = weightLayout(shape);
  const weights = new Float64Array(layout.length);
  // The channel is the fastest index of the mixing, and of the features.
  for (let w = 0; w < layout.w1; w++) {
    weights[w] = descriptor.weights[Math.floor(w / channels) * K + part * channels + (w % channels)];
  }
  const features = Array.from(
    { length: heads },
    (_, h) => Math.floor(h / channels) * K + part * channels + (h % channels),
  );
  for (const [head, f] of features.entries()) {
    weights[layout.skip + head * heads + head] = 1 / deviation[f];
    weights.fill(-mean[f] / deviation[f], layout.b3 + head * S, layout.b3 + (head + 1) * S);
  }
  return { engine: kernel.load(shape, weights), features };
}

/** The same atoms, of which only some see their neighbours. */
function edgesOf(system: KernelSystem, sees: (atom: number) => boolean): KernelSystem {
  const { atoms, first, neighbours } = system;
  const some = new Int32Array(atoms + 1);
  const kept = new Int32Array(neighbours.length);
  let count = 0;
  for (let i = 0; i < atoms; i++) {
    if (sees(i)) {
      kept.set(neighbours.subarray(first[i], first[i + 1]), count);
      count += first[i + 1] - first[i];
    }
    some[i + 1] = count;
  }
  return { ...system, first: some, neighbours: kept.slice(0, count) };
}
