import type {
  Kernel,
  KernelModel,
  KernelResult,
  KernelSystem,
  LossTerm,
  ModelShape,
  TermErrors,
  TrainingSystem,
} from '../kernels.ts';
import { featureCount } from '../kernels.ts';
import { checkShape, checkSystem, checkTrainingSystem, checkWeights } from '../shape.ts';
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
import type { Edges } from './edges.ts';
import { addDensities, addDensityTangents, createEdges, edgeGradient, gatherEdges, mostEdges } from './edges.ts';

/**
 * The reference kernel: the contract of `kernels.ts` in double precision, atom after atom, edge after edge.
 * It is the truth that the fast kernels are tested against, and small enough to be checked by reading.
 */
export function createReferenceKernel(): Kernel {
  return { name: 'reference', threads: 1, load };
}

function load(shape: ModelShape, weights: Float64Array): KernelModel {
  checkShape(shape);
  checkWeights(shape, weights);
  const atom = createAtomModel(shape);
  let current = weights.slice();
  let systems: TrainingSystem[] = [];
  return {
    shape,
    setWeights(next) {
      checkWeights(shape, next);
      current = next.slice();
    },
    evaluate(system, head) {
      checkSystem(shape, system);
      if (head !== undefined) checkHead(shape, head);
      return evaluate(atom, current, system, head);
    },
    features(system) {
      checkSystem(shape, system);
      return features(atom, current, system);
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
      if (gradient.length !== current.length) throw new RangeError(`${gradient.length} numbers for a gradient`);
      return terms.map((term) => {
        checkHead(shape, term.head);
        const system = systems[term.system];
        if (system === undefined) throw new RangeError(`no system ${term.system} was added`);
        return addLossGradient(atom, current, system, term, gradient);
      });
    },
    close() {
      systems = [];
    },
  };
}

function checkHead(shape: ModelShape, head: number): void {
  if (!Number.isInteger(head) || head < 0 || head >= shape.heads) {
    throw new RangeError(`head ${head} of ${shape.heads}`);
  }
}

function copySystem(system: TrainingSystem): TrainingSystem {
  return {
    ...system,
    sites: system.sites.slice(),
    species: system.species.slice(),
    owner: system.owner.slice(),
    first: system.first.slice(),
    neighbours: system.neighbours.slice(),
    forces: system.forces.slice(),
    strainGradient: system.strainGradient.slice(),
  };
}

/** Reads the edges of one atom and their densities into the model of the atom. */
function surround(atom: AtomModel, system: KernelSystem, i: number, edges: Edges): void {
  gatherEdges(atom.shape, system, i, edges);
  atom.densities.value.fill(0);
  addDensities(atom.shape, edges, atom.densities.value);
}

function densities(atom: AtomModel, system: KernelSystem): Float64Array {
  const edges = createEdges(atom.shape, mostEdges(system));
  const n = atom.densities.value.length;
  const all = new Float64Array(system.atoms * n);
  for (let i = 0; i < system.atoms; i++) {
    surround(atom, system, i, edges);
    all.set(atom.densities.value, i * n);
  }
  return all;
}

function features(atom: AtomModel, weights: Float64Array, system: KernelSystem): Float64Array {
  const edges = createEdges(atom.shape, mostEdges(system));
  const n = featureCount(atom.shape);
  const all = new Float64Array(system.atoms * n);
  for (let i = 0; i < system.atoms; i++) {
    surround(atom, system, i, edges);
    describe(atom, weights, false);
    all.set(atom.features.value, i * n);
  }
  return all;
}

