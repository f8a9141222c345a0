/**
 * Real Gaunt coefficients C^{l1 l2 l3}: what couples three real spherical harmonics into an invariant.
 * Computed by a quadrature that is exact for the degrees that occur (Gauss–Legendre in z, equidistant in φ).
 */

/** One term of Σ C A_l1m1 A_l2m2 A_l3m3; m counts from 0 to 2l. */
export interface CouplingTerm {
  readonly m: readonly [number, number, number];
  readonly coefficient: number;
}

/** Real spherical harmonics of degree ≤ 3, Racah-normalised, in the order of the contract (kernels.ts). */
function harmonics(x: number, y: number, z: number): number[][] {
  const s = Math.sqrt;
  return [
    [1],
    [y, z, x],
    [s(3) * x * y, s(3) * y * z, (3 * z * z - 1) / 2, s(3) * x * z, (s(3) / 2) * (x * x - y * y)],
    [
      s(5 / 8) * y * (3 * x * x - y * y),
      s(15) * x * y * z,
      s(3 / 8) * y * (5 * z * z - 1),
      (z * (5 * z * z - 3)) / 2,
      s(3 / 8) * x * (5 * z * z - 1),
      (s(15) / 2) * z * (x * x - y * y),
      s(5 / 8) * x * (x * x - 3 * y * y),
    ],
  ];
}

/** Nodes and weights of Gauss–Legendre quadrature on [−1, 1]. */
function gaussLegendre(n: number): { node: number; weight: number }[] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    for (let iteration = 0; iteration < 50; iteration++) {
      let p0 = 1;
      let p1 = x;
      for (let k = 2; k <= n; k++) {
        const p2 = ((2 * k - 1) * x * p1 - (k - 1) * p0) / k;
        p0 = p1;
        p1 = p2;
      }
      slope = (n * (x * p1 - p0)) / (x * x - 1);
      x -= p1 / slope;
    }
    return { node: x, weight: 2 / ((1 - x * x) * slope * slope) };
  });
}

const POINTS = gaussLegendre(8).flatMap(({ node, weight }) =>
  Array.from({ length: 24 }, (_, k) => {
    const phi = (2 * Math.PI * (k + 0.37)) / 24;
    const rho = Math.sqrt(1 - node * node);
    return { values: harmonics(rho * Math.cos(phi), rho * Math.sin(phi), node), weight: weight / 48 };
  }),
);

/** C^{l1 l2 l3} = ∫ Y Y Y dΩ over its Frobenius norm; terms that vanish are left out. */
export function coupling(l1: number, l2: number, l3: number): CouplingTerm[] {
  const terms: CouplingTerm[] = [];
  let norm = 0;
  for (let a = 0; a <= 2 * l1; a++) {
    for (let b = 0; b <= 2 * l2; b++) {
      for (let c = 0; c <= 2 * l3; c++) {
        const integral = POINTS.reduce(
          (sum, { values, weight }) => sum + weight * values[l1][a] * values[l2][b] * values[l3][c],
          0,
        );
        if (Math.abs(integral) < 1e-12) continue;
        norm += integral * integral;
        terms.push({ m: [a, b, c], coefficient: integral });
      }
    }
  }
  return terms.map(({ m, coefficient }) => ({ m, coefficient: coefficient / Math.sqrt(norm) }));
}
