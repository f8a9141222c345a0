import { atomicNumberOf, HEAVIEST_ELEMENT, symbolOf } from '../../elements.ts';
import { NearsightError, type Place } from '../../errors.ts';
import type { AtomArray } from '../dataset.ts';
import { type Cursor, readReal, readReals, skipBlanks, skipToken } from '../decimal.ts';
import { badNumber, quoted, refusal, shortened } from '../refuse.ts';

/** What a column of the file is for. */
type Role = 'species' | 'numbers' | 'positions' | 'forces' | 'other';

/** One property of the table: `columns` values per atom. */
interface ColumnPlan {
  readonly name: string;
  readonly type: AtomArray['type'];
  readonly columns: number;
  readonly role: Role;
}

/** The same, filled row by row. */
export interface Column extends ColumnPlan {
  /** Reals or integers. */
  numbers: Float64Array;
  /** Atomic numbers, of the column that says which elements the atoms are. */
  elements: Int32Array;
  texts: string[];
  truths: boolean[];
}

/** A frame may declare at most so many columns. */
const MOST_COLUMNS = 10_000;
/** Values that are allotted before the first row has been seen. */
const FIRST_VALUES = 65_536;

const NO_NUMBERS = new Float64Array(0);
const NO_ELEMENTS = new Int32Array(0);

const SPECIES_NAMES: readonly string[] = ['species', 'symbols'];
const NUMBER_NAMES: readonly string[] = ['Z', 'numbers', 'atomic_numbers'];
const POSITION_NAMES: readonly string[] = ['pos', 'positions'];
const TYPES = 'SRIL';

/**
 * The table that `Properties=name:type:columns:…` declares; without Properties it is species and three coordinates.
 * @throws NearsightError `bad-properties`
 */
export function planColumns(
  properties: string | undefined,
  forceNames: readonly string[],
  place: Place,
): readonly ColumnPlan[] {
  const here = { ...place, field: 'Properties' };
  const declared = splitProperties(properties ?? 'species:S:1:pos:R:3', here);
  const find = (names: readonly string[], type: string, columns: number): string | undefined => {
    const name = names.find((candidate) => declared.some((column) => column.name === candidate));
    const column = declared.find((candidate) => candidate.name === name);
    if (column === undefined || (column.type === type && column.columns === columns)) return name;
    throw refusal(
      'bad-properties',
      `${name} must be declared as ${name}:${type}:${columns}, found ${name}:${column.type}:${column.columns}`,
      'mend Properties, or give the column another name',
      here,
    );
  };
  const species = find(SPECIES_NAMES, 'S', 1) ?? find(NUMBER_NAMES, 'I', 1);
  const positions = find(POSITION_NAMES, 'R', 3);
  const forces = find(forceNames, 'R', 3);
  if (species === undefined || positions === undefined) {
    throw refusal(
      'bad-properties',
      `no column says ${species === undefined ? 'which elements the atoms are' : 'where the atoms are'}`,
      'declare species:S:1 (symbols) or Z:I:1 (atomic numbers), and pos:R:3',
      here,
    );
  }
  const roles: ReadonlyMap<string, Role> = new Map([
    ...(forces === undefined ? [] : ([[forces, 'forces']] as const)),
    [species, 'species'],
    [positions, 'positions'],
  ]);
  return declared.map((column) => {
    // Atomic numbers beside symbols tell nothing new; they are only compared.
    const repeated = NUMBER_NAMES.includes(column.name) && column.type === 'I' && column.columns === 1;
    return { ...column, role: roles.get(column.name) ?? (repeated ? 'numbers' : 'other') };
  });
}

/**
 * An empty table for a frame.
 * @param atoms the declared number of rows; memory is allotted as they arrive
 */
export function createColumns(plan: readonly ColumnPlan[], atoms: number): Column[] {
  const rows = Math.min(atoms, Math.ceil(FIRST_VALUES / widthOf(plan)));
  // Field by field: this is done for every frame, and spreading costs more than all the rest of it.
  return plan.map(({ name, type, columns, role }) => ({
    name,
    type,
    columns,
    role,
    numbers: role !== 'species' && (type === 'R' || type === 'I') ? new Float64Array(rows * columns) : NO_NUMBERS,
    elements: role === 'species' ? new Int32Array(rows) : NO_ELEMENTS,
    texts: [],
    truths: [],
  }));
}

