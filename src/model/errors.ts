/** How far a potential is from its reference: the numbers of every error table, with their units in their names. */

import type { Frame } from '../data/dataset.ts';
import { symbolOf } from '../elements.ts';
import { NearsightError, type Place } from '../errors.ts';
import { cellVolume } from '../structure/cell.ts';
import type { Structure } from '../structure/structure.ts';
import { GPA } from '../units.ts';
import { createPairSample, keepLargest, type PairSample, type Pairs } from './pairs.ts';
import type { Potential } from './potential.ts';

/**
 * Mean absolute, root-mean-square and largest absolute errors (prediction − reference) over some frames; null where
 * nothing was labelled. Energies are per atom; forces count by component; stresses by component of the full 3×3
 * tensor, so that the numbers do not depend on how the crystal lies.
 */
export interface ErrorSummary {
  readonly frames: number;
  readonly atoms: number;
  readonly energy_mae_meV_per_atom: number | null;
  readonly energy_rmse_meV_per_atom: number | null;
  readonly energy_max_meV_per_atom: number | null;
  /** Energies that were compared: one per labelled frame. */
  readonly energy_count: number;
  readonly force_mae_meV_per_A: number | null;
  readonly force_rmse_meV_per_A: number | null;
  readonly force_max_meV_per_A: number | null;
  /** Components that were compared: three per atom of a labelled frame. */
  readonly force_count: number;
  readonly stress_mae_GPa: number | null;
  readonly stress_rmse_GPa: number | null;
  readonly stress_max_GPa: number | null;
  /** Components that were compared: nine per labelled frame. */
  readonly stress_count: number;
}

/** Force errors on the atoms of one element. */
export type ElementErrors = Pick<
  ErrorSummary,
  'atoms' | 'force_mae_meV_per_A' | 'force_rmse_meV_per_A' | 'force_max_meV_per_A' | 'force_count'
>;

/** Errors of one frame. */
export interface FrameErrors {
  /** Place in the list that was evaluated, from 0. */
  readonly position: number;
  /** Number in its file, from 0, and the line there on which it starts, from 1. */
  readonly frame: number;
  readonly line: number;
  readonly group: string;
  readonly atoms: number;
  /** Prediction − reference, with its sign. */
  readonly energy_error_meV_per_atom: number | null;
  readonly force_rmse_meV_per_A: number | null;
  readonly force_max_meV_per_A: number | null;
  readonly stress_rmse_GPa: number | null;
}

export interface ErrorReport {
  readonly overall: ErrorSummary;
  /** By group; frames without one stand under `NO_GROUP`. */
  readonly groups: Readonly<Record<string, ErrorSummary>>;
  /** By chemical symbol. */
  readonly elements: Readonly<Record<string, ElementErrors>>;
  /** Frames without the label, which therefore count nowhere. */
  readonly unlabelled: { readonly energy: number; readonly forces: number; readonly stress: number };
  /** Largest |energy error per atom|, and largest error of a force component, first. */
  readonly worst: { readonly energy: readonly FrameErrors[]; readonly forces: readonly FrameErrors[] };
  /** Reference against prediction, when asked for. */
  readonly parity: ParityPairs | null;
}

export interface ParityPairs {
  readonly energy_eV_per_atom: Pairs;
  readonly force_eV_per_A: Pairs;
  readonly stress_eV_per_A3: Pairs;
}

/** Name in `groups` of what belongs to none. */
export const NO_GROUP = '(no group)';

/** What a potential says of a structure. */
export interface Prediction {
  /** eV. */
  readonly energy: number;
  /** eV, [N]. */
  readonly atomicEnergies: Float64Array;
  /** eV/Å, [3N]. */
  readonly forces: Float64Array;
  /** σ = (1/V) ∂E/∂ε, eV/Å³, [9], positive in tension; null unless the structure repeats in three directions. */
  readonly stress: Float64Array | null;
}

export interface EvaluateOptions {
  /** Path or name of the data, for errors. */
  readonly source?: string;
  /** How many of the worst frames to name; 10 when absent. */
  readonly worst?: number;
  /** Keep about this many pairs of reference and prediction of each kind, for plots; none when absent. */
  readonly parity?: number;
  readonly signal?: AbortSignal;
}

/** One frame has been evaluated. */
export interface EvaluateProgress {
  readonly done: number;
  readonly of: number;
  readonly frame: Frame;
  readonly prediction: Prediction;
  readonly errors: FrameErrors;
}

/** Evaluated atoms between two turns of the event loop. */
const ATOMS_PER_TURN = 5000;

/** The volume that a stress refers to, Å³; null unless the structure repeats in three directions. */
export function stressVolume({ pbc, cell }: Structure): number | null {
  return pbc.every((repeats) => repeats) ? cellVolume(cell) : null;
}

/**
 * What `potential` says of a frame, whatever its labels.
 * @throws NearsightError with the frame's place: `not-finite` when the potential gives no number, and what the
 *   potential throws
 */
