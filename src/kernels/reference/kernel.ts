import type {
  DensityKernelModel,
  Kernel,
  KernelResult,
  KernelSystem,
  LossTerm,
  ModelShape,
  TermErrors,
  TrainingSystem,
} from '../kernels.ts';
import { featureCount } from '../kernels.ts';
import { checkHead, checkShape, checkSystem, checkTrainingSystem, checkWeights, copySystem } from '../shape.ts';
import type { AtomModel } from './atom.ts';
import {
  addWeightGradient,
  createAtomModel,
  describe,
  describeBackward,
  readOut,
  readOutBackward,
  unmix,
} from './atom.ts';
import type { Edge } from './edges.ts';
import { addDensity, addDensityTangent, edgeGradient, gatherEdges } from './edges.ts';
import { addEdgeForce, edgeVelocity, type Motion, sumOfSquares } from './motion.ts';
import { nearestReference } from './nearest.ts';
import { createReferenceSoap } from './soap.ts';
import { loadReferenceSymmetry } from './symmetry.ts';

/**
 * The reference kernel: the contract of `kernels.ts` in double precision, atom after atom, edge after edge.
 * It is the truth that the fast kernels are tested against, and small enough to be checked by reading.
 */
export function createReferenceKernel(): Kernel {
  return { name: 'reference', threads: 1, load, loadSymmetry: loadReferenceSymmetry, nearest: nearestReference };
}

function load(shape: ModelShape, weights: Float64Array): DensityKernelModel {
  checkShape(shape);
  checkWeights(shape, weights);
  const atom = createAtomModel(shape, weights);
  let systems: TrainingSystem[] = [];
  return {
    shape,
    heads: shape.heads,
    setWeights(next) {
      checkWeights(shape, next);
      atom.weights.set(next);
    },
    evaluate(system, head) {
      checkSystem(shape, system);
      if (head !== undefined) checkHead(shape.heads, head);
      return evaluate(atom, system, head);
    },
    features(system) {
      checkSystem(shape, system);
      return features(atom, system);
    },
    densities(system) {
      checkSystem(shape, system);
      return densities(atom, system);
    },
    add(system) {
      checkTrainingSystem(shape, system);
      return systems.push(copySystem(system)) - 1;
    },
    accumulate(terms, gradient) {
      if (gradient.length !== atom.weights.length) throw new RangeError(`${gradient.length} numbers for a gradient`);
      return terms.map((term) => {
        checkHead(shape.heads, term.head);
        const system = systems[term.system];
        if (system === undefined) throw new RangeError(`no system ${term.system} was added`);
        return addLossGradient(atom, system, term, gradient);
      });
    },
    soap: createReferenceSoap,
    close() {
      systems = [];
    },
  };
}

/** Reads the densities around atom i into the model of an atom; returns the edges, which live until the next call. */
function surround(atom: AtomModel, system: KernelSystem, i: number): Edge[] {
  const edges = gatherEdges(atom.shape, system, i, atom.edgePool);
  atom.densities.value.fill(0);
  for (const edge of edges) addDensity(edge, atom.densities.value);
  return edges;
}

function densities(atom: AtomModel, system: KernelSystem): Float64Array {
  const n = atom.densities.value.length;
  const all = new Float64Array(system.atoms * n);
  for (let i = 0; i < system.atoms; i++) {
    surround(atom, system, i);
    all.set(atom.densities.value, i * n);
  }
  return all;
}

function features(atom: AtomModel, system: KernelSystem): Float64Array {
  const n = featureCount(atom.shape);
  const all = new Float64Array(system.atoms * n);
  for (let i = 0; i < system.atoms; i++) {
    surround(atom, system, i);
    describe(atom, false);
    all.set(atom.features.value, i * n);
  }
  return all;
}

function evaluate(atom: AtomModel, system: KernelSystem, only?: number): KernelResult {
  const { shape } = atom;
  const { atoms } = system;
  const heads = only === undefined ? Array.from({ length: shape.heads }, (_, head) => head) : [only];
  const result: KernelResult = {
    energies: new Float64Array(atoms),
    forces: new Float64Array(3 * atoms),
    strainGradient: new Float64Array(9),
  };
  const gradient = new Float64Array(3);
  for (let i = 0; i < atoms; i++) {
    const edges = surround(atom, system, i);
    describe(atom, false);
    for (const head of heads) {
      result.energies[i] += readOut(atom, head, system.species[i], false) / heads.length;
      atom.heads[head].e.adjoint[0] = 1 / heads.length;
      readOutBackward(atom, head, false);
    }
    describeBackward(atom, false);
    unmix(atom);
    for (const edge of edges) {
      edgeGradient(edge, atom.densities.adjoint, gradient);
      addEdgeForce(edge, gradient, result);
    }
  }
  return result;
}

/**
 * Adds one term's ∂L/∂θ to the gradient, without second derivatives by positions.
 *
 * With c = ∂L/∂E, w = ∂L/∂F and W = ∂L/∂G the gradient is ∂/∂θ (c·E + w·F + W:G), the first factors held fixed. F and G
 * are derivatives of E by positions and strain, so w·F + W:G is dE/dt along one motion of the edge vectors,
 *   dr_ij/dt = v_j − v_i + Wᵀ r_ij,  v = −w.
 * Hence ∂L/∂θ = ∂/∂θ (c·E + Ė): the usual gradient of E by the weights, run in dual numbers along this motion with
 * the seed (1, c), has ∂L/∂θ as its moving part. Pearlmutter 1994, doi:10.1162/neco.1994.6.1.147.
 */
function addLossGradient(atom: AtomModel, system: TrainingSystem, term: LossTerm, gradient: Float64Array): TermErrors {
  const { head } = term;
  const { energies, forces, strainGradient } = evaluate(atom, system, head);
  const energyError = energies.reduce((sum, e) => sum + e, 0) - system.energy;
  const forceErrors = forces.map((f, c) => f - system.forces[c]);
  const strainErrors = strainGradient.map((g, c) => g - system.strainGradient[c]);

  const seed = 2 * term.energy * energyError;
  const motion: Motion = {
    velocities: forceErrors.map((error) => -2 * term.forces * error),
    strainRate: strainErrors.map((error) => 2 * term.strain * error),
  };
  const velocity = new Float64Array(3);
  for (let i = 0; i < system.atoms; i++) {
    const edges = surround(atom, system, i);
    atom.densities.tangent.fill(0);
    for (const edge of edges) {
      edgeVelocity(edge, motion, velocity);
      addDensityTangent(edge, velocity, atom.densities.tangent);
    }
    describe(atom, true);
    readOut(atom, head, system.species[i], true);
    atom.heads[head].e.adjoint[0] = 1;
    atom.heads[head].e.adjointTangent[0] = seed;
    readOutBackward(atom, head, true);
    describeBackward(atom, true);
    addWeightGradient(atom, head, system.species[i], gradient);
  }
  return { energy: energyError, forces: sumOfSquares(forceErrors), strain: sumOfSquares(strainErrors) };
}
