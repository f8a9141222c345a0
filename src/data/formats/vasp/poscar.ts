/**
 * VASP's POSCAR and CONTCAR: one structure, in Å, periodic in all directions.
 *
 * Read are files of VASP 5 and later, and of VASP 4 (without symbols) when the user names the elements; one scale, three,
 * or a volume; selective dynamics (the array `move_mask`, true where an atom is free to move along a lattice vector);
 * velocities (the array `velocities`, Å/fs; `direct_velocities` where the file has them in units of the lattice and the
 * time step). Velocities that are all zero, those of the lattice and the predictor-corrector data are left out.
 *
 * Written are Cartesian positions with a scale of 1, so that every number is read back bit for bit, and the atoms in
 * their order: an element that comes again is named again. Labels, group, info and other arrays have no place in the
 * format and are left out.
 */
import { symbolOf } from '../../../elements.ts';
import type { NearsightError, Place } from '../../../errors.ts';
import { toCartesian } from '../../../structure/cell.ts';
import { determinant3 } from '../../../structure/matrix3.ts';
import { checkStructure } from '../../../structure/structure.ts';
import type { AtomArray, Frame } from '../../dataset.ts';
import { formatReal, parseReal } from '../../decimal.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile, OutputFile } from '../format.ts';
import { type Lines, linesOf, wordsOf } from '../shared/lines.ts';
import { countOf, frameOf, numberOf } from '../shared/values.ts';
import { speciesOf } from './steps.ts';

export const POSCAR: Format = {
  name: 'poscar',
  title: 'VASP POSCAR and CONTCAR',
  names: /^(?:POSCAR|CONTCAR)|(?:POSCAR|CONTCAR)$|\.(?:poscar|vasp)$/i,
  read: ([file], options) => readPoscar(file, options),
  write: (frames) => [writePoscar(frames)],
};

/**
 * The one frame of a POSCAR.
 * @throws NearsightError `bad-scale`, `bad-header`, `unknown-types`, `wrong-count`, `bad-flag`, `truncated-file`, and
 *   what `linesOf`, `numberOf` and `frameOf` throw
 */
export function readPoscar(file: InputFile, options: FormatOptions = {}): Frame[] {
  const lines = linesOf(file);
  nextLine(lines);
  const scale = scaleRead(lines);
  const rows = [rowRead(lines, 'cell'), rowRead(lines, 'cell'), rowRead(lines, 'cell')].flat();
  const factors = factorsOf(scale, rows, lines.place('cell'));
  const cell = Float64Array.from(rows, (value, k) => value * factors[k % 3]);
  const numbers = numbersRead(lines, file.bytes.length, options);
  const start = lines.number;
  let mode = nextLine(lines).trim();
  const selective = /^s/i.test(mode);
  if (selective) mode = nextLine(lines).trim();
  const cartesian = /^[ck]/i.test(mode);
  if (!cartesian && !/^(?:d|frac)/i.test(mode)) {
    throw refusal(
      'bad-header',
      `expected "Direct" or "Cartesian", found ${quoted(mode)}`,
      'say in this line how the positions are meant',
      lines.place(),
    );
  }
  const free: boolean[] = [];
  const given = new Float64Array(3 * numbers.length);
  for (let atom = 0; atom < numbers.length; atom++) {
    given.set(rowRead(lines, 'positions', selective ? free : undefined), 3 * atom);
  }
  const place = { path: file.path, line: 1, frame: 0 };
  checkStructure({ numbers, positions: given, cell, pbc: [true, true, true] }, { path: file.path, line: start });
  const positions = cartesian ? given.map((value, k) => value * factors[k % 3]) : toCartesian(given, cell);
  const arrays: Record<string, AtomArray> = velocitiesRead(lines, numbers.length);
  if (selective) arrays.move_mask = { type: 'L', columns: 3, values: free };
  return [frameOf({ structure: { numbers, positions, cell, pbc: [true, true, true] }, arrays }, place)];
}

function nextLine(lines: Lines): string {
  const line = lines.next();
  if (line !== null) return line;
  throw refusal(
    'truncated-file',
    'the file ends before the last atom',
    'the numbers of atoms must fit the lines below; copy the file again if it is cut',
    lines.place(),
  );
}