export function predict(potential: Potential, frame: Frame): Prediction {
  return placed({ line: frame.line > 0 ? frame.line : undefined, frame: frame.index }, () => {
    const { energy, atomicEnergies, forces, strainGradient } = potential.evaluate(frame.structure);
    const volume = stressVolume(frame.structure);
    if (![energy, ...strainGradient].every(Number.isFinite) || !forces.every(Number.isFinite)) {
      throw new NearsightError('not-finite', `the potential "${potential.name}" gives ${energy} eV or such forces`, {
        hint: 'look for atoms that are much too close to each other',
      });
    }
    return { energy, atomicEnergies, forces, stress: volume === null ? null : strainGradient.map((g) => g / volume) };
  });
}

/**
 * Compares a potential with the labels of some frames, one after the other. A label that is absent is counted as
 * absent, never as zero; a stress counts as absent where the structure does not repeat in three directions.
 * @throws NearsightError with the frame's place: what `predict` throws, and `bad-label` for labels that do not fit the
 *   atoms or are no finite numbers
 */
export async function* evaluateFrames(
  potential: Potential,
  frames: readonly Frame[],
  options: EvaluateOptions = {},
): AsyncGenerator<EvaluateProgress, ErrorReport> {
  const { source, worst = 10, parity, signal } = options;
  const ledger = openLedger(worst, parity);
  let atoms = 0;
  for (const [position, frame] of frames.entries()) {
    signal?.throwIfAborted();
    const place = { path: source, line: frame.line > 0 ? frame.line : undefined, frame: frame.index };
    const prediction = placed({ path: source }, () => predict(potential, frame));
    const errors = placed(place, () => enter(ledger, position, frame, prediction));
    yield { done: position + 1, of: frames.length, frame, prediction, errors };
    atoms += frame.structure.numbers.length;
    if (atoms < ATOMS_PER_TURN) continue;
    atoms = 0;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return reportOf(ledger);
}

/** The result of `work`; what the user can mend is told where it was found. */
function placed<T>(place: Place, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    const { code, message, hint } = error;
    throw new NearsightError(code, message, { hint, place: { ...place, ...error.place }, cause: error });
  }
}

/** Errors of one kind, in eV and Å: what means and maxima are made of. */
interface Tally {
  count: number;
  absolute: number;
  square: number;
  largest: number;
}

/** Errors of some frames. */
interface Account {
  frames: number;
  atoms: number;
  readonly energy: Tally;
  readonly forces: Tally;
  readonly stress: Tally;
}

interface Ledger {
  readonly overall: Account;
  readonly groups: Map<string, Account>;
  /** Force errors and atoms by atomic number. */
  readonly elements: Map<number, { atoms: number; readonly forces: Tally }>;
  readonly unlabelled: { energy: number; forces: number; stress: number };
  readonly worst: { readonly energy: FrameErrors[]; readonly forces: FrameErrors[]; readonly keep: number };
  readonly parity: { readonly energy: PairSample; readonly forces: PairSample; readonly stress: PairSample } | null;
}

const openTally = (): Tally => ({ count: 0, absolute: 0, square: 0, largest: 0 });
const openAccount = (): Account => ({
  frames: 0,
  atoms: 0,
  energy: openTally(),
  forces: openTally(),
  stress: openTally(),
});

function openLedger(keep: number, parity: number | undefined): Ledger {
  const sample = (): PairSample => createPairSample(parity ?? 0);
  return {
    overall: openAccount(),
    groups: new Map(),
    elements: new Map(),
    unlabelled: { energy: 0, forces: 0, stress: 0 },
    worst: { energy: [], forces: [], keep },
    parity: parity === undefined ? null : { energy: sample(), forces: sample(), stress: sample() },
  };
}

function addError(tally: Tally, error: number): void {
  const size = Math.abs(error);
  tally.count++;
  tally.absolute += size;
  tally.square += error * error;
  if (size > tally.largest) tally.largest = size;
}

function addTally(sum: Tally, part: Tally): void {
  sum.count += part.count;
  sum.absolute += part.absolute;
  sum.square += part.square;
  sum.largest = Math.max(sum.largest, part.largest);
}

/** The entry of a map, made when it is first asked for. */
function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

/** Books the errors of one frame. */
function enter(ledger: Ledger, position: number, frame: Frame, prediction: Prediction): FrameErrors {
  const { overall, groups, unlabelled, worst } = ledger;
  const atoms = frame.structure.numbers.length;
  const own: Account = { ...openAccount(), frames: 1, atoms };
  const energyError = compareEnergy(ledger, own, frame, prediction);
  compareForces(ledger, own, frame, prediction);
  compareStress(ledger, own, frame, prediction);
  for (const account of [overall, entryOf(groups, frame.group === '' ? NO_GROUP : frame.group, openAccount)]) {
    account.frames++;
    account.atoms += atoms;
    for (const kind of ['energy', 'forces', 'stress'] as const) addTally(account[kind], own[kind]);
  }
  for (const kind of ['energy', 'forces', 'stress'] as const) if (own[kind].count === 0) unlabelled[kind]++;
  const errors: FrameErrors = {
    position,
    frame: frame.index,
    line: frame.line,
    group: frame.group,
    atoms,
    energy_error_meV_per_atom: energyError === null ? null : 1000 * energyError,
    force_rmse_meV_per_A: rms(own.forces, 1000),
    force_max_meV_per_A: largest(own.forces, 1000),
    stress_rmse_GPa: rms(own.stress, 1 / GPA),
  };
  if (energyError !== null) keepLargest(worst.energy, worst.keep, errors, energySize);
  if (own.forces.count > 0) keepLargest(worst.forces, worst.keep, errors, forceSize);
  return errors;
}

