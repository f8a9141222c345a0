/** How fast what is felt from outside a sphere decays with its radius. Formulas: docs/theory/locality.md. */

/** Standard deviation of a force component on the centre when everything outside a sphere is changed. */
export interface OutsideForce {
  /** Å. */
  readonly radius: number;
  /** σ_F, eV/Å, and its standard error. */
  readonly sigma: number;
  readonly uncertainty: number;
}

/** σ_F ∝ exp(−R/λ): matter that screens. */
export interface ExponentialDecay {
  /** λ and its standard error, Å. */
  readonly length: number;
  readonly uncertainty: number;
  /** Factor in front, eV/Å. */
  readonly amplitude: number;
}

/** σ_F ∝ R^−p: charges that nothing screens; p = 3/2 for ions that are displaced at random. */
export interface PowerDecay {
  readonly exponent: number;
  readonly uncertainty: number;
  /** σ_F at 1 Å, eV/Å. */
  readonly amplitude: number;
}

export interface Decay {
  readonly exponential: ExponentialDecay;
  readonly power: PowerDecay;
  readonly better: 'exponential' | 'power';
  /** Logarithm of the likelihood of the better law over that of the other one. */
  readonly evidence: number;
  /** Points that were fitted: where nothing at all is felt there is none. */
  readonly points: number;
}

const LEAST_POINTS = 4;

/**
 * Both laws fitted to ln σ_F by weighted least squares. Errors of the parameters allow for what the law leaves over (the
 * shells of a crystal are no continuum). Null with fewer than four radii from beyond which something is felt.
 */
export function fitDecay(curve: readonly OutsideForce[]): Decay | null {
  const felt = curve.filter(({ sigma }) => sigma > 0);
  if (felt.length < LEAST_POINTS) return null;
  const y = felt.map(({ sigma }) => Math.log(sigma));
  const weights = felt.map(({ sigma, uncertainty }) => (sigma / uncertainty) ** 2);
  const inR = fitLine(
    felt.map(({ radius }) => radius),
    y,
    weights,
  );
  const inLogR = fitLine(
    felt.map(({ radius }) => Math.log(radius)),
    y,
    weights,
  );
  // With as many parameters either way, likelihoods differ by the residuals alone.
  const evidence = (inLogR.squares - inR.squares) / 2;
  const length = -1 / inR.slope;
  return {
    exponential: { length, uncertainty: inR.uncertainty * length ** 2, amplitude: Math.exp(inR.offset) },
    power: { exponent: -inLogR.slope, uncertainty: inLogR.uncertainty, amplitude: Math.exp(inLogR.offset) },
    better: evidence > 0 ? 'exponential' : 'power',
    evidence: Math.abs(evidence),
    points: felt.length,
  };
}

interface Line {
  readonly offset: number;
  readonly slope: number;
  readonly uncertainty: number;
  /** Σ w (y − line)². */
  readonly squares: number;
}

function fitLine(x: readonly number[], y: readonly number[], weights: readonly number[]): Line {
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = (values: readonly number[]): number => values.reduce((sum, v, k) => sum + weights[k] * v, 0) / total;
  const [x0, y0] = [mean(x), mean(y)];
  const spread = x.reduce((sum, v, k) => sum + weights[k] * (v - x0) ** 2, 0);
  const slope = x.reduce((sum, v, k) => sum + weights[k] * (v - x0) * (y[k] - y0), 0) / spread;
  const squares = x.reduce((sum, v, k) => sum + weights[k] * (y[k] - y0 - slope * (v - x0)) ** 2, 0);
  const excess = Math.max(1, squares / (x.length - 2));
  return { offset: y0 - slope * x0, slope, uncertainty: Math.sqrt(excess / spread), squares };
}
