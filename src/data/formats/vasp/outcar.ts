/**
 * VASP's OUTCAR: every ionic step. VASP has Å, eV, eV/Å and kbar, the pressure positive, in the order xx yy zz xy yz zx.
 * Positions have five digits behind the point and forces six: vasprun.xml has more.
 *
 * The energy is the free energy TOTEN, since forces and stress are its derivatives. What ASE calls `energy` is
 * energy(sigma->0) and stands in the info `energy_sigma0`. V · PSTRESS (the enthalpy) is in none of them.
 *
 * Not labels: steps that used all NELM electronic steps (refused, or skipped when the user says so; VASP 5 writes "EDIFF
 * is reached" for them too), the half-written last step of a calculation that was stopped (likewise), and predictions of
 * a machine-learned force field, which VASP marks by "ML" (left out). A stopped calculation whose last step is whole is
 * read like any other.
 */
import type { NearsightError, Place } from '../../../errors.ts';
import type { Frame } from '../../dataset.ts';
import { refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { refuseOrSkip } from '../format.ts';
import { type Lines, linesOf, wordsOf } from '../shared/lines.ts';
import { countOf, numberOf } from '../shared/values.ts';
import { frameOfStep, type IonicStep, someFrames, speciesOf, type VaspRun } from './steps.ts';

export const VASP_OUTCAR: Format = {
  name: 'vasp-outcar',
  title: 'VASP OUTCAR',
  names: /^OUTCAR|OUTCAR$|\.outcar$/i,
  recognises: (head) => /^\s*vasp\.\d.*\n(?:.*\n){0,4}?\s*executed on /.test(head),
  read: ([file], options) => readOutcar(file, options),
};

/** All that is looked for, in one expression: most lines are passed over. */
const KEYS: RegExp =
  /^ vasp\.\d|VRHFIN =|TITEL {2}=|POTCAR:|ions per type =|NELM {3}=|- Iteration |EDIFF was not reached|ML FORCE on cell|in kB |direct lattice vectors|TOTAL-FORCE \(eV\/Angst\)|free {2}energy {3}TOTEN {2}=|energy {2}without entropy=|kinetic energy EKIN {3}=|EKIN_LAT=|General timing and acc/;

/** One calculation; a file may hold several, one after another. */
interface Calculation {
  readonly names: Record<'vrhfin' | 'titel' | 'potcar', string[]>;
  counts: number[];
  nelm: number;
  /** Where the species are told, for errors. */
  line: number;
  /** Made of the above with the first step. */
  run: VaspRun | null;
}

interface Reading {
  readonly lines: Lines;
  /** Every atom has a line of its own: there are no more than this. */
  readonly mostAtoms: number;
  readonly options: FormatOptions;
  calculation: Calculation;
  step: IonicStep | null;
  /** Lattice vectors that were printed last, Å. */
  cell: Float64Array | null;
  /** A machine-learned force field speaks. */
  machine: boolean;
  anyMachine: boolean;
  index: number;
  readonly frames: Frame[];
}

/**
 * The frames of an OUTCAR.
 * @throws NearsightError `unconverged`, `truncated-file` (both skipped on request), `no-positions` (NWRITE was too
 *   small), `incomplete-step`, `bad-header`, `no-frames`, and what `linesOf`, `numberOf` and `frameOf` throw
 */
export function readOutcar(file: InputFile, options: FormatOptions = {}): Frame[] {
  // A line without its end may be half a line.
  const whole = { path: file.path, bytes: file.bytes.subarray(0, file.bytes.lastIndexOf(NEWLINE) + 1) };
  const reading: Reading = {
    lines: linesOf(whole),
    mostAtoms: Math.floor(whole.bytes.length / SHORTEST_ROW),
    options,
    calculation: newCalculation(),
    step: null,
    cell: null,
    machine: false,
    anyMachine: false,
    index: 0,
    frames: [],
  };
  let line = reading.lines.next();
  for (; line !== null; line = reading.lines.next()) {
    const key = KEYS.exec(line);
    if (key !== null) keyRead(reading, key[0].trim(), line);
  }
  finishStep(reading, 'end');
  return someFrames(reading.frames, reading.index, reading.anyMachine, file.path);
}

const NEWLINE = 10;
/** Characters of six numbers. */
const SHORTEST_ROW = 12;

function newCalculation(): Calculation {
  return { names: { vrhfin: [], titel: [], potcar: [] }, counts: [], nelm: 0, line: 1, run: null };
}

function keyRead(reading: Reading, key: string, line: string): void {
  const { step, machine } = reading;
  if (key.startsWith('vasp.')) {
    finishStep(reading, 'next');
    reading.calculation = newCalculation();
  } else if (key === '- Iteration') iterationRead(reading, line);
  else if (key === 'direct lattice vectors') latticeRead(reading);
  else if (key === 'ML FORCE on cell') {
    finishStep(reading, 'next');
    reading.machine = true;
    reading.anyMachine = true;
  } else if (key === 'General timing and acc') finishStep(reading, 'next');
  else if (step === null) headerRead(reading, key, line);
  else if (!machine) stepRead(reading, step, key, line);
}

function headerRead({ calculation, lines, mostAtoms }: Reading, key: string, line: string): void {
  const { names } = calculation;
  const after = line.slice(line.indexOf(key) + key.length).trim();
  if (key === 'VRHFIN =') names.vrhfin.push(after.split(':')[0]);
  else if (key === 'TITEL  =') names.titel.push(wordsOf(after)[1] ?? '');
  else if (key === 'POTCAR:') names.potcar.push(wordsOf(after)[1] ?? '');
  else if (key === 'NELM   =') {
    calculation.nelm = countOf(after.split(';')[0].trim(), 'NELM', lines.place('NELM'), { least: 0, most: 2 ** 31 });
  } else if (key === 'ions per type =') {
    calculation.line = lines.number;
    calculation.counts = wordsOf(after).map((word) =>
      countOf(word, 'the number of ions of a type', lines.place(), { least: 1, most: mostAtoms }),
    );
  }
}

function iterationRead(reading: Reading, line: string): void {
  const { lines, step } = reading;
  const [, ionic, electronic] = /Iteration\s*(\d+|\*+)\(\s*(\d+|\*+)\)/.exec(line) ?? [];
  if (ionic === undefined) throw damaged('the head of an electronic step cannot be read', lines.place());
  const count = electronic.startsWith('*') ? 1 + (step?.electronic ?? 0) : Number(electronic);
  // Where a number does not fit its columns VASP writes stars; the electronic steps still start again at 1.
  const next = step === null || count <= step.electronic || !(ionic.startsWith('*') || Number(ionic) === step.number);
  reading.machine = false;
  if (!next) {
    step.electronic = count;
    return;
  }
  finishStep(reading, 'next');
  const number = ionic.startsWith('*') ? 1 + (reading.frames.at(-1)?.index ?? reading.index) : Number(ionic);
  reading.step = { line: lines.number, number, electronic: count };
}

function stepRead(reading: Reading, step: IonicStep, key: string, line: string): void {
  const { lines } = reading;
  const after = line.slice(line.indexOf(key) + key.length);
  const place = (field: string): Place => lines.place(field, reading.index);
  if (key === 'TOTAL-FORCE (eV/Angst)') {
    if (!after.includes('(ML)')) tableRead(reading, step);
  } else if (key === 'free  energy   TOTEN  =') {
    step.freeEnergy = numberOf(wordsOf(after)[0] ?? '', 'the free energy', place('energy'));
  } else if (key === 'energy  without entropy=') {
    const word = wordsOf(after.split('energy(sigma->0) =')[1] ?? '')[0] ?? '';
    step.energySigma0 = numberOf(word, 'the energy for sigma → 0', place('energy_sigma0'));
  } else if (key === 'in kB') {
    const words = wordsOf(apart(after));
    if (words.length !== 6) throw damaged(`the stress has ${words.length} numbers instead of six`, place('stress'));
    const [xx, yy, zz, xy, yz, zx] = words.map((word) => numberOf(word, 'a number of the stress', place('stress')));
    step.kbar = Float64Array.of(xx, xy, zx, xy, yy, yz, zx, yz, zz);
  } else if (key === 'EDIFF was not reached') step.failed = true;
  else if (key === 'kinetic energy EKIN   =') step.kineticEnergy = knownNumber(after);
  else if (key === 'EKIN_LAT=') step.temperature = knownNumber(line.split('(temperature')[1] ?? '');
}

/** What is no label may have overflowed; then it is not known. */
function knownNumber(text: string): number | undefined {
  const value = Number(wordsOf(text)[0] ?? '*');
  return Number.isFinite(value) ? value : undefined;
}

/** Numbers in fixed columns may touch: the sign of the next is the border. */
function apart(text: string): string {
  return text.replace(/(?<=\d)-/g, ' -');
}

function latticeRead(reading: Reading): void {
  const { lines } = reading;
  const cell: number[] = [];
  for (let row = 0; row < 3; row++) {
    const line = lines.next();
    if (line === null) return;
    const words = wordsOf(apart(line));
    const place = lines.place('cell', reading.index);
    if (words.length !== 6)
      throw damaged(`a lattice vector has ${words.length} numbers beside it instead of six`, place);
    for (const word of words.slice(0, 3)) cell.push(numberOf(word, 'a number of the cell', place));
  }
  reading.cell = Float64Array.from(cell);
}

/** Positions and forces of all atoms, between two rules. */
function tableRead(reading: Reading, step: IonicStep): void {
  const { lines } = reading;
  const run = runOf(reading);
  const atoms = run.numbers.length;
  const positions = new Float64Array(3 * atoms);
  const forces = new Float64Array(3 * atoms);
  ruleRead(reading);
  for (let atom = 0; atom < atoms; atom++) {
    const line = lines.next();
    if (line === null) return;
    const words = wordsOf(apart(line));
    if (words.length !== 6) {
      throw damaged(
        `the line of atom ${atom} has ${words.length} numbers instead of six`,
        lines.place('forces', reading.index),
      );
    }
    for (let k = 0; k < 3; k++) {
      positions[3 * atom + k] = numberOf(words[k], 'a position', lines.place('positions', reading.index));
      forces[3 * atom + k] = numberOf(words[k + 3], 'a force', lines.place('forces', reading.index));
    }
  }
  if (!ruleRead(reading)) return;
  step.positions = positions;
  step.forces = forces;
}

function ruleRead({ lines, index }: Reading): boolean {
  const line = lines.next();
  if (line === null) return false;
  if (/^\s*-{20,}\s*$/.test(line)) return true;
  throw damaged('the table of positions and forces is not as long as there are atoms', lines.place('forces', index));
}

/** Ends the step, at the end of the file or where something else begins. */
function finishStep(reading: Reading, at: 'end' | 'next'): void {
  const { step, cell, lines, options } = reading;
  reading.step = null;
  reading.machine = false;
  if (step === null) return;
  const index = reading.index++;
  const place = { path: lines.path, line: step.line, frame: index };
  const whole = step.positions !== undefined && step.freeEnergy !== undefined && step.energySigma0 !== undefined;
  if (whole && cell !== null) {
    step.cell = cell;
    const frame = frameOfStep(runOf(reading), step, index, options);
    if (frame !== null) reading.frames.push(frame);
  } else if (at === 'end') refuseOrSkip(truncated(step, place), options);
  else throw step.positions === undefined ? withoutPositions(step, place) : withoutEnergy(step, cell, place);
}

function truncated(step: IonicStep, place: Place): NearsightError {
  return refusal(
    'truncated-file',
    `the file ends within ionic step ${step.number}`,
    'the calculation was stopped: ask for unconverged frames to be skipped to take the steps before',
    place,
  );
}

function withoutPositions(step: IonicStep, place: Place): NearsightError {
  return refusal(
    'no-positions',
    `ionic step ${step.number} has no table of positions and forces`,
    'with NWRITE = 0 or 1 VASP writes it for the first and the last step only: read vasprun.xml, or repeat with NWRITE = 2',
    { ...place, field: 'positions' },
  );
}

function withoutEnergy(step: IonicStep, cell: Float64Array | null, place: Place): NearsightError {
  return refusal(
    'incomplete-step',
    `ionic step ${step.number} has no ${cell === null ? 'lattice vectors' : 'energy'}`,
    'the file is damaged, or the calculation was of another kind: repeat it',
    place,
  );
}

function damaged(message: string, place: Place): NearsightError {
  return refusal('incomplete-step', message, 'the file is damaged: copy it again, or repeat the calculation', place);
}

/** Species by VRHFIN, which is the element itself, else by the names of the potentials. */
function runOf({ calculation, lines, mostAtoms }: Reading): VaspRun {
  if (calculation.run !== null) return calculation.run;
  const { names, counts, nelm, line } = calculation;
  const place = { path: lines.path, line };
  const told = [names.vrhfin, names.titel, names.potcar.slice(0, counts.length)].find(
    (list) => list.length === counts.length,
  );
  const atoms = counts.reduce((sum, count) => sum + count, 0);
  if (told === undefined || atoms === 0 || nelm === 0 || atoms > mostAtoms) {
    throw refusal(
      'bad-header',
      atoms === 0 || atoms > mostAtoms
        ? 'the head of the file does not tell how many atoms there are'
        : nelm === 0
          ? 'the head of the file does not tell NELM, so that convergence cannot be judged'
          : `there are ${counts.length} types of ions, but ${names.vrhfin.length} of them have a name`,
      'the file is cut or damaged: read the vasprun.xml of the same calculation',
      place,
    );
  }
  const species = told.map((name) => speciesOf(name, place));
  const numbers = Int32Array.from(counts.flatMap((count, type) => new Array<number>(count).fill(species[type])));
  calculation.run = {
    path: lines.path,
    numbers,
    nelm,
    names: { energy: 'free energy TOTEN', forces: 'TOTAL-FORCE', stress: 'in kB' },
  };
  return calculation.run;
}
