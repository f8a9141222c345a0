/** The main output of CP2K, 2.6 to 2025: every energy, with what was printed around it. Units and signs: see cp2k.ts. */
import type { Place } from '../../../errors.ts';
import { BOHR, GPA } from '../../../units.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { FormatOptions, InputFile } from '../format.ts';
import { type Lines, wordsOf } from '../shared/lines.ts';
import {
  finishedLinesOf,
  followMarkers,
  HARTREE_PER_BOHR,
  HARTREE_PER_BOHR3,
  type Handler,
  lineOf,
  readToEnd,
  vectorOf,
} from '../shared/quantum.ts';
import { numberOf } from '../shared/values.ts';

/** Atoms of the table ATOMIC COORDINATES. */
export interface PrintedAtoms {
  readonly numbers: readonly number[];
  /** Å, [3N]. */
  readonly positions: readonly number[];
}

/** One energy of the output. */
export interface Evaluation {
  readonly line: number;
  /** Hartree, as it is printed: trajectories are matched by it. */
  readonly energy: number;
  readonly unconverged: boolean;
  /** Printed since the energy before. */
  readonly atoms: PrintedAtoms | null;
  /** Å, [9]; the last that was printed. */
  readonly cell: Float64Array | null;
  /** Whether it was printed since the energy before. */
  readonly newCell: boolean;
  /** eV/Å, [3N]. */
  forces?: Float64Array;
  /** eV/Å³, positive in tension, [9]. */
  stress?: Float64Array;
}

/** What an output says. */
export interface Output {
  readonly evaluations: Evaluation[];
  /** Whether it ends within what belongs to an energy, which is left out then. */
  cut: boolean;
  /** Whether the cell may change from one energy to the next. */
  variableCell: boolean;
  /** As in ENERGY_FORCE, MD, GEO_OPT; '' where it is not said. */
  runType: string;
  pbc: readonly [boolean, boolean, boolean];
}

interface State extends Output {
  readonly lines: Lines;
  method: string;
  atoms: PrintedAtoms | null;
  cell: Float64Array | null;
  newCell: boolean;
  unconverged: boolean;
}

const HANDLERS: readonly Handler<State>[] = [
  ['PROGRAM STARTED AT', startRun],
  ['GLOBAL| Run type', readRunType],
  ['nsemble type', readEnsemble],
  ['nsemble Type', readEnsemble],
  ['ENSEMBLE TYPE', readEnsemble],
  ['CELL| Vector a', readCell],
  ['CELL| Periodicity', readPeriodicity],
  ['ATOMIC COORDINATES IN', readAtoms],
  ['SCF run NOT converged', (state) => (state.unconverged = true)],
  ['ENERGY| Total FORCE_EVAL', readEnergy],
  ['ATOMIC FORCES in', attachForces],
  ['FORCES| Atomic forces', attachForces],
  ['STRESS TENSOR [', attachStress],
  ['tress tensor [', attachStress],
];

/** @throws NearsightError with path, line and field */
export function readOutput(file: InputFile, options: FormatOptions): Output {
  const state: State = {
    ...{
      lines: finishedLinesOf(file),
      evaluations: [],
      cut: false,
      variableCell: false,
      runType: '',
      pbc: [true, true, true],
    },
    ...{ method: '', atoms: null, cell: null, newCell: false, unconverged: false },
  };
  state.cut = !readToEnd(options, () => followMarkers(state, HANDLERS));
  if (state.cut) state.evaluations.pop();
  return state;
}

function startRun(state: State): void {
  Object.assign(state, { method: '', atoms: null, cell: null, newCell: false, unconverged: false });
}

function lastWord(line: string): string {
  return wordsOf(line).pop() ?? '';
}

function readRunType(state: State, line: string): void {
  state.runType = lastWord(line);
  if (state.runType === 'CELL_OPT') state.variableCell = true;
}

function readEnsemble(state: State, line: string): void {
  if (/^(?:NP|HYDRO|MSST)/.test(lastWord(line))) state.variableCell = true;
}

function readPeriodicity(state: State, line: string): void {
  const axes = lastWord(line);
  if (axes === 'NONE' || /^[XYZ]+$/.test(axes))
    state.pbc = [axes.includes('X'), axes.includes('Y'), axes.includes('Z')];
}

