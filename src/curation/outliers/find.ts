/**
 * Outliers by influence. A linear model is fitted to all labels, each block of labels (an energy, the forces of a frame,
 * the force on an atom) is compared with what all others say of it, and what cannot be chance is left out of the next
 * fit, until nothing changes. Derivation and symbols: docs/theory/outliers.md.
 */
import type { Frame } from '../../data/dataset.ts';
import {
  addBlock,
  blocksOf,
  emptyEquations,
  type LinearFit,
  type LinearWeights,
  solveEquations,
} from '../../training/linear/linear-fit.ts';
import type { LinearRows } from '../../training/linear/linear-model.ts';
import type { RowStore } from '../../training/linear/rows.ts';
import { type Criterion, edgeOf, type Judgement, judge, type OutlierKind, type Standing } from './judge.ts';
import { type Excluded, type FrameMeasures, type Measured, measureFrame } from './measure.ts';
import { type Similar, similarIn } from './similar.ts';

/** A block of labels as it stands to the rest. */
export interface Influence {
  /** Cook's distance D: squared change of all fitted values without the block, over p s². */
  readonly cook: number;
  /** D of the same block, were its residuals as large as is just usual. */
  readonly threshold: number;
  /** Root mean square of its residuals by the fit without it: eV/atom for energies, eV/Å for forces. */
  readonly residual: number;
  /** The same, were they as large as is just usual. */
  readonly limit: number;
}

export interface Outlier extends Influence {
  /** Number of the frame in the list that was given. */
  readonly frame: number;
  readonly kind: OutlierKind;
  /** Which atom, for kind "atom". */
  readonly atom?: number;
  /** Energy (eV) or force on the atom (eV/Å) as labelled, and by the fit without this label. */
  readonly label?: readonly number[];
  readonly expected?: readonly number[];
}

export interface OutlierAnalysis {
  /** Most influential first. */
  readonly outliers: readonly Outlier[];
  /** Of the energy and of all forces of each frame; null where there is no label, or nothing to judge it by. */
  readonly energies: readonly (Influence | null)[];
  readonly forces: readonly (Influence | null)[];
  /** Cook's distance of the force on each atom of each frame; empty without forces, NaN where nothing judges it. */
  readonly atoms: readonly Float64Array[];
  /** Frames with a label that no other label has a say in. */
  readonly alone: readonly number[];
  readonly criteria: readonly Criterion[];
  /** Effective number of coefficients p, and variance s² of the weighted residuals, of the last fit. */
  readonly parameters: number;
  readonly variance: number;
  /** Labels in the last fit, and how often it was repeated. */
  readonly rows: number;
  readonly rounds: number;
}

export interface OutlierOptions {
  /** Of squared residuals; those that count less than one are usual anywhere. */
  readonly weights: LinearWeights;
  /** Probability that a clean set has any block of a kind beyond its limit; 0.01 when absent. */
  readonly level?: number;
  /** Whom to ask what is usual, where that is known already: it does not depend on labels. */
  readonly similar?: Similar;
}

const LEVEL = 0.01;

/** Exclusion may swing to and fro for a block at its limit. */
const MOST_ROUNDS = 8;

/** Frames that are done, of a round. */
export interface OutlierProgress {
  readonly round: number;
  readonly frames: number;
}

/**
 * Finds labels that disagree with all others beyond chance.
 * @param store rows of the frames' structures
 * @throws NearsightError `no-rows`, and what the rows throw
 */
export function* findOutliers(
  frames: readonly Frame[],
  store: RowStore,
  options: OutlierOptions,
): Generator<OutlierProgress, OutlierAnalysis> {
  const { weights, level = LEVEL, similar = similarIn(frames, store) } = options;
  let excluded: Excluded = { energy: new Set(), forces: new Set(), atoms: new Map() };
  for (let round = 1; ; round++) {
    const equations = emptyEquations(store.parameters);
    for (const [k, frame] of frames.entries()) {
      for (const block of keptBlocks(frame, k, { rows: store.rows(k), weights, excluded })) addBlock(equations, block);
      yield { round, frames: k / 2 };
    }
    const fit = solveEquations(equations);
    const measures: FrameMeasures[] = [];
    for (const [k, frame] of frames.entries()) {
      measures.push(measureFrame(frame, k, store.rows(k), { fit, weights, excluded }));
      yield { round, frames: (frames.length + k) / 2 };
    }
    const judgement = judge(measures, similar, level);
    if (sameExclusion(judgement.excluded, excluded) || round === MOST_ROUNDS) {
      return { ...report(frames, measures, judgement, { fit, rows: equations.rows }), rounds: round };
    }
    excluded = judgement.excluded;
  }
}

