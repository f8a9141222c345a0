/** A potential of n2p2 or RuNNer as a model of nearsight. */
import type { InputFile } from '../../data/index.ts';
import { refusal } from '../../data/refuse.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import { checkSymmetryShape, type SymmetryShape } from '../../kernels/symmetry.ts';
import { BOHR, HARTREE } from '../../units.ts';
import { type SymmetryModel, symmetryParameters } from '../symmetry-model.ts';
import { inAngstrom, sortedOrder } from './functions.ts';
import { readScaling, readWeights } from './numbers.ts';
import { type N2p2Settings, readSettings } from './settings.ts';

/** The files of one potential. */
export interface N2p2Files {
  /** input.nn */
  readonly settings: InputFile;
  /** scaling.data */
  readonly scaling: InputFile;
  /** weights.ZZZ.data of each element; see `n2p2Elements`. */
  readonly weights: ReadonlyMap<number, InputFile>;
}

/** `atomic`: bohr and Hartree, RuNNer's custom. `metal`: Å and eV. The names that data files use. */
export type N2p2Units = 'atomic' | 'metal';

export interface ReadN2p2Options {
  /** Where the file does not tell by comments "Length unit : Bohr" and "Energy unit : Ha". */
  readonly units?: N2p2Units | undefined;
}

export interface N2p2Potential {
  readonly model: SymmetryModel;
  readonly units: N2p2Units;
}

/** Atomic numbers of a potential, ascending: each has a weights file. */
export function n2p2Elements(settings: InputFile): readonly number[] {
  return readSettings(settings).elements;
}

/** `weights.014.data` */
export const weightsName = (number: number): string => `weights.${String(number).padStart(3, '0')}.data`;

/**
 * The potential as a model with a network of its own for each element, in Å and eV. Its symmetry functions stand in the
 * order of their lines, and the rows of weights with them. E0 takes in `atom_energy` and `mean_energy`, the scale of
 * the readout `conv_energy`.
 * @throws NearsightError with file and line: `unsupported-potential` for what nearsight can't hold, `missing-units`,
 *   `contradicting-units`, `bad-potential-file`, `truncated-file` and what the readers of the three kinds of file throw
 * @see Singraber, Behler & Dellago 2019, doi:10.1021/acs.jctc.8b00770
 */
export function readN2p2(files: N2p2Files, options: ReadN2p2Options = {}): N2p2Potential {
  const settings = readSettings(files.settings);
  const { elements } = settings;
  const units = unitsOf(settings, options.units);
  const { length, energy } = UNITS[units];
  const shape = shapeOf(settings, length);
  const orders = settings.functions.map(sortedOrder);
  const counts = orders.map((order) => order.length);
  const scalings = readScaling(files.scaling, counts, settings.scaling);
  const parameters = new Float64Array(symmetryParameters(shape, 0).length);
  const total = counts.reduce((sum, n) => sum + n, 0);
  const statistics = {
    centre: new Float64Array(total),
    deviation: new Float64Array(total),
    scale: energy / settings.energyFactor,
  };
  let network = 0;
  let first = 0;
  for (const [species, order] of orders.entries()) {
    const [H1, H2] = shape.hidden;
    const F = order.length;
    const values = readWeights(weightsFile(files, elements[species]), [F, H1, H2]);
    parameters.set(values, network);
    for (const [sorted, own] of order.entries()) {
      parameters.set(values.slice(sorted * H1, (sorted + 1) * H1), network + own * H1);
      statistics.centre[first + own] = scalings[species].centre[sorted];
      statistics.deviation[first + own] = scalings[species].deviation[sorted];
    }
    network += values.length;
    first += F;
  }
  const referenceEnergies = Float64Array.from(settings.offsets, (offset) => offset * energy);
  const numbers = [statistics.scale, ...referenceEnergies];
  if (!numbers.every(Number.isFinite) || statistics.scale === 0) {
    const hint = 'look at mean_energy, conv_energy and atom_energy';
    throw refusal('unsupported-potential', 'the energies of the file are beyond any number', hint, {
      path: settings.path,
    });
  }
  const model: SymmetryModel = {
    kind: 'symmetry',
    ...{ elements, shape, embedding: 0, parameters, statistics, referenceEnergies },
  };
  return { model, units };
}

const UNITS: Readonly<Record<N2p2Units, { readonly length: number; readonly energy: number }>> = {
  metal: { length: 1, energy: 1 },
  atomic: { length: BOHR, energy: HARTREE },
};

function shapeOf(settings: N2p2Settings, length: number): SymmetryShape {
  const { elements, cutoffKind, inner, hidden, activation, path } = settings;
  const functions = settings.functions.map((list) => list.map((f) => inAngstrom(f, length)));
  const shape: SymmetryShape = {
    species: elements.length,
    cutoff: functions.flat().reduce((most, f) => Math.max(most, f.cutoff), 0),
    ...{ cutoffKind, inner, functions, elementWeights: elements, hidden, activation, heads: 1 },
  };
  const place = { path, field: 'symfunction_short' };
  if (shape.cutoff > LONGEST_CUTOFF) {
    const message = `symmetry functions reach ${shape.cutoff.toPrecision(4)} Å`;
    throw refusal('unsupported-potential', message, `no more than ${LONGEST_CUTOFF} Å can be held`, place);
  }
  try {
    checkSymmetryShape(shape);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    throw refusal('unsupported-potential', error.message, error.hint ?? 'mend the symmetry functions', place);
  }
  return shape;
}

/** As far as a model file lets a model reach, Å. */
const LONGEST_CUTOFF = 100;

function weightsFile({ weights, settings }: N2p2Files, number: number): InputFile {
  const file = weights.get(number);
  if (file !== undefined) return file;
  throw refusal('missing-file', `there are no weights for ${symbolOf(number)}`, `give ${weightsName(number)}, too`, {
    path: settings.path,
  });
}

const LENGTHS: Readonly<Record<string, N2p2Units>> = { bohr: 'atomic', angstrom: 'metal', å: 'metal' };
const ENERGIES: Readonly<Record<string, N2p2Units>> = { ha: 'atomic', hartree: 'atomic', ev: 'metal' };
const CHOICE = '--units atomic (bohr, Hartree) or --units metal (Å, eV)';

function unitsOf({ path, toldUnits, functions }: N2p2Settings, given: N2p2Units | undefined): N2p2Units {
  const place = { path, field: 'units' };
  const { length = '', energy = '' } = toldUnits;
  const told = Object.hasOwn(LENGTHS, length) ? LENGTHS[length] : undefined;
  const agrees = told !== undefined && Object.hasOwn(ENERGIES, energy) && ENERGIES[energy] === told;
  if (agrees && given !== undefined && given !== told) {
    const message = `the comments of the file say ${told} units, but ${given} was asked for`;
    throw refusal('contradicting-units', message, `leave out --units ${given}, or mend the comments`, place);
  }
  const units = given ?? (agrees ? told : undefined);
  if (units !== undefined) return units;
  const reach = functions.flat().reduce((most, { cutoff }) => Math.max(most, cutoff), 0);
  throw refusal(
    'missing-units',
    'the file does not say whether it is in bohr and Hartree or in Å and eV',
    `say ${CHOICE}: atoms would see ${(reach * BOHR).toPrecision(3)} Å far, or ${reach.toPrecision(3)} Å`,
    place,
  );
}
