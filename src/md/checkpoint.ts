import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom, type Random, type RandomState } from '../random.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import { checkStructure, copyStructure, type Structure } from '../structure/structure.ts';
import type { MdState } from './state.ts';

/**
 * A simulation put to rest: plain data, enough to go on in the same bits. The neighbour list is not kept but the
 * structure that it was built for: from another one the list would order its edges differently, and sums round
 * differently.
 */
export interface MdCheckpoint {
  readonly format: 1;
  /** Name of the potential that drove the run. */
  readonly potential: string;
  readonly structure: Structure;
  /** Å/fs, [3N]. */
  readonly velocities: Float64Array;
  /** u, [N]. */
  readonly masses: Float64Array;
  /** fs. */
  readonly time: number;
  readonly step: number;
  /** eV. */
  readonly heat: number;
  readonly listBuiltFor: Structure;
  /** Å. */
  readonly skin: number;
  /** null where nothing was random (NVE). */
  readonly random: RandomState | null;
}

/** Copies all that a run needs in order to go on. */
export function mdCheckpoint(state: MdState, potential: Potential, random?: Random): MdCheckpoint {
  return {
    format: 1,
    potential: potential.name,
    structure: copyStructure(state.structure),
    velocities: state.velocities.slice(),
    masses: state.masses.slice(),
    time: state.time,
    step: state.step,
    heat: state.heat,
    listBuiltFor: copyStructure(state.neighbours.builtFor),
    skin: state.neighbours.skin,
    random: random === undefined ? null : random.state(),
  };
}

/** A state to go on from, and the generator (where there was one) for the thermostat. */
export interface ResumedMd {
  readonly state: MdState;
  readonly random: Random | null;
}

/**
 * Goes on where `mdCheckpoint` stopped: with the same potential, the run ends in the same bits as one that was never
 * interrupted.
 * @throws NearsightError `checkpoint-format`, `checkpoint-potential`, `checkpoint-damaged`
 */
export function resumeMd(checkpoint: MdCheckpoint, potential: Potential): ResumedMd {
  checkCheckpoint(checkpoint, potential);
  const { skin, time, step, heat } = checkpoint;
  const structure = copyStructure(checkpoint.structure);
  const neighbours = buildNeighbourList(checkpoint.listBuiltFor, potential.cutoff, { skin });
  const state: MdState = {
    structure,
    velocities: checkpoint.velocities.slice(),
    masses: checkpoint.masses.slice(),
    evaluation: potential.evaluate(structure, neighbours),
    neighbours,
    time,
    step,
    heat,
  };
  return { state, random: checkpoint.random === null ? null : createRandom(checkpoint.random) };
}

function checkCheckpoint(checkpoint: MdCheckpoint, potential: Potential): void {
  if (checkpoint.format !== 1) {
    throw new NearsightError('checkpoint-format', `checkpoint of format ${checkpoint.format}; this version reads 1`, {
      hint: 'resume it with the version that wrote it',
    });
  }
  if (checkpoint.potential !== potential.name) {
    throw new NearsightError(
      'checkpoint-potential',
      `the checkpoint was written with the potential "${checkpoint.potential}", not "${potential.name}"`,
      { hint: 'resume with the same potential, or start anew from the structure of the checkpoint' },
    );
  }
  checkStructure(checkpoint.structure);
  checkStructure(checkpoint.listBuiltFor);
  const { structure, velocities, masses, listBuiltFor } = checkpoint;
  const atoms = structure.numbers.length;
  const whole = velocities.length === 3 * atoms && masses.length === atoms && listBuiltFor.numbers.length === atoms;
  const finite = velocities.every(Number.isFinite) && masses.every((m) => m > 0 && Number.isFinite(m));
  if (whole && finite && Number.isFinite(checkpoint.time) && Number.isInteger(checkpoint.step)) return;
  throw new NearsightError(
    'checkpoint-damaged',
    'the checkpoint does not fit together or holds numbers that are none',
    {
      hint: 'start anew, or resume from an older checkpoint',
    },
  );
}