/** Three numbers and, where coordinates can be fixed, three flags; what follows is a comment. */
function rowRead(lines: Lines, field: string, free?: boolean[]): number[] {
  const words = wordsOf(nextLine(lines));
  const place = lines.place(field);
  if (words.length < (free === undefined ? 3 : 6)) {
    throw refusal(
      'wrong-count',
      `expected three numbers${free === undefined ? '' : ' and three flags T or F'}, found ${words.length} words`,
      'the numbers of atoms must fit the lines below',
      place,
    );
  }
  for (const word of free === undefined ? [] : words.slice(3, 6)) {
    if (!/^\.?[tf]/i.test(word)) {
      throw refusal(
        'bad-flag',
        `expected T or F, found ${quoted(word)}`,
        'T lets a coordinate move, F fixes it',
        place,
      );
    }
    free?.push(/^\.?t/i.test(word));
  }
  return words.slice(0, 3).map((word) => numberOf(word, `a number of the ${field}`, place));
}

/** One scale (negative: the volume) or three. */
function scaleRead(lines: Lines): number[] {
  const words = wordsOf(nextLine(lines));
  const place = lines.place('scale');
  const several = words.slice(0, 3).map(parseReal);
  const scale =
    several.length === 3 && several.every(Number.isFinite) ? several : [numberOf(words[0] ?? '', 'the scale', place)];
  if (scale.length === 1 ? scale[0] !== 0 : scale.every((factor) => factor > 0)) return scale;
  throw refusal(
    'bad-scale',
    `the scale is ${scale.join(' ')}`,
    'give one number (1.0, or minus the volume in Å³) or three positive ones',
    place,
  );
}

/** Factors of the x, y and z components. */
function factorsOf(scale: readonly number[], rows: readonly number[], place: Place): readonly number[] {
  if (scale.length === 3) return scale;
  if (scale[0] > 0) return [scale[0], scale[0], scale[0]];
  const factor = Math.cbrt(-scale[0] / Math.abs(determinant3(Float64Array.from(rows))));
  if (Number.isFinite(factor) && factor > 0) return [factor, factor, factor];
  throw refusal(
    'bad-scale',
    `the lattice vectors cannot be scaled to a volume of ${-scale[0]} Å³`,
    'give linearly independent lattice vectors',
    place,
  );
}

