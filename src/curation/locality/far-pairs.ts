/**
 * Is anything left beyond? What a short-sighted model leaves of the forces is fitted by pair forces of far longer reach:
 * a few coefficients for each pair of species, which follow a long tail where invariants of large spheres drown in it.
 */

import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import type { Structure } from '../../structure/structure.ts';
import { addBlock, applyRows, emptyEquations, solveEquations } from '../../training/linear/linear-fit.ts';
import type { LocalitySample } from './errors-at.ts';

/** Å; distance between two hats, and half their width. */
const SPACING = 0.75;
/** Of each coefficient: enough to hold those that nothing determines. */
const RIDGE = 1e-6;

/**
 * Squared errors of the forces of each frame, (eV/Å)², when pair forces up to each radius are added, fitted to the
 * residuals of the other parts.
 * @param residuals F* − F of each frame by models that have not seen it, eV/Å, [3N]
 * @param radii Å, ascending
 */
export function withFarPairs(
  sample: LocalitySample,
  residuals: readonly Float64Array[],
  radii: readonly number[],
): Float64Array[] {
  const { frames, fold, folds, weights } = sample;
  const species = [...new Set(frames.flatMap(({ structure }) => [...new Set(structure.numbers)]))].sort(
    (p, q) => p - q,
  );
  const longest = radii[radii.length - 1];
  const hats = Math.ceil(longest / SPACING);
  const rows = frames.map(({ structure }) => pairRows(structure, { species, hats, longest }));
  return radii.map((radius) => {
    // Hats that end within the radius.
    const used = Math.floor(radius / SPACING) - 1;
    const parameters = pairsOf(species.length) * used;
    const kept = rows.map((all) => columns(all, hats, used));
    const squares = new Float64Array(frames.length);
    for (let held = 0; held < folds; held++) {
      const equations = emptyEquations(parameters);
      for (const [k, own] of kept.entries()) {
        if (fold[k] !== held) addBlock(equations, { rows: own, targets: residuals[k], weight: weights[k] });
      }
      const { coefficients } = solveEquations(equations, RIDGE);
      for (const [k, own] of kept.entries()) {
        if (fold[k] !== held) continue;
        squares[k] = applyRows(own, coefficients).reduce((sum, f, c) => sum + (residuals[k][c] - f) ** 2, 0);
      }
    }
    return squares;
  });
}

const pairsOf = (species: number): number => (species * (species + 1)) / 2;

interface PairBasis {
  readonly species: readonly number[];
  readonly hats: number;
  readonly longest: number;
}

/** Σ_j hat(r_ij) r̂_ij of each force component, [3N][pairs of species][hats]. */
function pairRows(structure: Structure, { species, hats, longest }: PairBasis): Float32Array {
  const { numbers } = structure;
  const width = pairsOf(species.length) * hats;
  const rows = new Float32Array(3 * numbers.length * width);
  const kinds = Array.from(numbers, (z) => species.indexOf(z));
  const list = buildNeighbourList(structure, longest);
  const sites = sitePositions(list, structure);
  for (let i = 0; i < numbers.length; i++) {
    for (let p = list.first[i]; p < list.first[i + 1]; p++) {
      const site = list.neighbours[p];
      const vector = [0, 1, 2].map((a) => sites[3 * site + a] - sites[3 * i + a]);
      const r = Math.hypot(vector[0], vector[1], vector[2]);
      const [high, low] = [Math.max(kinds[i], kinds[list.owner[site]]), Math.min(kinds[i], kinds[list.owner[site]])];
      const first = pairsOf(high) * hats + low * hats;
      const lower = Math.floor(r / SPACING);
      const share = r / SPACING - lower;
      // Hat number h has its top at (h + 1) · SPACING.
      for (const [h, value] of [
        [lower - 1, 1 - share],
        [lower, share],
      ]) {
        if (h < 0 || h >= hats) continue;
        for (let a = 0; a < 3; a++) rows[(3 * i + a) * width + first + h] += (value * vector[a]) / r;
      }
    }
  }
  return rows;
}

/** The first `used` of every `hats` columns. */
function columns(rows: Float32Array, hats: number, used: number): Float32Array {
  const kept = new Float32Array((rows.length / hats) * used);
  for (let block = 0; block < rows.length / hats; block++) {
    kept.set(rows.subarray(block * hats, block * hats + used), block * used);
  }
  return kept;
}
