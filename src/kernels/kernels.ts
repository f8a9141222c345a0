/**
 * The contract of the numeric engine: typed arrays in, typed arrays out, no domain objects.
 *
 * Two kernels keep it: `reference/` (plain TypeScript, double precision, written to be read: the truth) and
 * `assembly/` (AssemblyScript, SIMD, single precision with f64 positions and f64 energy sums: the fast path).
 * One test suite runs on both. Formulas and symbols: docs/theory/potential.md.
 *
 * Energy of atom i with species z, from the edges r_ij (r < r_c) to sites j of species s:
 *   B_b(r)      = T_b(2r/r_c − 1) · S(r),  b = 0 … n_b−1;  S(r) = 1 − 10u³ + 15u⁴ − 6u⁵,
 *                 u = clamp((r − r_on)/(r_c − r_on), 0, 1)
 *   Y_lm(n)     = real spherical harmonics, Racah-normalised (Σ_m Y_lm² = 1); lm = l² + (l + m); within l = 1 the
 *                 order is y, z, x; generally m = −l … l with sin|m|φ for m < 0 and cos mφ for m ≥ 0, no Condon–Shortley sign
 *   D[s,lm,b]   = Σ_{j: species s} B_b(r_ij) Y_lm(r̂_ij)                          (density projections)
 *   A[lm,k]     = Σ_s Σ_b D[s,lm,b] · mix[s,l,b,k]                               (k = 0 … K−1 channels)
 *   x[p,k]      = invariants of A[·,k], in this order p:
 *     ν=1: A_00;  ν=2: Σ_m A_lm², l = 1 … lmax;
 *     ν=3: Σ C^{l1 l2 l3}_{m1 m2 m3} A_l1m1 A_l2m2 A_l3m3 for (1,1,2), (1,2,3), (2,2,2), (2,3,3), as far as lmax allows;
 *     ν=4: Σ_M T^{11}_M T^{22}_M, T^{l l'}_M = Σ_{mm'} C^{l l' 2}_{m m' M} A_lm A_l'm'
 *     C^{l1 l2 l3} = ∫ Y_l1m1 Y_l2m2 Y_l3m3 dΩ divided by its Frobenius norm over (m1, m2, m3)
 *   feature f   = p · K + k;  F = (number of invariants) · K
 *   h1 = silu(x·w1 + b1[z]);  h2 = silu(h1·w2 + b2[z]);  e = h2·w3 + x·skip + b3[z]     for each head
 *   e_i = mean of e over the heads (or one head, where a head is named);  E = Σ_i e_i
 *
 * Forces are −∂E/∂r, unless the shape asks for a direct force head. Then each head has K numbers more for each atom,
 *   φ = h2·wF + bF[z],
 * and forces are learned scalars times edge vectors, not a gradient of anything:
 *   F_i = Σ_j s_ij r̂_ij,  s_ij = Σ_b B_b(r_ij) Σ_k mix[s_j,1,b,k] φ_k(i),  that is  F_im = Σ_k φ_k(i) A[1m,k];
 *   strain gradient G = ½ Σ_i Σ_j s_ij r_ij ⊗ r̂_ij, which is ∂E/∂ε where the s_ij are those of a pair potential.
 *
 * The other descriptor, Behler–Parrinello symmetry functions, has its contract in `symmetry.ts`.
 */

import type { NearestSearch } from './nearest.ts';
import type { SymmetryShape } from './symmetry.ts';

/** Sizes and radii of a model; everything else is in the weights. */
export interface ModelShape {
  /** Number of species S. */
  readonly species: number;
  /** Radial functions n_b; a multiple of 4. */
  readonly radial: number;
  readonly lmax: 2 | 3;
  /** Highest body order ν of the invariants (ν + 1 bodies). */
  readonly order: 2 | 3 | 4;
  /** Channels K; a multiple of 4. */
  readonly channels: number;
  /** Widths of the two hidden layers; multiples of 4. */
  readonly hidden: readonly [number, number];
  /** Readout heads that share the descriptor. */
  readonly heads: number;
  /** r_c, Å. */
  readonly cutoff: number;
  /** r_on, Å, where the switching function starts. */
  readonly onset: number;
  /** Forces from a head of their own, cheaper and not conservative; absent: the gradient of the energy. */
  readonly directForces?: true;
}