function evaluate(atom: AtomModel, weights: Float64Array, system: KernelSystem, only?: number): KernelResult {
  const { shape } = atom;
  const { atoms } = system;
  const edges = createEdges(shape, mostEdges(system));
  const heads = only === undefined ? Array.from({ length: shape.heads }, (_, head) => head) : [only];
  const result: KernelResult = {
    energies: new Float64Array(atoms),
    forces: new Float64Array(3 * atoms),
    strainGradient: new Float64Array(9),
  };
  for (let i = 0; i < atoms; i++) {
    surround(atom, system, i, edges);
    describe(atom, weights, false);
    for (const head of heads) {
      result.energies[i] += readOut(atom, head, system.species[i], weights, false) / heads.length;
      atom.heads[head].e.adjoint[0] = 1 / heads.length;
      readOutBackward(atom, head, weights, false);
    }
    describeBackward(atom, false);
    unmix(atom, weights);
    addEdgeForces(atom, system, i, edges, result);
  }
  return result;
}

/** From ∂e_i/∂D to the forces of atom i and its neighbours, and to the strain gradient. */
function addEdgeForces(atom: AtomModel, system: KernelSystem, i: number, edges: Edges, result: KernelResult): void {
  const { forces, strainGradient } = result;
  const g = new Float64Array(3);
  for (let e = 0; e < edges.count; e++) {
    edgeGradient(atom.shape, edges, e, atom.densities.adjoint, g);
    const j = system.owner[edges.site[e]];
    for (let a = 0; a < 3; a++) {
      // e_i falls when r_j − r_i goes against its gradient: the force on j is −g, that on i is +g.
      forces[3 * i + a] += g[a];
      forces[3 * j + a] -= g[a];
      for (let b = 0; b < 3; b++) strainGradient[3 * a + b] += edges.vector[3 * e + a] * g[b];
    }
  }
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
function addLossGradient(
  atom: AtomModel,
  weights: Float64Array,
  system: TrainingSystem,
  term: LossTerm,
  gradient: Float64Array,
): TermErrors {
  const { energies, forces, strainGradient } = evaluate(atom, weights, system, term.head);
  const energyError = energies.reduce((sum, e) => sum + e, 0) - system.energy;
  const forceErrors = forces.map((f, c) => f - system.forces[c]);
  const strainErrors = strainGradient.map((g, c) => g - system.strainGradient[c]);

  const seed = 2 * term.energy * energyError;
  const velocities = forceErrors.map((error) => -2 * term.forces * error);
  const strainRate = strainErrors.map((error) => 2 * term.strain * error);
  const edges = createEdges(atom.shape, mostEdges(system));
  for (let i = 0; i < system.atoms; i++) {
    surround(atom, system, i, edges);
    atom.densities.tangent.fill(0);
    const edgeVelocities = moveEdges(system, i, edges, velocities, strainRate);
    addDensityTangents(atom.shape, edges, edgeVelocities, atom.densities.tangent);
    describe(atom, weights, true);
    readOut(atom, term.head, system.species[i], weights, true);
    atom.heads[term.head].e.adjoint[0] = 1;
    atom.heads[term.head].e.adjointTangent[0] = seed;
    readOutBackward(atom, term.head, weights, true);
    describeBackward(atom, true);
    addWeightGradient(atom, term.head, system.species[i], gradient);
  }
  return { energy: energyError, forces: sumOfSquares(forceErrors), strain: sumOfSquares(strainErrors) };
}

/** dr_ij/dt = v_j − v_i + Wᵀ r_ij of all edges of atom i, [count][3]. */
function moveEdges(
  { owner }: KernelSystem,
  i: number,
  edges: Edges,
  velocities: Float64Array,
  strainRate: Float64Array,
): Float64Array {
  const moved = new Float64Array(3 * edges.count);
  for (let e = 0; e < edges.count; e++) {
    const j = owner[edges.site[e]];
    for (let b = 0; b < 3; b++) {
      let rate = velocities[3 * j + b] - velocities[3 * i + b];
      for (let a = 0; a < 3; a++) rate += edges.vector[3 * e + a] * strainRate[3 * a + b];
      moved[3 * e + b] = rate;
    }
  }
  return moved;
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
