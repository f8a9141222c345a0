/**
 * LAMMPS data files: one structure in a box, with numbered atom types. Units are those of the style that the first line
 * names (as `write_data` and nearsight write it) or that the user gives; without either lengths are taken for Å, and
 * velocities are refused. Read are the atom styles atomic, charge, molecular, bond, angle and full; restricted and
 * general triclinic boxes. Atoms come in the order of their ids; positions stay as they are, so that they refer to the
 * origin of the file rather than to the corner of the box. The format holds no boundary conditions: all directions
 * repeat, which is LAMMPS' default, unless the first line says `boundary = p p f`, as nearsight writes it.
 * @see https://docs.lammps.org/read_data.html
 */
import type { Place } from '../../../errors.ts';
import type { Structure } from '../../../structure/structure.ts';
import type { AtomArray, Frame } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { type Lines, linesOf, wordsOf } from '../shared/lines.ts';
import { countOf, frameOf, numberOf } from '../shared/values.ts';
import {
  boxCell,
  edgeOf,
  elementOfType,
  type LammpsUnits,
  lammpsUnits,
  orderById,
  type TypeHints,
  unitsNeeded,
} from './units.ts';
import { writeLammpsData } from './write.ts';

export const LAMMPS_DATA: Format = {
  name: 'lammps-data',
  title: 'LAMMPS data file',
  names: /\.(lmp|lammps|lammps-data|lmpdat)$/i,
  recognises: (head) => /^[ \t]*\d+[ \t]+atoms\b/m.test(head) && /\b(xlo[ \t]+xhi|avec)\b/.test(head),
  read: ([file], options) => [readData(file, options)],
  write: (frames, options) => [{ path: '', content: writeLammpsData(frames, options) }],
};

/** What stands behind the numbers of a header line, and how many there are. */
const HEADER: readonly (readonly [RegExp, number])[] = [
  [/^atoms$/, 1],
  [/^atom types$/, 1],
  [/^[xyz]lo [xyz]hi$/, 2],
  [/^xy xz yz$/, 3],
  [/^([abc]vec|abc origin)$/, 3],
  [/^(bonds|angles|dihedrals|impropers|crossterms|ellipsoids|lines|triangles|bodies)$/, 1],
  [/^(bond|angle|dihedral|improper) types$/, 1],
  [/^extra (bond|angle|dihedral|improper|special) per atom$/, 1],
];
/** Sections that say nothing of where the atoms are. */
const SKIPPED =
  /^(Bonds|Angles|Dihedrals|Impropers|CMAP|Ellipsoids|Lines|Triangles|Bodies|(Bond|Angle|Dihedral|Improper) Type Labels|\w+ ?Coeffs|Improper Pair Coeffs)$/;

/** Columns of the atom styles; x, y, z and perhaps three image flags follow. */
const STYLES: Readonly<Record<string, readonly ('id' | 'molecule' | 'type' | 'charge')[]>> = {
  atomic: ['id', 'type'],
  charge: ['id', 'type', 'charge'],
  molecular: ['id', 'molecule', 'type'],
  bond: ['id', 'molecule', 'type'],
  angle: ['id', 'molecule', 'type'],
  full: ['id', 'molecule', 'type', 'charge'],
};
const MOST = 1e9;

/** The file as it is read. */
interface Data {
  readonly header: Map<string, readonly number[]>;
  readonly types: Map<number, TypeHints>;
  readonly labels: Map<string, number>;
  atoms?: AtomTable;
  /** By id. */
  velocities?: ReadonlyMap<number, readonly [number, number, number]>;
}

interface AtomTable {
  readonly ids: number[];
  readonly types: number[];
  readonly positions: number[];
  readonly charges: number[] | undefined;
  readonly molecules: number[] | undefined;
  readonly images: number[] | undefined;
}

function readData(file: InputFile, options: FormatOptions): Frame {
  const lines = linesOf(file);
  const title = lines.next() ?? '';
  const data: Data = { header: new Map(), types: new Map(), labels: new Map() };
  // A section ends where the next begins, and its reader hands on that line.
  let line = nextLine(lines);
  while (line !== null) {
    line = isHead(line) ? readSection(line, data, lines) : readHeader(line, data, lines);
  }
  return frameOfData(data, title, options, { path: file.path, line: 1, frame: 0 });
}

