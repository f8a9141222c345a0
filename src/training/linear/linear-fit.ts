/** Least squares by normal equations that are summed up block by block: memory is a block and one P × P matrix. */
import type { Labels } from '../../data/dataset.ts';
import { NearsightError } from '../../errors.ts';
import { addGramOfFour, choleskyFactor, choleskySolve, solveLower } from '../../linear-algebra.ts';
import { cellVolume } from '../../structure/cell.ts';
import type { Structure } from '../../structure/structure.ts';
import type { LinearEngine, LinearRows } from './linear-model.ts';

/** XᵀWX (lower triangle) and XᵀWy of some rows; sums, so that blocks can be added and taken away. */
export interface NormalEquations {
  readonly parameters: number;
  readonly matrix: Float64Array;
  readonly vector: Float64Array;
  /** Σ w y². */
  squares: number;
  /** Rows with weight; what was taken away is not counted. */
  rows: number;
}

export function emptyEquations(parameters: number): NormalEquations {
  return {
    parameters,
    matrix: new Float64Array(parameters * parameters),
    vector: new Float64Array(parameters),
    squares: 0,
    rows: 0,
  };
}

/** One label, or several of equal kind, with the rows that belong to them. */
export interface Block {
  /** [rows][P]. */
  readonly rows: Float64Array | Float32Array;
  readonly targets: Float64Array;
  /** Weight w of each row's squared residual, or one for all. */
  readonly weight: number | Float64Array;
}

/** Adds the rows of a block, or takes them away with `sign` −1. */
export function addBlock(equations: NormalEquations, block: Block, sign: 1 | -1 = 1): void {
  const { parameters: P, matrix, vector } = equations;
  const { rows, targets, weight } = block;
  const m = targets.length;
  const four = new Float64Array(4 * P);
  for (let from = 0; from < m; from += 4) {
    const count = Math.min(4, m - from);
    four.fill(0);
    for (let r = 0; r < count; r++) {
      const w = typeof weight === 'number' ? weight : weight[from + r];
      if (w === 0) continue;
      const root = Math.sqrt(w);
      const y = root * targets[from + r];
      const at = (from + r) * P;
      for (let a = 0; a < P; a++) {
        const value = root * rows[at + a];
        four[r * P + a] = value;
        vector[a] += sign * value * y;
      }
      equations.squares += sign * y * y;
      equations.rows += sign;
    }
    addGramOfFour(matrix, P, four, sign);
  }
}

/** A solved least-squares problem. */
export interface LinearFit {
  readonly coefficients: Float64Array;
  /** Lower triangle L of XᵀWX + Λ = L Lᵀ, [P × P]; leverages are squared lengths of √w · L⁻¹x. */
  readonly factor: Float64Array;
  /** Effective number of coefficients p, the sum of all leverages: what the ridge suppresses does not count. */
  readonly effective: number;
  /** Σ w (y − x·coefficients)². */
  readonly squares: number;
}

/** Of each diagonal element, unless told otherwise: what no data determine stays near zero. */
export const RIDGE = 1e-8;

/**
 * Minimum of Σ w (y − x·c)² + Σ_a Λ_a c_a². The ridge Λ is the same share of each column's Σ w x², so that the scale of a
 * column does not matter.
 * @throws NearsightError `no-rows` where there is nothing to fit, `not-a-number` where a row is not finite
 */
export function solveEquations(equations: NormalEquations, ridge: number = RIDGE): LinearFit {
  const { parameters: P, matrix, vector, squares, rows } = equations;
  if (rows === 0) {
    throw new NearsightError('no-rows', 'there is no label to fit a model to', {
      hint: 'give frames that have energies or forces',
    });
  }
  const sum = matrix.slice();
  let largest = 0;
  for (let a = 0; a < P; a++) largest = Math.max(largest, matrix[a * P + a]);
  // NaN and infinity anywhere show in a sum; no ridge would ever help.
  if (!Number.isFinite(matrix.reduce((total, value) => total + value * 0, 0) + vector.reduce((t, v) => t + v * 0, 0))) {
    throw new NearsightError('not-a-number', 'a row of the least-squares problem holds no finite number', {
      hint: 'two atoms (nearly) coincide, or a label is beyond all measure: nearsight data inspect finds it',
    });
  }
  for (let share = ridge; ; share *= 10) {
    // A column without rows (a species that is nowhere alone, say) gets a ridge of the others' size; where there are
    // none but such columns (atoms that see nobody), all coefficients are zero.
    for (let a = 0; a < P; a++) sum[a * P + a] = matrix[a * P + a] * (1 + share) + 1e-14 * (largest || 1);
    const factor = choleskyFactor(sum, P);
    if (factor === null) continue;
    const coefficients = choleskySolve(factor, P, vector);
    let explained = 0;
    for (let a = 0; a < P; a++) {
      let product = 0;
      for (let b = 0; b < P; b++) product += matrix[Math.max(a, b) * P + Math.min(a, b)] * coefficients[b];
      explained += coefficients[a] * (2 * vector[a] - product);
    }
    const effective = P - suppressed(factor, sum, matrix);
    return { coefficients, factor, effective, squares: Math.max(0, squares - explained) };
  }
}

