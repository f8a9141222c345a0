/**
 * The second descriptor of the contract: atom-centred symmetry functions (Behler & Parrinello 2007,
 * doi:10.1103/PhysRevLett.98.146401; Behler 2011, doi:10.1063/1.3553717; weighted ones Gastegger et al. 2018,
 * doi:10.1063/1.5019667), numbered as n2p2 numbers them, with one small network for each element of the centre.
 *
 * Of atom i, over sites j (and k > j, each pair once), r in Å, θ the angle at i, all with their own r_c:
 *   G2   = Σ_j       exp(−η (r_ij − r_s)²) f(r_ij)                                    (radial)
 *   G3   = 2^{1−ζ} Σ_jk (1 + λ cos θ)^ζ exp(−η [(r_ij − r_s)² + (r_ik − r_s)² + (r_jk − r_s)²]) f(r_ij) f(r_ik) f(r_jk)
 *                                                                                      (narrow)
 *   G9   = the same without the two factors of r_jk                                    (wide)
 *   G12, G13 = G2 and G3 over neighbours of any species, each counted times its weight Z_j, or Z_j Z_k.
 * f falls from 1 at r ≤ r_in = inner · r_c to 0 at r_c; with y = (r − r_in)/(r_c − r_in):
 *   cosine ½ (cos πy + 1);  tanh3 tanh³(1 − r/r_c), which knows no r_in and is tanh³(1) at r = 0;
 *   poly2 1 − 10y³ + 15y⁴ − 6y⁵.
 * The network of an atom of species z, for each head, φ the activation:
 *   x_f = (G_f − centre_f)/deviation_f;  h1 = φ(x·w1 + b1);  h2 = φ(h1·w2 + b2);  e = h2·w3 + b3
 */
import { NearsightError } from '../errors.ts';

export type CutoffKind = 'cosine' | 'tanh3' | 'poly2';
/** φ: tanh x; softplus ln(1 + eˣ); silu x/(1 + e⁻ˣ). */
export type Activation = 'tanh' | 'softplus' | 'silu';

/** One symmetry function. Species are indices; null: all of them, weighted. */
export type SymmetryFunction = RadialFunction | AngularFunction;

interface Gaussian {
  /** η, 1/Å². */
  readonly eta: number;
  /** r_s, Å. */
  readonly shift: number;
  /** r_c, Å. */
  readonly cutoff: number;
}

export interface RadialFunction extends Gaussian {
  readonly kind: 'radial';
  readonly neighbour: number | null;
}

export interface AngularFunction extends Gaussian {
  readonly kind: 'narrow' | 'wide';
  /** In ascending order. */
  readonly neighbours: readonly [number, number] | null;
  readonly lambda: 1 | -1;
  /** ζ ≥ 1. */
  readonly zeta: number;
}

/** Everything of a model of symmetry functions but its weights. */
export interface SymmetryShape {
  readonly species: number;
  /** The largest r_c, Å: how far an atom sees. */
  readonly cutoff: number;
  readonly cutoffKind: CutoffKind;
  /** r_in as a share of r_c, 0 … 0.99; 0 for tanh3. */
  readonly inner: number;
  /** Functions of a centre of each species, [S]; at least one each. */
  readonly functions: readonly (readonly SymmetryFunction[])[];
  /** Z of each species in weighted functions, [S]. */
  readonly elementWeights: readonly number[];
  /** Widths of the two hidden layers, any. */
  readonly hidden: readonly [number, number];
  readonly activation: Activation;
  readonly heads: number;
}

/** Where the numbers of one species' network stand in the flat weights. */
export interface NetworkPlace {
  /** [F_z][H1]. */
  readonly w1: number;
  /** [H1]. */
  readonly b1: number;
  /** [H1][H2]. */
  readonly w2: number;
  /** [H2]. */
  readonly b2: number;
  /** [H2]. */
  readonly w3: number;
  /** One number. */
  readonly b3: number;
}

/** Dimensions slowest first. */
export interface SymmetryLayout {
  /** Offsets of centre and deviation, [F_z] each, of each species; no gradients go there. */
  readonly scaling: readonly { readonly centre: number; readonly deviation: number }[];
  /** [heads][S]. */
  readonly networks: readonly (readonly NetworkPlace[])[];
  /** Total length. */
  readonly length: number;
}

