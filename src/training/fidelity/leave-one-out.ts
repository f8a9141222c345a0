/** What a fit would have said of each frame of the target if its labels had not been there; without fitting again. */
import { choleskyFactor, choleskySolve } from '../../linear-algebra.ts';
import { applyRows } from '../linear/linear-fit.ts';
import type { LinearRows } from '../linear/linear-model.ts';
import { quadratic } from './dense.ts';
import { kindBlock, LABEL_KINDS, type LabelKind, type LabelledStructure } from './levels.ts';
import { type Coefficients, coefficientsOf, componentsOf, type Posterior } from './mixed-model.ts';

/** Residuals (label − fit) of one kind of labels of a frame: eV/atom, eV/Å, eV/Å³. */
export interface Residuals {
  readonly kind: LabelKind;
  /** Of the fit to all labels. */
  readonly trained: Float64Array;
  /** Of the fit to all labels but those that this frame has at the target's level. */
  readonly leftOut: Float64Array;
}

export interface LeftOut {
  /** Number of the frame. */
  readonly frame: number;
  /** Null where no other label has a say in the labels of the frame. */
  readonly residuals: readonly Residuals[] | null;
  /** Sum of the leverages: how many coefficients the frame decides. */
  readonly leverage: number;
  /** Change of the target's coefficients when the frame goes: κ without it = κ − K · pull, [P]. */
  readonly pull: Float64Array | null;
}

/** √weighted rows of a frame at the target's level, with residuals in units of their noise. */
interface Scaled {
  readonly kinds: readonly { readonly kind: LabelKind; readonly count: number; readonly deviation: number }[];
  /** [m][P]. */
  readonly rows: Float64Array;
  /** [m]. */
  readonly residuals: Float64Array;
}

/**
 * Leaves the labels of each target frame out, all of a frame at a time: u = (I − H)⁻¹ r with the frame's part H of the
 * hat matrix. Variances stay as they are.
 * @param frames of the target, energies without the `reference` of its level
 */
export function* leaveOneOut(
  posterior: Posterior,
  frames: readonly LabelledStructure[],
  rowsOf: (k: number) => LinearRows,
): Generator<LeftOut, void> {
  const target = coefficientsOf(posterior, { level: 0 });
  const noise = targetNoise(posterior);
  for (const [frame, labelled] of frames.entries()) {
    const scaled = scaledRows(labelled, rowsOf(frame), target, noise);
    yield { frame, ...leftOut(scaled, target) };
  }
}

/** σ² of each kind that the target has labels of. */
export function targetNoise({ model, variances }: Posterior): ReadonlyMap<LabelKind, number> {
  const noise = new Map<LabelKind, number>();
  for (const [k, component] of componentsOf(model).entries()) {
    if (component.of === 'noise' && component.level === 0) noise.set(component.kind, variances[k]);
  }
  return noise;
}

function scaledRows(
  frame: LabelledStructure,
  rows: LinearRows,
  { values }: Coefficients,
  noise: ReadonlyMap<LabelKind, number>,
): Scaled {
  const P = values.length;
  const kinds: { kind: LabelKind; count: number; deviation: number }[] = [];
  const all: number[] = [];
  const parts: Float64Array[] = [];
  for (const kind of LABEL_KINDS) {
    const block = kindBlock(frame, rows, kind);
    const variance = noise.get(kind);
    if (block === null || variance === undefined) continue;
    // Weights of a block are its own: 1/N² of an energy makes it one per atom.
    const root = Math.sqrt(Number(block.weight) / variance);
    const fitted = applyRows(block.rows, values);
    kinds.push({ kind, count: fitted.length, deviation: Math.sqrt(variance) });
    for (let r = 0; r < fitted.length; r++) all.push(root * (block.targets[r] - fitted[r]));
    parts.push(Float64Array.from(block.rows, (value) => root * value));
  }
  const scaled = new Float64Array(all.length * P);
  let at = 0;
  for (const part of parts) {
    scaled.set(part, at);
    at += part.length;
  }
  return { kinds, rows: scaled, residuals: Float64Array.from(all) };
}

function leftOut({ kinds, rows, residuals }: Scaled, { values, covariance: K }: Coefficients): Omit<LeftOut, 'frame'> {
  const P = values.length;
  const m = residuals.length;
  const spread = timesSymmetric(rows, K, P);
  const rest = new Float64Array(m * m);
  let leverage = 0;
  for (let a = 0; a < m; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let k = 0; k < P; k++) sum += rows[a * P + k] * spread[b * P + k];
      rest[a * m + b] = (a === b ? 1 : 0) - sum;
      if (a === b) leverage += sum;
    }
  }
  const factor = choleskyFactor(rest, m, 1e-10);
  if (factor === null) return { residuals: null, leverage, pull: null };
  const alone = choleskySolve(factor, m, residuals);
  const pull = new Float64Array(P);
  for (let r = 0; r < m; r++) for (let k = 0; k < P; k++) pull[k] += rows[r * P + k] * alone[r];
  let at = 0;
  const out = kinds.map(({ kind, count, deviation }) => {
    const [from, to] = [at, at + count];
    at = to;
    const unscaled = (all: Float64Array): Float64Array => all.slice(from, to).map((value) => deviation * value);
    return { kind, trained: unscaled(residuals), leftOut: unscaled(alone) };
  });
  return { residuals: out, leverage, pull };
}

/** Rows times a symmetric matrix, [m][P]. */
function timesSymmetric(rows: Float64Array, K: Float64Array, P: number): Float64Array {
  const m = rows.length / P;
  const out = new Float64Array(rows.length);
  for (let r = 0; r < m; r++) {
    for (let a = 0; a < P; a++) {
      let sum = 0;
      const row = a * P;
      for (let b = 0; b < P; b++) sum += K[row + b] * rows[r * P + b];
      out[r * P + a] = sum;
    }
  }
  return out;
}

/** Standard deviation of x · coefficients for each row. */
export function deviationsOf(rows: Float64Array | Float32Array, covariance: Float64Array): Float64Array {
  const P = Math.sqrt(covariance.length);
  return Float64Array.from({ length: rows.length / P }, (_, r) =>
    Math.sqrt(Math.max(0, quadratic(covariance, rows.subarray(r * P, (r + 1) * P)))),
  );
}
