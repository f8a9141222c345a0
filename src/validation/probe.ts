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
  limit: { double: 1e-9, single: 5e-4 },
  limitReason:
    'The same physics, rounded differently: about 1e-13 eV/Å in double precision; in single precision 1e-5 eV/Å, ' +
    '1e-4 for the worst atom of a stiff metal, and five times that for chance; errors of fits are a hundred times larger. Forces beyond 1 eV/Å (root mean square) allow for more in proportion.',
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
  /** By how much two numerical values differ. */
  readonly uncertainty: number;
}

/**
 * The worst of the samples that are certain: to within the limit, or to a twentieth of what they say. What a numerical method cannot make out is not held
 * against the potential (a jump is found by the check `smoothness`), unless it is so more often than not.
 */
export function worstResolved(samples: readonly Sample[], limit: number, what: string): Finding | Skipped {
  const resolved = samples.filter(
    ({ value, uncertainty }) => uncertainty <= Math.max(limit, value / 20) || Number.isNaN(value),
  );
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

/** Nodes and weights of Gauss–Legendre quadrature with six points on [−1, 1]: exact to degree 11. */
const GAUSS: readonly (readonly [node: number, weight: number])[] = [
  [0.2386191860831969, 0.467913934572691],
  [0.6612093864662645, 0.3607615730481386],
  [0.932469514203152, 0.1713244923791704],
].flatMap(([node, weight]) => [[-node, weight] as const, [node, weight] as const]);

/** Energy at a point of a path, and what the potential says its slope along the path is there. */
export type PathPoint = (x: number) => { readonly energy: number; readonly slope: number };

/**
 * By how much energy and slope disagree on [−h, h]: |E(h) − E(−h) − ∫ E′ dx| / 2h, a mean error of the slope. Unlike a
 * difference quotient this has no truncation error to trade against rounding, so that the step can be a long one. The
 * uncertainty is how much the half step says otherwise: much, where the energy jumps.
 */
export function pathMismatch(at: PathPoint, h: number): { readonly value: number; readonly uncertainty: number } {
  const mismatch = (step: number): number => {
    const integral = GAUSS.reduce((sum, [node, weight]) => sum + weight * at(step * node).slope, 0);
    return (at(step).energy - at(-step).energy) / (2 * step) - integral / 2;
  };
  const whole = mismatch(h);
  return { value: Math.abs(whole), uncertainty: Math.abs(whole - mismatch(h / 2)) };
}