const energySize = (errors: FrameErrors): number => Math.abs(errors.energy_error_meV_per_atom ?? 0);
const forceSize = (errors: FrameErrors): number => errors.force_max_meV_per_A ?? 0;

/** Returns the error in eV/atom, or null without a label. */
function compareEnergy({ parity }: Ledger, own: Account, { labels }: Frame, { energy }: Prediction): number | null {
  if (labels.energy === undefined) return null;
  if (!Number.isFinite(labels.energy)) refuseLabel('energy', `the energy is ${labels.energy}`);
  const error = (energy - labels.energy) / own.atoms;
  addError(own.energy, error);
  parity?.energy.add(labels.energy / own.atoms, energy / own.atoms);
  return error;
}

function compareForces(ledger: Ledger, own: Account, frame: Frame, { forces }: Prediction): void {
  const reference = frame.labels.forces;
  const { numbers } = frame.structure;
  if (reference === undefined) return;
  checkLabel('forces', reference, forces.length);
  for (let i = 0; i < numbers.length; i++) {
    const element = entryOf(ledger.elements, numbers[i], () => ({ atoms: 0, forces: openTally() }));
    element.atoms++;
    for (let c = 3 * i; c < 3 * i + 3; c++) {
      const error = forces[c] - reference[c];
      addError(own.forces, error);
      addError(element.forces, error);
      ledger.parity?.forces.add(reference[c], forces[c]);
    }
  }
}

function compareStress({ parity }: Ledger, own: Account, { labels }: Frame, { stress }: Prediction): void {
  if (labels.stress === undefined || stress === null) return;
  checkLabel('stress', labels.stress, 9);
  for (let c = 0; c < 9; c++) {
    addError(own.stress, stress[c] - labels.stress[c]);
    parity?.stress.add(labels.stress[c], stress[c]);
  }
}

function checkLabel(field: string, values: Float64Array, length: number): void {
  if (values.length !== length) refuseLabel(field, `${values.length} numbers instead of ${length}`);
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) refuseLabel(field, `number ${bad + 1} of the ${field} is ${values[bad]}`);
}

function refuseLabel(field: string, message: string): never {
  throw new NearsightError('bad-label', message, { hint: 'mend the frame, or remove the label', place: { field } });
}

const mean = ({ count, absolute }: Tally, unit: number): number | null =>
  count === 0 ? null : (unit * absolute) / count;
const rms = ({ count, square }: Tally, unit: number): number | null =>
  count === 0 ? null : unit * Math.sqrt(square / count);
const largest = (tally: Tally, unit: number): number | null => (tally.count === 0 ? null : unit * tally.largest);

function summaryOf({ frames, atoms, energy, forces, stress }: Account): ErrorSummary {
  return {
    frames,
    atoms,
    energy_mae_meV_per_atom: mean(energy, 1000),
    energy_rmse_meV_per_atom: rms(energy, 1000),
    energy_max_meV_per_atom: largest(energy, 1000),
    energy_count: energy.count,
    ...forceErrors(forces),
    stress_mae_GPa: mean(stress, 1 / GPA),
    stress_rmse_GPa: rms(stress, 1 / GPA),
    stress_max_GPa: largest(stress, 1 / GPA),
    stress_count: stress.count,
  };
}

function forceErrors(forces: Tally): Omit<ElementErrors, 'atoms'> {
  return {
    force_mae_meV_per_A: mean(forces, 1000),
    force_rmse_meV_per_A: rms(forces, 1000),
    force_max_meV_per_A: largest(forces, 1000),
    force_count: forces.count,
  };
}

function reportOf({ overall, groups, elements, unlabelled, worst, parity }: Ledger): ErrorReport {
  const named = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  const byNumber = [...elements].sort(([a], [b]) => a - b);
  return {
    overall: summaryOf(overall),
    groups: Object.fromEntries(named.map(([name, account]) => [name, summaryOf(account)])),
    elements: Object.fromEntries(
      byNumber.map(([z, { atoms, forces }]) => [symbolOf(z), { atoms, ...forceErrors(forces) }]),
    ),
    unlabelled: { ...unlabelled },
    worst: { energy: [...worst.energy], forces: [...worst.forces] },
    parity:
      parity === null
        ? null
        : {
            energy_eV_per_atom: parity.energy.pairs(),
            force_eV_per_A: parity.forces.pairs(),
            stress_eV_per_A3: parity.stress.pairs(),
          },
  };
}
