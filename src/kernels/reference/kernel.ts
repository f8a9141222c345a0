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
import {
  checkHead,
  checkShape,
  checkSystem,
  checkTerm,
  checkTrainingSystem,
  checkWeights,
  copySystem,
} from '../shape.ts';
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
import { addPull, forceSeeds, netErrors, netForcesOf, pullOf, readForces, readForcesBackward } from './direct.ts';
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
    evaluateHeads(system) {
      checkSystem(shape, system);
      return Array.from({ length: shape.heads }, (_, head) => evaluate(atom, system, head));
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
        checkTerm(shape, term);
        const system = systems[term.system];
        if (system === undefined) throw new RangeError(`no system ${term.system} was added`);
        return shape.directForces === true
          ? addDirectLossGradient(atom, system, term, gradient)
          : addLossGradient(atom, system, term, gradient);
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
  if (shape.directForces === true) return evaluateDirect(atom, system, heads, result);
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

/** Energies of the energy head, forces and strain gradient of the force head: no backward sweep. */
function evaluateDirect(
  atom: AtomModel,
  system: KernelSystem,
  heads: readonly number[],
  result: KernelResult,
): KernelResult {
  const scalars = new Float64Array(atom.shape.channels);
  for (let i = 0; i < system.atoms; i++) {
    const z = system.species[i];
    const edges = surround(atom, system, i);
    describe(atom, false);
    scalars.fill(0);
    for (const head of heads) {
      result.energies[i] += readOut(atom, head, z, false) / heads.length;
      for (const [k, scalar] of readForces(atom, atom.heads[head].forces!, z).entries()) {
        scalars[k] += scalar / heads.length;
      }
    }
    for (const edge of edges) addPull(pullOf(atom, edge, scalars), edge, result);
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

/**
 * The same for a direct force head, whose forces are outputs like the energy: ordinary backpropagation. It is the sweep
 * above without a motion, so that of the pairs (x̄, dx̄/dt) the first numbers stay zero and the second ones are ∂L/∂x.
 */
function addDirectLossGradient(
  atom: AtomModel,
  system: TrainingSystem,
  term: LossTerm,
  gradient: Float64Array,
): TermErrors {
  const { energies, forces, strainGradient } = evaluate(atom, system, term.head);
  const energyError = energies.reduce((sum, e) => sum + e, 0) - system.energy;
  const forceErrors = forces.map((f, c) => f - system.forces[c]);
  const net = netForcesOf(system.sites, forces);
  const seeds = forceSeeds(forceErrors, net, term);
  const head = atom.heads[term.head];
  for (let i = 0; i < system.atoms; i++) {
    const z = system.species[i];
    surround(atom, system, i);
    atom.densities.tangent.fill(0);
    describe(atom, true);
    readOut(atom, term.head, z, true);
    readForces(atom, head.forces!, z);
    head.e.adjointTangent[0] = 2 * term.energy * energyError;
    readForcesBackward(atom, head.forces!, seeds.subarray(3 * i, 3 * i + 3));
    readOutBackward(atom, term.head, true);
    describeBackward(atom, true);
    addWeightGradient(atom, term.head, z, gradient);
  }
  const strainErrors = strainGradient.map((g, c) => g - system.strainGradient[c]);
  return {
    energy: energyError,
    forces: sumOfSquares(forceErrors),
    strain: sumOfSquares(strainErrors),
    ...netErrors(net),
  };
}
