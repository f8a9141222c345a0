/** The law of σ by maximum likelihood. */
import type { Residuals } from './metrics.ts';
import { logNorm } from './tails.ts';

/** σ² = noise² + floor² + (scale · u)²; errors in units of σ are Student's t of variance 1. */
export interface Scale {
  readonly floor: number;
  readonly scale: number;
  /** Degrees of freedom; null: normal. */
  readonly tails: number | null;
}

/** More samples than this are drawn from evenly. */
const ENOUGH = 6000;
/** Shares of the variance that the floor may have, at the typical u. */
const SMALLEST_SHARE = 1e-4;
const LEAST_TAILS = 2.2;
const MOST_TAILS = 200;

interface Sample {
  /** Errors, [n · components]. */
  readonly errors: Float64Array;
  readonly components: number;
  /** u² over its mean, [n], and noise². */
  readonly squares: Float64Array;
  readonly noise: Float64Array;
}

/**
 * The most likely floor, scale and tails. The spread of four heads is itself uncertain, which alone makes the errors
 * heavy-tailed in its units; a weak prior (log ν about log 8 within a factor of e) keeps few labels from saying too much.
 */
export function fitScale(residuals: Residuals): Scale {
  const sample = thinned(residuals);
  const meanSquare = residuals.raw.reduce((sum, u) => sum + u * u, 0) / residuals.raw.length;
  const variance = residuals.errors.reduce((sum, e) => sum + e * e, 0) / residuals.errors.length;
  const typical = Math.max(variance, Number.MIN_VALUE ** 0.5);
  const seen = meanSquare > 0;
  const cost = ([size, share, tails]: readonly number[]): number =>
    negativeLogPosterior(sample, lawAt(size, seen ? share : 99, tails, typical));
  const starts = [
    [0, 0, 2],
    [0, -4, 1],
  ];
  const found = starts.map((start) => minimise(cost, start)).sort((a, b) => a.value - b.value)[0];
  const law = lawAt(found.at[0], seen ? found.at[1] : 99, found.at[2], typical);
  return {
    floor: Math.sqrt(law.floor),
    scale: seen ? Math.sqrt(law.slope / meanSquare) : 0,
    tails: law.nu >= MOST_TAILS ? null : law.nu,
  };
}

/** Squares: v = floor + slope · u²/mean(u²) + noise². */
interface LawAt {
  readonly floor: number;
  readonly slope: number;
  readonly nu: number;
}

function lawAt(size: number, share: number, tails: number, typical: number): LawAt {
  const total = typical * Math.exp(size);
  const part = SMALLEST_SHARE + (1 - SMALLEST_SHARE) / (1 + Math.exp(-share));
  const nu = Math.min(MOST_TAILS, LEAST_TAILS + Math.exp(Math.min(tails, 20)));
  return { floor: part * total, slope: (1 - part) * total, nu };
}

function negativeLogPosterior({ errors, components, squares, noise }: Sample, { floor, slope, nu }: LawAt): number {
  let sum = -errors.length * logNorm(nu);
  for (let i = 0; i < squares.length; i++) {
    const v = floor + slope * squares[i] + noise[i];
    const inverse = 1 / (v * (nu - 2));
    sum += 0.5 * components * Math.log(v);
    for (let c = components * i; c < components * (i + 1); c++) {
      sum += 0.5 * (nu + 1) * Math.log1p(errors[c] * errors[c] * inverse);
    }
  }
  return sum + 0.5 * Math.log(nu / 8) ** 2;
}

function thinned({ errors, components, raw, noise }: Residuals): Sample {
  const n = Math.min(raw.length, ENOUGH);
  const chosen = Array.from({ length: n }, (_, k) => Math.floor((k * raw.length) / n));
  const mean = raw.reduce((sum, u) => sum + u * u, 0) / raw.length || 1;
  return {
    errors: Float64Array.from(chosen.flatMap((i) => Array.from(errors.subarray(components * i, components * (i + 1))))),
    components,
    squares: Float64Array.from(chosen, (i) => (raw[i] * raw[i]) / mean),
    noise: Float64Array.from(chosen, (i) => (noise?.[i] ?? 0) ** 2),
  };
}

interface Vertex {
  readonly at: readonly number[];
  readonly value: number;
}

/** The simplex search of Nelder and Mead (1965, doi:10.1093/comjnl/7.4.308), for a few parameters of order one. */
export function minimise(cost: (at: readonly number[]) => number, start: readonly number[], steps = 200): Vertex {
  const vertex = (at: readonly number[]): Vertex => ({ at, value: cost(at) });
  const simplex = [vertex(start), ...start.map((_, k) => vertex(start.map((x, j) => (j === k ? x + 1 : x))))];
  for (let step = 0; step < steps; step++) {
    simplex.sort((a, b) => a.value - b.value);
    const worst = simplex[simplex.length - 1];
    if (worst.value - simplex[0].value < 1e-7 * (1 + Math.abs(worst.value))) break;
    const rest = simplex.slice(0, -1);
    const centre = start.map((_, j) => rest.reduce((sum, { at }) => sum + at[j], 0) / rest.length);
    const along = (t: number): Vertex => vertex(centre.map((x, j) => x + t * (worst.at[j] - x)));
    const reflected = along(-1);
    let next = reflected;
    if (reflected.value < simplex[0].value) {
      const expanded = along(-2);
      if (expanded.value < reflected.value) next = expanded;
    } else if (reflected.value >= rest[rest.length - 1].value) {
      next = along(reflected.value < worst.value ? -0.5 : 0.5);
      if (next.value >= Math.min(worst.value, reflected.value)) {
        const [best] = simplex;
        simplex.splice(
          1,
          rest.length,
          ...simplex.slice(1).map(({ at }) => vertex(at.map((x, j) => (x + best.at[j]) / 2))),
        );
        continue;
      }
    }
    simplex[simplex.length - 1] = next;
  }
  return simplex.sort((a, b) => a.value - b.value)[0];
}
