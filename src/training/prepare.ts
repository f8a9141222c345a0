/** From labelled frames to what a kernel trains on; what can't be trained on is refused by name. */

import type { Frame } from '../data/dataset.ts';
import { NearsightError } from '../errors.ts';
import type { TrainingSystem } from '../kernels/kernels.ts';
import { kernelSystem, speciesOf } from '../model/short-range.ts';
import { cellVolume } from '../structure/cell.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';

/** Which labels take part in the loss. */
export interface UsedLabels {
  readonly energy: boolean;
  readonly forces: boolean;
  readonly stress: boolean;
}

export interface TrainingFrame {
  readonly system: TrainingSystem;
  readonly group: string;
  /** Atoms of each species. */
  readonly composition: Float64Array;
  /** Å³; 0 where there is no 3-D periodic cell, and then no stress. */
  readonly volume: number;
  /** Nothing repeats: a net torque means something. */
  readonly isolated: boolean;
  readonly has: UsedLabels;
  /** Factor on all of its terms; 1 when absent. */
  readonly weight?: number;
  /** Which level of theory its labels are of: an index into `TrainingInput.levels`; 0, the target, when absent. */
  readonly level?: number;
  /** E0 of each element at its level, eV; those of the model when absent. */
  readonly referenceEnergies?: Float64Array;
}

/** Elements of the frames, ascending atomic numbers. */
export function elementsOf(frames: readonly Frame[]): number[] {
  const seen = new Set<number>();
  for (const { structure } of frames) for (const z of structure.numbers) seen.add(z);
  return [...seen].sort((p, q) => p - q);
}

function refuse(frame: Frame, source: string, field: string, what: string): never {
  throw new NearsightError('unusable-frame', what, {
    hint: 'mend or remove the frame, or train without this label (weight 0)',
    place: { path: source, line: frame.line, frame: frame.index, field },
  });
}

/** Labels of a frame that are there and finite; a label that is wanted and missing is an error, except for stress. */
function checkedLabels(frame: Frame, source: string, wanted: UsedLabels): UsedLabels {
  const { energy, forces, stress } = frame.labels;
  const periodic = frame.structure.pbc.every((p) => p);
  if (wanted.energy && energy === undefined) refuse(frame, source, 'energy', 'the frame has no energy');
  if (wanted.forces && forces === undefined) refuse(frame, source, 'forces', 'the frame has no forces');
  if (energy !== undefined && !Number.isFinite(energy)) refuse(frame, source, 'energy', `the energy is ${energy}`);
  for (const [field, values] of [
    ['forces', forces],
    ['stress', stress],
  ] as const) {
    const bad = values?.findIndex((x) => !Number.isFinite(x)) ?? -1;
    if (bad >= 0) refuse(frame, source, field, `number ${bad + 1} of the ${field} is ${values![bad]}`);
  }
  return { energy: wanted.energy, forces: wanted.forces, stress: wanted.stress && stress !== undefined && periodic };
}

/**
 * Systems with their neighbour lists and targets; reference energies are still in the energies (see `trainer`).
 * @param cutoff Å
 */
export function prepareFrames(
  frames: readonly Frame[],
  elements: readonly number[],
  cutoff: number,
  options: { readonly source: string; readonly use: UsedLabels },
): TrainingFrame[] {
  return frames.map((frame) => {
    const { structure, labels } = frame;
    const has = checkedLabels(frame, options.source, options.use);
    const list = buildNeighbourList(structure, cutoff);
    const ofAtoms = speciesOf(elements, structure.numbers);
    const species = list.owner.map((i) => ofAtoms[i]);
    const composition = new Float64Array(elements.length);
    for (const s of ofAtoms) composition[s]++;
    const volume = structure.pbc.every((p) => p) ? cellVolume(structure.cell) : 0;
    const stress = labels.stress;
    return {
      system: {
        ...kernelSystem(structure, list, species),
        energy: labels.energy ?? 0,
        forces: labels.forces ?? new Float64Array(structure.positions.length),
        strainGradient: has.stress ? stress!.map((s) => s * volume) : new Float64Array(9),
      },
      group: frame.group,
      composition,
      volume,
      isolated: structure.pbc.every((p) => !p),
      has,
    };
  });
}
