/**
 * The shape of errors in units of their standard deviation: a normal distribution, or Student's t scaled to variance 1,
 * whose tails are heavier the fewer its degrees of freedom ν > 2 are. ν = ∞ is the normal distribution.
 */

/** Beyond this many degrees of freedom, t is the normal distribution to five digits. */
const NORMAL = 1e5;

/** log p(z) of unit variance. */
export function logDensity(z: number, nu: number): number {
  if (nu > NORMAL) return -0.5 * z * z - 0.5 * Math.log(2 * Math.PI);
  return logNorm(nu) - 0.5 * (nu + 1) * Math.log1p((z * z) / (nu - 2));
}

/** log p(0) of unit variance. */
export function logNorm(nu: number): number {
  if (nu > NORMAL) return -0.5 * Math.log(2 * Math.PI);
  return logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(Math.PI * (nu - 2));
}

/** Probability of |Z| ≤ z for unit variance. */
export function probabilityWithin(z: number, nu: number): number {
  if (nu > NORMAL) return z > 0 ? errorFunction(z / Math.SQRT2) : 0;
  const t2 = (z * z * nu) / (nu - 2);
  return incompleteBeta(t2 / (nu + t2), 0.5, nu / 2);
}

/** z with P(|Z| ≤ z) = p, 0 ≤ p < 1. */
export function halfWidth(p: number, nu: number): number {
  if (p <= 0) return 0;
  let high = 1;
  while (probabilityWithin(high, nu) < p) high *= 2;
  let low = 0;
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (probabilityWithin(middle, nu) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Continuous ranked probability score of an error of z standard deviations, in standard deviations. Normal: Gneiting and
 * Raftery 2007, doi:10.1198/016214506000001437; t: Jordan, Krüger and Lerch 2019, doi:10.18637/jss.v090.i12.
 */
export function rankedScore(z: number, nu: number): number {
  const size = Math.abs(z);
  const within = probabilityWithin(size, nu);
  if (nu > NORMAL) return size * within + 2 * Math.exp(logDensity(z, nu)) - 1 / Math.sqrt(Math.PI);
  const toUnit = Math.sqrt((nu - 2) / nu);
  const t = size / toUnit;
  const density = toUnit * Math.exp(logDensity(z, nu));
  const beta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);
  const last = ((2 * Math.sqrt(nu)) / (nu - 1)) * Math.exp(beta(0.5, nu - 0.5) - 2 * beta(0.5, nu / 2));
  return toUnit * (t * within + (2 * density * (nu + t * t)) / (nu - 1) - last);
}

/** log Γ(x), x > 0, by Stirling's series after a shift; relative error under 1e−13. */
export function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 10; y++) shift -= Math.log(y);
  const s = 1 / (y * y);
  const series = (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / y;
  return shift + (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series;
}

/** I_x(a, b), by its continued fraction (modified Lentz). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const guarded = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-14) break;
  }
  return front * h;
}

/** erf(y), y ≥ 0: its series, or the continued fraction of 1 − erf where that converges faster. */
function errorFunction(y: number): number {
  const envelope = Math.exp(-y * y) / Math.sqrt(Math.PI);
  if (y > 2.5) {
    let fraction = 0;
    for (let n = 60; n >= 1; n--) fraction = n / 2 / (y + fraction);
    return 1 - envelope / (y + fraction);
  }
  let term = 2 * y;
  let sum = term;
  for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
    term *= (2 * y * y) / (2 * n + 1);
    sum += term;
  }
  return sum * envelope;
}
