/** Which blocks are beyond what is usual among their like. */
import { chiSquareQuantile, type Limit, limitOf, quantile } from './calibrate.ts';
import type { Excluded, FrameMeasures, Measured } from './measure.ts';
import type { Similar } from './similar.ts';

export type OutlierKind = 'energy' | 'forces' | 'atom';

/** A block among its like, in mean squared discrepancies. */
export interface Standing {
  /** Of the block. */
  readonly mean: number;
  /** Median of its like. */
  readonly misfit: number;
  /** Rows of the block. */
  readonly rows: number;
  /** Whether the fit has seen the block: what was left out says nothing of what is usual. */
  readonly inside: boolean;
}

/** A criterion: blocks of a kind are outliers where they are beyond `edgeOf`. */
export interface Criterion extends Limit {
  readonly kind: OutlierKind;
  /** Blocks of this kind, and the probability that was allowed to each. */
  readonly tests: number;
  readonly level: number;
}

/**
 * Where the usual ends: at `limit` times the misfit of the block's like, but not before the mean square that noise of one
 * unit of the weights reaches with the same probability.
 */
export function edgeOf({ misfit, rows }: Standing, { limit, level }: Criterion): number {
  return Math.max(limit * misfit, chiSquareQuantile(rows, level) / rows);
}

export interface Judgement {
  readonly energies: readonly (Standing | null)[];
  readonly forces: readonly (Standing | null)[];
  readonly atoms: readonly (readonly (Standing | null)[])[];
  readonly criteria: Readonly<Record<OutlierKind, Criterion>>;
  /** The outliers. */
  readonly excluded: Excluded;
}

/** Where the forces of a frame stand out, and more than this share of its atoms, it is not for single atoms. */
const FEW_ATOMS = 0.1;
/** Frames with fewer atoms say little of what is usual among their atoms. */
const ATOMS_FOR_SCALE = 8;

/** Where not even a tenth of a unit is usual, residuals are rounding, and say nothing of how misfits vary. */
const ROUNDING = 0.01;
/** Blocks that it takes to say how misfits vary. */
const ENOUGH = 10;
/** Quantiles that the upper spread is measured at: a tenth of all frames, or a hundredth of the atoms of sound frames, may be wrong. */
const OF_FRAMES = 0.9;
const OF_ATOMS = 0.99;

/**
 * Compares each block with its like.
 * @param level probability that a clean set has any block of a kind beyond its limit
 */
export function judge(measures: readonly FrameMeasures[], similar: Similar, level: number): Judgement {
  const energies = standings(
    measures.map(({ energy }) => energy),
    similar.frames,
  );
  const forces = standings(
    measures.map((m) => m.forces),
    similar.frames,
  );
  const middles = measures.map(({ atoms }) => middleOf(atoms));
  const atoms = measures.map((frame, k) => {
    const own = frame.atoms.length >= ATOMS_FOR_SCALE ? middles[k] : 0;
    const others = quantile(present(Array.from(similar.frames[k], (j) => middles[j])), 0.5);
    return frame.atoms.map((atom, i) => {
      if (atom === null) return null;
      const alike = middleOf(similar.atoms[k][i].map(([j, other]) => measures[j].atoms[other] ?? null));
      return {
        mean: atom.mean,
        misfit: Math.max(own ?? 0, others || 0, alike ?? 0),
        rows: atom.rows,
        inside: atom.inside,
      };
    });
  });
  const criterion = (kind: OutlierKind, of: readonly (Standing | null)[], at: number): Criterion => {
    const all = present(of);
    const telling = all.filter(({ misfit, inside }) => inside && misfit > ROUNDING);
    const basis = telling.length >= ENOUGH ? telling : all.filter(({ inside }) => inside);
    const ratios = Float64Array.from(basis, ({ mean, misfit }) => mean / Math.max(misfit, ROUNDING));
    const share = level / Math.max(1, all.length);
    return { kind, tests: all.length, level: share, ...limitOf(ratios, { at, level: share }) };
  };
  const ofFrames = { energy: criterion('energy', energies, OF_FRAMES), forces: criterion('forces', forces, OF_FRAMES) };
  const sound = atoms.filter((_, k) => !beyond(forces[k], ofFrames.forces));
  const criteria = { ...ofFrames, atom: criterion('atom', sound.flat(), OF_ATOMS) };
  return { energies, forces, atoms, criteria, excluded: exclusion({ energies, forces, atoms, criteria }) };
}

const beyond = (standing: Standing | null, criterion: Criterion): boolean =>
  standing !== null && standing.mean > edgeOf(standing, criterion);

function exclusion({ energies, forces, atoms, criteria }: Omit<Judgement, 'excluded'>): Excluded {
  const found = { energy: new Set<number>(), forces: new Set<number>(), atoms: new Map<number, Set<number>>() };
  for (let k = 0; k < energies.length; k++) {
    if (beyond(energies[k], criteria.energy)) found.energy.add(k);
    const odd = atoms[k].flatMap((atom, i) => (beyond(atom, criteria.atom) ? [i] : []));
    const wrong = beyond(forces[k], criteria.forces);
    if (wrong) found.forces.add(k);
    const few = odd.length <= Math.max(1, FEW_ATOMS * atoms[k].length);
    if (odd.length > 0 && (few || !wrong)) found.atoms.set(k, new Set(odd));
  }
  return found;
}

/** Each block against the median of its frame's like. */
function standings(blocks: readonly (Measured | null)[], near: readonly Int32Array[]): (Standing | null)[] {
  return blocks.map((block, k) => {
    if (block === null) return null;
    const misfit = middleOf(Array.from(near[k], (j) => blocks[j])) ?? block.mean;
    return { mean: block.mean, misfit, rows: block.rows, inside: block.inside };
  });
}

const present = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null);

function middleOf(blocks: readonly (Measured | null)[]): number | null {
  const means = present(blocks).flatMap(({ mean, inside }) => (inside ? [mean] : []));
  return means.length === 0 ? null : quantile(means, 0.5);
}
