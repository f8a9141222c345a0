import type { Frame } from '../../data/dataset.ts';

/** Energies per atom, taken apart into what the composition explains and the rest. */
export interface CompositionFit {
  /** Rest for each frame that was given, eV/atom; NaN where the frame has no energy. */
  readonly residuals: Float64Array;
  /** Median of the residuals and their robust standard deviation (1.4826 · median absolute deviation), eV/atom. */
  readonly centre: number;
  readonly spread: number;
}

/** Residuals beyond so many robust deviations are left out when the fit is repeated. */
const CLEAR = 10;

/**
 * Least-squares fit E/N = Σ_z x_z ε_z with the fractions x_z of the elements; repeated once without clear outliers,
 * which would pull it towards themselves. Null with fewer than ten labelled frames of more than one atom.
 */
export function fitComposition(frames: readonly Frame[]): CompositionFit | null {
  const used = frames.map(
    ({ structure, labels }) => structure.numbers.length > 1 && Number.isFinite(labels.energy ?? Number.NaN),
  );
  if (used.filter(Boolean).length < 10) return null;
  const elements = [...new Set(frames.flatMap(({ structure }) => [...new Set(structure.numbers)]))].sort(
    (a, b) => a - b,
  );
  const rows = frames.map((frame) => fractionsOf(frame, elements));
  const targets = frames.map(({ structure, labels }) => (labels.energy ?? Number.NaN) / structure.numbers.length);

  let residuals = residualsOf(rows, targets, solve(rows, targets, used));
  let { centre, spread } = robust(residuals.filter((_, k) => used[k]));
  const kept = used.map((use, k) => use && Math.abs(residuals[k] - centre) <= CLEAR * spread);
  if (spread > 0 && kept.some((keep, k) => keep !== used[k])) {
    residuals = residualsOf(rows, targets, solve(rows, targets, kept));
    ({ centre, spread } = robust(residuals.filter((_, k) => used[k])));
  }
  return { residuals, centre, spread };
}

function fractionsOf({ structure }: Frame, elements: readonly number[]): Float64Array {
  const fractions = new Float64Array(elements.length);
  for (const z of structure.numbers) fractions[elements.indexOf(z)] += 1 / structure.numbers.length;
  return fractions;
}

function residualsOf(rows: readonly Float64Array[], targets: readonly number[], x: Float64Array): Float64Array {
  return Float64Array.from(targets, (target, k) => target - rows[k].reduce((sum, value, c) => sum + value * x[c], 0));
}

/**
 * Normal equations, by Gaussian elimination. The tiny ridge picks one of many equal solutions where the composition
 * never changes (in water nobody can tell hydrogen from oxygen), and changes the residuals by less than 1e-9.
 */
function solve(rows: readonly Float64Array[], targets: readonly number[], used: readonly boolean[]): Float64Array {
  const n = rows[0].length;
  const matrix = Array.from({ length: n }, () => new Float64Array(n + 1));
  for (const [k, row] of rows.entries()) {
    if (!used[k]) continue;
    for (let a = 0; a < n; a++) {
      if (row[a] === 0) continue;
      for (let b = 0; b < n; b++) matrix[a][b] += row[a] * row[b];
      matrix[a][n] += row[a] * targets[k];
    }
  }
  const ridge = 1e-12 * matrix.reduce((sum, row, a) => sum + row[a], 0);
  for (let a = 0; a < n; a++) matrix[a][a] += ridge;
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const factor = matrix[b][a] / matrix[a][a];
      for (let c = a; c <= n; c++) matrix[b][c] -= factor * matrix[a][c];
    }
  }
  const x = new Float64Array(n);
  for (let a = n - 1; a >= 0; a--) {
    let rest = matrix[a][n];
    for (let c = a + 1; c < n; c++) rest -= matrix[a][c] * x[c];
    x[a] = rest / matrix[a][a];
  }
  return x;
}

function robust(values: Float64Array): { centre: number; spread: number } {
  const centre = medianOf(values);
  return { centre, spread: 1.4826 * medianOf(values.map((value) => Math.abs(value - centre))) };
}

/** NaN of nothing. */
function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
