import type { AngularFunction, RadialFunction, SymmetryFunction, SymmetryShape } from '../symmetry.ts';
import type { EdgeVector } from './motion.ts';

/**
 * The symmetry functions of one atom, neighbour after neighbour and pair after pair.
 *
 * All of them are products of a(r) = exp(−η (r − r_s)²) f(r) of some of the three distances r_ij, r_ik, r_jk, and of a
 * power of 1 + λ cos θ, where cos θ = (r_ij² + r_ik² − r_jk²)/(2 r_ij r_ik) is a function of these distances too.
 */

/** An edge of the atom, with room for how fast it moves and for what pulls at it. */
export interface SymmetryEdge extends EdgeVector {
  /** Species of j. */
  species: number;
  /** r_ij, Å. */
  length: number;
  /** dr_ij/dt, Å, [3]. */
  readonly velocity: Float64Array;
  /** ∂e_i/∂r_ij, eV/Å, [3]. */
  readonly gradient: Float64Array;
}

export function createEdge(): SymmetryEdge {
  const [vector, velocity, gradient] = [new Float64Array(3), new Float64Array(3), new Float64Array(3)];
  return { from: 0, to: 0, species: 0, length: 0, vector, velocity, gradient };
}

/** What one pair of neighbours adds to a function G. */
export interface Contribution {
  value: number;
  /** (1/r) ∂G/∂r for r = r_ij, r_ik, r_jk, 1/Å²: times the vector of that distance, it is the gradient. */
  ij: number;
  ik: number;
  jk: number;
}

/**
 * Calls `visit` for everything that is summed in each function: with the number of the function, the edges to j and k,
 * and their contribution, which is overwritten afterwards. A single neighbour comes as a pair with itself.
 */
export function forEachContribution(
  shape: SymmetryShape,
  functions: readonly SymmetryFunction[],
  edges: readonly SymmetryEdge[],
  visit: (index: number, j: SymmetryEdge, k: SymmetryEdge, part: Contribution) => void,
): void {
  const part: Contribution = { value: 0, ij: 0, ik: 0, jk: 0 };
  for (const [index, f] of functions.entries()) {
    for (const [n, j] of edges.entries()) {
      if (j.length >= f.cutoff) continue;
      if (f.kind === 'radial') {
        const weight = radialWeight(shape, f, j.species);
        if (weight === 0) continue;
        radialContribution(shape, f, j.length, part);
        visit(index, j, j, scaled(part, weight));
        continue;
      }
      for (let m = n + 1; m < edges.length; m++) {
        const k = edges[m];
        const weight = angularWeight(shape, f, j.species, k.species);
        if (k.length >= f.cutoff || weight === 0) continue;
        const r_jk = distanceBetween(j, k);
        if (f.kind === 'narrow' && r_jk >= f.cutoff) continue;
        angularContribution(shape, f, [j.length, k.length, r_jk], part);
        visit(index, j, k, scaled(part, weight));
      }
    }
  }
}

/** How often a neighbour of this species counts: once or not at all, or Z times. */
function radialWeight({ elementWeights }: SymmetryShape, { neighbour }: RadialFunction, species: number): number {
  if (neighbour === null) return elementWeights[species];
  return species === neighbour ? 1 : 0;
}

function angularWeight({ elementWeights }: SymmetryShape, f: AngularFunction, s1: number, s2: number): number {
  if (f.neighbours === null) return elementWeights[s1] * elementWeights[s2];
  const [t1, t2] = f.neighbours;
  return (s1 === t1 && s2 === t2) || (s1 === t2 && s2 === t1) ? 1 : 0;
}

function distanceBetween({ vector: a }: SymmetryEdge, { vector: b }: SymmetryEdge): number {
  return Math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2);
}

function scaled(part: Contribution, weight: number): Contribution {
  part.value *= weight;
  part.ij *= weight;
  part.ik *= weight;
  part.jk *= weight;
  return part;
}

/** a(r). */
function radialContribution(shape: SymmetryShape, f: RadialFunction, r: number, part: Contribution): void {
  const [a, slope] = bump(shape, f, r);
  part.value = a;
  part.ij = slope / r;
  part.ik = 0;
  part.jk = 0;
}

/** 2^{1−ζ} (1 + λ cos θ)^ζ a(r_ij) a(r_ik) a(r_jk), of which the wide ones leave out the last factor. */
function angularContribution(
  shape: SymmetryShape,
  f: AngularFunction,
  [r_ij, r_ik, r_jk]: readonly [number, number, number],
  part: Contribution,
): void {
  const { lambda, zeta } = f;
  const [a_ij, slope_ij] = bump(shape, f, r_ij);
  const [a_ik, slope_ik] = bump(shape, f, r_ik);
  const [a_jk, slope_jk] = f.kind === 'narrow' ? bump(shape, f, r_jk) : [1, 0];
  const cosine = (r_ij ** 2 + r_ik ** 2 - r_jk ** 2) / (2 * r_ij * r_ik);
  // Of three atoms in a line, rounding must not make this negative.
  const u = Math.max(0, 1 + lambda * cosine);
  const angle = 2 ** (1 - zeta) * u ** zeta;
  const byCosine = 2 ** (1 - zeta) * zeta * u ** (zeta - 1) * lambda * a_ij * a_ik * a_jk;
  part.value = angle * a_ij * a_ik * a_jk;
  part.ij = (angle * slope_ij * a_ik * a_jk) / r_ij + byCosine * (1 / (r_ij * r_ik) - cosine / r_ij ** 2);
  part.ik = (angle * a_ij * slope_ik * a_jk) / r_ik + byCosine * (1 / (r_ij * r_ik) - cosine / r_ik ** 2);
  part.jk = (angle * a_ij * a_ik * slope_jk) / r_jk - byCosine / (r_ij * r_ik);
}

/** a(r) = exp(−η (r − r_s)²) f(r), and da/dr, 1/Å. */
function bump(shape: SymmetryShape, { eta, shift, cutoff }: SymmetryFunction, r: number): [number, number] {
  const [f, slope] = cutoffFunction(shape, r, cutoff);
  const gaussian = Math.exp(-eta * (r - shift) ** 2);
  return [gaussian * f, gaussian * (slope - 2 * eta * (r - shift) * f)];
}

/** f(r) and df/dr, 1/Å: from 1 at r ≤ inner · r_c to 0 at r_c; see the contract. */
export function cutoffFunction(
  { cutoffKind, inner }: Pick<SymmetryShape, 'cutoffKind' | 'inner'>,
  r: number,
  cutoff: number,
): [number, number] {
  if (r >= cutoff) return [0, 0];
  if (cutoffKind === 'tanh3') {
    const t = Math.tanh(1 - r / cutoff);
    return [t ** 3, (-3 * t * t * (1 - t * t)) / cutoff];
  }
  const width = cutoff - inner * cutoff;
  const y = (r - inner * cutoff) / width;
  if (y <= 0) return [1, 0];
  if (cutoffKind === 'cosine') {
    return [0.5 * (Math.cos(Math.PI * y) + 1), (-0.5 * Math.PI * Math.sin(Math.PI * y)) / width];
  }
  return [1 - y * y * y * (10 - y * (15 - 6 * y)), (-30 * y * y * (1 - y) * (1 - y)) / width];
}