/** Where each block of weights stands in the one flat array. Dimensions slowest first. */
export interface WeightLayout {
  /** [S][lmax+1][n_b][K]; for the species of the *neighbour*. */
  readonly mix: number;
  /** [heads][F][H1]. */
  readonly w1: number;
  /** [heads][S][H1]; for the species of the *centre*, like b2 and b3. */
  readonly b1: number;
  /** [heads][H1][H2]. */
  readonly w2: number;
  /** [heads][S][H2]. */
  readonly b2: number;
  /** [heads][H2]. */
  readonly w3: number;
  /** [heads][F]. */
  readonly skip: number;
  /** [heads][S]. */
  readonly b3: number;
  /** [heads][H2][K], with a direct force head only; else nothing stands there, nor at bF. */
  readonly wF: number;
  /** [heads][S][K]. */
  readonly bF: number;
  /** Total length. */
  readonly length: number;
}

/** Number of invariants per channel. */
export function invariantCount(lmax: 2 | 3, order: 2 | 3 | 4): number {
  return 1 + lmax + (order >= 3 ? (lmax === 3 ? 4 : 2) : 0) + (order >= 4 ? 1 : 0);
}

/** Number of features F of an atom. */
export function featureCount(shape: ModelShape): number {
  return invariantCount(shape.lmax, shape.order) * shape.channels;
}

/** Offsets of the blocks of weights, in numbers. */
export function weightLayout(shape: ModelShape): WeightLayout {
  const { species: S, radial, lmax, channels: K, heads } = shape;
  const [H1, H2] = shape.hidden;
  const F = featureCount(shape);
  const mix = 0;
  const w1 = mix + S * (lmax + 1) * radial * K;
  const b1 = w1 + heads * F * H1;
  const w2 = b1 + heads * S * H1;
  const b2 = w2 + heads * H1 * H2;
  const w3 = b2 + heads * S * H2;
  const skip = w3 + heads * H2;
  const b3 = skip + heads * F;
  const wF = b3 + heads * S;
  const direct = shape.directForces === true ? heads : 0;
  const bF = wF + direct * H2 * K;
  return { mix, w1, b1, w2, b2, w3, skip, b3, wF, bF, length: bF + direct * S * K };
}

/** The atoms of one structure as the engine sees them; see `NeighbourList` for what a site is. */
export interface KernelSystem {
  /** Number of atoms N; sites 0 … N−1 are the atoms, sites N … M−1 their images. */
  readonly atoms: number;
  /** Å, [3M]. */
  readonly sites: Float64Array;
  /** Species index 0 … S−1 of each site, [M]. */
  readonly species: Int32Array;
  /** Atom that each site is, [M]. */
  readonly owner: Int32Array;
  /** [N+1] and [P]: edges of atom i lead to the sites neighbours[first[i]] … neighbours[first[i+1]−1]. */
  readonly first: Int32Array;
  readonly neighbours: Int32Array;
}

/** What `evaluate` gives back: fresh arrays. */
export interface KernelResult {
  /** e_i, eV, [N]. */
  readonly energies: Float64Array;
  /** −∂E/∂r, or those of the direct force head, eV/Å, [3N]; images folded back onto their owners. */
  readonly forces: Float64Array;
  /** ∂E/∂ε = Σ_edges r_ij ⊗ ∂e_i/∂r_ij, eV, [9], row-major. */
  readonly strainGradient: Float64Array;
}

/** One structure of a training set: geometry and what the model should say of it. */
export interface TrainingSystem extends KernelSystem {
  /** Target of Σ e_i, eV (reference energies of the elements already taken off); any number when not labelled. */
  readonly energy: number;
  /** Target forces, eV/Å, [3N]. */
  readonly forces: Float64Array;
  /** Target ∂E/∂ε = V·σ, eV, [9]. */
  readonly strainGradient: Float64Array;
}

/**
 * One structure's share of a loss:
 *   energy · (E − E*)² + forces · Σ_c (F_c − F*_c)² + strain · Σ_ab (G_ab − G*_ab)²,  G = ∂E/∂ε,
 * for the energy of one head. A coefficient of 0 leaves that label out. With a direct force head there are two terms
 * more, and `strain` must be 0:
 *   netForce · |Σ_i F_i|² + netTorque · |Σ_i (r_i − r̄) × F_i|²,  r̄ the mean of the positions.
 * For forces that are a gradient both are zero whatever the weights: they are left out, as adding zero would be.
 */