function readCell(state: State, first: string): void {
  const place = state.lines.place('cell', state.evaluations.length);
  const vectors: number[] = [];
  const lengths: number[] = [];
  const angles: number[] = [];
  let decimals = 0;
  for (let line = first, axis = 0; axis < 3; axis++) {
    if (axis > 0) line = lineOf(state.lines, 'the cell');
    const [, numbers, length] = /CELL\| Vector [abc] \[angstrom\]?:?(.*)\|[abc]\|\s*=(.*)$/.exec(line) ?? ['', '', ''];
    vectors.push(...vectorOf(wordsOf(numbers), 'a lattice vector', place));
    lengths.push(numberOf(length.trim(), 'the length of a lattice vector', place));
    decimals = length.trim().replace(/^[^.]*\.?/, '').length;
  }
  for (let k = 0; k < 3 && /CELL\| Angle/.test(state.lines.peek() ?? ''); k++) {
    angles.push(numberOf(lastWord(lineOf(state.lines, 'the cell')), 'an angle of the cell', place));
  }
  state.cell = decimals > 3 && angles.length === 3 ? sharpened(vectors, lengths, angles) : Float64Array.from(vectors);
  state.newCell = true;
}

/**
 * Vectors have 3 decimals, lengths and angles have 6 in later versions: where a lies along x and b in the plane of x
 * and y, they say the same with more digits.
 */
function sharpened(vectors: readonly number[], [a, b, c]: readonly number[], angles: readonly number[]): Float64Array {
  const [cosA, cosB, cosC] = angles.map((angle) => Math.cos((angle * Math.PI) / 180));
  const sinC = Math.sqrt(1 - cosC ** 2);
  const y = (cosA - cosB * cosC) / sinC;
  const z = Math.sqrt(1 - cosB ** 2 - y ** 2);
  const sharp = Float64Array.of(a, 0, 0, b * cosC, b * sinC, 0, c * cosB, c * y, c * z);
  const same = vectors.every((value, k) => Math.abs(sharp[k] - value) < 6e-4);
  return same ? sharp : Float64Array.from(vectors);
}

function readAtoms(state: State, line: string): void {
  const [, unit] = /ATOMIC COORDINATES IN\s+(\w+)/.exec(line) ?? [];
  const scale = { angstrom: 1, bohr: BOHR }[unit?.toLowerCase() ?? ''];
  if (scale === undefined) throw unknownUnit(line, state.lines.place('positions', state.evaluations.length));
  const numbers: number[] = [];
  const positions: number[] = [];
  // Blank lines and the heading come first.
  for (let skipped = 0; skipped < 4; ) {
    const [, number, rest] = /^\s*\d+\s+\d+\s+\S+\s+(\d+)\s+(.*)$/.exec(state.lines.peek() ?? '') ?? [];
    if (rest === undefined && (numbers.length > 0 || state.lines.peek() === null)) break;
    state.lines.next();
    if (rest === undefined) skipped++;
    else {
      numbers.push(Number(number));
      const place = state.lines.place('positions', state.evaluations.length);
      positions.push(...vectorOf(wordsOf(rest), 'a coordinate', place, scale));
    }
  }
  state.atoms = { numbers, positions };
}

function readEnergy(state: State, line: string): void {
  const place = state.lines.place('energy', state.evaluations.length);
  const [, method, unit, word] = /\(\s*(\S+)\s*\) energy\s*[[(]([^\])]*)[\])]:?\s*(\S*)/.exec(line) ?? ['', '', '', ''];
  if (unit !== 'a.u.' && unit !== 'hartree') throw unknownUnit(line, place);
  if (state.method !== '' && method !== state.method) {
    throw refusal(
      'ambiguous-energy',
      `energies of ${quoted(state.method)} and of ${quoted(method)} in one run`,
      'runs that mix several FORCE_EVAL sections cannot be read: compute the labels with one of them',
      place,
    );
  }
  const { atoms, cell, newCell, unconverged } = state;
  const energy = numberOf(word, 'the energy', place);
  state.evaluations.push({ line: state.lines.number, energy, unconverged, atoms, cell, newCell });
  Object.assign(state, { method, atoms: null, newCell: false, unconverged: false });
}

