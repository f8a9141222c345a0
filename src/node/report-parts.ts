/** From what the library found out to the records that a report is drawn from. */
import { arch, cpus } from 'node:os';
import type { Dataset } from '../data/index.ts';
import { periodicPlaceOf, symbolOf } from '../elements.ts';
import type { ElementErrors, ErrorReport, ErrorSummary, Json, Model, ModelFile, Pairs } from '../model/index.ts';
import { speciesMap } from '../model/index.ts';
import type { Potential } from '../model/potential.ts';
import {
  type DataSummary,
  type DynamicsReport,
  type ElementFamily,
  type ErrorRow,
  type ErrorStatistics,
  type LearningCurve,
  type LearningErrors,
  type ModelCard,
  type Parity,
  type ParityPanel,
  type ParitySet,
  paritySet,
  type SpeciesReport,
  type SpeedSummary,
} from '../report/index.ts';
import { buildNeighbourList, type Structure } from '../structure/index.ts';
import { GPA } from '../units.ts';
import type { SimulationResult } from './simulate.ts';
import { VERSION } from './version.ts';

/** The errors of one set of frames, in eV and Å. */
export function errorRow(name: string, e: ErrorSummary): ErrorRow {
  const energy = [e.energy_mae_meV_per_atom, e.energy_rmse_meV_per_atom, e.energy_max_meV_per_atom];
  const stress = [e.stress_mae_GPa, e.stress_rmse_GPa, e.stress_max_GPa];
  return {
    name,
    frames: e.frames,
    atoms: e.atoms,
    ...only('energy', statistics(energy, e.energy_count, 1e-3)),
    ...only('forces', forceStatistics(e)),
    ...only('stress', statistics(stress, e.stress_count, GPA)),
  };
}

/** Rows of the groups of an evaluation. */
export function groupRows({ groups }: ErrorReport): ErrorRow[] {
  return Object.entries(groups).map(([name, errors]) => errorRow(name, errors));
}

/** Rows of the elements of an evaluation: forces only. */
export function elementRows({ elements }: ErrorReport): ErrorRow[] {
  return Object.entries(elements).map(([name, errors]) => ({
    name,
    atoms: errors.atoms,
    ...only('forces', forceStatistics(errors)),
  }));
}

function forceStatistics(e: ElementErrors): ErrorStatistics | undefined {
  return statistics([e.force_mae_meV_per_A, e.force_rmse_meV_per_A, e.force_max_meV_per_A], e.force_count, 1e-3);
}

/** From [MAE, RMSE, largest] times `unit`; undefined where nothing was compared. */
function statistics(errors: readonly (number | null)[], count: number, unit: number): ErrorStatistics | undefined {
  const [mae, rmse, max] = errors;
  if (mae === null || rmse === null || max === null) return undefined;
  return { mae: mae * unit, rmse: rmse * unit, max: max * unit, count };
}

/** { key: value }, or nothing when there is no value. */
function only<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

/** Parity plots of the training frames (light) and the held-out ones (strong). */
export function parityOf(parts: { readonly train?: ErrorReport; readonly test?: ErrorReport }): Parity {
  const panel = (kind: 'energy_eV_per_atom' | 'force_eV_per_A' | 'stress_eV_per_A3'): ParityPanel => ({
    ...only('train', paritySetOf(parts.train?.parity?.[kind])),
    ...only('test', paritySetOf(parts.test?.parity?.[kind])),
  });
  return { energy: panel('energy_eV_per_atom'), forces: panel('force_eV_per_A'), stress: panel('stress_eV_per_A3') };
}

function paritySetOf(pairs: Pairs | undefined): ParitySet | undefined {
  if (pairs === undefined || pairs.total === 0) return undefined;
  return { ...paritySet(pairs.reference, pairs.predicted), total: pairs.total };
}

/** The learning curve that a model file keeps in its settings; undefined when there is none. */
export function learningOf({ settings }: ModelFile): LearningCurve | undefined {
  const { history, best_epoch: kept } = settings;
  if (!isList(history) || history.length === 0) return undefined;
  const points = history.map((row) => ({
    epoch: Number(valueAt(row, 'epoch')),
    learningRate: Number(valueAt(row, 'rate')),
    ...only('train', learningErrors(valueAt(row, 'train'))),
    ...only('validation', learningErrors(valueAt(row, 'validation'))),
  }));
  return { measure: 'RMSE', points, ...only('keptEpoch', typeof kept === 'number' ? kept : undefined) };
}

