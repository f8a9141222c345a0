import type { Frame } from '../../data/dataset.ts';
import { NearsightError } from '../../errors.ts';
import { cellVolume } from '../../structure/cell.ts';
import { checkRange } from '../../structure/neighbours.ts';
import { checkStructure } from '../../structure/structure.ts';
import { type Contacts, closestContacts } from './closest.ts';

export interface ForceFacts {
  /** Sum of the squares of the components, (eV/Å)². */
  readonly squares: number;
  /** Largest |F| on one atom, eV/Å. */
  readonly largest: number;
  /** Length of the sum of all forces, per atom, eV/Å. */
  readonly netPerAtom: number;
  /** Atoms whose force is exactly zero. */
  readonly zeros: number;
}

/** What is worked out once for each frame. */
export interface FrameFacts {
  /** Why the frame cannot be used, or ''. Then nothing else is known of it. */
  readonly problem: string;
  /** eV; absent where there is no energy. */
  readonly energyPerAtom?: number;
  readonly forces?: ForceFacts;
  /** Å³; only where all three directions repeat. */
  readonly volumePerAtom?: number;
  readonly contacts: Contacts | null;
}

/** Of all frames, in order. */
export function allFacts(frames: readonly Frame[]): FrameFacts[] {
  // Frames of one set resemble each other: the nearest pair of one is a good guess for the next.
  let guess: number | undefined;
  return frames.map((frame) => {
    const facts = factsOf(frame, guess);
    if (facts.contacts !== null) guess = GUESS_SLACK * facts.contacts.nearest.distance;
    return facts;
  });
}

const GUESS_SLACK = 1.1;

/** @param guess a distance that some pair of atoms is expected to be nearer than, Å */
export function factsOf(frame: Frame, guess?: number): FrameFacts {
  const { structure, labels } = frame;
  const atoms = structure.numbers.length;
  const problem = problemOf(frame);
  if (problem !== '') return { problem, contacts: null };
  let contacts: Contacts | null;
  try {
    contacts = closestContacts(structure, guess);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    return { problem: error.message, contacts: null };
  }
  return {
    problem,
    contacts,
    ...(labels.energy === undefined ? {} : { energyPerAtom: labels.energy / atoms }),
    ...(labels.forces === undefined ? {} : { forces: forceFacts(labels.forces) }),
    ...(structure.pbc.every(Boolean) ? { volumePerAtom: cellVolume(structure.cell) / atoms } : {}),
  };
}

function problemOf({ structure, labels }: Frame): string {
  try {
    checkStructure(structure);
    // What looks at frames after this builds neighbour lists of them.
    checkRange(structure);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    return error.message;
  }
  const { energy, forces, stress } = labels;
  if (energy !== undefined && !Number.isFinite(energy)) return `the energy is ${energy}`;
  if (forces !== undefined && forces.length !== structure.positions.length) {
    return `there are ${forces.length} force components for ${structure.numbers.length} atoms`;
  }
  if (stress !== undefined && stress.length !== 9) return `the stress has ${stress.length} components`;
  const bad = firstNotFinite(forces) ?? firstNotFinite(stress);
  return bad === undefined ? '' : `a component of forces or stress is ${bad}`;
}

function firstNotFinite(values: Float64Array | undefined): number | undefined {
  if (values === undefined) return undefined;
  for (let k = 0; k < values.length; k++) if (!Number.isFinite(values[k])) return values[k];
  return undefined;
}

function forceFacts(forces: Float64Array): ForceFacts {
  let squares = 0;
  let largest = 0;
  let zeros = 0;
  let x = 0;
  let y = 0;
  let z = 0;
  for (let c = 0; c < forces.length; c += 3) {
    const square = forces[c] * forces[c] + forces[c + 1] * forces[c + 1] + forces[c + 2] * forces[c + 2];
    squares += square;
    if (square > largest) largest = square;
    if (square === 0) zeros++;
    x += forces[c];
    y += forces[c + 1];
    z += forces[c + 2];
  }
  const netPerAtom = Math.sqrt(x * x + y * y + z * z) / (forces.length / 3);
  return { squares, largest: Math.sqrt(largest), netPerAtom, zeros };
}