function lastOf(state: State, field: string): Evaluation {
  const last = state.evaluations[state.evaluations.length - 1];
  if (last !== undefined) return last;
  throw refusal(
    'missing-energy',
    `${field} before the first line "ENERGY| Total FORCE_EVAL"`,
    'give the whole output of CP2K, from its first line',
    state.lines.place(field, 0),
  );
}

function attachForces(state: State, line: string): void {
  const last = lastOf(state, 'forces');
  last.forces = readForces(state.lines, line, state.evaluations.length - 1);
}

function attachStress(state: State, line: string): void {
  if (/eigen/i.test(line)) return;
  const last = lastOf(state, 'stress');
  last.stress = readStress(state.lines, line, state.evaluations.length - 1);
}

function unknownUnit(line: string, place: Place): Error {
  const hint = 'print it in the units that CP2K uses when it is not told otherwise';
  return refusal('unknown-unit', `no unit that nearsight knows in ${quoted(line.trim())}`, hint, place);
}

const FORCE_UNITS: Readonly<Record<string, number>> = {
  ...{ 'a.u.': HARTREE_PER_BOHR, 'hartree/bohr': HARTREE_PER_BOHR, 'hartree*bohr^-1': HARTREE_PER_BOHR },
  ...{ 'ev/angstrom': 1, 'ev*angstrom^-1': 1 },
};

const STRESS_UNITS: Readonly<Record<string, number>> = {
  ...{ gpa: GPA, mpa: GPA / 1e3, pa: GPA / 1e9, kbar: GPA / 10, bar: GPA / 1e4, 'a.u.': HARTREE_PER_BOHR3 },
};

function factorOf(units: Readonly<Record<string, number>>, line: string, place: Place): number {
  const unit = /\[([^\]]*)\]/.exec(line)?.[1].toLowerCase() ?? '';
  if (!Object.hasOwn(units, unit)) throw unknownUnit(line, place);
  return units[unit];
}

/** The table behind its heading `line`, eV/Å, [3N]. @throws NearsightError */
export function readForces(lines: Lines, line: string, frame: number): Float64Array {
  const factor = factorOf(FORCE_UNITS, line, lines.place('forces', frame));
  const row = line.includes('FORCES|') ? /^\s*FORCES\|\s+(\d+)\s+(.*)$/ : /^\s*(\d+)\s+\d+\s+\S+\s+(.*)$/;
  const forces: number[] = [];
  for (let skipped = 0; ; ) {
    const [, atom, rest] = row.exec(lines.peek() ?? '') ?? [];
    if (rest === undefined && (forces.length > 0 || skipped++ > 4)) break;
    lineOf(lines, 'the forces');
    if (rest === undefined) continue;
    const place = lines.place('forces', frame);
    if (Number(atom) !== forces.length / 3 + 1) {
      const what = `the force on atom ${forces.length / 3 + 1} should come next, found that on atom ${quoted(atom)}`;
      throw refusal('missing-forces', what, 'the file is damaged: repeat the calculation', place);
    }
    forces.push(...vectorOf(wordsOf(rest), 'a force', place, factor));
  }
  return Float64Array.from(forces);
}

/** The tensor behind its heading `line`, eV/Å³, [9]; minus what is printed, which is positive in compression. */
export function readStress(lines: Lines, line: string, frame: number): Float64Array {
  const factor = -factorOf(STRESS_UNITS, line, lines.place('stress', frame));
  const stress: number[] = [];
  for (let skipped = 0; stress.length < 9; ) {
    const next = lineOf(lines, 'the stress tensor');
    const place = lines.place('stress', frame);
    const [, rest] = /^\s*(?:STRESS\|)?\s*[xyz]\s+([-+.\dNI*].*)$/i.exec(next) ?? [];
    if (rest !== undefined) stress.push(...vectorOf(wordsOf(rest), 'the stress', place, factor));
    else if (stress.length > 0 || skipped++ > 4) {
      const what = `a row of the stress tensor should come next, found ${quoted(next)}`;
      throw refusal('missing-stress', what, 'the file is damaged: repeat the calculation', place);
    }
  }
  return Float64Array.from(stress);
}