function splitProperties(text: string, place: Place): Pick<Column, 'name' | 'type' | 'columns'>[] {
  const parts = text.split(':');
  const columns: Pick<Column, 'name' | 'type' | 'columns'>[] = [];
  let total = 0;
  for (let k = 0; k < parts.length; k += 3) {
    const [name, type, count = ''] = parts.slice(k, k + 3);
    const width = /^\d{1,6}$/.test(count) ? Number(count) : 0;
    if (name === '' || type?.length !== 1 || !TYPES.includes(type) || width === 0) {
      throw refusal(
        'bad-properties',
        `${quoted([name, type, count].join(':'))} is not a column`,
        'Properties is a row of name:type:columns, with type S (text), R (real), I (integer) or L (T or F)',
        place,
      );
    }
    if (columns.some((column) => column.name === name)) {
      throw refusal('bad-properties', `${quoted(name)} is declared twice`, 'give each column its own name', place);
    }
    total += width;
    columns.push({ name, type: type as AtomArray['type'], columns: width });
  }
  if (total <= MOST_COLUMNS) return columns;
  throw refusal('bad-properties', `${total} columns are declared`, `at most ${MOST_COLUMNS} can be read`, place);
}

/** How many rows there is room for. */
export function roomOf(columns: readonly Column[]): number {
  let room = Number.POSITIVE_INFINITY;
  for (const { numbers, elements, columns: width } of columns) {
    const values = Math.max(numbers.length, elements.length);
    if (values > 0) room = Math.min(room, values / width);
  }
  return room;
}

/** Makes room for row number `row`, never for more than twice the rows that have arrived. */
export function makeRoom(columns: readonly Column[], row: number, atoms: number): void {
  for (const column of columns) {
    const held = Math.max(column.numbers.length, column.elements.length) / column.columns;
    if (held === 0 || row < held) continue;
    const rows = Math.min(atoms, 2 * held);
    if (column.role === 'species') column.elements = moved(column.elements, new Int32Array(rows));
    else column.numbers = moved(column.numbers, new Float64Array(rows * column.columns));
  }
}

function moved<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/**
 * Reads one row and leaves the cursor on its line end.
 * @throws NearsightError `wrong-column-count`, `unknown-element`, `bad-number`, `not-finite`, `bad-truth-value`
 */
export function readRow(columns: readonly Column[], row: number, cursor: Cursor, place: () => Place): void {
  for (const column of columns) {
    const { numbers, type } = column;
    const first = row * column.columns;
    const end = first + column.columns;
    for (let index = first; index < end; index++) {
      if (type === 'R' && column.role !== 'species') {
        index = readReals(cursor, numbers, index, end);
        if (index === end) break;
      } else skipBlanks(cursor);
      if (cursor.bytes[cursor.at] === 10) throw rowEnds(columns, column, row, { found: index - first, place: place() });
      if (column.role === 'species') {
        column.elements[row] =
          type === 'S' ? readSymbol(columns, row, cursor, place) : readElement(column, row, cursor, place);
      } else if (type === 'R') numbers[index] = unusualReal(column, row, cursor, place);
      else if (type === 'I') numbers[index] = readInteger(column, row, cursor, place);
      else if (type === 'S') column.texts.push(readText(cursor));
      else column.truths.push(readTruth(column, row, cursor, place));
    }
  }
  skipBlanks(cursor);
  if (cursor.bytes[cursor.at] !== 10) throw tooLong(columns, row, cursor, place());
}

function rowEnds(
  columns: readonly Column[],
  column: Column,
  row: number,
  { found, place }: { readonly found: number; readonly place: Place },
): NearsightError {
  const before = columns.slice(0, columns.indexOf(column)).reduce((sum, { columns }) => sum + columns, 0);
  return tooShort(columns, row, before + found, { ...place, field: column.name });
}

function widthOf(columns: readonly Pick<Column, 'columns'>[]): number {
  return columns.reduce((sum, column) => sum + column.columns, 0);
}

function tooShort(columns: readonly Column[], row: number, found: number, place: Place): NearsightError {
  return refusal(
    'wrong-column-count',
    `row of atom ${row} has ${found} columns instead of ${widthOf(columns)}`,
    found <= 1
      ? 'the frame may have fewer atoms than its first line says'
      : 'each row needs the columns that Properties declares (without Properties: symbol, x, y, z)',
    place,
  );
}

function tooLong(columns: readonly Column[], row: number, cursor: Cursor, place: Place): NearsightError {
  const extra = readText(cursor);
  return refusal(
    'wrong-column-count',
    `row of atom ${row} goes on with ${quoted(extra)} behind its ${widthOf(columns)} columns`,
    'declare every column: Properties=species:S:1:pos:R:3:forces:R:3 and so on; without it only symbol, x, y, z are read',
    place,
  );
}

