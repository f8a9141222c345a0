import { describe, expect, test } from 'vitest';
import { coefficientsOf, solveMixed } from '../../src/training/fidelity/mixed-model.ts';
import { drawLevels } from '../../src/training/fidelity/testing.ts';
import { estimateVariances } from '../../src/training/fidelity/variances.ts';
import { findPython, runPython } from '../helpers/python.ts';

const python = findPython(['numpy']);
if (python === undefined) {
  console.warn('SKIPPED: no python3 with numpy found; the restricted likelihood was not compared with dense matrices');
}

/**
 * The textbook's formulas with the covariance matrix V of all labels, n × n: nothing of mixed-model equations.
 * −2 log L = (n − r) log 2π + log|V| + log|AᵀV⁻¹A| − log|AᵀA| + yᵀPy.
 */
const DENSE = `
import json, sys
import numpy as np
case = json.load(sys.stdin)
F, S, L = case['features'], case['species'], case['levels']
D = np.array(case['damping']) ** 2
X, A, y, level, noise = [], [], [], [], []
for kind in case['kinds']:
    rows = np.reshape(kind['rows'], (-1, F + S))
    for row, label in zip(rows, kind['labels']):
        X.append(row[:F]); y.append(label); level.append(kind['level']); noise.append(kind['component'])
        constants = np.zeros(L * S); constants[kind['level'] * S:(kind['level'] + 1) * S] = row[F:]; A.append(constants)
X, A, y, level, noise = map(np.array, (X, A, y, level, noise))
# Compositions in a fixed ratio: columns of A that span its range.
u, s, vt = np.linalg.svd(A, full_matrices=False)
A = A @ vt[s > 1e-9 * s.max()].T
results = []
for v in case['variances']:
    K = (X * D) @ X.T
    V = v[0] * K + np.diag(np.array(v)[noise])
    for f in range(1, L):
        mine = (level == f).astype(float)
        V += v[f] * K * np.outer(mine, mine)
    Vi = np.linalg.inv(V)
    AVA = A.T @ Vi @ A
    P = Vi - Vi @ A @ np.linalg.inv(AVA) @ A.T @ Vi
    logdet = lambda m: np.linalg.slogdet(m)[1]
    deviance = (len(y) - A.shape[1]) * np.log(2 * np.pi) + logdet(V) + logdet(AVA) - logdet(A.T @ A) + y @ P @ y
    w = v[0] * D * (X.T @ P @ y)
    cov = v[0] * np.diag(D) - v[0] ** 2 * (D[:, None] * (X.T @ P @ X) * D)
    results.append({'deviance': deviance, 'w': w.tolist(), 'sd': np.sqrt(np.diag(cov)).tolist()})
print(json.dumps(results))
`;

interface Dense {
  readonly deviance: number;
  readonly w: readonly number[];
  readonly sd: readonly number[];
}

describe.skipIf(python === undefined)('against dense matrices in numpy', () => {
  for (const fixedRatio of [false, true]) {
    test(`restricted likelihood, coefficients and their errors${fixedRatio ? ', one composition' : ''}`, () => {
      const damping = Float64Array.of(1, 0.5, 2, 0.1);
      const { model, kinds } = drawLevels({
        ...{ seed: 21, features: 4, species: 2, damping, fixedRatio, spreads: [2, 0.5, 1] },
        energies: [
          [5, 0.1],
          [9, 0.3],
          [7, 0.2],
        ],
        forces: [
          [8, 0.4],
          [20, 0.8],
          [0, 1],
        ],
      });
      // Noise in the order of the components: after the three τ², energies and forces of each level.
      const component = (level: number, kind: string): number => 3 + 2 * level + (kind === 'forces' ? 1 : 0);
      const best = estimateVariances(model, { noiseSpread: Number.POSITIVE_INFINITY });
      const optimum = Array.from(best.variances, (v) => Math.max(v, 1e-3));
      const variances = [
        [4, 0.25, 1, 0.01, 0.16, 0.09, 0.64, 0.04],
        [1, 2, 0, 1, 0.1, 0.3, 0.2, 0.5],
        // The optimum, and what is around it; noise at its bound would leave the dense matrix singular.
        optimum,
        ...optimum.flatMap((_, k) => [0.7, 1.4].map((factor) => optimum.map((v, m) => (m === k ? v * factor : v)))),
      ];
      const dense = runPython(python ?? '', DENSE, {
        ...{ features: 4, species: 2, levels: 3, damping: [...damping], variances },
        kinds: kinds.map(({ level, kind, rows, labels }) => ({
          ...{ level, component: component(level, kind), rows: [...rows], labels: [...labels] },
        })),
      }) as Dense[];
      let higher = 0;
      for (const [k, given] of variances.entries()) {
        const solved = solveMixed(model, Float64Array.from(given));
        if (solved === null) throw new Error('singular');
        expect(solved.deviance).toBeCloseTo(dense[k].deviance, 5);
        const { values, covariance } = coefficientsOf(solved, { level: 0 });
        for (let a = 0; a < 4; a++) {
          expect(values[a]).toBeCloseTo(dense[k].w[a], 6);
          expect(Math.sqrt(covariance[a * 7])).toBeCloseTo(dense[k].sd[a], 6);
        }
        const moved = Math.floor((k - 3) / 2);
        if (k > 2 && best.variances[moved] > 1e-3) {
          higher++;
          expect(dense[k].deviance).toBeGreaterThan(dense[2].deviance);
        }
      }
      expect(higher).toBeGreaterThanOrEqual(8);
    });
  }
});
