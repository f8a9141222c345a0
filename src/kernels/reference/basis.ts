import type { ModelShape } from '../kernels.ts';

/**
 * What the model sees of one edge: radial functions of its length, spherical harmonics of its direction.
 */

/**
 * Quintic switching function S(r) = 1 − 10u³ + 15u⁴ − 6u⁵, u = (r − onset)/(cutoff − onset): 1 up to the onset, 0 from
 * the cutoff on, with two continuous derivatives at both.
 * @returns [S, dS/dr in 1/Å]
 */
export function switching(r: number, onset: number, cutoff: number): [number, number] {
  if (r <= onset) return [1, 0];
  if (r >= cutoff) return [0, 0];
  const width = cutoff - onset;
  const u = (r - onset) / width;
  return [1 - u * u * u * (10 - u * (15 - 6 * u)), (-30 * u * u * (1 - u) * (1 - u)) / width];
}

/**
 * Radial functions B_b(r) = T_b(2r/r_c − 1)·S(r), b = 0 … radial−1, and their slopes dB_b/dr, 1/Å. Written to
 * `values` and `slopes`. Chebyshev polynomials by T_{b+1} = 2x T_b − T_{b−1}.
 */
export function radialBasis(shape: ModelShape, r: number, values: Float64Array, slopes: Float64Array): void {
  const { radial, onset, cutoff } = shape;
  const [S, dS] = switching(r, onset, cutoff);
  const x = (2 * r) / cutoff - 1;
  const dx = 2 / cutoff;
  let [T, previous] = [1, x]; // T_0, and T_{−1} = T_1
  let [dT, previousSlope] = [0, 1]; // by x
  for (let b = 0; b < radial; b++) {
    values[b] = T * S;
    slopes[b] = dT * dx * S + T * dS;
    const next = 2 * x * T - previous;
    const nextSlope = 2 * T + 2 * x * dT - previousSlope;
    [previous, T] = [T, next];
    [previousSlope, dT] = [dT, nextSlope];
  }
}

const R3 = Math.sqrt(3);
const R15 = Math.sqrt(15);
const R58 = Math.sqrt(5 / 8);
const R38 = Math.sqrt(3 / 8);

/**
 * Real spherical harmonics Y_lm of the unit vector (x, y, z), Racah-normalised (Σ_m Y_lm² = 1), index l² + l + m, without
 * Condon–Shortley sign. Written to `values`; (lmax+1)² numbers.
 */
export function sphericalHarmonics(lmax: number, n: ArrayLike<number>, values: Float64Array): void {
  const x = n[0];
  const y = n[1];
  const z = n[2];
  values[0] = 1;
  values[1] = y;
  values[2] = z;
  values[3] = x;
  values[4] = R3 * x * y;
  values[5] = R3 * y * z;
  values[6] = (3 * z * z - 1) / 2;
  values[7] = R3 * x * z;
  values[8] = (R3 / 2) * (x * x - y * y);
  if (lmax < 3) return;
  values[9] = R58 * y * (3 * x * x - y * y);
  values[10] = R15 * x * y * z;
  values[11] = R38 * y * (5 * z * z - 1);
  values[12] = (z * (5 * z * z - 3)) / 2;
  values[13] = R38 * x * (5 * z * z - 1);
  values[14] = (R15 / 2) * z * (x * x - y * y);
  values[15] = R58 * x * (x * x - 3 * y * y);
}

/**
 * Gradients of Y_lm(r/|r|) by the edge vector r = |r|·n, 1/Å: [(lmax+1)²][3], written to `gradients`.
 *
 * The polynomials above agree with Y_lm on the unit sphere only. Of their gradient ∇P the part along n means
 * nothing: ∇Y = (∇P − n (n·∇P))/|r|.
 */
export function harmonicGradients(lmax: number, n: ArrayLike<number>, r: number, gradients: Float64Array): void {
  const x = n[0];
  const y = n[1];
  const z = n[2];
  write(gradients, 0, 0, 0, 0);
  write(gradients, 3, 0, 1, 0);
  write(gradients, 6, 0, 0, 1);
  write(gradients, 9, 1, 0, 0);
  write(gradients, 12, R3 * y, R3 * x, 0);
  write(gradients, 15, 0, R3 * z, R3 * y);
  write(gradients, 18, 0, 0, 3 * z);
  write(gradients, 21, R3 * z, 0, R3 * x);
  write(gradients, 24, R3 * x, -R3 * y, 0);
  if (lmax >= 3) {
    write(gradients, 27, R58 * 6 * x * y, R58 * 3 * (x * x - y * y), 0);
    write(gradients, 30, R15 * y * z, R15 * x * z, R15 * x * y);
    write(gradients, 33, 0, R38 * (5 * z * z - 1), R38 * 10 * y * z);
    write(gradients, 36, 0, 0, (15 * z * z - 3) / 2);
    write(gradients, 39, R38 * (5 * z * z - 1), 0, R38 * 10 * x * z);
    write(gradients, 42, R15 * x * z, -R15 * y * z, (R15 / 2) * (x * x - y * y));
    write(gradients, 45, R58 * 3 * (x * x - y * y), -R58 * 6 * x * y, 0);
  }
  for (let g = 0; g < 3 * (lmax + 1) ** 2; g += 3) {
    const along = gradients[g] * x + gradients[g + 1] * y + gradients[g + 2] * z;
    gradients[g] = (gradients[g] - along * x) / r;
    gradients[g + 1] = (gradients[g + 1] - along * y) / r;
    gradients[g + 2] = (gradients[g + 2] - along * z) / r;
  }
}

function write(vectors: Float64Array, at: number, x: number, y: number, z: number): void {
  vectors[at] = x;
  vectors[at + 1] = y;
  vectors[at + 2] = z;
}
