/**
 * VASP's vasprun.xml: every ionic step. VASP has Å, eV, eV/Å and kbar, the pressure positive; positions are fractional.
 *
 * The energy is `e_fr_energy` (free energy, TOTEN), since forces and stress are its derivatives. What ASE calls `energy`
 * is extrapolated to sigma → 0 and stands in the info `energy_sigma0`; ASE's `free_energy` is the energy here.
 *
 * Not labels: steps that used all NELM electronic steps (refused, or skipped when the user says so), and steps without
 * electronic steps that a machine-learned force field made on the fly (left out). Forces on atoms that are fixed by
 * selective dynamics are as VASP wrote them; the array `move_mask` says along which lattice vectors atoms were free.
 */
import { NearsightError, type Place } from '../../../errors.ts';
import { toCartesian } from '../../../structure/cell.ts';
import type { Frame } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { refuseOrSkip } from '../format.ts';
import { wordsOf } from '../shared/lines.ts';
import { countOf, numberOf } from '../shared/values.ts';
import { readXml, type XmlElement } from '../shared/xml.ts';
import { frameOfStep, type IonicStep, someFrames, speciesOf, type VaspRun } from './steps.ts';

export const VASP_XML: Format = {
  name: 'vasp-xml',
  title: 'VASP vasprun.xml',
  names: /^vasprun.*\.xml$|\bvasprun\.xml$/i,
  recognises: (head) => /^\s*(?:<\?xml[^>]*>\s*)?<modeling[\s>]/.test(head),
  read: ([file], options) => readVasprun(file, options),
};

/** A step and what is known of it before its cell is. */
interface XmlStep extends IonicStep {
  readonly rows: Record<'basis' | 'positions' | 'forces' | 'stress', number[]>;
  readonly energies: Map<string, number>;
  /** Of the last electronic step. */
  readonly electronicEnergies: Map<string, number>;
}

interface Reading {
  readonly path: string;
  readonly options: FormatOptions;
  readonly numbers: number[];
  readonly selective: boolean[];
  nelm: number;
  pullayStress: number;
  machineLearned: boolean;
  /** Words of the row of a table so far. */
  column: number;
  step: XmlStep | null;
  /** Ionic steps so far, of whatever kind. */
  steps: number;
  /** Those of them that VASP computed. */
  index: number;
  readonly frames: Frame[];
}

/**
 * The frames of a vasprun.xml.
 * @throws NearsightError `unconverged`, `truncated-file` (both skipped on request, with what stands before kept),
 *   `pressure-in-energy` (PSTRESS is set: VASP adds V · PSTRESS to what it calls energy), `incomplete-step`,
 *   `not-vasprun`, `no-frames`, and what `readXml` and `frameOf` throw
 */
export function readVasprun(file: InputFile, options: FormatOptions = {}): Frame[] {
  const reading: Reading = {
    path: file.path,
    options,
    numbers: [],
    selective: [],
    nelm: 0,
    pullayStress: 0,
    machineLearned: false,
    column: 0,
    step: null,
    steps: 0,
    index: 0,
    frames: [],
  };
  try {
    readXml(file, {
      open: (element) => opened(reading, element),
      close: (element, text) => closed(reading, element, text),
    });
  } catch (error) {
    if (!(error instanceof NearsightError) || error.code !== 'truncated-file' || reading.index === 0) throw error;
    const { code, message, place } = error;
    const hint = `the calculation was stopped after ${reading.index} complete ionic steps: ask for unconverged frames to be skipped to take those`;
    refuseOrSkip(refusal(code, message, hint, place), options);
  }
  return someFrames(reading.frames, reading.index, reading.machineLearned, file.path);
}

function opened(reading: Reading, { name, path, parent, line }: XmlElement): void {
  if (parent === null && name !== 'modeling') {
    throw refusal(
      'not-vasprun',
      `the file begins with <${quoted(name).slice(1, -1)}> instead of <modeling>`,
      'give the vasprun.xml that VASP wrote',
      { path: reading.path, line },
    );
  }
  if (name === 'rc') reading.column = 0;
  if (path !== 'modeling/calculation') return;
  reading.step = {
    ...{ line, number: ++reading.steps, electronic: 0 },
    rows: { basis: [], positions: [], forces: [], stress: [] },
    ...{ energies: new Map(), electronicEnergies: new Map() },
  };
}

function closed(reading: Reading, element: XmlElement, text: string): void {
  const { name, path } = element;
  const { step } = reading;
  if (step === null) settingRead(reading, element, text);
  else if (name === 'v') rowRead(reading, step, element, text);
  else if (name === 'i') energyRead(reading, step, element, text);
  else if (path === 'modeling/calculation/scstep') step.electronic++;
  else if (path === 'modeling/calculation') {
    reading.step = null;
    stepRead(reading, step);
  }
}

function energyRead(reading: Reading, step: XmlStep, { parent, attributes, line }: XmlElement, text: string): void {
  const energies =
    parent?.path === 'modeling/calculation/energy'
      ? step.energies
      : parent?.path === 'modeling/calculation/scstep/energy'
        ? step.electronicEnergies
        : null;
  const field = attributes.name ?? '';
  if (energies === null || !/^(?:e_fr_energy|e_0_energy|kinetic)$/.test(field)) return;
  // A kinetic energy that overflowed is no label; a total energy is.
  if (field === 'kinetic' && text.includes('*')) return;
  const place = { path: reading.path, line, frame: reading.index, field };
  energies.set(field, numberOf(text.trim(), `the energy ${field}`, place));
}

