/** Energies that went through single precision. */
import type { Frame } from '../../data/dataset.ts';

export interface SinglePrecision {
  readonly frames: readonly number[];
  /** Distance between neighbouring numbers in single precision at these energies: per atom, eV (median). */
  readonly stepPerAtom: number;
}

const FEWEST_FRAMES = 10;
/** Share of the energies that must be numbers of single precision. */
const SHARE = 0.95;
/** A double is such a number when it is this near to it, as a share of the step. */
const NEAR = 1e-3;

/**
 * Energies that are numbers of single precision, in which case nothing finer than `stepPerAtom` is in them; null where
 * they are not. Numbers with few decimals are not counted: they may be both.
 */
export function findSinglePrecision(frames: readonly Frame[]): SinglePrecision | null {
  const single: number[] = [];
  const steps: number[] = [];
  let others = 0;
  for (const [index, { labels, structure }] of frames.entries()) {
    const { energy } = labels;
    if (energy === undefined || Number.isInteger(energy * 100)) continue;
    const step = 2 ** (Math.floor(Math.log2(Math.abs(energy))) - 23);
    if (Math.abs(energy - Math.fround(energy)) > NEAR * step) {
      others++;
      continue;
    }
    single.push(index);
    steps.push(step / structure.numbers.length);
  }
  if (single.length < FEWEST_FRAMES || single.length < SHARE * (single.length + others)) return null;
  steps.sort((a, b) => a - b);
  return { frames: single, stepPerAtom: steps[steps.length >> 1] };
}
