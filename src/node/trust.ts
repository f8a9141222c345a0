/** How far a potential can be trusted: the checks of `validation/`, on structures that suit the model. */
import type { Frame } from '../data/index.ts';
import { covalentRadiusOf, symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { crystal, type Prototype, type Structure, supercell } from '../structure/index.ts';
import {
  allChecks,
  type Check,
  type CheckContext,
  type CheckResult,
  runChecks,
  trainingTemperature,
} from '../validation/index.ts';

export interface CheckStep {
  readonly result: CheckResult;
  readonly done: number;
  readonly total: number;
}

/** What the checks may know beyond the structures, and which are put. */
export interface CheckOptions extends Pick<CheckContext, 'temperature' | 'minimum' | 'labelled' | 'kernel'> {
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  /** All of nearsight's when absent. */
  readonly checks?: readonly Check[];
}

/**
 * Puts checks to a potential that computes in single precision; yields one result after the other.
 * @throws NearsightError what `runChecks` throws; the signal's reason when it fires
 */
export async function* checkModel(
  potential: Potential,
  structures: readonly Structure[],
  options: CheckOptions,
): AsyncGenerator<CheckStep, CheckResult[]> {
  const { signal, checks = allChecks, ...known } = options;
  const run = runChecks(checks, { potential, structures, ...known, precision: 'single', ...(signal && { signal }) });
  let next = await run.next();
  for (let done = 1; !next.done; next = await run.next(), done++) {
    yield { result: next.value, done, total: checks.length };
  }
  return next.value;
}

/** So many structures are enough for the checks. */
const MOST = 6;

/**
 * A few small frames, each of another group as long as there are any. The one with the lowest labelled energy per atom
 * comes first: dynamics starts from it.
 */
export function representatives(frames: readonly Frame[], most: number = MOST): Structure[] {
  const bySize = [...frames].sort((a, b) => a.structure.numbers.length - b.structure.numbers.length);
  const taken: Frame[] = [];
  const groups = new Set<string>();
  for (const frame of bySize) {
    if (taken.length >= most) break;
    if (groups.has(frame.group)) continue;
    groups.add(frame.group);
    taken.push(frame);
  }
  for (const frame of bySize) if (taken.length < most && !taken.includes(frame)) taken.push(frame);
  const lowest = lowestEnergy(taken);
  return [lowest, ...taken.filter((frame) => frame !== lowest)].map((frame) => frame.structure);
}

/** The frame with the lowest labelled energy per atom; the first one where nothing is labelled. */
export function lowestEnergy(frames: readonly Frame[]): Frame {
  const energy = ({ labels, structure }: Frame): number =>
    (labels.energy ?? Number.POSITIVE_INFINITY) / structure.numbers.length;
  return frames.reduce((best, frame) => (energy(frame) < energy(best) ? frame : best));
}

/** At rest, eV/Å: labels of structures that were relaxed are smaller. */
const REST = 0.1;

/** The periodic structure of lowest labelled energy per atom among those that hardly feel a force; null without one. */
export function knownMinimum(frames: readonly Frame[]): Structure | null {
  const resting = frames.filter(
    ({ structure, labels }) =>
      structure.pbc.every((repeats) => repeats) &&
      labels.energy !== undefined &&
      labels.forces?.every((f) => Math.abs(f) < REST) === true,
  );
  return resting.length === 0 ? null : lowestEnergy(resting).structure;
}

/** The temperature of the frames, as far as they show one. */
export function heatOf(frames: readonly Frame[]): { readonly temperature?: number } {
  const found = trainingTemperature(frames);
  return found === null ? {} : { temperature: found.temperature };
}

/** Crystals that are tried, by the number of their elements. */
const CANDIDATES: Readonly<Record<number, readonly Prototype[]>> = {
  1: ['diamond', 'fcc', 'bcc', 'hcp', 'sc'],
  2: ['rocksalt', 'zincblende', 'cscl'],
};
/** Distances between neighbours that are tried, as shares of the sum of the covalent radii. */
const STRETCHES = Array.from({ length: 16 }, (_, k) => 0.85 + 0.03 * k);

/**
 * A crystal that the potential itself holds for stable: of several kinds and lattice constants, the one with the lowest
 * energy per atom. For models of one or two elements that nobody gave structures for.
 * @throws NearsightError `structures-needed` when there is none
 */
export function stableCrystal(potential: Potential): Structure {
  const { elements } = potential;
  let best: { structure: Structure; energy: number } | null = null;
  for (const prototype of CANDIDATES[elements.length] ?? []) {
    const line = STRETCHES.map((stretch) => {
      const structure = stretched(prototype, elements, stretch);
      return { structure, energy: potential.evaluate(structure).energy / structure.numbers.length };
    });
    // A minimum at the end of the line is none: there the potential may go on falling into a hole.
    for (let k = 1; k + 1 < line.length; k++) {
      const isMinimum = line[k].energy < line[k - 1].energy && line[k].energy <= line[k + 1].energy;
      if (isMinimum && (best === null || line[k].energy < best.energy)) best = line[k];
    }
  }
  if (best !== null) return best.structure;
  throw new NearsightError('structures-needed', `no simple crystal of ${elements.map(symbolOf).join(', ')} is stable`, {
    hint: 'give a few structures that the model is meant for: --structures FILE (validate) or --data FILE (report)',
  });
}

/** The crystal whose nearest neighbours are as far apart as the covalent radii, times `stretch`. */
function stretched(prototype: Prototype, elements: readonly number[], stretch: number): Structure {
  const radii = elements.map(covalentRadiusOf);
  const bond = stretch * (radii[0] + radii[radii.length - 1]);
  return crystal(prototype, elements.map(symbolOf), bond * LATTICE_PER_BOND[prototype]);
}

/** Lattice constant in nearest-neighbour distances. */
const LATTICE_PER_BOND: Readonly<Record<Prototype, number>> = {
  sc: 1,
  bcc: 2 / Math.sqrt(3),
  fcc: Math.SQRT2,
  diamond: 4 / Math.sqrt(3),
  hcp: 1,
  graphite: Math.sqrt(3),
  cscl: 2 / Math.sqrt(3),
  rocksalt: 2,
  zincblende: 4 / Math.sqrt(3),
  fluorite: 4 / Math.sqrt(3),
};

/** Atoms that are enough for dynamics to mean something, and few enough to be quick. */
const DYNAMICS_ATOMS = 500;

/** A periodic structure repeated along its shortest vectors until it has some 500 atoms; others as they are. */
export function enlarged(structure: Structure, atoms: number = DYNAMICS_ATOMS): Structure {
  const { cell, pbc } = structure;
  const repeats = [1, 1, 1];
  const length = (k: number): number =>
    pbc[k] ? repeats[k] * Math.hypot(cell[3 * k], cell[3 * k + 1], cell[3 * k + 2]) : Number.POSITIVE_INFINITY;
  const count = (): number => structure.numbers.length * repeats[0] * repeats[1] * repeats[2];
  while (pbc.some((repeat) => repeat) && count() < atoms) {
    const lengths = [0, 1, 2].map(length);
    repeats[lengths.indexOf(Math.min(...lengths))]++;
  }
  return supercell(structure, repeats);
}