/** Trace of (XᵀWX + Λ)⁻¹ Λ. */
function suppressed(factor: Float64Array, sum: Float64Array, matrix: Float64Array): number {
  const P = Math.sqrt(factor.length);
  let trace = 0;
  for (let a = 0; a < P; a++) {
    const unit = new Float64Array(P);
    unit[a] = 1;
    solveLower(factor, P, unit);
    trace += (sum[a * P + a] - matrix[a * P + a]) * unit.reduce((total, value) => total + value * value, 0);
  }
  return trace;
}

/** Rows times coefficients. */
export function applyRows(rows: Float64Array | Float32Array, coefficients: Float64Array): Float64Array {
  const P = coefficients.length;
  const out = new Float64Array(rows.length / P);
  for (let r = 0; r < out.length; r++) {
    let sum = 0;
    for (let a = 0; a < P; a++) sum += rows[r * P + a] * coefficients[a];
    out[r] = sum;
  }
  return out;
}

/** What a linear model says of a structure. */
export interface LinearPrediction {
  /** eV. */
  readonly energy: number;
  /** eV/Å, [3N]. */
  readonly forces: Float64Array;
  /** ∂E/∂ε, eV, [9]. */
  readonly strainGradient: Float64Array;
}

export function predictLinear(rows: LinearRows, coefficients: Float64Array): LinearPrediction {
  return {
    energy: applyRows(rows.energy, coefficients)[0],
    forces: applyRows(rows.forces, coefficients),
    strainGradient: applyRows(rows.strain, coefficients),
  };
}

/** Weights of squared residuals: of the energy per atom (1/eV²), a force component (Å²/eV²), a stress component (Å⁶/eV²). */
export interface LinearWeights {
  readonly energy: number;
  readonly forces: number;
  readonly stress: number;
}

/** Forces whose misfit matters less than this, eV/Å, are hardly ever asked for. */
const LEAST_FORCE = 0.02;

/**
 * Weights under which a misfit of forces by a tenth of their usual size counts one, and so does one of the energy per
 * atom by what such a force does over 0.03 Å (3 meV/atom for forces of 1 eV/Å). Stresses have no weight.
 * The usual size is the upper quartile of the frames' root mean squares: a few wrong frames leave it where it is.
 */
export function usualWeights(frames: readonly { readonly labels: Labels }[]): LinearWeights {
  const sizes = frames.flatMap(({ labels: { forces } }) =>
    forces === undefined ? [] : [Math.sqrt(forces.reduce((sum, f) => sum + f * f, 0) / forces.length)],
  );
  const usual = sizes.length === 0 ? 1 : sizes.sort((p, q) => p - q)[Math.floor(0.75 * (sizes.length - 1))];
  const force = Math.max(LEAST_FORCE, 0.1 * usual);
  return { energy: 1 / (0.03 * force) ** 2, forces: 1 / force ** 2, stress: 0 };
}

/** The rows of one frame as blocks: energy, forces, stress; labels that are absent or without weight are left out. */
export function blocksOf(
  { structure, labels }: { readonly structure: Structure; readonly labels: Labels },
  rows: LinearRows,
  weights: LinearWeights,
): Block[] {
  const blocks: Block[] = [];
  const { energy, forces, stress } = labels;
  if (energy !== undefined && weights.energy > 0) {
    const weight = weights.energy / structure.numbers.length ** 2;
    blocks.push({ rows: rows.energy, targets: Float64Array.of(energy), weight });
  }
  if (forces !== undefined && weights.forces > 0) {
    blocks.push({ rows: rows.forces, targets: forces, weight: weights.forces });
  }
  if (stress !== undefined && weights.stress > 0) {
    const volume = cellVolume(structure.cell);
    blocks.push({ rows: rows.strain, targets: stress.map((s) => s * volume), weight: weights.stress / volume ** 2 });
  }
  return blocks;
}

/**
 * Fits a linear model to labelled frames, one frame at a time.
 * @throws NearsightError `no-rows`, and what `LinearEngine.rows` throws
 */
export function fitLinear(
  engine: LinearEngine,
  frames: Iterable<{ readonly structure: Structure; readonly labels: Labels }>,
  weights: LinearWeights,
  ridge: number = RIDGE,
): LinearFit {
  const equations = emptyEquations(engine.model.parameters);
  for (const frame of frames) {
    for (const block of blocksOf(frame, engine.rows(frame.structure), weights)) addBlock(equations, block);
  }
  return solveEquations(equations, ridge);
}
