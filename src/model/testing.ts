/**
 * Potentials of the textbook, for tests: small, analytic, with known crystals. Nothing else imports this file.
 */
import { NearsightError } from '../errors.ts';
import { type NeighbourList, neighboursFor, sitePositions } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import type { Evaluation, Potential } from './potential.ts';

/** What atom `centre` sees within the cutoff, and where the gradient of its energy goes. */
export interface Surroundings {
  readonly centre: number;
  /** Number of atoms of the structure. */
  readonly atoms: number;
  /** Number of edges; the arrays below may be longer. */
  count: number;
  /** Site at the far end and the atom that it is an image of, [count]. */
  readonly site: Int32Array;
  readonly owner: Int32Array;
  /** r_ij, Å, [3·count], and |r_ij|, Å, [count]. */
  readonly vector: Float64Array;
  readonly distance: Float64Array;
  /** ∂e_i/∂r_ij, eV/Å, [3·count]; arrives as zeros. */
  readonly gradient: Float64Array;
}

/** A potential from the energy e_i of one atom as a function of the vectors to its neighbours. */
export interface LocalEnergy {
  readonly name: string;
  readonly cutoff: number;
  readonly elements: readonly number[];
  /** Returns e_i, eV, and adds ∂e_i/∂r_ij to `gradient`. */
  energyOf(at: Surroundings): number;
  /** Hands over edges beyond the cutoff too, when the list has them: a mistake, to be found by a check. */
  readonly keepSkin?: boolean;
}

/** Forces and strain gradient follow from the gradients of the local energies by the chain rule. */
export function localPotential(local: LocalEnergy): Potential {
  const { name, cutoff, elements } = local;
  return {
    name,
    cutoff,
    elements,
    evaluate(structure, neighbours) {
      for (const z of structure.numbers) {
        if (!elements.includes(z)) throw new NearsightError('unknown-species', `${name} does not know element ${z}`);
      }
      return sumOverAtoms(local, structure, neighboursFor(structure, cutoff, neighbours));
    },
  };
}

function sumOverAtoms(local: LocalEnergy, structure: Structure, list: NeighbourList): Evaluation {
  const atoms = structure.numbers.length;
  const sites = sitePositions(list, structure);
  const atomicEnergies = new Float64Array(atoms);
  const forces = new Float64Array(3 * atoms);
  const strainGradient = new Float64Array(9);
  let most = 0;
  for (let i = 0; i < atoms; i++) most = Math.max(most, list.first[i + 1] - list.first[i]);
  const site = new Int32Array(most);
  const owner = new Int32Array(most);
  const vector = new Float64Array(3 * most);
  const distance = new Float64Array(most);
  const gradient = new Float64Array(3 * most);
  const reach = local.keepSkin ? Number.POSITIVE_INFINITY : local.cutoff;

  for (let i = 0; i < atoms; i++) {
    let n = 0;
    for (let p = list.first[i]; p < list.first[i + 1]; p++) {
      const s = list.neighbours[p];
      const x = sites[3 * s] - sites[3 * i];
      const y = sites[3 * s + 1] - sites[3 * i + 1];
      const z = sites[3 * s + 2] - sites[3 * i + 2];
      const r = Math.sqrt(x * x + y * y + z * z);
      if (r >= reach) continue;
      if (r === 0)
        throw new NearsightError('coinciding-atoms', `atoms ${i} and ${list.owner[s]} stand at the same point`);
      site[n] = s;
      owner[n] = list.owner[s];
      vector[3 * n] = x;
      vector[3 * n + 1] = y;
      vector[3 * n + 2] = z;
      distance[n++] = r;
    }
    gradient.fill(0, 0, 3 * n);
    atomicEnergies[i] = local.energyOf({ centre: i, atoms, count: n, site, owner, vector, distance, gradient });
    for (let e = 0; e < n; e++) {
      const j = owner[e];
      for (let a = 0; a < 3; a++) {
        const g = gradient[3 * e + a];
        forces[3 * i + a] += g;
        forces[3 * j + a] -= g;
        for (let b = 0; b < 3; b++) strainGradient[3 * b + a] += vector[3 * e + b] * g;
      }
    }
  }
  for (let a = 0; a < 3; a++) {
    for (let b = 0; b < a; b++) {
      const mean = (strainGradient[3 * a + b] + strainGradient[3 * b + a]) / 2;
      strainGradient[3 * a + b] = mean;
      strainGradient[3 * b + a] = mean;
    }
  }
  let energy = 0;
  for (const e of atomicEnergies) energy += e;
  return { energy, atomicEnergies, forces, strainGradient };
}

/** Adds the gradient of a radial function: slope = ∂e_i/∂r, eV/Å, of edge e. */
export function addRadial(at: Surroundings, e: number, slope: number): void {
  const f = slope / at.distance[e];
  for (let a = 0; a < 3; a++) at.gradient[3 * e + a] += f * at.vector[3 * e + a];
}