function keptBlocks(
  frame: Frame,
  k: number,
  { rows, weights, excluded }: { rows: LinearRows; weights: LinearWeights; excluded: Excluded },
): ReturnType<typeof blocksOf> {
  const { energy, forces } = frame.labels;
  const out = excluded.atoms.get(k);
  const labels = {
    ...(energy === undefined || excluded.energy.has(k) ? {} : { energy }),
    ...(forces === undefined || excluded.forces.has(k) ? {} : { forces }),
  };
  return blocksOf({ structure: frame.structure, labels }, rows, weights).map((block) => {
    if (out === undefined || block.targets !== forces) return block;
    const weight = Float64Array.from(block.targets, (_, c) => (out.has(Math.floor(c / 3)) ? 0 : weights.forces));
    return { ...block, weight };
  });
}

function sameExclusion(a: Excluded, b: Excluded): boolean {
  const text = ({ energy, forces, atoms }: Excluded): string =>
    JSON.stringify([[...energy], [...forces], [...atoms].map(([k, set]) => [k, ...set])]);
  return text(a) === text(b);
}

function report(
  frames: readonly Frame[],
  measures: readonly FrameMeasures[],
  judgement: Judgement,
  { fit, rows }: { fit: LinearFit; rows: number },
): Omit<OutlierAnalysis, 'rounds'> {
  const { criteria } = judgement;
  const variance = fit.squares / Math.max(1, rows - fit.effective);
  const scale = fit.effective * variance;
  const influence: InfluenceOfBlock = (block, standing, { kind, k }) =>
    block &&
    standing &&
    influenceOf(block, standing, { criterion: criteria[kind], scale, N: frames[k].structure.numbers.length });
  const energies = measures.map(({ energy }, k) => influence(energy, judgement.energies[k], { kind: 'energy', k }));
  const forces = measures.map((m, k) => influence(m.forces, judgement.forces[k], { kind: 'forces', k }));
  const outliers = frames.flatMap(({ labels }, k) =>
    outliersOf(labels, k, { measures: measures[k], judgement, influence, energy: energies[k], forces: forces[k] }),
  );
  return {
    outliers: outliers.sort((a, b) => b.cook - a.cook || a.frame - b.frame),
    energies,
    forces,
    atoms: measures.map((frame) => Float64Array.from(frame.atoms, (atom) => (atom ? atom.shift / scale : Number.NaN))),
    alone: measures.flatMap(({ alone }, k) => (alone ? [k] : [])),
    criteria: Object.values(criteria).filter(({ tests }) => tests > 0),
    parameters: fit.effective,
    variance,
    rows,
  };
}

type InfluenceOfBlock = (
  block: Measured | null,
  standing: Standing | null,
  of: { readonly kind: OutlierKind; readonly k: number },
) => Influence | null;

/** Outliers of frame k. */
function outliersOf(
  { energy, forces }: Frame['labels'],
  k: number,
  found: {
    readonly measures: FrameMeasures;
    readonly judgement: Judgement;
    readonly influence: InfluenceOfBlock;
    readonly energy: Influence | null;
    readonly forces: Influence | null;
  },
): Outlier[] {
  const { measures, judgement, influence } = found;
  const { excluded, atoms } = judgement;
  const outliers: Outlier[] = [];
  if (excluded.energy.has(k) && measures.energy !== null && found.energy !== null) {
    const { deleted, weight } = measures.energy;
    const expected = [energy! - deleted[0] / Math.sqrt(weight)];
    outliers.push({ frame: k, kind: 'energy', ...found.energy, label: [energy!], expected });
  }
  if (excluded.forces.has(k)) {
    if (found.forces !== null) outliers.push({ frame: k, kind: 'forces', ...found.forces });
    return outliers;
  }
  for (const i of excluded.atoms.get(k) ?? []) {
    const block = measures.atoms[i];
    const standing = influence(block, atoms[k][i], { kind: 'atom', k });
    if (block === null || standing === null) continue;
    const label = Array.from(forces!.subarray(3 * i, 3 * i + 3));
    const expected = label.map((f, c) => f - block.deleted[c] / Math.sqrt(block.weight));
    outliers.push({ frame: k, kind: 'atom', atom: i, ...standing, label, expected });
  }
  return outliers;
}

/** D and its threshold: what D would be at the edge of the usual, were all residuals of the block smaller or larger by one factor. */
function influenceOf(
  { deleted, shift, discrepancy, mean, rows, weight }: Measured,
  standing: Standing,
  { criterion, scale, N }: { criterion: Criterion; scale: number; N: number },
): Influence {
  let sum = 0;
  for (const u of deleted) sum += u * u;
  const residual = Math.sqrt(sum / rows / weight) / (criterion.kind === 'energy' ? N : 1);
  const share = discrepancy > 0 ? edgeOf(standing, criterion) / mean : 0;
  return {
    cook: shift / scale,
    threshold: (shift / scale) * share,
    residual,
    limit: residual * Math.sqrt(Math.max(0, share)),
  };
}