/** What stands before the ionic steps. */
function settingRead(reading: Reading, { name, path, parent, attributes, line }: XmlElement, text: string): void {
  const place = { path: reading.path, line };
  if (name === 'c' && path === 'modeling/atominfo/array/set/rc/c') {
    if (reading.column++ > 0 || parent?.parent?.parent?.attributes.name !== 'atoms') return;
    reading.numbers.push(speciesOf(text, place));
  } else if (name === 'i') {
    const field = attributes.name;
    if (field === 'NELM' && parent?.attributes.name === 'electronic convergence') {
      reading.nelm = countOf(text.trim(), 'NELM', place, { least: 0, most: 2 ** 31 });
    } else if (field === 'PSTRESS') {
      reading.pullayStress = numberOf(text.trim(), 'PSTRESS', { ...place, field });
    } else if (/^ML_(?:LMLFF|FF_LMLFF|MODE)$/.test(field ?? '') && !/^\.?F/i.test(text.trim())) {
      reading.machineLearned = true;
    }
  } else if (name === 'v' && path === 'modeling/structure/varray/v') {
    if (parent?.attributes.name !== 'selective' || parent.parent?.attributes.name !== 'initialpos') return;
    for (const flag of wordsOf(text)) reading.selective.push(/^\.?t/i.test(flag));
  }
}

function rowRead(reading: Reading, step: XmlStep, { path, parent, line }: XmlElement, text: string): void {
  const field = parent?.attributes.name;
  const wanted =
    (path === 'modeling/calculation/structure/crystal/varray/v' && field === 'basis') ||
    (path === 'modeling/calculation/structure/varray/v' && field === 'positions') ||
    (path === 'modeling/calculation/varray/v' && (field === 'forces' || field === 'stress'));
  if (!wanted) return;
  const words = wordsOf(text);
  const place = { path: reading.path, line, frame: reading.index, field };
  if (words.length !== 3) {
    throw refusal(
      'wrong-count',
      `a row of the ${field} has ${words.length} numbers instead of three`,
      'the file is damaged: copy it again, or repeat the calculation',
      place,
    );
  }
  const rows = step.rows[field as keyof XmlStep['rows']];
  for (const word of words) rows.push(numberOf(word, 'a component', place));
}

function stepRead(reading: Reading, step: XmlStep): void {
  if (step.electronic === 0 && reading.machineLearned) return;
  const { rows, energies, electronicEnergies } = step;
  const index = reading.index++;
  const place = { path: reading.path, line: step.line, frame: index };
  if (reading.pullayStress !== 0) throw pressureInEnergy(reading.pullayStress, place);
  const atoms = reading.numbers.length;
  if (step.electronic === 0) throw incomplete('electronic steps', 0, null, place);
  if (rows.basis.length !== 9) throw incomplete('numbers of the cell', rows.basis.length, 9, place);
  for (const field of ['positions', 'forces', 'stress'] as const) {
    const expected = field === 'stress' ? 9 : 3 * atoms;
    const found = rows[field].length;
    // Forces and stress are only there where they were computed.
    if (found === expected || (found === 0 && field !== 'positions')) continue;
    throw incomplete(`numbers of the ${field}`, found, expected, place);
  }
  const freeEnergy = energies.get('e_fr_energy');
  if (freeEnergy === undefined) throw incomplete('energies e_fr_energy', 0, 1, place);
  step.freeEnergy = freeEnergy;
  // Some versions of VASP write a wrong e_0_energy here, while the electronic steps lack the dispersion correction.
  const smeared = electronicEnergies.get('e_fr_energy');
  const unsmeared = electronicEnergies.get('e_0_energy');
  if (smeared !== undefined && unsmeared !== undefined) step.energySigma0 = freeEnergy + (unsmeared - smeared);
  step.kineticEnergy = energies.get('kinetic');
  step.cell = Float64Array.from(rows.basis);
  step.positions = cartesian(rows.positions, step.cell, place);
  if (rows.forces.length > 0) step.forces = Float64Array.from(rows.forces);
  if (rows.stress.length > 0) step.kbar = Float64Array.from(rows.stress);
  const frame = frameOfStep(runOf(reading, place), step, index, reading.options);
  if (frame !== null) reading.frames.push(frame);
}

function cartesian(fractional: readonly number[], cell: Float64Array, place: Place): Float64Array {
  try {
    return toCartesian(fractional, cell);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    throw new NearsightError(error.code, error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      place: { ...place, ...error.place },
    });
  }
}

function runOf({ path, numbers, nelm, selective }: Reading, place: Place): VaspRun {
  if (nelm === 0) throw incomplete('settings NELM', 0, 1, place);
  const run: VaspRun = {
    path,
    numbers: Int32Array.from(numbers),
    nelm,
    names: { energy: 'e_fr_energy', forces: 'forces', stress: 'stress' },
  };
  if (selective.length === 0) return run;
  if (selective.length !== 3 * numbers.length) {
    throw incomplete('flags of selective dynamics', selective.length, 3 * numbers.length, place);
  }
  return { ...run, arrays: { move_mask: { type: 'L', columns: 3, values: selective } } };
}

function incomplete(what: string, found: number, expected: number | null, place: Place): NearsightError {
  return refusal(
    'incomplete-step',
    `the ionic step has ${found} ${what}${expected === null ? '' : ` instead of ${expected}`}`,
    'the file is damaged, or the calculation was of another kind: repeat it',
    place,
  );
}

function pressureInEnergy(kbar: number, place: Place): NearsightError {
  return refusal(
    'pressure-in-energy',
    `PSTRESS is ${kbar} kbar, and VASP then adds V · PSTRESS to the energies of vasprun.xml`,
    'read the OUTCAR of the same calculation, which has the energy without it',
    { ...place, field: 'PSTRESS' },
  );
}