/** A line that holds something: its text without comment and blanks, and the comment. */
interface Line {
  readonly text: string;
  readonly comment: string;
}

function nextLine(lines: Lines): Line | null {
  for (let line = lines.next(); line !== null; line = lines.next()) {
    const at = line.indexOf('#');
    const text = (at < 0 ? line : line.slice(0, at)).trim();
    if (text !== '') return { text, comment: at < 0 ? '' : line.slice(at + 1).trim() };
  }
  return null;
}

function readHeader({ text }: Line, { header }: Data, lines: Lines): Line | null {
  const words = wordsOf(text);
  const first = words.findIndex((word) => /^[A-Za-z]/.test(word));
  const name = first < 0 ? '' : words.slice(first).join(' ');
  const known = HEADER.find(([pattern]) => pattern.test(name));
  const place = lines.place(name === '' ? undefined : name);
  if (known === undefined || known[1] !== first) {
    const hint = 'the first line is a title; numbers with their names follow, then the sections';
    throw refusal('bad-header', `${quoted(text)} is no line of the header of a data file`, hint, place);
  }
  if (header.has(name)) throw refusal('duplicate-key', `${quoted(name)} is said twice`, 'remove one of them', place);
  header.set(
    name,
    words.slice(0, first).map((word) => numberOf(word, name, place)),
  );
  return nextLine(lines);
}

function readSection(head: Line, data: Data, lines: Lines): Line | null {
  const name = wordsOf(head.text).join(' ');
  const place = lines.place(name);
  if (name === 'Atoms') {
    if (data.atoms !== undefined) throw refusal('duplicate-key', 'there are two sections "Atoms"', 'remove one', place);
    return readAtoms(head.comment, data, lines);
  }
  const rows: ((line: Line, here: Place) => void) | undefined =
    name === 'Masses'
      ? (line, here) => readMass(line, data, here)
      : name === 'Atom Type Labels'
        ? (line, here) => readTypeLabel(line, data, here)
        : name === 'Velocities'
          ? velocityReader(data)
          : SKIPPED.test(name)
            ? () => {}
            : undefined;
  if (rows === undefined) {
    const hint = 'section names are spelt as in the manual: Masses, Atoms, Velocities and so on';
    throw refusal('bad-section', `${quoted(head.text)} is no section of a data file`, hint, place);
  }
  let line = nextLine(lines);
  for (; line !== null && !isHead(line); line = nextLine(lines)) rows(line, lines.place(name));
  return line;
}

/** Names of sections are words only; every row has a number somewhere, even where types have labels. */
const isHead = ({ text }: Line): boolean => /^[A-Za-z]\w*(\s+[A-Za-z]\w*)*$/.test(text);

function expectWords(words: readonly string[], counts: readonly number[], place: Place): void {
  if (counts.includes(words.length)) return;
  throw refusal(
    'wrong-column-count',
    `a row of ${place.field} has ${counts.join(' or ')} columns, found ${words.length}`,
    'the file is damaged, or its atom style is another one',
    place,
  );
}

/** A type by its number, or by its label where the file has labels. */
function typeOf(word: string, data: Data, place: Place): number {
  const labelled = data.labels.get(word);
  if (labelled !== undefined) return labelled;
  const [most] = data.header.get('atom types') ?? [];
  if (most === undefined) {
    const hint = 'write a line such as "2 atom types" into the header';
    throw refusal('bad-header', 'the header does not say how many atom types there are', hint, place);
  }
  return countOf(word, 'an atom type', place, { least: 1, most });
}

function readMass({ text, comment }: Line, data: Data, place: Place): void {
  const words = wordsOf(text);
  expectWords(words, [2], place);
  const type = typeOf(words[0], data, place);
  const mass = numberOf(words[1], `the mass of type ${type}`, place);
  const [label] = wordsOf(comment);
  data.types.set(type, { ...(label === undefined ? {} : { label }), ...data.types.get(type), mass });
}

function readTypeLabel({ text }: Line, data: Data, place: Place): void {
  const words = wordsOf(text);
  expectWords(words, [2], place);
  const type = typeOf(words[0], data, place);
  data.types.set(type, { ...data.types.get(type), label: words[1] });
  data.labels.set(words[1], type);
}

