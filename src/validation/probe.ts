/**
 * What several checks need: generic structures, comparison of evaluations, numerical slopes.
 */
import { giveTurn } from '../md/progress.ts';
import type { Evaluation } from '../model/potential.ts';
import type { Random } from '../random.ts';
import { rattled, rotationMatrix } from '../structure/builders.ts';
import { multiply3, rowsTimes3 } from '../structure/matrix3.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, CheckContext, Finding, Skipped } from './check.ts';

/** Thermal motion at some 300 K, Å: in a perfect crystal forces vanish by symmetry, and errors with them. */
const DISTURBANCE = 0.05;

/** The structures with their symmetry broken. */
export function disturbed(context: CheckContext, random: Random): Structure[] {
  return context.structures.map((structure) => rattled(structure, DISTURBANCE, random));
}

/** The same atoms as a cluster in empty space. */
export function isolated(structure: Structure): Structure {
  return { ...structure, cell: new Float64Array(9), pbc: [false, false, false] };
}

/** A direction, uniform on the sphere. */
export function randomDirection(random: Random): [number, number, number] {
  for (;;) {
    const v: [number, number, number] = [random.normal(), random.normal(), random.normal()];
    const length = Math.hypot(...v);
    if (length > 1e-6) return [v[0] / length, v[1] / length, v[2] / length];
  }
}

/** A proper rotation about a random axis by an angle that is not small, [9], row-major. */
export function randomRotation(random: Random): Float64Array {
  return rotationMatrix(randomDirection(random), 0.5 + 2 * random.uniform());
}

/** What an evaluation must become when all positions r become m r, with an orthogonal matrix m. */
export function turned(evaluation: Evaluation, m: ArrayLike<number>): Evaluation {
  const transpose = [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]];
  return {
    ...evaluation,
    forces: rowsTimes3(evaluation.forces, transpose),
    strainGradient: multiply3(multiply3(m, evaluation.strainGradient), transpose),
  };
}

/** Atom k of the result is atom order[k]. */
export function reordered(evaluation: Evaluation, order: ArrayLike<number>): Evaluation {
  return {
    ...evaluation,
    atomicEnergies: evaluation.atomicEnergies.map((_, k) => evaluation.atomicEnergies[order[k]]),
    forces: evaluation.forces.map((_, c) => evaluation.forces[3 * order[Math.floor(c / 3)] + (c % 3)]),
  };
}

/**
 * Size of the forces, in units of 1 eV/Å: the root mean square over the atoms, but at least 1. Rounding errors grow
 * with the numbers that are rounded, so that every check divides what it finds by this.
 */
export function sizeOf(forces: Float64Array): number {
  let squares = 0;
  for (const f of forces) squares += f * f;
  return Math.max(1, Math.sqrt((3 * squares) / forces.length));
}

/** Unit, limits and their reason for two evaluations that may differ by rounding only: see `difference`. */
export const UP_TO_ROUNDING: Pick<Check, 'unit' | 'limit' | 'limitReason'> = {
  unit: 'eV/atom, eV/Å',
  limit: { double: 1e-9, single: 1e-4 },
  limitReason:
    'The same physics, rounded differently: about 1e-13 eV/Å in double precision; in single precision 1e-5 eV/Å, ' +
    'and ten times that for the worst atom. Forces beyond 1 eV/Å (root mean square) allow for more in proportion.',
};

/**
 * How much two evaluations of the same atoms differ: the largest of energy, atomic energies and strain gradient (per
 * atom), and force components, over the size of the forces.
 */
export function difference(a: Evaluation, b: Evaluation): Finding {
  const atoms = a.atomicEnergies.length;
  const parts: [string, number][] = [
    ['energy', Math.abs(a.energy - b.energy) / atoms],
    ['energy of an atom', largestDifference(a.atomicEnergies, b.atomicEnergies)],
    ['force', largestDifference(a.forces, b.forces)],
    ['strain gradient', largestDifference(a.strainGradient, b.strainGradient) / atoms],
  ];
  const value = Math.max(...parts.map((part) => part[1]));
  const what = parts.find((part) => Object.is(part[1], value));
  return { value: value / sizeOf(a.forces), detail: `largest change: ${what?.[0]}` };
}

/** The worst of several findings; NaN is the worst of all. */
export function worstOf(findings: readonly Finding[]): Finding {
  const value = Math.max(...findings.map((finding) => finding.value));
  return findings.find((finding) => Object.is(finding.value, value)) ?? { value };
}

/** A finding that rests on a numerical limit, which may not exist where energy or forces jump. */
export interface Sample extends Finding {
  /** By how much the two best numerical values differ. */
  readonly uncertainty: number;
}

/**
 * The worst of the samples whose uncertainty is within the limit. What a numerical method cannot make out is not held
 * against the potential (a jump is found by the check `smoothness`), unless it is so more often than not.
 */
export function worstResolved(samples: readonly Sample[], limit: number, what: string): Finding | Skipped {
  const resolved = samples.filter(({ value, uncertainty }) => uncertainty <= limit || Number.isNaN(value));
  if (2 * resolved.length >= samples.length) return worstOf(resolved);
  return { skipped: `too rough for ${what} in ${samples.length - resolved.length} of ${samples.length} places` };
}

/** Puts the question to one structure after the other; the worst answer counts, and says where it was found. */
export async function worstOver(
  structures: readonly Structure[],
  look: (structure: Structure) => Finding,
): Promise<Finding> {
  const findings: Finding[] = [];
  for (const structure of structures) {
    const { value, detail = 'worst' } = look(structure);
    findings.push({ value, detail: `${detail} (structure ${findings.length})` });
    await giveTurn();
  }
  return worstOf(findings);
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  let most = 0;
  for (let c = 0; c < a.length; c++) most = Math.max(most, Math.abs(a[c] - b[c]));
  return most;
}

/** A derivative, and by how much its best two estimates differ. */
export interface Slope {
  readonly slope: number;
  readonly uncertainty: number;
}

/**
 * f′(0) from central differences with halved steps h, h/2, h/4 …, extrapolated to h = 0. A jump of f nearby shows as
 * a large uncertainty.
 * @see Ridders 1982, doi:10.1016/S0141-1195(82)80057-0
 */
export function slopeAtZero(f: (x: number) => number, h: number, levels: number): Slope {
  let best: Slope = { slope: Number.NaN, uncertainty: Number.POSITIVE_INFINITY };
  let last: number[] = [];
  for (let k = 0; k < levels; k++) {
    const step = h / 2 ** k;
    const row = [(f(step) - f(-step)) / (2 * step)];
    for (let m = 1; m <= k; m++) {
      const slope = row[m - 1] + (row[m - 1] - last[m - 1]) / (4 ** m - 1);
      const uncertainty = Math.max(Math.abs(slope - row[m - 1]), Math.abs(slope - last[m - 1]));
      if (uncertainty < best.uncertainty) best = { slope, uncertainty };
      row.push(slope);
    }
    last = row;
  }
  return best;
}
