import type { Frame } from '../../data/dataset.ts';
import { KB } from '../../units.ts';

/** Frames of one composition that it takes to call them a thermal sample. */
const LEAST_FRAMES = 5;
/** A frame is in motion when its forces are larger, root mean square, eV/Å. */
const IN_MOTION = 0.15;
/** Of the temperatures of single frames: their own fluctuation is left out of the highest ones. */
const HIGH = 0.9;

export interface TrainingTemperature {
  /** K. */
  readonly temperature: number;
  /** Where it was found. */
  readonly group: string;
  readonly frames: number;
}

/**
 * The highest temperature that labelled frames were drawn at, from equipartition: in a harmonic solid the potential
 * energy lies (3/2) k_B T per atom above its minimum on average. Frames count by group and composition; the minimum is
 * the lowest energy among all frames with the same atoms. Rough (a melt, a defect or a surface has energy without being
 * hot, and a set without its minimum looks too cold): good to tell 300 K from 1000 K. Null where no group of frames is
 * in motion.
 */
export function trainingTemperature(frames: readonly Frame[]): TrainingTemperature | null {
  const lowest = new Map<string, number>();
  const samples = new Map<string, { readonly group: string; readonly frames: Frame[] }>();
  for (const frame of frames) {
    const { energy } = frame.labels;
    if (energy === undefined) continue;
    const atoms = compositionOf(frame);
    lowest.set(atoms, Math.min(lowest.get(atoms) ?? Number.POSITIVE_INFINITY, energy));
    if (!(rootMeanSquare(frame.labels.forces) > IN_MOTION)) continue;
    const key = `${frame.group} ${atoms}`;
    const sample = samples.get(key) ?? { group: frame.group, frames: [] };
    sample.frames.push(frame);
    samples.set(key, sample);
  }
  let hottest: TrainingTemperature | null = null;
  for (const { group, frames: own } of samples.values()) {
    if (own.length < LEAST_FRAMES) continue;
    const minimum = lowest.get(compositionOf(own[0]))!;
    const kelvins = own
      .map(({ labels, structure }) => (labels.energy! - minimum) / (1.5 * KB * structure.numbers.length))
      .sort((p, q) => p - q);
    const temperature = kelvins[Math.floor(HIGH * (own.length - 1))];
    if (temperature > (hottest?.temperature ?? 0)) hottest = { temperature, group, frames: own.length };
  }
  return hottest;
}

/** The atoms of a frame, in numbers: cells of one size are compared with each other only. */
const compositionOf = ({ structure }: Frame): string => [...structure.numbers].sort((p, q) => p - q).join(' ');

function rootMeanSquare(forces: Float64Array | undefined): number {
  if (forces === undefined) return 0;
  return Math.sqrt(forces.reduce((sum, f) => sum + f * f, 0) / forces.length);
}
