/**
 * Do energies and stresses belong together? Between two similar structures of the same atoms, the work of stress and
 * forces along the way must be the difference of the energies.
 */

import type { Frame } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import { inverse3, multiply3, rowsTimes3 } from '../../structure/matrix3.ts';

/** What energies say of the stresses. */
export interface StressCheck {
  /**
   * `consistent`: σ = +(1/V) ∂E/∂ε; `opposite`: the sign is the other one; `scaled`: another factor, such as that of
   * a unit; `cannot-tell`: too few pairs of similar cells, or too much noise.
   */
  readonly verdict: 'consistent' | 'opposite' | 'scaled' | 'cannot-tell';
  /** Pairs of frames that were compared. */
  readonly pairs: number;
  /** Work that the energies show, over work that the stresses give, and its standard error; null without pairs. */
  readonly slope: number | null;
  readonly slopeError: number | null;
  /** Stress as labelled minus stress that the energies show, eV/Å³, isotropic; null where it cannot be told. */
  readonly offset: number | null;
  readonly offsetError: number | null;
}

interface WorkFit {
  readonly slope: number;
  readonly slopeError: number;
  readonly offset: number | null;
  readonly offsetError: number | null;
}

/** Work between two frames, eV. */
interface Pair {
  /** Difference of the energies less the work of the forces. */
  readonly energy: number;
  /** Work of the stresses. */
  readonly stress: number;
  /** Change of the volume, Å³. */
  readonly volume: number;
  /** What differences of these frames are to be measured by: their number of atoms. */
  readonly atoms: number;
}

/** Cells of a pair differ by a strain between these, and atoms move within the cell by less than MOST_SHIFT (rms, Å). */
const LEAST_STRAIN = 1e-3;
const MOST_STRAIN = 0.06;
const MOST_SHIFT = 0.06;
const FEWEST_PAIRS = 5;

/** Compares frames that follow each other in the file and hold the same atoms in slightly different cells. */
export function checkStress(frames: readonly Frame[]): StressCheck {
  const pairs: Pair[] = [];
  for (let k = 1; k < frames.length; k++) {
    const pair = pairOf(frames[k - 1], frames[k]);
    if (pair !== null) pairs.push(pair);
  }
  if (pairs.length < FEWEST_PAIRS) {
    return { verdict: 'cannot-tell', pairs: pairs.length, slope: null, slopeError: null, ...NO_OFFSET };
  }
  const fit = fitWork(pairs);
  const verdict = verdictOf(fit.slope, fit.slopeError);
  return { ...fit, verdict, pairs: pairs.length, ...(verdict === 'consistent' ? {} : NO_OFFSET) };
}

const NO_OFFSET = { offset: null, offsetError: null };

/** Nothing is said of factors between a half and two that are not one: noise can make them. */
function verdictOf(slope: number, error: number): StressCheck['verdict'] {
  if (!(error < 0.15 * Math.abs(slope))) return 'cannot-tell';
  if (Math.abs(slope - 1) < 0.3) return 'consistent';
  if (Math.abs(slope + 1) < 0.3) return 'opposite';
  return Math.abs(slope) < 0.5 || Math.abs(slope) > 2 ? 'scaled' : 'cannot-tell';
}

/**
 * Trapezoidal rule along the path on which cell and fractional coordinates change linearly, from cell C₁ to
 * C₂ = C₁ (1 + X): the strain rate is X at its start and C₂⁻¹ (C₂ − C₁) at its end.
 */
