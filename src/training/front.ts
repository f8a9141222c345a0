/** What a sweep of loss weights found: which models trade one error for another, and which one to take. */
import { NearsightError } from '../errors.ts';
import type { ErrorSummary } from '../model/errors.ts';
import { chooseByNeed, hypervolume, kneeOf, nonDominated } from './pareto.ts';
import { OBJECTIVES, type Objective, type ObjectiveWeights } from './weight-sweep.ts';

/** Mean absolute errors on the validation frames; null where nothing is labelled. */
export type FrontErrors = Pick<ErrorSummary, 'energy_mae_meV_per_atom' | 'force_mae_meV_per_A' | 'stress_mae_GPa'>;

/** The name of each objective's error, and its unit. */
export const ERROR_KEYS: Readonly<Record<Objective, keyof FrontErrors>> = {
  energy: 'energy_mae_meV_per_atom',
  forces: 'force_mae_meV_per_A',
  stress: 'stress_mae_GPa',
};
export const ERROR_UNITS: Readonly<Record<Objective, string>> = {
  energy: 'meV/atom',
  forces: 'meV/Å',
  stress: 'GPa',
};

/** One model: `default`, where the sweep began, or `point-01` … */
export interface FrontPoint extends FrontErrors {
  readonly name: string;
  readonly weights: ObjectiveWeights;
  readonly epochs: number;
  readonly seconds: number;
  /** Its file, in the folder of the front. */
  readonly model: string;
}

/** One error as low as it gets, others at most so large: meV/atom, meV/Å, GPa. */
export interface NamedNeed {
  readonly lowest: Objective;
  readonly limits: Readonly<Partial<Record<Objective, number>>>;
}

/** What is needed of a model. */
export type Need = NamedNeed | 'knee';

export interface Front {
  readonly objectives: readonly Objective[];
  readonly points: readonly (FrontPoint & { readonly dominated: boolean })[];
  /** The name of a point, see `kneeOf`. */
  readonly knee: string;
  /** What was asked for. */
  readonly need: Need;
  /** The name of the point that meets it; null where none does. */
  readonly chosen: string | null;
  /** Share of the box between no error and `reference` that the points dominate. */
  readonly hypervolume: number;
  /** Twice the errors of the first point: that one alone has a hypervolume of 1/8, with two objectives 1/4. */
  readonly reference: Readonly<Partial<FrontErrors>>;
}

const REFERENCE_FACTOR = 2;
/** What an error of the energy may cost, unless told otherwise, as a factor on that of the first point. */
export const ENERGY_COST = 1.25;

/**
 * The lowest stress error with an energy error of at most 1.25 times that of the first point; the knee where there
 * are no stresses or no energies.
 */
export function defaultNeed(points: readonly FrontErrors[], objectives: readonly Objective[]): Need {
  const energy = points[0]?.energy_mae_meV_per_atom ?? null;
  if (energy === null || !objectives.includes('energy') || !objectives.includes('stress')) return 'knee';
  return { lowest: 'stress', limits: { energy: Number((ENERGY_COST * energy).toPrecision(3)) } };
}

/**
 * The front of some points, the first of which is the default training.
 * @throws NearsightError `no-such-objective` where the need names an error that was not measured, `bad-objectives`
 */
export function frontOf(
  points: readonly FrontPoint[],
  objectives: readonly Objective[],
  need: Need = defaultNeed(points, objectives),
): Front {
  const errors = points.map((point) => objectives.map((name) => errorOf(point, name)));
  const front = nonDominated(errors);
  const knee = kneeOf(errors);
  const reference = errors[0].map((error) => REFERENCE_FACTOR * error);
  const chosen = need === 'knee' ? knee : chooseByNeed(errors, indexed(need, objectives));
  return {
    objectives,
    points: points.map((point, i) => ({ ...point, dominated: !front.includes(i) })),
    knee: points[knee].name,
    need,
    chosen: chosen === null ? null : points[chosen].name,
    hypervolume: hypervolume(errors, reference),
    reference: Object.fromEntries(objectives.map((name, k) => [ERROR_KEYS[name], reference[k]])),
  };
}

/** The error of a point that is traded, in the unit of `ERROR_UNITS`. */
export function errorOf(point: FrontErrors, objective: Objective): number {
  return point[ERROR_KEYS[objective]] ?? Number.NaN;
}

/**
 * Refuses a need that names an error which is not measured: known before anything is trained.
 * @throws NearsightError `no-such-objective`
 */
export function checkNeed(need: Need, objectives: readonly Objective[]): void {
  if (need !== 'knee') indexed(need, objectives);
}

function indexed(need: NamedNeed, objectives: readonly Objective[]): { lowest: number; limits: (number | null)[] } {
  const asked = OBJECTIVES.filter((name) => name === need.lowest || need.limits[name] !== undefined);
  const unknown = asked.find((name) => !objectives.includes(name));
  if (unknown !== undefined) {
    throw new NearsightError('no-such-objective', `the ${unknown} error was not measured`, {
      hint: `this front trades errors of ${objectives.join(', ')}`,
    });
  }
  return { lowest: objectives.indexOf(need.lowest), limits: objectives.map((name) => need.limits[name] ?? null) };
}

/** `lowest stress error with energy ≤ 2 meV/atom`. */
export function describeNeed(need: Need): string {
  if (need === 'knee') return 'the knee';
  const limits = OBJECTIVES.flatMap((name) =>
    need.limits[name] === undefined ? [] : [`${name} ≤ ${need.limits[name]} ${ERROR_UNITS[name]}`],
  );
  return `lowest ${need.lowest} error${limits.length === 0 ? '' : ` with ${limits.join(' and ')}`}`;
}
