/** From frames to outliers: a linear model of a size that the labels bear, its rows, the search. */

import type { Frame } from '../../data/dataset.ts';
import { placed } from '../../data/refuse.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import { featureCount, type Kernel } from '../../kernels/kernels.ts';
import { checkSystem } from '../../kernels/shape.ts';
import { giveTurn } from '../../md/progress.ts';
import { DEFAULT_DESCRIPTOR, systemOf } from '../../training/linear/descriptor.ts';
import { usualWeights } from '../../training/linear/linear-fit.ts';
import { createLinearModel, openLinearModel } from '../../training/linear/linear-model.ts';
import { createRowStore } from '../../training/linear/rows.ts';
import { findOutliers, type Outlier, type OutlierAnalysis } from './find.ts';

export interface AnalysisOptions {
  /** Of the descriptor. */
  readonly seed?: number;
  /** Probability that a clean set has any block of a kind beyond its limit; 0.01 when absent. */
  readonly level?: number;
  /** Bytes of rows that are kept; what does not fit is computed again in each round. 1 GiB when absent. */
  readonly memory?: number;
  readonly signal?: AbortSignal;
}

/** How far `analyseOutliers` has come. */
export interface AnalysisProgress {
  /** Round 0 computes the rows. */
  readonly round: number;
  readonly done: number;
  /** Frames. */
  readonly total: number;
}

const MEMORY = 2 ** 30;
/** Frames that it takes to say what is usual among frames. */
const LEAST_FRAMES = 20;
/** Labels for each coefficient: with fewer, a fit follows every label and none stands out. */
const LABELS_PER_COEFFICIENT = 6;
/**
 * Models with more coefficients than this cost more than they tell; with more than twice as many as frames, energies follow the
 * fit. Only the smallest model may have more.
 */
const MOST_COEFFICIENTS = 400;
const SMALLEST = 4;
const CHANNELS = [16, 8, SMALLEST] as const;

/**
 * Labels of a set that disagree with the rest of it, and the influence of all. Frames without labels and atoms without
 * neighbours are no evidence and never outliers. When the signal fires its reason is thrown.
 * @param kernel any; results depend on it by rounding only
 * @throws NearsightError `too-few-labels`, and what neighbour lists and kernels throw, with the frame
 */
export async function* analyseOutliers(
  frames: readonly Frame[],
  kernel: Kernel,
  options: AnalysisOptions = {},
): AsyncGenerator<AnalysisProgress, OutlierAnalysis> {
  const { seed = DEFAULT_DESCRIPTOR.seed, level, memory = MEMORY, signal } = options;
  const structures = frames.map(({ structure }) => structure);
  const channels = channelsFor(frames);
  for (const frame of frames) {
    signal?.throwIfAborted();
    placed(frame, () =>
      checkSystem(SHAPE, systemOf(frame.structure, [...new Set(frame.structure.numbers)], SHAPE.cutoff)),
    );
  }
  const turn = turns();
  const engine = openLinearModel(
    createLinearModel(structures, kernel, { ...DEFAULT_DESCRIPTOR, channels, seed }),
    kernel,
  );
  try {
    const store = createRowStore(engine, structures, memory);
    for (const [k, frame] of frames.entries()) {
      signal?.throwIfAborted();
      placed(frame, () => store.rows(k));
      yield { round: 0, done: k + 1, total: frames.length };
      await turn(frame);
    }
    // An atom that nobody is near has the energy that a reference calculation gave it: no model of neighbours has a say.
    const isolated = new Set([...frames.keys()].filter((k) => store.rows(k).strain.every((value) => value === 0)));
    const judged = frames.map((frame, k) => (isolated.has(k) ? { ...frame, labels: {} } : frame));
    const settings = { weights: usualWeights(judged), ...(level === undefined ? {} : { level }) };
    const search = findOutliers(judged, store, settings);
    let next = search.next();
    for (let k = 0; !next.done; next = search.next(), k++) {
      signal?.throwIfAborted();
      yield { round: next.value.round, done: next.value.frames, total: frames.length };
      await turn(frames[k % frames.length]);
    }
    return { ...next.value, alone: [...next.value.alone, ...isolated].sort((p, q) => p - q) };
  } finally {
    engine.close();
  }
}

