import type { Frame } from '../data/dataset.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import { predict } from './errors.ts';
import type { ModelFile } from './model-file.ts';
import type { Committee, Potential, RunningEvaluation } from './potential.ts';
import { type EnginePotential, shortRangePotential } from './short-range.ts';
import { addPart, sumPotentials } from './sum.ts';
import { zblPotential } from './zbl.ts';

/** The sum of all parts of a model, and the committee of its heads: each of them with the other parts added. */
export interface LoadedPotential extends Potential, Committee {
  /** The learned part, for what only the engine knows: features, single heads. */
  readonly shortRange: EnginePotential;
  /** All parts, the learned one first. */
  readonly parts: readonly Potential[];
  /** Gives the engine's memory and threads back. The potential must not be used afterwards. */
  close(): void;
}

/**
 * The potential that a model file describes: the learned short-range part, and the repulsion if it has one.
 * @throws NearsightError `model-weights` when the weights overflow, `no-covalent-radius`
 */
export function potentialOf({ model, parts: { repulsion } }: ModelFile, kernel: Kernel): LoadedPotential {
  const pairs = repulsion === null ? [] : [zblPotential(model.elements, repulsion)];
  const shortRange = shortRangePotential(model, kernel);
  const parts: readonly Potential[] = [shortRange, ...pairs];
  const sum = sumPotentials(parts.map(({ name }) => name).join(' + '), parts);
  return {
    ...sum,
    ...{ shortRange, parts, members: shortRange.members },
    evaluateMembers(structure, neighbours) {
      const list = neighbours ?? buildNeighbourList(structure, sum.cutoff);
      const totals: RunningEvaluation[] = shortRange.evaluateMembers(structure, list).map((member) => ({ ...member }));
      for (const total of totals) for (const part of pairs) addPart(total, part, structure, list);
      return totals;
    },
    close: () => shortRange.close(),
  };
}

/**
 * The frames with what a potential says of them taken off their labels: what is left for the other parts of a sum to
 * learn. Where the structure does not repeat in three directions a stress has no meaning and is left out.
 */
export function subtractPart(frames: readonly Frame[], potential: Potential): Frame[] {
  return frames.map((frame) => {
    const { energy, forces, stress } = frame.labels;
    const part = predict(potential, frame);
    return {
      ...frame,
      labels: {
        ...(energy === undefined ? {} : { energy: energy - part.energy }),
        ...(forces === undefined ? {} : { forces: forces.map((f, c) => f - part.forces[c]) }),
        ...(stress === undefined || part.stress === null ? {} : { stress: stress.map((s, c) => s - part.stress![c]) }),
      },
    };
  });
}
