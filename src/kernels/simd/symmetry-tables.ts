/**
 * Functions of a shape, sorted into what the fast kernel computes together: radial factors shared by all functions of
 * a centre, and passes over triplets, each a table of Gaussians by powers of 1 ± cos θ.
 */
import { NearsightError } from '../../errors.ts';
import type { AngularFunction, SymmetryFunction, SymmetryShape } from '../symmetry.ts';

/** weight · exp(−η (r − r_s)²) f(r), for all species of neighbours that need it. */
export interface RadialFactor {
  readonly eta: number;
  readonly shift: number;
  readonly cutoff: number;
  /** Weight for each species of neighbour; NaN where no function needs it. */
  readonly weights: Float64Array;
}

export interface RadialSum {
  readonly factor: number;
  /** −1: neighbours of any species. */
  readonly neighbour: number;
  readonly to: number;
}

/** One step to the powers of a pass: a product of two slots, or a slot to a power that is no whole number. */
export type PowerStep =
  | { readonly kind: 'product'; readonly result: number; readonly a: number; readonly b: number }
  | { readonly kind: 'power'; readonly result: number; readonly base: number; readonly exponent: number };

/** (1 + λ cos θ)^ζ: slots of its value, and of (1 + λ cos θ)^{ζ−1} among the backward steps. */
export interface AnglePower {
  readonly lambda: 1 | -1;
  readonly zeta: number;
  readonly value: number;
  readonly below: number;
}

/** All functions of one kind and one pair of neighbour species: Gaussians by powers. */
export interface TripletPass {
  readonly wide: boolean;
  /** −1, −1: all of them, weighted. */
  readonly pair: readonly [number, number];
  readonly cutoff: number;
  /** Numbers of radial factors. */
  readonly gaussians: readonly number[];
  /** Those with λ = 1 first. */
  readonly powers: readonly AnglePower[];
  /** To (1 + λ cos θ)^ζ; and to (1 + λ cos θ)^{ζ−1}, which is all that the way back needs. */
  readonly forwardSteps: readonly PowerStep[];
  readonly backwardSteps: readonly PowerStep[];
  readonly slots: number;
  /** Function of each Gaussian and power, [gaussians][powers]; −1: none. */
  readonly to: readonly (readonly number[])[];
}

export interface CentreTables {
  readonly factors: readonly RadialFactor[];
  readonly sums: readonly RadialSum[];
  readonly passes: readonly TripletPass[];
  /** Cutoffs of passes below that of the model, ascending, then that of the model. */
  readonly rings: readonly number[];
  /** For each species of neighbour, the functions that it has a say in. */
  readonly touched: readonly (readonly number[])[];
}

/** Radial factors of a centre, and Gaussians times powers of a pass: far more than any sensible choice has. */
const MOST = { factors: 4096, cells: 65536 };

/**
 * Tables of a centre with these functions.
 * @throws NearsightError `symmetry-table` where so many differ in everything that tables of them would fill the memory
 */
export function centreTables(shape: SymmetryShape, functions: readonly SymmetryFunction[]): CentreTables {
  const factors: RadialFactor[] = [];
  const sums: RadialSum[] = [];
  const passes = new Map<string, { functions: AngularFunction[]; to: number[] }>();
  for (const [to, f] of functions.entries()) {
    if (f.kind === 'radial') {
      const factor = factorOf(shape, factors, f, f.neighbour === null ? null : [f.neighbour]);
      sums.push({ factor, neighbour: f.neighbour ?? -1, to });
      continue;
    }
    const key = `${f.kind} ${f.neighbours?.join() ?? 'all'}`;
    const pass = passes.get(key) ?? { functions: [], to: [] };
    pass.functions.push(f);
    pass.to.push(to);
    passes.set(key, pass);
  }
  const tables = Array.from(passes.values(), (pass) => passOf(shape, factors, pass));
  const inner = [...new Set(tables.map(({ cutoff }) => cutoff))].filter((rc) => rc < shape.cutoff);
  const rings = [...inner.sort((a, b) => a - b), shape.cutoff];
  const touched = Array.from({ length: shape.species }, (_, s) =>
    functions.flatMap((f, n) => (touches(f, s) ? [n] : [])),
  );
  return { factors, sums, passes: tables, rings, touched };
}

function touches(f: SymmetryFunction, species: number): boolean {
  const partners = f.kind === 'radial' ? (f.neighbour === null ? null : [f.neighbour]) : f.neighbours;
  return partners === null || partners.includes(species);
}

/** Number of a radial factor; a new one where it is not there yet. */
function factorOf(
  shape: SymmetryShape,
  factors: RadialFactor[],
  { eta, shift, cutoff }: SymmetryFunction,
  species: readonly number[] | null,
): number {
  const weightOf = (s: number): number => (species === null ? shape.elementWeights[s] : 1);
  const wanted = species ?? shape.elementWeights.map((_, s) => s);
  let at = factors.findIndex(
    (f) =>
      f.eta === eta &&
      f.shift === shift &&
      f.cutoff === cutoff &&
      wanted.every((s) => Number.isNaN(f.weights[s]) || f.weights[s] === weightOf(s)),
  );
  if (at < 0) {
    demandRoom(factors.length, MOST.factors);
    factors.push({ eta, shift, cutoff, weights: new Float64Array(shape.species).fill(Number.NaN) });
    at = factors.length - 1;
  }
  for (const s of wanted) factors[at].weights[s] = weightOf(s);
  return at;
}