/** 1 below `onset`, 0 beyond `end`, with two continuous derivatives between. Returns the value and its slope, 1/Å. */
export function quinticSwitch(r: number, onset: number, end: number): [number, number] {
  if (r <= onset) return [1, 0];
  if (r >= end) return [0, 0];
  const u = (r - onset) / (end - onset);
  return [1 - u * u * u * (10 - 15 * u + 6 * u * u), (-30 * u * u * (1 - u) * (1 - u)) / (end - onset)];
}

/** Lennard-Jones, 4ε[(σ/r)¹² − (σ/r)⁶], eV, and its slope, eV/Å. */
export function lennardJonesPair(r: number, epsilon: number, sigma: number): [number, number] {
  const q = (sigma / r) ** 6;
  return [4 * epsilon * q * (q - 1), (-24 * epsilon * q * (2 * q - 1)) / r];
}

/** Lennard-Jones parameters; argon unless told otherwise. `onset` = `cutoff` cuts it off without a switch. */
export interface LennardJonesOptions {
  readonly epsilon?: number;
  readonly sigma?: number;
  readonly onset?: number;
  readonly cutoff?: number;
  readonly elements?: readonly number[];
}

/** Lennard-Jones 12-6 brought to zero between `onset` and `cutoff` by a quintic switch. */
export function lennardJones(options: LennardJonesOptions = {}): Potential {
  const { epsilon = 0.0104, sigma = 3.4, onset = 5, cutoff = 6.5, elements = [18] } = options;
  return localPotential({
    name: 'Lennard-Jones',
    cutoff,
    elements,
    energyOf(at) {
      let energy = 0;
      for (let e = 0; e < at.count; e++) {
        const r = at.distance[e];
        const [phi, slope] = lennardJonesPair(r, epsilon, sigma);
        const [s, ds] = quinticSwitch(r, onset, cutoff);
        energy += 0.5 * phi * s;
        addRadial(at, e, 0.5 * (slope * s + phi * ds));
      }
      return energy;
    },
  });
}

/** Lattice constant of Stillinger–Weber silicon at 0 K, Å: the pair minimum 2^(1/6) σ is its bond length. */
export const SILICON_LATTICE: number = (4 / Math.sqrt(3)) * 2 ** (1 / 6) * 2.0951;

/** Silicon of Stillinger & Weber 1985, doi:10.1103/PhysRevB.31.5262, with ε = 2.1683 eV (cohesive energy −2ε). */
export function stillingerWeber(): Potential {
  return localPotential({
    name: 'Stillinger–Weber',
    cutoff: SW.a * SW.sigma,
    elements: [14],
    energyOf: stillingerWeberEnergy,
  });
}

const SW = { A: 7.049556277, B: 0.6022245584, a: 1.8, lambda: 21, gamma: 1.2, sigma: 2.0951, epsilon: 2.1683 };

/** e_i = ½ Σ_j φ₂(r_ij) + Σ_{j<k} φ₃(r_ij, r_ik, θ_jik). */
export function stillingerWeberEnergy(at: Surroundings): number {
  const { A, B, a, lambda, gamma, sigma, epsilon } = SW;
  const g = new Float64Array(at.count);
  const dg = new Float64Array(at.count);
  let energy = 0;
  for (let e = 0; e < at.count; e++) {
    const r = at.distance[e];
    const gap = r - a * sigma;
    // Very near the cutoff 1/gap² overflows while the exponential has long been zero.
    if (gap > -1e-3 * sigma) continue;
    const tail = Math.exp(sigma / gap);
    const power = B * (sigma / r) ** 4;
    energy += 0.5 * epsilon * A * (power - 1) * tail;
    addRadial(at, e, 0.5 * epsilon * A * tail * ((-4 * power) / r - ((power - 1) * sigma) / (gap * gap)));
    g[e] = Math.exp((gamma * sigma) / gap);
    dg[e] = (-g[e] * gamma * sigma) / (gap * gap);
  }
  for (let j = 0; j < at.count; j++) {
    for (let k = 0; k < j; k++) {
      const both = g[j] * g[k];
      if (both !== 0) energy += addAngle(at, j, k, [lambda * epsilon, g[j], g[k], dg[j], dg[k]]);
    }
  }
  return energy;
}

/** φ₃ = λε (cos θ + ⅓)² g_j g_k of the edges j and k; adds its gradient. */
function addAngle(at: Surroundings, j: number, k: number, factors: readonly number[]): number {
  const { vector, distance, gradient } = at;
  const [strength, gj, gk, dgj, dgk] = factors as [number, number, number, number, number];
  const rj = distance[j];
  const rk = distance[k];
  let dot = 0;
  for (let a = 0; a < 3; a++) dot += vector[3 * j + a] * vector[3 * k + a];
  const cosine = dot / (rj * rk);
  const bend = cosine + 1 / 3;
  const dCosine = 2 * strength * bend * gj * gk;
  for (let a = 0; a < 3; a++) {
    const nj = vector[3 * j + a] / rj;
    const nk = vector[3 * k + a] / rk;
    gradient[3 * j + a] += (dCosine * (nk - cosine * nj)) / rj + strength * bend * bend * dgj * gk * nj;
    gradient[3 * k + a] += (dCosine * (nj - cosine * nk)) / rk + strength * bend * bend * gj * dgk * nk;
  }
  return strength * bend * bend * gj * gk;
}