export interface LossTerm {
  /** Number that `add` returned. */
  readonly system: number;
  readonly head: number;
  readonly energy: number;
  readonly forces: number;
  readonly strain: number;
  readonly netForce?: number;
  readonly netTorque?: number;
}

/** Residuals of one term, before coefficients: E − E*, Σ (F−F*)², Σ (G−G*)²; |Σ F|² and |Σ r×F|² of a direct head. */
export interface TermErrors {
  readonly energy: number;
  readonly forces: number;
  readonly strain: number;
  readonly netForce?: number;
  readonly netTorque?: number;
}

/** A matrix among flat parameters; row-major. */
export interface MatrixPlace {
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
}

export interface SoapSettings {
  /** Decay of the averages of the gradient and of its square. */
  readonly beta1: number;
  readonly beta2: number;
  /** Steps between two updates of the eigenbases. */
  readonly refresh: number;
}

/** A side longer than this gets no eigenbasis: it would cost more than it brings. */
export const SOAP_LONGEST_SIDE = 256;

/**
 * SOAP (Vyas et al. 2024, arXiv:2409.11321) for matrices: Adam in the eigenbasis of Shampoo's two Kronecker factors,
 * which turns slowly and is brought up to date by one step of QR iteration now and then. Components of an update are
 * cut at ±5; the first step only starts the factors.
 */
export interface SoapOptimiser {
  /** Update directions, per unit of learning rate, of all matrices, from their gradients; both flat. */
  direction(gradient: Float64Array, out: Float64Array): void;
  /** All that it remembers, by name. */
  save(): Record<string, Float64Array>;
  restore(state: Readonly<Record<string, Float64Array>>): void;
}

/** A model loaded into a kernel, whatever its descriptor. */
export interface KernelModel {
  readonly heads: number;
  /** Replaces all weights (a flat array in the order of `weightLayout`, or of `symmetryLayout`). */
  setWeights(weights: Float64Array): void;
  /** Energies, forces and strain gradient; the mean over heads, or one head. */
  evaluate(system: KernelSystem, head?: number): KernelResult;
  /** Each head by itself, in their order: what `evaluate(system, head)` says of it, up to rounding, for much less. */
  evaluateHeads(system: KernelSystem): readonly KernelResult[];
  /**
   * Invariants x, [N][F], dimensionless; of symmetry functions the bare G, [N][most functions of a species], with
   * zeros where a species has fewer.
   */
  features(system: KernelSystem): Float64Array;
  /** Keeps a labelled system for training; returns its number. */
  add(system: TrainingSystem): number;
  /**
   * Adds ∂L/∂weights of the summed terms to `gradient` (layout as the weights) and returns each term's residuals.
   * The order of summation is fixed by the order of the terms: same terms, same bits, any number of threads.
   * Weights of `mix` with l = 3 that are zero for all species and channels from some radial function on may get no
   * gradient: a kernel may leave those radial functions out.
   */
  accumulate(terms: readonly LossTerm[], gradient: Float64Array): TermErrors[];
  /** An optimiser for matrices of parameters, in this engine's memory and on its threads. */
  soap(places: readonly MatrixPlace[], settings: SoapSettings): SoapOptimiser;
  /** Gives memory and threads back. The model must not be used afterwards. */
  close(): void;
}

/** A model of density projections, loaded. */
export interface DensityKernelModel extends KernelModel {
  readonly shape: ModelShape;
  /** Density projections D, [N][S][(lmax+1)²][n_b]; independent of the weights. */
  densities(system: KernelSystem): Float64Array;
}

/** A kernel: a factory of loaded models. */
export interface Kernel {
  readonly name: 'reference' | 'simd' | 'relaxed';
  readonly threads: number;
  load(shape: ModelShape, weights: Float64Array): DensityKernelModel;
  /** A model of Behler–Parrinello symmetry functions. */
  loadSymmetry(shape: SymmetryShape, weights: Float64Array): KernelModel;
  /** Nearest neighbours among many points; a model is not needed for that. */
  readonly nearest: NearestSearch;
}
