import type { Frame } from '../../data/dataset.ts';
import { NearsightError } from '../../errors.ts';
import { cellVolume } from '../../structure/cell.ts';
import { checkStructure } from '../../structure/structure.ts';
import { type Contacts, closestContacts } from './closest.ts';

/** What is worked out once for each frame. */
export interface FrameFacts {
  /** Why the frame cannot be used, or ''. Then nothing else is known of it. */
  readonly problem: string;
  /** eV; absent where there is no energy. */
  readonly energyPerAtom?: number;
  /** Sum of the squares of the force components and the largest |F| on one atom, eV/Å; length of the sum of all forces per atom. */
  readonly forces?: { readonly squares: number; readonly largest: number; readonly netPerAtom: number };
  /** Å³; only where all three directions repeat. */
  readonly volumePerAtom?: number;
  readonly contacts: Contacts | null;
}

export function factsOf(frame: Frame): FrameFacts {
  const { structure, labels } = frame;
  const atoms = structure.numbers.length;
  const problem = problemOf(frame);
  if (problem !== '') return { problem, contacts: null };
  let contacts: Contacts | null;
  try {
    contacts = closestContacts(structure);
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
  const bad = [...(forces ?? []), ...(stress ?? [])].find((value) => !Number.isFinite(value));
  return bad === undefined ? '' : `a component of forces or stress is ${bad}`;
}

function forceFacts(forces: Float64Array): NonNullable<FrameFacts['forces']> {
  let squares = 0;
  let largest = 0;
  const sum = [0, 0, 0];
  for (let c = 0; c < forces.length; c += 3) {
    const square = forces[c] ** 2 + forces[c + 1] ** 2 + forces[c + 2] ** 2;
    squares += square;
    largest = Math.max(largest, Math.sqrt(square));
    for (let k = 0; k < 3; k++) sum[k] += forces[c + k];
  }
  return { squares, largest, netPerAtom: Math.hypot(sum[0], sum[1], sum[2]) / (forces.length / 3) };
}
