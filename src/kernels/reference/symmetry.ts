import type { KernelModel, KernelResult, KernelSystem, LossTerm, TermErrors, TrainingSystem } from '../kernels.ts';
import { checkHead, checkSymmetryWeights, checkSystem, checkTrainingSystem, copySystem } from '../shape.ts';
import {
  checkSymmetryShape,
  mostFunctions,
  type NetworkPlace,
  type SymmetryFunction,
  type SymmetryShape,
  symmetryLayout,
} from '../symmetry.ts';
import { activate, activateBackward } from './activation.ts';
import { addEdgeForce, edgeVelocity, type Motion, sumOfSquares } from './motion.ts';
import { createReferenceSoap } from './soap.ts';
import { createEdge, forEachContribution, type SymmetryEdge } from './symmetry-functions.ts';
import { clear, type LinearMap, linear, linearBackward, linearGradient, type Variable, variable } from './variable.ts';

/** Everything that is needed for one atom after the other. */
interface Machine {
  readonly shape: SymmetryShape;
  readonly weights: Float64Array;
  /** Room for the edges of an atom. */
  readonly edgePool: SymmetryEdge[];
  /** For each species of the centre. */
  readonly centres: readonly Centre[];
}

/** An atom of one species, from its symmetry functions G to the scaled ones x and on to the energy of each head. */
interface Centre {
  readonly functions: readonly SymmetryFunction[];
  readonly G: Variable;
  readonly x: Variable;
  /** Offsets of x = (G − centre)/deviation. */
  readonly scaling: { readonly centre: number; readonly deviation: number };
  readonly networks: readonly Network[];
}

/** x → z1 → h1 = φ(z1) → z2 → h2 = φ(z2) → e. */
interface Network {
  readonly z1: Variable;
  readonly h1: Variable;
  readonly z2: Variable;
  readonly h2: Variable;
  /** The energy: one number. */
  readonly e: Variable;
  readonly maps: readonly [LinearMap, LinearMap, LinearMap];
  /** z1, z2 and e, each with the offset of its bias. */
  readonly biases: readonly (readonly [Variable, number])[];
}

/** Symmetry functions in double precision, written to be read; the contract is in symmetry.ts. */
export function loadReferenceSymmetry(shape: SymmetryShape, weights: Float64Array): KernelModel {
  checkSymmetryShape(shape);
  checkSymmetryWeights(shape, weights);
  const machine = createMachine(shape, weights);
  let systems: TrainingSystem[] = [];
  return {
    heads: shape.heads,
    setWeights(next) {
      checkSymmetryWeights(shape, next);
      machine.weights.set(next);
    },
    evaluate(system, head) {
      checkSystem(shape, system);
      if (head !== undefined) checkHead(shape.heads, head);
      return evaluate(machine, system, head);
    },
    evaluateHeads(system) {
      checkSystem(shape, system);
      return Array.from({ length: shape.heads }, (_, head) => evaluate(machine, system, head));
    },
    features(system) {
      checkSystem(shape, system);
      return features(machine, system);
    },
    add(system) {
      checkTrainingSystem(shape, system);
      return systems.push(copySystem(system)) - 1;
    },
    accumulate(terms, gradient) {
      if (gradient.length !== weights.length) throw new RangeError(`${gradient.length} numbers for a gradient`);
      return terms.map((term) => {
        checkHead(shape.heads, term.head);
        const system = systems[term.system];
        if (system === undefined) throw new RangeError(`no system ${term.system} was added`);
        return addLossGradient(machine, system, term, gradient);
      });
    },
    soap: createReferenceSoap,
    close() {
      systems = [];
    },
  };
}

function createMachine(shape: SymmetryShape, weights: Float64Array): Machine {
  const { scaling, networks } = symmetryLayout(shape);
  const centres = shape.functions.map((functions, z): Centre => {
    const x = variable(functions.length);
    return {
      functions,
      G: variable(functions.length),
      x,
      scaling: scaling[z],
      networks: networks.map((head) => createNetwork(shape, head[z], x)),
    };
  });
  return { shape, weights: weights.slice(), edgePool: [], centres };
}