function learningErrors(errors: Json | undefined): LearningErrors | undefined {
  const number = (key: string): number | undefined => {
    const value = valueAt(errors, key);
    return typeof value === 'number' ? value : undefined;
  };
  if (errors === null || errors === undefined) return undefined;
  return {
    ...only('energy', number('energy_rmse_eV_per_atom')),
    ...only('forces', number('force_rmse_eV_per_A')),
    ...only('stress', number('stress_rmse_eV_per_A3')),
  };
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

function valueAt(value: Json | undefined, key: string): Json | undefined {
  if (value === null || typeof value !== 'object' || isList(value)) return undefined;
  return value[key];
}

/** How the model treats its elements; undefined where it has fewer than three, or no vectors for them. */
export function speciesOf(model: Model): SpeciesReport | undefined {
  const map = speciesMap(model);
  if (map === null) return undefined;
  const { elements, coordinates, explained, nearest, groups, compares } = map;
  return {
    symbols: elements.map(symbolOf),
    families: elements.map(familyOf),
    x: elements.map((_, i) => coordinates[2 * i]),
    y: elements.map((_, i) => coordinates[2 * i + 1]),
    explained,
    compared: compares.map((what) => `as ${what}`).join(' and '),
    // Where each element has a component of its own they all start equally far apart; see training/many-elements.
    ...(elements.length > model.embedding && { startedFromTable: true }),
    nearest: nearest.map((others) => others.slice(0, 3).map(symbolOf)),
    ...(groups !== null && { groups }),
  };
}

function familyOf(z: number): ElementFamily {
  const { group } = periodicPlaceOf(z);
  if (z === 1 || group >= 16) return 'nonmetal';
  if (!Number.isInteger(group)) return 'fmetal';
  if (group <= 2) return group === 1 ? 'alkali' : 'earth';
  return group <= 12 ? 'dmetal' : 'pblock';
}

/** What a report says of a run. */
export function dynamicsOf(run: SimulationResult, ensemble: string, temperature: number): DynamicsReport {
  const { moments, drift } = run;
  return {
    ensemble,
    atoms: run.atoms,
    timestep: run.timestep,
    temperature,
    time: moments.map((m) => m.time),
    // Without a thermostat it is the conserved energy.
    ...(ensemble !== 'NVE' && { totalEnergy: moments.map((m) => m.potentialEnergy + m.kineticEnergy) }),
    conservedEnergy: moments.map((m) => m.conservedEnergy),
    temperatures: moments.map((m) => m.temperature),
    ...only('driftMeVPerAtomPerPs', drift?.drift_meV_per_atom_per_ps),
  };
}

/** Model card of a file: sizes, settings and origin. */
export function cardOf(file: ModelFile, more: Partial<ModelCard> = {}): ModelCard {
  const { model, provenance, parts } = file;
  const { heads, cutoff } = model.shape;
  const training = valueAt(file.settings, 'training');
  const loss = valueAt(training, 'loss');
  const settings: [string, Json | undefined][] = [
    ['epochs', provenance.epochs],
    ['frames for training', provenance.split.train],
    ['frames for validation', provenance.split.validation],
    ['structures per step', valueAt(training, 'batch')],
    ['learning rate', valueAt(training, 'rate')],
    ['weight of energies', valueAt(loss, 'energy')],
    ['weight of forces', valueAt(loss, 'forces')],
    ['weight of stresses', valueAt(loss, 'stress')],
  ];
  return {
    weights: model.parameters.length,
    cutoff,
    seed: provenance.seed,
    hyperparameters: {
      ...descriptorOf(model),
      readout: `${model.shape.hidden.join(' + ')} neurons`,
      heads,
      'short-range repulsion': parts.repulsion === null ? 'none' : parts.repulsion.kind.toUpperCase(),
    },
    training: Object.fromEntries(
      settings.filter((entry): entry is [string, string | number | boolean] =>
        ['string', 'number', 'boolean'].includes(typeof entry[1]),
      ),
    ),
    versions: {
      'nearsight (training)': provenance.nearsightVersion,
      'nearsight (report)': VERSION,
      Node: process.versions.node,
    },
    ...more,
  };
}

/** What a model sees of an atom's surroundings. */
function descriptorOf(model: Model): Record<string, string | number> {
  if (model.kind === 'symmetry') {
    const { functions, cutoffKind, activation } = model.shape;
    return {
      descriptor: 'Behler–Parrinello symmetry functions',
      'functions of an atom': functions.map((list) => list.length).join(', '),
      'cutoff function': cutoffKind,
      activation,
    };
  }
  const { radial, lmax, order, channels, onset, directForces } = model.shape;
  return {
    'switching starts at': `${onset} Å`,
    'radial functions': radial,
    'largest angular momentum': lmax,
    'largest body order': order + 1,
    channels,
    ...(directForces === true && { forces: 'from a head of their own: not a gradient' }),
  };
}

/** Counts of a data set and of its groups. */
export function dataSummary(dataset: Dataset, more: Partial<DataSummary> = {}): DataSummary {
  const groups = new Map<string, { frames: number; atoms: number }>();
  for (const { group, structure } of dataset.frames) {
    const count = groups.get(group) ?? { frames: 0, atoms: 0 };
    groups.set(group, { frames: count.frames + 1, atoms: count.atoms + structure.numbers.length });
  }
  return {
    source: dataset.source,
    sha256: dataset.sha256,
    frames: dataset.frames.length,
    atoms: dataset.frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0),
    groups: Array.from(groups, ([name, count]) => ({ name: name === '' ? '(no group)' : name, ...count })),
    ...more,
  };
}

const RUNS = 9;

/** Wall-clock time of an evaluation with its neighbour list at hand, median of nine. */
export function measureSpeed(potential: Potential, structure: Structure, threads: number): SpeedSummary {
  const list = buildNeighbourList(structure, potential.cutoff);
  const times = Array.from({ length: RUNS + 2 }, () => {
    const began = performance.now();
    potential.evaluate(structure, list);
    return performance.now() - began;
  });
  const atoms = structure.numbers.length;
  // The first two compile.
  const median = times.slice(2).sort((a, b) => a - b)[Math.floor(RUNS / 2)];
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'} (${arch()})`;
  return { microsecondsPerAtom: (1000 * median) / atoms, atoms, threads, machine };
}