export function symmetryLayout({ functions, hidden, heads }: SymmetryShape): SymmetryLayout {
  const [H1, H2] = hidden;
  let length = 0;
  const take = (count: number): number => {
    const at = length;
    length += count;
    return at;
  };
  const scaling = functions.map(({ length: F }) => ({ centre: take(F), deviation: take(F) }));
  const networks = Array.from({ length: heads }, () =>
    functions.map(({ length: F }) => ({
      w1: take(F * H1),
      b1: take(H1),
      w2: take(H1 * H2),
      b2: take(H2),
      w3: take(H2),
      b3: take(1),
    })),
  );
  return { scaling, networks, length };
}

/** Largest number of functions of a centre: the row length of `features`. */
export function mostFunctions({ functions }: SymmetryShape): number {
  return functions.reduce((most, { length }) => Math.max(most, length), 0);
}

/** Beyond these a number is a mistake, and would leave single precision: η 1/Å², r_s Å, r_c Å, r_in/r_c, Z. */
const LARGEST = { eta: 1e4, shift: 1e3, inner: 0.99, weight: 1e6 };
const SMALLEST_CUTOFF = 0.01;

/** Refuses a shape that the contract forbids: NearsightError `model-shape`. */
export function checkSymmetryShape(shape: SymmetryShape): void {
  const { species, cutoff, cutoffKind, inner, functions, elementWeights, hidden, heads } = shape;
  const demand = (holds: boolean, what: string, hint: string): void => {
    if (!holds) throw new NearsightError('model-shape', `a model of symmetry functions can't have ${what}`, { hint });
  };
  const counts = (n: number): boolean => Number.isInteger(n) && n >= 1;
  const within = (x: number, most: number): boolean => Math.abs(x) <= most;
  demand(counts(species), `${species} species`, 'species is a whole number, at least 1');
  demand(functions.length === species, `functions for ${functions.length} of ${species} species`, 'one list for each');
  demand(elementWeights.length === species, `${elementWeights.length} element weights`, 'one for each');
  for (const Z of elementWeights)
    demand(within(Z, LARGEST.weight), `an element weight of ${Z}`, 'often the atomic number');
  demand(Number.isFinite(cutoff) && cutoff > 0, `a cutoff of ${cutoff} Å`, 'cutoff is a positive length, often 6 Å');
  demand(inner >= 0 && inner <= LARGEST.inner, `an inner radius of ${inner} r_c`, 'it is a share of r_c, 0 … 0.99');
  demand(cutoffKind !== 'tanh3' || inner === 0, 'an inner radius with tanh³', 'tanh³ knows none');
  demand(hidden.every(counts), `hidden layers of ${hidden.join(' and ')}`, 'two widths, at least 1');
  demand(counts(heads), `${heads} heads`, 'heads is a whole number, at least 1');
  for (const list of functions) {
    demand(list.length > 0, 'a species without functions', 'each needs at least one');
    for (const f of list) {
      demand(f.eta >= 0 && f.eta <= LARGEST.eta, `η = ${f.eta}`, '1/Å², from 0 to 10⁴');
      demand(within(f.shift, LARGEST.shift), `r_s = ${f.shift}`, 'a length in Å');
      const seen = f.cutoff >= SMALLEST_CUTOFF && f.cutoff <= cutoff;
      demand(seen, `r_c = ${f.cutoff} Å`, `from ${SMALLEST_CUTOFF} Å to the cutoff, ${cutoff} Å`);
      const partners = f.kind === 'radial' ? [f.neighbour] : (f.neighbours ?? [null]);
      const known = partners.every((s) => s === null || (counts(s + 1) && s < species));
      demand(known, `a neighbour species ${partners.join(', ')}`, `indices below ${species}`);
      if (f.kind === 'radial') continue;
      demand(Number.isFinite(f.zeta) && f.zeta >= 1, `ζ = ${f.zeta}`, 'ζ ≥ 1');
      const ascending = f.neighbours === null || f.neighbours[0] <= f.neighbours[1];
      demand(ascending, `neighbour species ${partners.join(', ')}`, 'in ascending order: each pair has one name');
    }
  }
}