function createNetwork({ hidden: [H1, H2] }: SymmetryShape, place: NetworkPlace, x: Variable): Network {
  const [z1, h1, z2, h2, e] = [variable(H1), variable(H1), variable(H2), variable(H2), variable(1)];
  const maps = [
    { x, y: z1, at: place.w1 },
    { x: h1, y: z2, at: place.w2 },
    { x: h2, y: e, at: place.w3 },
  ] as const;
  const biases = [[z1, place.b1] as const, [z2, place.b2] as const, [e, place.b3] as const];
  return { z1, h1, z2, h2, e, maps, biases };
}

/** The edges of atom i that are shorter than the cutoff, moving or at rest. They live until the next call. */
function gatherEdges(
  { shape, edgePool }: Machine,
  system: KernelSystem,
  i: number,
  motion: Motion | null,
): SymmetryEdge[] {
  const { sites, first, neighbours } = system;
  let count = 0;
  for (let p = first[i]; p < first[i + 1]; p++) {
    if (count === edgePool.length) edgePool.push(createEdge());
    const edge = edgePool[count];
    const site = neighbours[p];
    for (let c = 0; c < 3; c++) edge.vector[c] = sites[3 * site + c] - sites[3 * i + c];
    edge.length = Math.sqrt(sumOfSquares(edge.vector));
    if (edge.length >= shape.cutoff) continue;
    edge.from = i;
    edge.to = system.owner[site];
    edge.species = system.species[site];
    edge.gradient.fill(0);
    if (motion !== null) edgeVelocity(edge, motion, edge.velocity);
    count++;
  }
  return edgePool.slice(0, count);
}

/** From edges to G and x; with `moving` also how fast they change. Leaves the adjoint of x at zero. */
function describe(machine: Machine, centre: Centre, edges: readonly SymmetryEdge[], moving: boolean): void {
  const { shape, weights } = machine;
  const { functions, G, x, scaling } = centre;
  clear(G);
  clear(x);
  forEachContribution(shape, functions, edges, (f, j, k, { value, ij, ik, jk }) => {
    G.value[f] += value;
    if (!moving) return;
    for (let c = 0; c < 3; c++) {
      G.tangent[f] += ij * j.vector[c] * j.velocity[c] + ik * k.vector[c] * k.velocity[c];
      G.tangent[f] += jk * (k.vector[c] - j.vector[c]) * (k.velocity[c] - j.velocity[c]);
    }
  });
  for (let f = 0; f < functions.length; f++) {
    const deviation = weights[scaling.deviation + f];
    x.value[f] = (G.value[f] - weights[scaling.centre + f]) / deviation;
    x.tangent[f] = G.tangent[f] / deviation;
  }
}

/** From x̄ to ∂e_i/∂r_ij of all edges. */
function describeBackward(machine: Machine, centre: Centre, edges: readonly SymmetryEdge[]): void {
  const { shape, weights } = machine;
  const { functions, G, x, scaling } = centre;
  for (let f = 0; f < functions.length; f++) G.adjoint[f] = x.adjoint[f] / weights[scaling.deviation + f];
  forEachContribution(shape, functions, edges, (f, j, k, { ij, ik, jk }) => {
    for (let c = 0; c < 3; c++) {
      const across = jk * (k.vector[c] - j.vector[c]);
      j.gradient[c] += G.adjoint[f] * (ij * j.vector[c] - across);
      k.gradient[c] += G.adjoint[f] * (ik * k.vector[c] + across);
    }
  });
}