function pairOf(a: Frame, b: Frame): Pair | null {
  const sa = a.structure;
  const sb = b.structure;
  const atoms = sa.numbers.length;
  if (atoms !== sb.numbers.length || !sa.numbers.every((z, i) => z === sb.numbers[i])) return null;
  if (a.labels.energy === undefined || b.labels.energy === undefined) return null;
  if (a.labels.stress === undefined || b.labels.stress === undefined) return null;
  if (!sa.pbc.every(Boolean) || !sb.pbc.every(Boolean)) return null;

  const change = sb.cell.map((value, c) => value - sa.cell[c]);
  const start = multiply3(inverse3(sa.cell), change);
  const end = multiply3(inverse3(sb.cell), change);
  const strain = Math.sqrt(start.reduce((sum, value) => sum + value * value, 0));
  if (!(strain >= LEAST_STRAIN && strain <= MOST_STRAIN)) return null;

  const shifts = fractionalShifts(a, b);
  const atStart = rowsTimes3(shifts, sa.cell);
  const atEnd = rowsTimes3(shifts, sb.cell);
  if (!(Math.sqrt(dot(atStart, atStart) / atoms) <= MOST_SHIFT)) return null;
  const still = dot(atStart, atStart) === 0;
  if (!still && (a.labels.forces === undefined || b.labels.forces === undefined)) return null;

  const volumes = [cellVolume(sa.cell), cellVolume(sb.cell)];
  const ofForces = -(dot(a.labels.forces, atStart) + dot(b.labels.forces, atEnd)) / 2;
  return {
    energy: b.labels.energy - a.labels.energy - ofForces,
    stress: (volumes[0] * dot(a.labels.stress, start) + volumes[1] * dot(b.labels.stress, end)) / 2,
    volume: volumes[1] - volumes[0],
    atoms,
  };
}

/** Changes of the fractional coordinates, nearest images, [3N]; a common shift of all atoms taken out. */
function fractionalShifts(a: Frame, b: Frame): Float64Array {
  const from = rowsTimes3(a.structure.positions, inverse3(a.structure.cell));
  const shifts = rowsTimes3(b.structure.positions, inverse3(b.structure.cell));
  for (let c = 0; c < shifts.length; c++) {
    const shift = shifts[c] - from[c];
    shifts[c] = shift - Math.round(shift);
    // Coordinates in files are rounded: what is below 1e-7 of the cell has not moved.
    if (Math.abs(shifts[c]) < 1e-7) shifts[c] = 0;
  }
  return shifts;
}

function dot(a: Float64Array | undefined, b: Float64Array): number {
  if (a === undefined) return 0;
  let sum = 0;
  for (let c = 0; c < b.length; c++) sum += a[c] * b[c];
  return sum;
}

/**
 * Least squares of energy = slope · (stress − offset · volume), all per atom; without the offset where the pairs
 * determine the slope better so (or where no volume changes).
 */
function fitWork(pairs: readonly Pair[]): WorkFit {
  const sum = (term: (pair: Pair) => number): number => pairs.reduce((total, p) => total + term(p) / p.atoms ** 2, 0);
  const ss = sum((p) => p.stress * p.stress);
  const sv = sum((p) => p.stress * p.volume);
  const vv = sum((p) => p.volume * p.volume);
  const es = sum((p) => p.energy * p.stress);
  const ev = sum((p) => p.energy * p.volume);
  const ee = sum((p) => p.energy * p.energy);

  const alone = es / ss;
  const aloneError = Math.sqrt(Math.max(0, ee - alone * es) / (pairs.length - 1) / ss);
  const determinant = ss * vv - sv * sv;
  const slope = (es * vv - ev * sv) / determinant;
  const rest = (ev * ss - es * sv) / determinant;
  const variance = Math.max(0, ee - slope * es - rest * ev) / (pairs.length - 2) / determinant;
  const slopeError = Math.sqrt(variance * vv);
  if (!(determinant > 1e-6 * ss * vv) || !(slopeError / Math.abs(slope) < aloneError / Math.abs(alone))) {
    return { slope: alone, slopeError: aloneError, offset: null, offsetError: null };
  }
  return { slope, slopeError, offset: -rest / slope, offsetError: Math.sqrt(variance * ss) / Math.abs(slope) };
}
