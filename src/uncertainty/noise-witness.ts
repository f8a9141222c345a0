/**
 * Noise that force labels show of themselves. Forces of atoms on each other sum to zero, and so do their torques; white
 * noise of N atoms does not. No model is needed to see it.
 */
import type { Frame } from '../data/dataset.ts';
import { choleskyFactor, solveLower } from '../linear-algebra.ts';
import type { Structure } from '../structure/structure.ts';
import type { Residuals, Witness } from './variance-fit.ts';

/** Squares that have the variance of the noise for their mean, and how many. */
interface Evidence {
  sum: number;
  count: number;
}

/**
 * Variance of a force component by group, eV²/Å², from net forces, and from net torques where nothing is periodic. 0
 * where neither is above `least`: there is no such noise, or the program that made the labels took it off.
 */
export function witnessOf(frames: readonly Frame[], groups: Int32Array, count: number, least: number): Witness {
  const nets = Array.from({ length: count }, (): Evidence => ({ sum: 0, count: 0 }));
  const torques = Array.from({ length: count }, (): Evidence => ({ sum: 0, count: 0 }));
  for (const [f, { structure, labels }] of frames.entries()) {
    if (labels.forces === undefined) continue;
    addNetForce(nets[groups[f]], labels.forces);
    if (!structure.pbc.some((repeats) => repeats)) addNetTorque(torques[groups[f]], structure, labels.forces);
  }
  const variances = new Float64Array(count);
  const seen = new Int32Array(count);
  for (let g = 0; g < count; g++) {
    const telling = [nets[g], torques[g]].filter(({ sum, count: n }) => n > 0 && sum / n > least);
    const squares = telling.reduce((all, { count: n }) => all + n, 0);
    if (squares === 0) continue;
    variances[g] = telling.reduce((all, { sum }) => all + sum, 0) / squares;
    seen[g] = squares;
  }
  return { variances, squares: seen };
}

/** White noise of labels is part of their residuals; a variance that is larger than theirs by this factor is none. */
const MOST_EXCESS = 4;

/**
 * The witness without groups that it can't be right about: net forces much larger than what a model leaves of the
 * labels come from a field, from atoms whose forces were set to zero because they are held, or from atoms left out.
 */
export function credible(witness: Witness, { squares, groups, heldOut }: Residuals): Witness {
  const G = witness.variances.length;
  const sums = new Float64Array(2 * G);
  const counts = new Float64Array(2 * G);
  for (let i = 0; i < squares.length; i++) {
    const at = 2 * groups[i] + heldOut[i];
    sums[at] += squares[i];
    counts[at]++;
  }
  const means = sums.map((sum, at) => (counts[at] === 0 ? 0 : sum / counts[at]));
  const holds = (g: number): boolean => witness.variances[g] <= MOST_EXCESS * Math.max(means[2 * g], means[2 * g + 1]);
  return {
    variances: witness.variances.map((variance, g) => (holds(g) ? variance : 0)),
    squares: witness.squares.map((count, g) => (holds(g) ? count : 0)),
  };
}

/** |Σ F|² / N: three squares. */
function addNetForce(evidence: Evidence, forces: Float64Array): void {
  const net = [0, 0, 0];
  for (let c = 0; c < forces.length; c++) net[c % 3] += forces[c];
  evidence.sum += (3 * net.reduce((sum, x) => sum + x * x, 0)) / forces.length;
  evidence.count += 3;
}

/** τᵀ M⁻¹ τ: three squares, with the torque τ about the centre and its covariance σ² M for forces of variance σ². */
function addNetTorque(evidence: Evidence, { positions }: Structure, forces: Float64Array): void {
  const atoms = forces.length / 3;
  const centre = [0, 0, 0];
  for (let c = 0; c < forces.length; c++) centre[c % 3] += positions[c] / atoms;
  const M = new Float64Array(9);
  const torque = new Float64Array(3);
  for (let i = 0; i < atoms; i++) {
    const r = [0, 1, 2].map((a) => positions[3 * i + a] - centre[a]);
    const square = r[0] ** 2 + r[1] ** 2 + r[2] ** 2;
    for (let a = 0; a < 3; a++) {
      const [b, c] = [(a + 1) % 3, (a + 2) % 3];
      torque[a] += r[b] * forces[3 * i + c] - r[c] * forces[3 * i + b];
      M[4 * a] += square;
      for (let d = 0; d < 3; d++) M[3 * a + d] -= r[a] * r[d];
    }
  }
  // One atom has no torque, and atoms on a line none about it.
  const L = choleskyFactor(M, 3, 1e-6);
  if (L === null) return;
  solveLower(L, 3, torque);
  evidence.sum += torque.reduce((sum, x) => sum + x * x, 0);
  evidence.count += 3;
}