/** Atomic numbers from the line of symbols, if there is one, and the line of counts. */
function numbersRead(lines: Lines, bytes: number, options: FormatOptions): Int32Array {
  let words = wordsOf(nextLine(lines));
  let symbols: readonly string[] | undefined;
  if (!/^[+-]?\d/.test(words[0] ?? '')) {
    const comment = words.findIndex((word) => /^[!#]/.test(word));
    symbols = comment < 0 ? words : words.slice(0, comment);
    words = wordsOf(nextLine(lines));
  }
  const place = lines.place();
  // Comments may stand behind the counts.
  const end = words.findIndex((word) => !/^[+-]?\d+$/.test(word));
  const counts = (end < 0 ? words : words.slice(0, end)).map((word) =>
    countOf(word, 'the number of atoms', place, { least: 0, most: Math.floor(bytes / 6) }),
  );
  const atoms = counts.reduce((sum, count) => sum + count, 0);
  const names = symbols ?? options.elements;
  if (names === undefined) {
    throw refusal(
      'unknown-types',
      `the file gives the numbers of atoms (${counts.slice(0, 8).join(' ')}) but not their elements`,
      'files of VASP 4 do not name the elements: name them in the order of the POTCAR, or add a line with the symbols',
      place,
    );
  }
  if (counts.length === 0 || names.length < counts.length || (symbols !== undefined && names.length > counts.length)) {
    throw refusal(
      'wrong-count',
      `there are ${names.length} elements but ${counts.length} numbers of atoms`,
      'give one number of atoms for each element',
      place,
    );
  }
  if (atoms > bytes / 6) throw tooMany(atoms, place);
  const species = names.map((name) => speciesOf(name, place));
  return Int32Array.from(counts.flatMap((count, type) => new Array<number>(count).fill(species[type])));
}

function tooMany(atoms: number, place: Place): NearsightError {
  const hint = 'the numbers of atoms must fit the lines below; copy the file again if it is cut';
  return refusal('truncated-file', `the file is too short for ${atoms} atoms`, hint, place);
}

/** What may stand behind the positions. All zero says nothing, and is left out. */
function velocitiesRead(lines: Lines, atoms: number): Record<string, AtomArray> {
  let head = lines.next();
  // Nothing, and blank lines until the end, are nothing.
  if (head !== null && /^\s*l/i.test(head)) {
    for (let k = 0; k < 7; k++) nextLine(lines);
    head = lines.next();
  }
  const next = lines.peek();
  if (head === null || next === null || next.trim() === '') return {};
  const direct = /^\s*d/i.test(head);
  if (!direct && head.trim() !== '' && !/^\s*[ck]/i.test(head)) {
    throw refusal(
      'wrong-count',
      `expected the end of the positions, found ${quoted(head)}`,
      'the numbers of atoms must fit the lines below; velocities follow after an empty line',
      lines.place(),
    );
  }
  const values = new Float64Array(3 * atoms);
  for (let atom = 0; atom < atoms; atom++) values.set(rowRead(lines, 'velocities'), 3 * atom);
  if (values.every((value) => value === 0)) return {};
  return { [direct ? 'direct_velocities' : 'velocities']: { type: 'R', columns: 3, values } };
}

/**
 * A POSCAR of one frame.
 * @throws NearsightError `one-frame-only`, `unwritable-pbc`, `unwritable-array`, and what `checkStructure` throws
 */
export function writePoscar(frames: readonly WritableFrame[]): OutputFile {
  if (frames.length !== 1) {
    throw refusal(
      'one-frame-only',
      `a POSCAR holds one structure, not ${frames.length}`,
      'choose one frame, or write extended XYZ',
      {},
    );
  }
  const [{ structure, arrays = {} }] = frames;
  checkStructure(structure, { frame: 0 });
  const { numbers, positions, cell, pbc } = structure;
  if (pbc.includes(false)) {
    throw refusal(
      'unwritable-pbc',
      'the structure does not repeat in all three directions, but everything in a POSCAR does',
      'give it a cell with enough vacuum and set pbc to true, or write extended XYZ',
      { frame: 0, field: 'pbc' },
    );
  }
  const runs = runsOf(numbers);
  const mask = columnsOf(arrays, 'move_mask', 'L', numbers.length);
  const velocities = columnsOf(arrays, 'velocities', 'R', numbers.length);
  const text = [
    compositionOf(numbers),
    '1.0',
    ...rowsOf(cell),
    runs.map(({ symbol }) => symbol).join(' '),
    runs.map(({ count }) => count).join(' '),
    ...(mask === undefined ? [] : ['Selective dynamics']),
    'Cartesian',
    ...rowsOf(positions).map((row, atom) => (mask === undefined ? row : `${row} ${flagsOf(mask, atom)}`)),
    ...(velocities === undefined ? [] : ['', ...rowsOf(velocities.values as Float64Array)]),
  ];
  return { path: '', content: `${text.join('\n')}\n` };
}

/** Neighbours in the list that are of one element. */
function runsOf(numbers: Int32Array): { symbol: string; count: number }[] {
  const runs: { symbol: string; count: number }[] = [];
  numbers.forEach((z, atom) => {
    if (atom > 0 && z === numbers[atom - 1]) runs[runs.length - 1].count++;
    else runs.push({ symbol: symbolOf(z), count: 1 });
  });
  return runs;
}

/** The comment line: `Si8 O16`. */
function compositionOf(numbers: Int32Array): string {
  const counts = new Map<number, number>();
  for (const z of numbers) counts.set(z, 1 + (counts.get(z) ?? 0));
  return Array.from(counts, ([z, count]) => `${symbolOf(z)}${count}`).join(' ');
}

function rowsOf(values: Float64Array): string[] {
  return Array.from({ length: values.length / 3 }, (_, row) =>
    Array.from(values.subarray(3 * row, 3 * row + 3), formatReal).join(' '),
  );
}

function flagsOf({ values, columns }: AtomArray, atom: number): string {
  return [0, 1, 2].map((k) => (values[atom * columns + (columns === 3 ? k : 0)] ? 'T' : 'F')).join(' ');
}

/** An array that a POSCAR has room for, when the frame has it. */
function columnsOf(
  arrays: Readonly<Record<string, AtomArray>>,
  name: string,
  type: AtomArray['type'],
  atoms: number,
): AtomArray | undefined {
  const array = arrays[name];
  if (array === undefined) return undefined;
  const { columns, values } = array;
  const fits = array.type === type && (columns === 3 || (columns === 1 && type === 'L'));
  if (fits && values.length === atoms * columns && Array.prototype.every.call(values, isSound)) return array;
  throw refusal(
    'unwritable-array',
    `the array ${quoted(name)} is not what a POSCAR has room for`,
    type === 'L'
      ? 'it should hold one or three logical values per atom'
      : 'it should hold three finite numbers per atom',
    { frame: 0, field: name },
  );
}

function isSound(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}