/** Numbers that are no finite decimals: kept in columns that nearsight does not use, refused elsewhere. */
function unusualReal(column: Column, row: number, cursor: Cursor, place: () => Place): number {
  const text = readText(cursor);
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (special !== null && column.role === 'other') {
    if (special[2].toLowerCase() === 'nan') return Number.NaN;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  throw badNumber(text, `${shortened(column.name)} of atom ${row}`, { ...place(), field: column.name });
}

function readInteger(column: Column, row: number, cursor: Cursor, place: () => Place): number {
  const start = cursor.at;
  const value = readReal(cursor);
  // Adding 0 turns -0 into 0, which is what an integer column holds.
  if (Number.isSafeInteger(value)) return value + 0;
  cursor.at = start;
  const here = { ...place(), field: column.name };
  throw badNumber(readText(cursor), `${shortened(column.name)} of atom ${row}, an integer,`, here);
}

function readElement(column: Column, row: number, cursor: Cursor, place: () => Place): number {
  const z = readInteger(column, row, cursor, place);
  if (z >= 1 && z <= HEAVIEST_ELEMENT) return z;
  const hint = `atomic numbers are integers from 1 (H) to ${HEAVIEST_ELEMENT} (Og)`;
  throw refusal('unknown-element', `atom ${row} has the atomic number ${z}`, hint, { ...place(), field: column.name });
}

/** Atomic numbers by the bytes of the symbol, first + 256 · second; 0 for what is none. */
const NUMBER_BY_BYTES: Uint8Array = new Uint8Array(65_536);
for (let z = 1; z <= HEAVIEST_ELEMENT; z++) {
  const symbol = symbolOf(z);
  NUMBER_BY_BYTES[symbol.charCodeAt(0) + (symbol.length > 1 ? symbol.charCodeAt(1) << 8 : 0)] = z;
}

function readSymbol(columns: readonly Column[], row: number, cursor: Cursor, place: () => Place): number {
  const { bytes, at } = cursor;
  const long = bytes[at + 1] > 32;
  const end = at + (long ? 2 : 1);
  const z = NUMBER_BY_BYTES[long ? bytes[at] + (bytes[at + 1] << 8) : bytes[at]];
  if (z > 0 && bytes[end] <= 32) {
    cursor.at = end;
    return z;
  }
  const text = readText(cursor);
  const here = { ...place(), field: 'species' };
  if (/^\d+$/.test(text)) {
    skipBlanks(cursor);
    // A number alone on its line is the head of the next frame.
    if (cursor.bytes[cursor.at] === 10) throw tooShort(columns, row, 1, here);
    throw refusal(
      'unknown-element',
      `atom ${row} has the number ${quoted(text)} where its symbol should stand`,
      'atomic numbers belong into a column Z:I:1; for the type numbers of other programs write the symbols instead',
      here,
    );
  }
  try {
    return atomicNumberOf(text);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    throw refusal(error.code, `atom ${row}: ${quoted(text)} is not the symbol of an element`, error.hint ?? '', here);
  }
}

function readTruth(column: Column, row: number, cursor: Cursor, place: () => Place): boolean {
  const text = readText(cursor);
  if (text === 'T' || text === 'True' || text === 'true') return true;
  if (text === 'F' || text === 'False' || text === 'false') return false;
  throw refusal(
    'bad-truth-value',
    `${shortened(column.name)} of atom ${row} should be T or F, found ${quoted(text)}`,
    'write T or F',
    {
      ...place(),
      field: column.name,
    },
  );
}

function readText(cursor: Cursor): string {
  const start = cursor.at;
  skipToken(cursor);
  return decodeText(cursor.bytes, start, cursor.at);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LATIN1 = new TextDecoder('latin1');

/** UTF-8; bytes that are none are taken for Latin-1, in which old programs write their Å. */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  const part = bytes.subarray(from, to);
  try {
    return UTF8.decode(part);
  } catch {
    return LATIN1.decode(part);
  }
}

/**
 * Atomic numbers, [N], from the symbols or from the column of atomic numbers.
 * @throws NearsightError `species-mismatch` where a file has both and they disagree
 */
export function atomicNumbersOf(columns: readonly Column[], place: Place): Int32Array {
  const species = columns.find((column) => column.role === 'species');
  const numbers = species?.elements ?? NO_ELEMENTS;
  for (const { name, role, numbers: others } of columns) {
    if (role !== 'numbers') continue;
    const atom = numbers.findIndex((z, i) => z !== others[i]);
    if (atom < 0) continue;
    throw refusal(
      'species-mismatch',
      `atom ${atom} is ${symbolOf(numbers[atom])} by its symbol, but its atomic number is given as ${others[atom]}`,
      'mend one of the two columns, or leave one out',
      { ...place, field: name },
    );
  }
  return numbers;
}

/** The column as it is handed on; integers that do not fit 32 bits stay doubles. */
export function arrayOf(column: Column): AtomArray {
  const { type, columns, numbers, texts, truths } = column;
  if (type === 'S') return { type, columns, values: texts };
  if (type === 'L') return { type, columns, values: truths };
  if (type === 'R') return { type, columns, values: numbers };
  const small = Int32Array.from(numbers);
  return { type, columns, values: small.every((value, k) => value === numbers[k]) ? small : numbers };
}
