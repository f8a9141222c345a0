/** Groups of frames whose energies have another zero than the others'. */
import type { Frame } from '../../data/dataset.ts';
import { fitComposition } from './composition-fit.ts';
import type { ModelSays } from './force-model.ts';

/** Energies of groups against the others, after what the composition and, where there is one, the model explain. */
export interface EnergyShifts {
  /** Whether a model that was fitted to forces took part. */
  readonly withModel: boolean;
  /** By group, eV/atom: distance from the median of all groups, and how far it can be trusted. */
  readonly groups: readonly GroupShift[];
}

export interface GroupShift {
  readonly group: string;
  readonly frames: number;
  /** eV/atom. */
  readonly shift: number;
  readonly error: number;
}

const FEWEST_FRAMES = 3;
const FEWEST_GROUPS = 2;
/** Shifts below this may be physics that the model does not know, eV/atom; without a model a lot more may. */
const LEAST_SHIFT = 0.4;
const LEAST_WITHOUT_MODEL = 3;
/** What forces of some frames do not know of the energies of others, eV/atom: up to 0.14 for metal surfaces from bulk. */
const LEAST_ERROR = 0.1;
/** A linear model is trusted with differences between groups to this share. */
const EXPLAINED_ERROR = 0.4;
/** What two groups may be apart where no third one says what is usual, eV/atom. */
const UNKNOWN = 0.15;
/** A shift counts beyond so many errors, and is known well enough to be taken off beyond these. */
const CLEAR = 4;
const DETERMINED = 5;

/** The same in another unit. */
export function scaledShifts({ withModel, groups }: EnergyShifts, factor: number): EnergyShifts {
  const scaled = ({ shift, error, ...group }: GroupShift): GroupShift => ({
    ...group,
    shift: factor * shift,
    error: Math.abs(factor) * error,
  });
  return { withModel, groups: groups.map(scaled) };
}

/** The shifts that are beyond doubt. */
export function clearShifts({ withModel, groups }: EnergyShifts): GroupShift[] {
  const least = withModel ? LEAST_SHIFT : LEAST_WITHOUT_MODEL;
  return groups.filter(({ shift, error }) => Math.abs(shift) > Math.max(least, CLEAR * error));
}

/** Whether a shift is known well enough to be taken off. */
export function isDetermined({ shift, error }: GroupShift): boolean {
  return Math.abs(shift) > DETERMINED * error;
}

/**
 * @param says what a model of the forces says of energies; empty without one
 * @param energyOf labelled energy, eV, in the unit of the model
 */
export function findShifts(
  frames: readonly Frame[],
  usable: readonly number[],
  { says, energyOf }: { readonly says: readonly ModelSays[]; readonly energyOf: (frame: number) => number | undefined },
): EnergyShifts {
  const model = new Map(says.map(({ frame, energy }) => [frame, energy]));
  const withModel = model.size > 0;
  const taken = withModel ? [...model.keys()] : usable;
  const labelled = taken.filter((index) => energyOf(index) !== undefined);
  const rests = groupMedians(frames, labelled, (index) => (energyOf(index) ?? 0) - (model.get(index) ?? 0));
  if (rests.length < FEWEST_GROUPS) return { withModel, groups: [] };
  const explained = withModel ? groupMedians(frames, labelled, (index) => model.get(index) ?? 0) : [];
  // What the model explains between a group and the one that all are measured from.
  const from = explained[rests.findIndex(({ distance }) => distance === 0)]?.distance ?? 0;
  return {
    withModel,
    groups: rests.map(({ group, frames: count, distance }, k) => ({
      ...{ group, frames: count, shift: distance },
      error: Math.max(errorOf(rests, k), EXPLAINED_ERROR * Math.abs((explained[k]?.distance ?? 0) - from)),
    })),
  };
}

interface GroupMedian {
  readonly group: string;
  readonly frames: number;
  /** Of the median from that of all groups, and robust deviation of the frames, eV/atom. */
  readonly distance: number;
  readonly spread: number;
}

/** Energies per atom less what the composition explains, by group. */
function groupMedians(
  frames: readonly Frame[],
  indices: readonly number[],
  energyOf: (frame: number) => number,
): GroupMedian[] {
  const compared = indices.map((index): Frame => ({ ...frames[index], labels: { energy: energyOf(index) } }));
  const fit = fitComposition(compared);
  if (fit === null) return [];
  const byGroup = new Map<string, number[]>();
  for (const [k, { group, structure }] of compared.entries()) {
    if (structure.numbers.length < 2) continue;
    const members = byGroup.get(group);
    if (members === undefined) byGroup.set(group, [fit.residuals[k]]);
    else members.push(fit.residuals[k]);
  }
  const groups = [...byGroup].filter(([, members]) => members.length >= FEWEST_FRAMES);
  if (groups.length === 0) return [];
  const medians = groups.map(([, members]) => median(members));
  const centre = weightedMedian(
    medians,
    groups.map(([, members]) => members.length),
  );
  return groups.map(([group, members], k) => ({
    ...{ group, frames: members.length, distance: medians[k] - centre },
    spread: 1.4826 * median(members.map((value) => Math.abs(value - medians[k]))),
  }));
}

/** How far the other groups are apart, and how far the frames of this one, robustly. */
function errorOf(groups: readonly GroupMedian[], k: number): number {
  // The group that all are measured from is at zero by definition: that says nothing of how far groups are apart.
  const others = groups.filter(({ distance }, other) => other !== k && distance !== 0);
  const apart = others.length === 0 ? UNKNOWN : median(others.map(({ distance }) => Math.abs(distance)));
  return Math.max(1.4826 * apart, groups[k].spread, LEAST_ERROR);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function weightedMedian(values: readonly number[], weights: readonly number[]): number {
  const order = values.map((_, k) => k).sort((a, b) => values[a] - values[b]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const k of order) {
    sum += weights[k];
    if (sum >= total / 2) return values[k];
  }
  return values[order[order.length - 1]];
}
