/** Which blocks are beyond what is usual among their like. */
import { type Limit, limitOf, quantile } from './calibrate.ts';
import type { Excluded, FrameMeasures, Measured } from './measure.ts';
import type { Similar } from './similar.ts';

export type OutlierKind = 'energy' | 'forces' | 'atom';

/** A block among its like; all in mean squared discrepancies. */
export interface Standing {
  /** Of the block. */
  readonly mean: number;
  /** Median of its like. */
  readonly misfit: number;
  /** The same, but at least what is usual anywhere. */
  readonly usual: number;
}

/** A criterion: blocks of this kind are outliers where their mean squared discrepancy is beyond `limit` · `usual`. */
export interface Criterion extends Limit {
  readonly kind: OutlierKind;
  readonly tests: number;
}

export interface Judgement {
  readonly energies: readonly (Standing | null)[];
  readonly forces: readonly (Standing | null)[];
  readonly atoms: readonly (readonly (Standing | null)[])[];
  readonly criteria: Readonly<Record<OutlierKind, Criterion>>;
  /** The outliers. */
  readonly excluded: Excluded;
}

/** With more unusual atoms than this share, it is the frame that is unusual. */
const FEW_ATOMS = 0.1;
/** Frames with fewer atoms say little of what is usual among their atoms. */
const ATOMS_FOR_SCALE = 8;

/** Mean squared discrepancies below one unit of the weights are usual anywhere. */
const USUAL_ANYWHERE = 1;
/** Where even a hundredth of that is not usual, residuals are rounding, and say nothing of how misfits vary. */
const ROUNDING = 0.01;
/** Quantiles that the upper spread is measured at: a tenth of all frames, or a hundredth of the atoms of sound frames, may be wrong. */
const OF_FRAMES = 0.9;
const OF_ATOMS = 0.99;

/**
 * @param level probability that a clean set has any block of a kind beyond its limit
 */
export function judge(measures: readonly FrameMeasures[], similar: Similar, level: number): Judgement {
  const energies = standings(
    measures.map(({ energy }) => energy?.mean ?? null),
    similar.frames,
  );
  const forces = standings(
    measures.map((m) => m.forces?.mean ?? null),
    similar.frames,
  );
  const middles = measures.map(({ atoms }) => middleOf(atoms));
  const atoms = measures.map((frame, k) => {
    const own = frame.atoms.length >= ATOMS_FOR_SCALE ? middles[k] : 0;
    const others = quantile(present(Array.from(similar.frames[k], (j) => middles[j])), 0.5);
    return frame.atoms.map((atom, i) => {
      if (atom === null) return null;
      const alike = middleOf(similar.atoms[k][i].map(([j, other]) => measures[j].atoms[other] ?? null));
      return standing(atom.mean, Math.max(own ?? 0, others || 0, alike ?? 0));
    });
  });
  const criterion = (kind: OutlierKind, of: readonly (Standing | null)[], at: number): Criterion => {
    const all = present(of);
    const telling = all.filter(({ misfit }) => misfit > ROUNDING);
    const ratios = Float64Array.from(telling, ({ mean, misfit }) => mean / misfit);
    return { kind, tests: all.length, ...limitOf(ratios, { at, level: level / Math.max(1, all.length) }) };
  };
  const ofFrames = { energy: criterion('energy', energies, OF_FRAMES), forces: criterion('forces', forces, OF_FRAMES) };
  const sound = atoms.filter((_, k) => !beyond(forces[k], ofFrames.forces));
  const criteria = { ...ofFrames, atom: criterion('atom', sound.flat(), OF_ATOMS) };
  return { energies, forces, atoms, criteria, excluded: exclusion({ energies, forces, atoms, criteria }) };
}

const beyond = (standing: Standing | null, { limit }: Criterion): boolean =>
  standing !== null && standing.mean > limit * standing.usual;

function exclusion({ energies, forces, atoms, criteria }: Omit<Judgement, 'excluded'>): Excluded {
  const found = { energy: new Set<number>(), forces: new Set<number>(), atoms: new Map<number, Set<number>>() };
  for (let k = 0; k < energies.length; k++) {
    if (beyond(energies[k], criteria.energy)) found.energy.add(k);
    const odd = atoms[k].flatMap((atom, i) => (beyond(atom, criteria.atom) ? [i] : []));
    const few = odd.length <= Math.max(1, FEW_ATOMS * atoms[k].length);
    if (beyond(forces[k], criteria.forces) || !few) found.forces.add(k);
    if (few && odd.length > 0) found.atoms.set(k, new Set(odd));
  }
  return found;
}

/** Each value against the median of its neighbours'. */
function standings(values: readonly (number | null)[], near: readonly Int32Array[]): (Standing | null)[] {
  return values.map((value, k) => {
    if (value === null) return null;
    const others = quantile(present(Array.from(near[k], (j) => values[j])), 0.5);
    return standing(value, Number.isNaN(others) ? value : others);
  });
}

const standing = (mean: number, misfit: number): Standing => ({
  mean,
  misfit,
  usual: Math.max(misfit, USUAL_ANYWHERE),
});

const present = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null);

function middleOf(atoms: readonly (Measured | null)[]): number | null {
  const means = present(atoms).map(({ mean }) => mean);
  return means.length === 0 ? null : quantile(means, 0.5);
}
