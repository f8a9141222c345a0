import { symbolOf } from '../../elements.ts';
import type { Place } from '../../errors.ts';
import { checkStructure } from '../../structure/structure.ts';
import type { AtomArray, Frame, InfoValue } from '../dataset.ts';
import { formatReal } from '../decimal.ts';
import { quoted, refusal } from '../refuse.ts';
import { formatEntry, formatText } from './comment.ts';
import { LABEL_NAMES } from './labels.ts';

/** What the writer needs of a frame: where it stood in a file does not matter. */
export type WritableFrame = Pick<Frame, 'structure'> & Partial<Pick<Frame, 'labels' | 'group' | 'info' | 'arrays'>>;

/** Rows that are joined into one piece of text. */
const ROWS_PER_PIECE = 2048;

/**
 * Extended XYZ of the frames, in pieces to be written one after another. Reading it gives every number back bit
 * for bit, and every info entry and atom array as it was. Labels are written as `energy`, `forces` and `stress`
 * (nine numbers), whatever they were called in the file they came from; the group as `config_type`, unless an info
 * entry says it already. An info entry or array that has the name of a label gives way to it.
 * @throws NearsightError what `checkStructure` throws, `not-finite`, `wrong-length`, `unwritable-info`,
 *   `unwritable-array`
 */
export function* writeExtxyz(frames: Iterable<WritableFrame>): Generator<string, void, undefined> {
  let index = 0;
  for (const frame of frames) yield* writeFrame(frame, index++);
}

/** One frame of `writeExtxyz`; `index` is named in errors. */
export function* writeFrame(frame: WritableFrame, index = 0): Generator<string, void, undefined> {
  const place: Place = { frame: index };
  checkStructure(frame.structure, place);
  const atoms = frame.structure.numbers.length;
  const columns = columnsOf(frame, place);
  yield `${atoms}\n${commentLine(frame, columns, place)}\n`;
  for (let from = 0; from < atoms; from += ROWS_PER_PIECE) {
    const rows: string[] = [];
    for (let atom = from; atom < Math.min(atoms, from + ROWS_PER_PIECE); atom++) rows.push(rowOf(columns, atom));
    yield `${rows.join('\n')}\n`;
  }
}

interface WrittenColumn {
  readonly name: string;
  readonly type: AtomArray['type'];
  readonly width: number;
  /** Text of value number `index`. */
  readonly text: (index: number) => string;
}

function rowOf(columns: readonly WrittenColumn[], atom: number): string {
  let row = columns[0].text(atom);
  for (let k = 1; k < columns.length; k++) {
    const { width, text } = columns[k];
    for (let index = atom * width; index < (atom + 1) * width; index++) row += ` ${text(index)}`;
  }
  return row;
}

function columnsOf(frame: WritableFrame, place: Place): WrittenColumn[] {
  const { numbers, positions } = frame.structure;
  const columns: WrittenColumn[] = [
    { name: 'species', type: 'S', width: 1, text: (atom) => symbolOf(numbers[atom]) },
    { name: 'pos', type: 'R', width: 3, text: (index) => formatReal(positions[index]) },
  ];
  const forces = frame.labels?.forces;
  if (forces !== undefined) {
    checkNumbers('forces', forces, positions.length, place);
    columns.push({ name: 'forces', type: 'R', width: 3, text: (index) => formatReal(forces[index]) });
  }
  for (const [name, array] of Object.entries(frame.arrays ?? {})) {
    if (columns.some((column) => column.name === name)) continue;
    checkArray(name, array, numbers.length, place);
    columns.push({ name, type: array.type, width: array.columns, text: textOf(name, array, place) });
  }
  return columns;
}

function checkArray(name: string, array: AtomArray, atoms: number, place: Place): void {
  const problem = !/^[^\s:"'\\=[\]{}\p{Cc}]+$/u.test(name)
    ? 'has a name that cannot stand in Properties'
    : !Number.isInteger(array.columns) || array.columns < 1
      ? `has ${array.columns} columns`
      : array.values.length !== atoms * array.columns
        ? `holds ${array.values.length} values instead of ${atoms} × ${array.columns}`
        : '';
  if (problem === '') return;
  throw refusal('unwritable-array', `the array ${quoted(name)} ${problem}`, 'mend it or leave it out', {
    ...place,
    field: name,
  });
}

function textOf(name: string, array: AtomArray, place: Place): (index: number) => string {
  const { type, values } = array;
  if (type === 'L') return (index) => (values[index] ? 'T' : 'F');
  if (type === 'I') return (index) => String(values[index]);
  if (type === 'R') return (index) => formatAnyReal(Number(values[index]));
  return (index) => {
    const text = String(values[index]);
    if (/^[^\s\p{Cc}\p{Surrogate}]+$/u.test(text)) return text;
    throw refusal(
      'unwritable-array',
      `${quoted(text)} cannot stand in a column of text`,
      'texts of atoms must not be empty or hold blanks',
      { ...place, field: name },
    );
  };
}

/** Columns that nearsight does not use may hold NaN and infinity. */
function formatAnyReal(value: number): string {
  if (Number.isFinite(value)) return formatReal(value);
  return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
}

function commentLine(frame: WritableFrame, columns: readonly WrittenColumn[], place: Place): string {
  const { structure, labels = {}, info = {}, group = '' } = frame;
  const parts: string[] = [];
  if (structure.cell.some((component) => component !== 0)) parts.push(`Lattice="${reals(structure.cell)}"`);
  parts.push(`Properties=${columns.map(({ name, type, width }) => `${name}:${type}:${width}`).join(':')}`);
  const taken = new Set(['Lattice', 'Properties', 'pbc']);
  const add = (key: string, value: InfoValue): void => {
    if (taken.has(key)) return;
    taken.add(key);
    parts.push(formatEntry(key, value, place));
  };
  if (labels.energy !== undefined) {
    checkNumbers('energy', [labels.energy], 1, place);
    taken.add('energy');
    parts.push(`energy=${formatReal(labels.energy)}`);
  }
  if (labels.stress !== undefined) {
    checkNumbers('stress', labels.stress, 9, place);
    taken.add('stress');
    parts.push(`stress="${reals(labels.stress)}"`);
  }
  const told = LABEL_NAMES.group.find((name) => name in info);
  if (group !== '' && (told === undefined || info[told] !== group)) {
    taken.add('config_type');
    parts.push(formatText('config_type', group));
  }
  for (const [key, value] of Object.entries(info)) {
    if (key === told && value === group && !taken.has(key)) parts.push(formatText(key, group));
    else add(key, value);
  }
  parts.push(`pbc="${structure.pbc.map((repeats) => (repeats ? 'T' : 'F')).join(' ')}"`);
  return parts.join(' ');
}

function reals(values: Float64Array): string {
  return Array.from(values, formatReal).join(' ');
}

function checkNumbers(field: string, values: ArrayLike<number>, length: number, place: Place): void {
  const here = { ...place, field };
  if (values.length !== length) {
    throw refusal(
      'wrong-length',
      `${field} must hold ${length} numbers, found ${values.length}`,
      'mend the frame',
      here,
    );
  }
  for (let k = 0; k < length; k++) {
    if (Number.isFinite(values[k])) continue;
    throw refusal('not-finite', `${field} holds ${values[k]}`, 'leave the label out where there is none', here);
  }
}