function velocityReader(data: Data): (line: Line, place: Place) => void {
  const velocities = new Map<number, [number, number, number]>();
  data.velocities = velocities;
  return ({ text }, place) => {
    const words = wordsOf(text);
    expectWords(words, [4], place);
    const id = countOf(words[0], 'an atom id', place, { least: 1, most: MOST });
    const [x, y, z] = words.slice(1).map((word) => numberOf(word, `the velocity of atom ${id}`, place));
    velocities.set(id, [x, y, z]);
  };
}

function readAtoms(comment: string, data: Data, lines: Lines): Line | null {
  const [told = ''] = wordsOf(comment);
  let line = nextLine(lines);
  if (line === null || isHead(line)) {
    throw refusal('no-atoms', 'the section "Atoms" is empty', 'was the file written to the end?', lines.place('Atoms'));
  }
  const style = styleOf(told, wordsOf(line.text), data, lines.place('Atoms'));
  const columns = STYLES[style];
  const length = wordsOf(line.text).length;
  const counts = [columns.length + 3, columns.length + 6];
  expectWords(wordsOf(line.text), counts, lines.place('Atoms'));
  const table: AtomTable = {
    ids: [],
    types: [],
    positions: [],
    charges: columns.includes('charge') ? [] : undefined,
    molecules: columns.includes('molecule') ? [] : undefined,
    images: length === counts[1] ? [] : undefined,
  };
  for (; line !== null && !isHead(line); line = nextLine(lines)) {
    const words = wordsOf(line.text);
    const place = lines.place('Atoms');
    expectWords(words, [length], place);
    readAtom(words, columns, { table, data, place });
  }
  data.atoms = table;
  return line;
}

function readAtom(
  words: readonly string[],
  columns: readonly string[],
  { table, data, place }: { readonly table: AtomTable; readonly data: Data; readonly place: Place },
): void {
  const word = (name: string): string => words[columns.indexOf(name)];
  const id = countOf(word('id'), 'an atom id', place, { least: 1, most: MOST });
  table.ids.push(id);
  table.types.push(typeOf(word('type'), data, place));
  table.molecules?.push(countOf(word('molecule'), `the molecule of atom ${id}`, place, { least: -MOST, most: MOST }));
  table.charges?.push(numberOf(word('charge'), `the charge of atom ${id}`, place));
  const at = columns.length;
  for (let c = at; c < at + 3; c++) table.positions.push(numberOf(words[c], `a coordinate of atom ${id}`, place));
  for (let c = at + 3; c < words.length; c++) {
    table.images?.push(countOf(words[c], `an image flag of atom ${id}`, place, { least: -MOST, most: MOST }));
  }
}

/** The atom style that the file names, or the only one that its first atom can be in. */
function styleOf(told: string, words: readonly string[], data: Data, place: Place): string {
  const hint = `write the style behind the name of the section, as in "Atoms # charge"; ${Object.keys(STYLES).join(', ')} can be read`;
  if (Object.hasOwn(STYLES, told)) return told;
  if (told !== '') throw refusal('unknown-atom-style', `the atom style ${quoted(told)} cannot be read`, hint, place);
  const [types = 0] = data.header.get('atom types') ?? [];
  const isType = (word: string): boolean =>
    data.labels.has(word) || (/^\d+$/.test(word) && Number(word) <= types && Number(word) > 0);
  const fits = ['atomic', 'charge', 'molecular', 'full'].filter((style) => {
    const columns = STYLES[style];
    const molecule = columns.indexOf('molecule');
    if (words.length !== columns.length + 3 && words.length !== columns.length + 6) return false;
    return isType(words[columns.indexOf('type')]) && (molecule < 0 || /^-?\d+$/.test(words[molecule]));
  });
  if (fits.length === 1) return fits[0];
  const what = fits.length === 0 ? 'none that can be read' : `that of ${fits.join(' or ')}`;
  throw refusal('unknown-atom-style', `the atom style is not said, and the first row is ${what}`, hint, place);
}

