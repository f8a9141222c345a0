/** The loss as the engine sees it: terms of a batch, and the errors that they come to. */
import type { KernelModel, LossTerm, TermErrors } from '../kernels/kernels.ts';
import type { TrainingFrame } from './prepare.ts';
import type { TrainingSettings } from './settings.ts';

/** Root-mean-square errors: eV/atom, eV/Å, eV/Å³ (NaN where nothing is labelled). */
export interface ErrorSummary {
  readonly energy: number;
  readonly forces: number;
  readonly stress: number;
}

/** Numbers of the engine's systems, and what a loss term of each needs. */
export interface Registered {
  readonly frame: TrainingFrame;
  readonly number: number;
  /** Heads that learn from it, one for each visit in turn. */
  readonly heads: readonly number[];
  /** Mixed in only: counts in the loss, not in the errors. */
  readonly replayed: boolean;
}

export function register(
  engine: KernelModel,
  frames: readonly TrainingFrame[],
  referenceEnergies: Float64Array,
  of: { readonly heads: readonly (readonly number[])[]; readonly replayed: boolean },
): Registered[] {
  return frames.map((frame, k) => {
    const energy = frame.system.energy - referenceOf(frame, referenceEnergies);
    return { frame, number: engine.add({ ...frame.system, energy }), heads: of.heads[k], replayed: of.replayed };
  });
}

/** What the atoms of a frame count before the model says anything, eV: E0 of its elements, at its level of theory. */
export function referenceOf(frame: TrainingFrame, referenceEnergies: Float64Array): number {
  const E0 = frame.referenceEnergies ?? referenceEnergies;
  return frame.composition.reduce((sum, n, s) => sum + n * E0[s], 0);
}

/** Loss terms of a batch; every force component counts alike, and every structure's energy and stress per atom. */
export function termsOf(
  batch: readonly Registered[],
  heads: readonly number[],
  scale: { atoms: number; energy: number; direct: boolean },
  settings: TrainingSettings,
): LossTerm[] {
  const { loss } = settings;
  const { direct } = scale;
  return batch.map(({ frame, number }, k) => {
    const { has, system, group } = frame;
    const weight = ((loss.groups[group] ?? 1) * (frame.weight ?? 1)) / batch.length;
    const perAtom = 1 / system.atoms ** 2;
    return {
      system: number,
      head: heads[k],
      energy: has.energy ? weight * loss.energy * scale.energy * perAtom : 0,
      forces: has.forces ? (weight * loss.forces) / (3 * scale.atoms) : 0,
      strain: has.stress && !direct ? (weight * loss.stress * perAtom) / 9 : 0,
      ...(direct && {
        netForce: weight * loss.netForce * perAtom,
        netTorque: frame.isolated ? weight * loss.netTorque * perAtom : 0,
      }),
    };
  });
}

/** Sums of squares that root-mean-square errors are made of. */
export interface ErrorSums {
  loss: number;
  energy: number;
  frames: number;
  forces: number;
  components: number;
  stress: number;
  stresses: number;
}

export const noErrors = (): ErrorSums => ({
  loss: 0,
  energy: 0,
  frames: 0,
  forces: 0,
  components: 0,
  stress: 0,
  stresses: 0,
});

export function addErrors(sums: ErrorSums, registered: Registered, term: LossTerm, errors: TermErrors): void {
  sums.loss += term.energy * errors.energy ** 2 + term.forces * errors.forces + term.strain * errors.strain;
  sums.loss += (term.netForce ?? 0) * (errors.netForce ?? 0) + (term.netTorque ?? 0) * (errors.netTorque ?? 0);
  if (registered.replayed) return;
  const { has, system, volume } = registered.frame;
  if (has.energy) {
    sums.energy += (errors.energy / system.atoms) ** 2;
    sums.frames++;
  }
  if (has.forces) {
    sums.forces += errors.forces;
    sums.components += 3 * system.atoms;
  }
  if (has.stress) {
    sums.stress += errors.strain / volume ** 2;
    sums.stresses += 9;
  }
}

export const summary = (s: ErrorSums): ErrorSummary => ({
  energy: Math.sqrt(s.energy / s.frames),
  forces: Math.sqrt(s.forces / s.components),
  stress: Math.sqrt(s.stress / s.stresses),
});
