import { sphericalHarmonics } from './basis.ts';

/**
 * How spherical harmonics multiply: real Gaunt coefficients, integrated numerically but exactly.
 * Up to sign these are the Wigner 3j symbols of the real harmonics (Σ over all m of their squares is 1).
 */

/** One term C^{l1 l2 l3}_{m1 m2 m3}; the indices are those of Y_lm, l² + l + m. */
export interface GauntTerm {
  readonly lm1: number;
  readonly lm2: number;
  readonly lm3: number;
  readonly coefficient: number;
}

/**
 * All terms of C^{l1 l2 l3} = ∫ Y_l1m1 Y_l2m2 Y_l3m3 dΩ, divided by its Frobenius norm over (m1, m2, m3), that are not
 * zero; lm1 slowest, lm3 fastest. Each l is at most 3.
 */
export function gauntTerms(l1: number, l2: number, l3: number): GauntTerm[] {
  const points = sphereQuadrature(l1 + l2 + l3);
  const integrals: GauntTerm[] = [];
  for (const lm1 of indices(l1)) {
    for (const lm2 of indices(l2)) {
      for (const lm3 of indices(l3)) {
        let sum = 0;
        for (const { weight, Y } of points) sum += weight * Y[lm1] * Y[lm2] * Y[lm3];
        integrals.push({ lm1, lm2, lm3, coefficient: sum });
      }
    }
  }
  const norm = Math.sqrt(integrals.reduce((sum, term) => sum + term.coefficient ** 2, 0));
  return integrals
    .filter((term) => Math.abs(term.coefficient) > 1e-12 * norm) // what remains of zero after rounding
    .map((term) => ({ ...term, coefficient: term.coefficient / norm }));
}

/** Indices l² … l² + 2l of the harmonics of degree l. */
function indices(l: number): number[] {
  return Array.from({ length: 2 * l + 1 }, (_, m) => l * l + m);
}

interface SpherePoint {
  readonly weight: number;
  /** All Y_lm up to l = 3 at this point. */
  readonly Y: Float64Array;
}

/**
 * Points and weights (Σ = 4π) that integrate polynomials of a degree over the sphere exactly: Gauss–Legendre in
 * z = cos θ, equal steps in φ.
 */
function sphereQuadrature(degree: number): SpherePoint[] {
  const steps = degree + 1; // e^{imφ} sums to zero for 0 < |m| ≤ degree
  const points: SpherePoint[] = [];
  for (const { z, weight } of gaussLegendre(Math.floor(degree / 2) + 1)) {
    const rho = Math.sqrt(1 - z * z);
    for (let t = 0; t < steps; t++) {
      const phi = (2 * Math.PI * t) / steps;
      const Y = new Float64Array(16);
      sphericalHarmonics(3, [rho * Math.cos(phi), rho * Math.sin(phi), z], Y);
      points.push({ weight: (weight * 2 * Math.PI) / steps, Y });
    }
  }
  return points;
}

/** Nodes and weights of n-point Gauss–Legendre quadrature on [−1, 1]; exact up to degree 2n − 1. */
export function gaussLegendre(n: number): { z: number; weight: number }[] {
  return Array.from({ length: n }, (_, i) => {
    let z = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    for (let iteration = 0; iteration < 10; iteration++) {
      let [P, previous] = [1, 0];
      for (let k = 1; k <= n; k++) [P, previous] = [((2 * k - 1) * z * P - (k - 1) * previous) / k, P];
      slope = (n * (z * P - previous)) / (z * z - 1);
      z -= P / slope; // Newton's step towards the root of the Legendre polynomial P_n
    }
    return { z, weight: 2 / ((1 - z * z) * slope * slope) };
  });
}