function frameOfData(
  data: Data,
  title: string,
  options: FormatOptions,
  place: Place & { readonly line: number; readonly frame: number },
): Frame {
  const { atoms, velocities } = data;
  const [expected] = data.header.get('atoms') ?? [];
  if (atoms === undefined || expected === undefined || atoms.ids.length !== expected) {
    throw refusal(
      'wrong-atom-count',
      `the header promises ${expected ?? 'no'} atoms, the section "Atoms" has ${atoms?.ids.length ?? 0}`,
      'the file was cut short or damaged: write it again',
      { ...place, field: 'atoms' },
    );
  }
  const units = lammpsUnits(/\bunits = (\w+)/.exec(title)?.[1] ?? '', options, place);
  const order = orderById(atoms.ids, place);
  const pick = <T>(values: readonly T[]): T[] => order.map((k) => values[k]);
  const elements = new Map<number, number>();
  for (const type of new Set(atoms.types)) {
    const { label, mass } = data.types.get(type) ?? {};
    const hints = {
      ...(label === undefined ? {} : { label }),
      ...(mass === undefined ? {} : { mass: mass * units.mass }),
    };
    elements.set(type, elementOfType(type, hints, options, place));
  }
  const structure: Structure = {
    numbers: Int32Array.from(pick(atoms.types), (type) => elements.get(type) ?? 0),
    positions: triples(atoms.positions, order, units.length),
    cell: cellOf(data, units.length, place),
    pbc: boundaryOf(title),
  };
  const arrays: Record<string, AtomArray> = {};
  if (atoms.charges !== undefined) {
    const values = Float64Array.from(pick(atoms.charges), (q) => q * units.charge);
    arrays.initial_charges = { type: 'R', columns: 1, values };
  }
  if (atoms.molecules !== undefined) {
    arrays.molecule = { type: 'I', columns: 1, values: Int32Array.from(pick(atoms.molecules)) };
  }
  if (atoms.images !== undefined) {
    arrays.image_flags = { type: 'I', columns: 3, values: Int32Array.from(triples(atoms.images, order, 1)) };
  }
  if (velocities !== undefined) {
    if (!units.known) throw unitsNeeded('velocities', place);
    arrays.velocities = { type: 'R', columns: 3, values: velocitiesOf(pick(atoms.ids), velocities, units, place) };
  }
  return frameOf({ structure, arrays }, place);
}

function triples(values: readonly number[], order: readonly number[], unit: number): Float64Array {
  const sorted = new Float64Array(3 * order.length);
  for (const [to, from] of order.entries()) {
    for (let c = 0; c < 3; c++) sorted[3 * to + c] = values[3 * from + c] * unit;
  }
  return sorted;
}

function velocitiesOf(
  ids: readonly number[],
  velocities: ReadonlyMap<number, readonly [number, number, number]>,
  units: LammpsUnits,
  place: Place,
): Float64Array {
  return Float64Array.from(
    ids.flatMap((id) => {
      const found = velocities.get(id);
      if (found !== undefined) return found.map((v) => v * units.velocity);
      const message = `atom ${id} has no velocity, though others do`;
      throw refusal('missing-velocity', message, 'the file is damaged', { ...place, field: 'Velocities' });
    }),
  );
}

function cellOf({ header }: Data, unit: number, place: Place): Float64Array {
  const general = ['avec', 'bvec', 'cvec'].map((name) => header.get(name));
  if (general.every((vector) => vector !== undefined)) {
    return Float64Array.from(general.flat(), (component) => Number(component) * unit);
  }
  const edges = ['x', 'y', 'z'].map((axis) => {
    const bounds = header.get(`${axis}lo ${axis}hi`);
    if (bounds !== undefined) return edgeOf(bounds[0], bounds[1], place) * unit;
    const message = `the header has no line "${axis}lo ${axis}hi"`;
    throw refusal('bad-box', message, 'give the bounds of the box along x, y and z', { ...place, field: 'box' });
  });
  return boxCell(
    edges,
    header.get('xy xz yz')?.map((tilt) => tilt * unit),
  );
}

function boundaryOf(title: string): [boolean, boolean, boolean] {
  const [, a = 'p', b = 'p', c = 'p'] = /\bboundary = ([pfsm]) ([pfsm]) ([pfsm])\b/.exec(title) ?? [];
  return [a === 'p', b === 'p', c === 'p'];
}