function demandRoom(count: number, most: number): void {
  if (count < most) return;
  throw new NearsightError('symmetry-table', 'the fast kernel has no room for so many different symmetry functions', {
    hint: 'let them share widths, shifts and powers, or use the reference kernel, which takes any',
  });
}

function passOf(
  shape: SymmetryShape,
  factors: RadialFactor[],
  { functions, to }: { readonly functions: readonly AngularFunction[]; readonly to: readonly number[] },
): TripletPass {
  const { kind, neighbours } = functions[0];
  const gaussians: number[] = [];
  const powers: { lambda: 1 | -1; zeta: number }[] = [];
  const cells: number[][] = [];
  for (const [n, f] of functions.entries()) {
    const factor = factorOf(shape, factors, f, neighbours);
    let row = gaussians.indexOf(factor);
    if (row < 0) {
      row = gaussians.push(factor) - 1;
      cells.push([]);
    }
    // The same function twice takes a column of its own.
    let column = powers.findIndex((p, q) => p.lambda === f.lambda && p.zeta === f.zeta && (cells[row][q] ?? -1) < 0);
    if (column < 0) column = powers.push({ lambda: f.lambda, zeta: f.zeta }) - 1;
    cells[row][column] = to[n];
    demandRoom(gaussians.length * powers.length, MOST.cells + 1);
  }
  const order = [...powers.keys()].sort((p, q) => powers[q].lambda - powers[p].lambda || p - q);
  const sorted = order.map((q) => powers[q]);
  const forward = powerSteps(sorted.map(({ lambda, zeta }) => [lambda, zeta]));
  const backward = powerSteps(sorted.map(({ lambda, zeta }) => [lambda, zeta - 1]));
  return {
    wide: kind === 'wide',
    pair: neighbours ?? [-1, -1],
    cutoff: functions.reduce((most, f) => Math.max(most, f.cutoff), 0),
    gaussians,
    powers: sorted.map((power, q) => ({ ...power, value: forward.slots[q], below: backward.slots[q] })),
    forwardSteps: forward.steps,
    backwardSteps: backward.steps,
    slots: 3 + Math.max(forward.steps.length, backward.steps.length),
    to: cells.map((row) => order.map((q) => row[q] ?? -1)),
  };
}

/** The largest whole ζ that products reach; beyond, a power could leave single precision. */
const LARGEST_WHOLE = 100;

/** Steps from slots 0 (which is 1), 1 and 2 (1 ± cos θ) to the powers wanted, and the slot of each. */
function powerSteps(wanted: readonly (readonly [lambda: 1 | -1, exponent: number])[]): {
  steps: PowerStep[];
  slots: number[];
} {
  const steps: PowerStep[] = [];
  const known = new Map([1, -1].map((lambda) => [lambda, new Map<number, number>()]));
  for (const [lambda, slots] of known) {
    slots.set(0, 0);
    slots.set(1, lambda === 1 ? 1 : 2);
    const exponents = wanted.flatMap(([l, e]) => (l === lambda ? [e] : []));
    const whole = exponents.filter((e) => Number.isInteger(e) && e <= LARGEST_WHOLE).sort((a, b) => a - b);
    for (const e of whole) makeWhole(e, slots, steps);
    for (const exponent of exponents) {
      if (slots.has(exponent)) continue;
      const result = 3 + steps.length;
      const [base, below] = [slots.get(1)!, slots.get(exponent - 1)];
      if (below === undefined) steps.push({ kind: 'power', result, base, exponent });
      else steps.push({ kind: 'product', result, a: base, b: below });
      slots.set(exponent, result);
    }
  }
  return { steps, slots: wanted.map(([lambda, e]) => known.get(lambda)!.get(e)!) };
}

/** A power from two known ones where two have it as their sum, else through half of it or the largest one below. */
function makeWhole(e: number, slots: Map<number, number>, steps: PowerStep[]): void {
  if (slots.has(e)) return;
  const pair = [...slots.keys()].find((a) => a >= 1 && slots.has(e - a));
  if (pair === undefined) {
    const below = [...slots.keys()].reduce((most, a) => (a < e && a > most ? a : most), 1);
    // 2·below ≤ e: double until it is near; else what is missing is made of what is known.
    makeWhole(2 * below <= e ? 2 * below : e - below, slots, steps);
    makeWhole(e, slots, steps);
    return;
  }
  const result = 3 + steps.length;
  steps.push({ kind: 'product', result, a: slots.get(pair)!, b: slots.get(e - pair)! });
  slots.set(e, result);
}