/** x → e for one network; returns e, eV. */
function readOut({ shape, weights }: Machine, network: Network, moving: boolean): number {
  const { z1, h1, z2, h2, e, maps, biases } = network;
  for (const [x, bias] of biases) {
    clear(x);
    x.value.set(weights.subarray(bias, bias + x.value.length));
  }
  clear(h1);
  clear(h2);
  linear(maps[0], weights, moving);
  activate(shape.activation, z1, h1, moving);
  linear(maps[1], weights, moving);
  activate(shape.activation, z2, h2, moving);
  linear(maps[2], weights, moving);
  return e.value[0];
}

/** From ē, which the caller has set, back to x̄ (added to what is there). */
function readOutBackward({ shape, weights }: Machine, network: Network, moving: boolean): void {
  const { z1, h1, z2, h2, maps } = network;
  linearBackward(maps[2], weights, moving);
  activateBackward(shape.activation, z2, h2, moving);
  linearBackward(maps[1], weights, moving);
  activateBackward(shape.activation, z1, h1, moving);
  linearBackward(maps[0], weights, moving);
}

function features(machine: Machine, system: KernelSystem): Float64Array {
  const row = mostFunctions(machine.shape);
  const all = new Float64Array(system.atoms * row);
  for (let i = 0; i < system.atoms; i++) {
    const centre = machine.centres[system.species[i]];
    describe(machine, centre, gatherEdges(machine, system, i, null), false);
    all.set(centre.G.value, i * row);
  }
  return all;
}

function evaluate(machine: Machine, system: KernelSystem, only?: number): KernelResult {
  const { atoms } = system;
  const result: KernelResult = {
    energies: new Float64Array(atoms),
    forces: new Float64Array(3 * atoms),
    strainGradient: new Float64Array(9),
  };
  for (let i = 0; i < atoms; i++) {
    const centre = machine.centres[system.species[i]];
    const edges = gatherEdges(machine, system, i, null);
    describe(machine, centre, edges, false);
    const networks = only === undefined ? centre.networks : [centre.networks[only]];
    for (const network of networks) {
      result.energies[i] += readOut(machine, network, false) / networks.length;
      network.e.adjoint[0] = 1 / networks.length;
      readOutBackward(machine, network, false);
    }
    describeBackward(machine, centre, edges);
    for (const edge of edges) addEdgeForce(edge, edge.gradient, result);
  }
  return result;
}

/**
 * Adds one term's ∂L/∂weights to the gradient: the moving part of the gradient of E, in dual numbers along the motion
 * that the errors of forces and strain gradient make; why, stands at `addLossGradient` in kernel.ts. Symmetry functions
 * have no weights, so that only their values and how fast they change are needed, and the network does the rest.
 */
function addLossGradient(machine: Machine, system: TrainingSystem, term: LossTerm, gradient: Float64Array): TermErrors {
  const { energies, forces, strainGradient } = evaluate(machine, system, term.head);
  const energyError = energies.reduce((sum, e) => sum + e, 0) - system.energy;
  const forceErrors = forces.map((f, c) => f - system.forces[c]);
  const strainErrors = strainGradient.map((g, c) => g - system.strainGradient[c]);
  const motion: Motion = {
    velocities: forceErrors.map((error) => -2 * term.forces * error),
    strainRate: strainErrors.map((error) => 2 * term.strain * error),
  };
  for (let i = 0; i < system.atoms; i++) {
    const centre = machine.centres[system.species[i]];
    const network = centre.networks[term.head];
    describe(machine, centre, gatherEdges(machine, system, i, motion), true);
    readOut(machine, network, true);
    network.e.adjoint[0] = 1;
    network.e.adjointTangent[0] = 2 * term.energy * energyError;
    readOutBackward(machine, network, true);
    for (const map of network.maps) linearGradient(map, gradient);
    for (const [x, bias] of network.biases) {
      for (let n = 0; n < x.value.length; n++) gradient[bias + n] += x.adjointTangent[n];
    }
  }
  return { energy: energyError, forces: sumOfSquares(forceErrors), strain: sumOfSquares(strainErrors) };
}
