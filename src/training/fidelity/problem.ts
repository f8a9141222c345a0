/** From frames of several levels to the linear problem: descriptor, rows, sums, prior. */

import type { Frame } from '../../data/dataset.ts';
import { placed } from '../../data/refuse.ts';
import { NearsightError } from '../../errors.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { checkSystem } from '../../kernels/shape.ts';
import type { DescriptorSettings } from '../linear/descriptor.ts';
import { systemOf } from '../linear/descriptor.ts';
import { createLinearModel, type LinearEngine, type LinearRows, openLinearModel } from '../linear/linear-model.ts';
import { createRowStore } from '../linear/rows.ts';
import { checkTogether } from './check-levels.ts';
import { type LevelSums, sumLevel } from './levels.ts';
import type { MixedModel } from './mixed-model.ts';
import { channelsFor, dampingOf, FIDELITY_DESCRIPTOR } from './prior.ts';

/** Labelled frames of one level of theory. */
export interface LevelFrames {
  readonly name: string;
  readonly frames: readonly Frame[];
}

export interface FidelitySettings {
  /** Instead of `FIDELITY_DESCRIPTOR`; fewer channels where there are many species or levels. */
  readonly descriptor?: Partial<DescriptorSettings>;
  /** Bytes of rows that are kept; what does not fit is computed again. 1 GiB when absent. */
  readonly memory?: number;
  readonly signal?: AbortSignal;
}

/** A level with the rows of its frames. */
export interface ProblemLevel extends LevelFrames {
  readonly rows: (k: number) => LinearRows;
  readonly sums: LevelSums;
}

export interface FidelityProblem {
  /** The target first. */
  readonly levels: readonly ProblemLevel[];
  readonly model: MixedModel;
  /** Atomic numbers of the species, ascending. */
  readonly elements: readonly number[];
  readonly engine: LinearEngine;
  /** Gives memory and threads back. */
  close(): void;
}

/** How far long work has come. */
export interface FidelityProgress {
  readonly phase: 'rows' | 'fit' | 'lift';
  readonly done: number;
  readonly total: number;
}

/** Frames of the target below which nothing can be said of noise and bias. */
export const LEAST_TARGET_FRAMES = 3;

/**
 * Sets the problem up. When the signal fires its reason is thrown.
 * @param levels the target first
 * @param kernel any; results depend on it by rounding only
 * @throws NearsightError `too-few-levels`, `too-few-labels`, `no-common-element`, `same-labels`, and what neighbour lists and kernels throw, with the frame
 */
export async function* createProblem(
  levels: readonly LevelFrames[],
  kernel: Kernel,
  settings: FidelitySettings = {},
): AsyncGenerator<FidelityProgress, FidelityProblem> {
  const { memory = 2 ** 30, signal } = settings;
  checkLevels(levels);
  const frames = levels.flatMap((level) => level.frames);
  const structures = frames.map(({ structure }) => structure);
  const elements = [...new Set(structures.flatMap(({ numbers }) => [...new Set(numbers)]))].sort((p, q) => p - q);
  const descriptor = {
    ...FIDELITY_DESCRIPTOR,
    channels: channelsFor(elements.length, levels.length),
    ...settings.descriptor,
  };
  const shape = {
    ...{ species: elements.length, lmax: 3, order: 4, hidden: [4, 4], heads: 1 },
    ...descriptor,
  } as const;
  for (const frame of frames)
    placed(frame, () => checkSystem(shape, systemOf(frame.structure, elements, shape.cutoff)));
  const linear = createLinearModel(structures, kernel, descriptor);
  const engine = openLinearModel(linear, kernel);
  try {
    const store = createRowStore(engine, structures, memory);
    for (const [k, frame] of frames.entries()) {
      signal?.throwIfAborted();
      placed(frame, () => store.rows(k));
      yield { phase: 'rows', done: k + 1, total: frames.length };
      if (k % FRAMES_PER_TURN === 0) await turn();
    }
    let first = 0;
    const summed = levels.map((level) => {
      const from = first;
      first += level.frames.length;
      const rows = (k: number): LinearRows => store.rows(from + k);
      return { ...level, rows, sums: sumLevel(level.name, level.frames, rows, elements.length) };
    });
    for (const { name, sums } of summed) checkSums(name, sums);
    return { levels: summed, model: mixedModel(engine, summed), elements, engine, close: () => engine.close() };
  } catch (error) {
    engine.close();
    throw error;
  }
}

function mixedModel({ model }: LinearEngine, levels: readonly { readonly sums: LevelSums }[]): MixedModel {
  const sums = levels.map((level) => level.sums);
  return { levels: sums, damping: dampingOf(model, sums), species: model.group.length };
}

/**
 * The same problem with some frames of each level, in its order; null keeps a level as it is. The descriptor and the
 * rows stay. The new problem needs no closing.
 */
export function restrictProblem(
  problem: FidelityProblem,
  some: readonly (readonly number[] | null)[],
): FidelityProblem {
  const levels = problem.levels.map((level, f): ProblemLevel => {
    const chosen = some[f];
    if (chosen === null) return level;
    const frames = chosen.map((k) => level.frames[k]);
    const rows = (k: number): LinearRows => level.rows(chosen[k]);
    return { name: level.name, frames, rows, sums: sumLevel(level.name, frames, rows, problem.elements.length) };
  });
  checkLevels(levels);
  for (const { name, sums } of levels) checkSums(name, sums);
  return { ...problem, levels, model: mixedModel(problem.engine, levels), close: () => undefined };
}

const FRAMES_PER_TURN = 20;

/** Gives the event loop a turn: else no signal ever gets through. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function checkLevels(levels: readonly LevelFrames[]): void {
  if (levels.length < 2) {
    throw new NearsightError(
      'too-few-levels',
      `there is ${levels.length === 1 ? `one level of theory, ${levels[0].name}` : 'no level of theory'}`,
      {
        hint: 'give the frames of the target level and those of at least one cheaper level',
      },
    );
  }
  checkTogether(levels);
  const labelled = levels[0].frames.filter(({ labels }) => labels.energy !== undefined || labels.forces !== undefined);
  if (labelled.length < LEAST_TARGET_FRAMES) {
    throw new NearsightError('too-few-labels', `the target ${levels[0].name} has ${labelled.length} labelled frames`, {
      hint: `it takes at least ${LEAST_TARGET_FRAMES} to tell a bias from noise`,
    });
  }
}

function checkSums(name: string, { kinds }: LevelSums): void {
  if (kinds.some(({ kind }) => kind === 'energy')) return;
  throw new NearsightError('too-few-labels', `no frame of the level ${name} has an energy`, {
    hint: 'each level needs energies; forces and stresses may be missing',
  });
}