/** Atoms between two turns of the event loop: some tenths of a second. */
const ATOMS_PER_TURN = 200;

/** Gives the event loop a turn when so many atoms are done: else no signal ever gets through. */
function turns(): (frame: Frame) => Promise<void> | undefined {
  let atoms = 0;
  return ({ structure }) => {
    atoms += structure.numbers.length;
    if (atoms < ATOMS_PER_TURN) return undefined;
    atoms = 0;
    return giveTurn();
  };
}

/** Channels of the largest model that the labels bear. */
function channelsFor(frames: readonly Frame[]): number {
  const labelled = frames.filter(({ labels }) => labels.energy !== undefined || labels.forces !== undefined);
  let labels = 0;
  for (const frame of labelled) {
    labels += (frame.labels.forces?.length ?? 0) + (frame.labels.energy === undefined ? 0 : 1);
  }
  const species = new Set(frames.flatMap(({ structure }) => [...new Set(structure.numbers)])).size;
  const sets = species <= 4 ? species : 1;
  const coefficients = (channels: number): number => sets * featureCount({ ...SHAPE, channels }) + species;
  const fitting = CHANNELS.find(
    (channels) =>
      LABELS_PER_COEFFICIENT * coefficients(channels) <= labels &&
      (channels === SMALLEST || coefficients(channels) <= Math.min(MOST_COEFFICIENTS, 2 * labelled.length)),
  );
  if (fitting !== undefined && labelled.length >= LEAST_FRAMES) return fitting;
  const needed = LABELS_PER_COEFFICIENT * coefficients(SMALLEST);
  throw new NearsightError(
    'too-few-labels',
    `${labelled.length} labelled frames with ${labels} numbers (energies and force components) are too few to tell which are wrong`,
    {
      hint: `outliers stand out from a fit, which takes ${LEAST_FRAMES} frames and some ${needed} numbers here; forces are three numbers for each atom`,
    },
  );
}

/** A shape that any structure fits: for checks, and for counting features. */
const SHAPE = {
  species: 118,
  radial: 8,
  lmax: 3,
  order: 4,
  hidden: [4, 4],
  heads: 1,
  channels: 4,
  cutoff: 5,
  onset: 3.5,
} as const;

/** A sentence: what is wrong with a label. */
export function describeOutlier(outlier: Outlier, { structure }: Frame): string {
  const { kind, residual, limit } = outlier;
  const atoms = structure.numbers.length;
  if (kind === 'energy') {
    const [label, expected] = [outlier.label![0], outlier.expected![0]];
    const side = label > expected ? 'above' : 'below';
    return `energy ${label.toFixed(3)} eV is ${(Math.abs(label - expected) / atoms).toFixed(3)} eV/atom ${side} what the other labels say (${expected.toFixed(3)} eV; up to ${limit.toFixed(3)} eV/atom is usual)`;
  }
  if (kind === 'forces') {
    return `forces are ${residual.toFixed(2)} eV/Å (root mean square) away from what the other labels say (up to ${limit.toFixed(2)} is usual)`;
  }
  const vector = (values: readonly number[]): string => `(${values.map((value) => value.toFixed(2)).join(', ')})`;
  const name = `atom ${outlier.atom} (${symbolOf(structure.numbers[outlier.atom!])})`;
  return `force on ${name} is ${vector(outlier.label!)} eV/Å where the other labels say ${vector(outlier.expected!)} (up to ${(limit * Math.sqrt(3)).toFixed(2)} eV/Å between them is usual)`;
}
