/**
 * LAMMPS text dumps: the snapshots of one run, which is their group. The box is converted from its bounding box;
 * positions come from x, xu, xs or xsu, whichever a snapshot has first, and atoms in the order of their ids. Forces and
 * velocities have the units of `ITEM: UNITS` or those that the user gives; without either they are refused, and lengths
 * are taken for Å. Elements come from the user, the column `element`, or `mass`. Other columns of numbers are kept
 * under their names, with `_1` for `[1]`.
 * @see https://docs.lammps.org/dump.html
 */
import type { Place } from '../../../errors.ts';
import type { Structure } from '../../../structure/structure.ts';
import type { AtomArray, Frame } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { type Lines, linesOf, wordsOf } from '../shared/lines.ts';
import { elementAt } from '../shared/symbols.ts';
import { countOf, frameOf, numberOf } from '../shared/values.ts';
import { boxCell, edgeOf, elementOfType, type LammpsUnits, lammpsUnits, orderById, unitsNeeded } from './units.ts';

export const LAMMPS_DUMP: Format = {
  name: 'lammps-dump',
  title: 'LAMMPS text dump',
  names: /\.(dump|lammpstrj)$/i,
  recognises: (head) => /^ITEM: (UNITS|TIMESTEP|TIME)\b/.test(head),
  read: ([file], options) => {
    const dump: Dump = { file, lines: linesOf(file), options, units: '', elements: new Map(), frames: [] };
    for (let line = dump.lines.next(); line !== null; line = dump.lines.next()) readItem(line, dump);
    if (dump.snapshot !== undefined) throw cutShort(dump, dump.snapshot);
    if (dump.frames.length > 0) return dump.frames;
    throw refusal('empty-file', 'the file holds no snapshots', 'was it written to the end?', { path: file.path });
  },
};

interface Dump {
  readonly file: InputFile;
  readonly lines: Lines;
  readonly options: FormatOptions;
  /** As the file says, '' where it does not. */
  units: string;
  /** Elements of the words that have been seen already. */
  readonly elements: Map<string, number>;
  readonly frames: Frame[];
  /** The snapshot that is being read. */
  snapshot?: Snapshot;
}

interface Snapshot {
  readonly step: number;
  readonly line: number;
  atoms?: number;
  box?: Box;
}

/** The box in the units of the file. */
interface Box {
  readonly corner: readonly number[];
  readonly cell: Float64Array;
  readonly pbc: readonly [boolean, boolean, boolean];
}

function readItem(line: string, dump: Dump): void {
  if (line.trim() === '') return;
  const { lines, frames } = dump;
  const place = lines.place(undefined, frames.length);
  const [, name = '', rest = ''] =
    /^ITEM: (UNITS|TIMESTEP|TIME|NUMBER OF ATOMS|BOX BOUNDS|ATOMS)\b(.*)$/.exec(line) ?? [];
  if (name === 'UNITS') dump.units = nextLine(dump).trim();
  else if (name === 'TIME') nextLine(dump);
  else if (name === 'TIMESTEP') {
    if (dump.snapshot !== undefined) throw cutShort(dump, dump.snapshot);
    const step = countOf(nextLine(dump).trim(), 'a timestep', lines.place('TIMESTEP', frames.length), {
      least: 0,
      most: Number.MAX_SAFE_INTEGER,
    });
    dump.snapshot = { step, line: place.line ?? 1 };
  } else if (name === 'NUMBER OF ATOMS') {
    const here = lines.place('NUMBER OF ATOMS', frames.length);
    snapshotOf(dump, place).atoms = countOf(nextLine(dump).trim(), 'the number of atoms', here, {
      least: 1,
      most: 1e9,
    });
  } else if (name === 'BOX BOUNDS') {
    snapshotOf(dump, place).box = readBox(wordsOf(rest), dump);
  } else if (name === 'ATOMS') {
    frames.push(readAtoms(wordsOf(rest), snapshotOf(dump, place), dump));
    delete dump.snapshot;
  } else {
    const hint = 'a dump is a row of items: TIMESTEP, NUMBER OF ATOMS, BOX BOUNDS, ATOMS, and again';
    throw refusal('bad-item', `expected an item of a text dump, found ${quoted(line)}`, hint, place);
  }
}

function nextLine({ lines, frames }: Dump): string {
  const line = lines.next();
  if (line !== null) return line;
  throw refusal(
    'truncated-file',
    `the file ends within snapshot ${frames.length}`,
    'the run may have been stopped: remove the last snapshot',
    lines.place(undefined, frames.length),
  );
}

function cutShort({ lines, frames }: Dump, { step }: Snapshot): Error {
  const message = `the snapshot of timestep ${step} has no item ATOMS`;
  return refusal('truncated-file', message, 'remove the snapshot: the run may have been stopped', {
    ...lines.place(undefined, frames.length),
    field: 'ATOMS',
  });
}

function snapshotOf(dump: Dump, place: Place): Snapshot {
  if (dump.snapshot !== undefined) return dump.snapshot;
  throw refusal('bad-item', 'the item belongs to no timestep', 'each snapshot begins with ITEM: TIMESTEP', place);
}

/**
 * Three lines of bounds, with the tilts xy, xz, yz behind them in triclinic boxes, whose bounds are those of the box
 * around the tilted one; or three lattice vectors with the origin, in general triclinic ones.
 */
function readBox(words: readonly string[], dump: Dump): Box {
  const general = words[0] === 'abc' && words[1] === 'origin';
  const tilted = words.slice(0, 3).join(' ') === 'xy xz yz';
  const flags = words.slice(general ? 2 : tilted ? 3 : 0);
  const place = dump.lines.place('BOX BOUNDS', dump.frames.length);
  if ((flags.length !== 3 && flags.length !== 0) || !flags.every((flag) => /^[pfsm]{2}$/.test(flag))) {
    const hint = 'the flags are three such as pp or ff';
    throw refusal('bad-box', `the boundaries ${quoted(flags.join(' '))} are not understood`, hint, place);
  }
  const width = general ? 4 : tilted ? 3 : 2;
  const rows = [0, 1, 2].map(() => {
    const row = wordsOf(nextLine(dump));
    const here = dump.lines.place('BOX BOUNDS', dump.frames.length);
    if (row.length === width) return row.map((word) => numberOf(word, 'a bound of the box', here));
    const message = `a line of the box has ${width} numbers, found ${row.length}`;
    throw refusal('bad-box', message, 'the file is damaged', here);
  });
  const repeats = (k: number): boolean => (flags[k] ?? 'pp') === 'pp';
  const pbc = [repeats(0), repeats(1), repeats(2)] as const;
  if (general) {
    return { corner: rows.map((row) => row[3]), cell: Float64Array.from(rows.flatMap((row) => row.slice(0, 3))), pbc };
  }
  const [xy, xz, yz] = tilted ? rows.map((row) => row[2]) : [0, 0, 0];
  const low = [rows[0][0] - Math.min(0, xy, xz, xy + xz), rows[1][0] - Math.min(0, yz), rows[2][0]];
  const high = [rows[0][1] - Math.max(0, xy, xz, xy + xz), rows[1][1] - Math.max(0, yz), rows[2][1]];
  const edges = low.map((bound, k) => edgeOf(bound, high[k], place));
  return { corner: low, cell: boxCell(edges, [xy, xz, yz]), pbc };
}

/** Triples of columns that say where an atom is; scaled ones are fractions of the box, counted from its corner. */
const POSITIONS = [
  { names: ['x', 'y', 'z'], scaled: false },
  { names: ['xu', 'yu', 'zu'], scaled: false },
  { names: ['xs', 'ys', 'zs'], scaled: true },
  { names: ['xsu', 'ysu', 'zsu'], scaled: true },
] as const;
const FORCES = ['fx', 'fy', 'fz'];
const VELOCITIES = ['vx', 'vy', 'vz'];
const IMAGES = ['ix', 'iy', 'iz'];
/** Columns of their own, or repetitions of what is known. */
const USED: readonly string[] = [
  ...['id', 'type', 'element', 'mass', 'q'],
  ...POSITIONS.flatMap(({ names }) => names),
  ...[...FORCES, ...VELOCITIES, ...IMAGES],
];

/** The table of a snapshot in the order of the file. */
interface Table {
  readonly columns: readonly string[];
  /** Row-major; NaN where a word is no number. */
  readonly values: Float64Array;
  /** Words of the column `element`, if there is one. */
  readonly symbols: string[];
  readonly place: Place & { readonly line: number; readonly frame: number };
}

function readAtoms(columns: readonly string[], snapshot: Snapshot, dump: Dump): Frame {
  const { lines, frames } = dump;
  const place = { ...lines.place(undefined, frames.length), line: snapshot.line, frame: frames.length };
  const { atoms, box } = snapshot;
  if (atoms === undefined || box === undefined || columns.length === 0 || new Set(columns).size < columns.length) {
    const hint = 'NUMBER OF ATOMS and BOX BOUNDS come before ATOMS, which names each column once';
    throw refusal('bad-item', 'the snapshot lacks what must stand before its atoms', hint, place);
  }
  // Two bytes are the least that a value takes: no more is allotted than the file can hold.
  if (atoms * columns.length * 2 > dump.file.bytes.length + 1) {
    const message = `the file is too short for ${atoms} atoms with ${columns.length} columns`;
    throw refusal('truncated-file', message, 'the run may have been stopped: remove the last snapshot', place);
  }
  const table: Table = { columns, values: new Float64Array(atoms * columns.length), symbols: [], place };
  const symbol = columns.indexOf('element');
  const needed = columns.map((name) => USED.includes(name) && name !== 'element');
  for (let atom = 0; atom < atoms; atom++) {
    const words = wordsOf(nextLine(dump));
    if (words.length !== columns.length) {
      const message = `row ${atom} has ${words.length} columns instead of ${columns.length}`;
      throw refusal('wrong-column-count', message, 'the file is damaged, or was written by two runs at once', {
        ...lines.place('ATOMS', frames.length),
      });
    }
    for (const [k, word] of words.entries()) {
      const value = needed[k]
        ? numberOf(word, `${columns[k]} of row ${atom}`, lines.place(columns[k], frames.length))
        : Number(word);
      table.values[atom * columns.length + k] = value;
    }
    if (symbol >= 0) table.symbols.push(words[symbol]);
  }
  return frameOfTable(table, box, snapshot, dump);
}

function frameOfTable(table: Table, box: Box, { step }: Snapshot, dump: Dump): Frame {
  const { columns, place } = table;
  const units = lammpsUnits(dump.units, dump.options, place);
  const atoms = table.values.length / columns.length;
  const ids = columns.includes('id') ? columnOf(table, 'id') : undefined;
  const order = ids === undefined ? Array.from({ length: atoms }, (_, k) => k) : orderById(ids, place);
  const triple = (names: readonly string[], unit: number): Float64Array | undefined => {
    const at = names.map((name) => columns.indexOf(name));
    if (at.includes(-1)) return undefined;
    const found = new Float64Array(3 * atoms);
    for (let k = 0; k < found.length; k++) {
      found[k] = table.values[order[Math.floor(k / 3)] * columns.length + at[k % 3]] * unit;
    }
    return found;
  };
  const structure: Structure = {
    numbers: Int32Array.from(order, (row) => elementOfRow(table, row, units, dump)),
    positions: positionsOf(triple, box, units, place),
    cell: box.cell.map((component) => component * units.length),
    pbc: box.pbc,
  };
  const forces = triple(FORCES, units.force);
  const velocities = triple(VELOCITIES, units.velocity);
  if (!units.known && (forces ?? velocities) !== undefined) throw unitsNeeded(forces ? 'forces' : 'velocities', place);
  const arrays: Record<string, AtomArray> = {};
  const single = (name: string, unit = 1): AtomArray => {
    const values = columnOf(table, name);
    return { type: 'R', columns: 1, values: Float64Array.from(order, (row) => values[row] * unit) };
  };
  if (columns.includes('q')) arrays.initial_charges = single('q', units.charge);
  if (velocities !== undefined) arrays.velocities = { type: 'R', columns: 3, values: velocities };
  const images = triple(IMAGES, 1);
  if (images?.every(Number.isInteger)) arrays.image_flags = { type: 'I', columns: 3, values: Int32Array.from(images) };
  for (const name of columns) {
    if (USED.includes(name)) continue;
    const array = single(name);
    const plain = name.replace(/\[(\d+)\]/g, '_$1');
    if (/^[A-Za-z]\w*$/.test(plain) && (array.values as Float64Array).every(Number.isFinite)) arrays[plain] = array;
  }
  return frameOf(
    {
      structure,
      labels: forces === undefined ? {} : { forces },
      group: runOf(place.path ?? ''),
      info: { step },
      arrays,
      names: forces === undefined ? {} : { forces: 'fx fy fz' },
    },
    place,
  );
}

/** Name of the run: that of the file. */
function runOf(path: string): string {
  return path.replace(/^.*[/\\]/, '').replace(/\.gz$/i, '');
}

function columnOf({ columns, values }: Table, name: string): Float64Array {
  const at = columns.indexOf(name);
  return Float64Array.from({ length: values.length / columns.length }, (_, row) => values[row * columns.length + at]);
}

function positionsOf(
  triple: (names: readonly string[], unit: number) => Float64Array | undefined,
  { corner, cell }: Box,
  units: LammpsUnits,
  place: Place,
): Float64Array {
  for (const { names, scaled } of POSITIONS) {
    const found = triple(names, scaled ? 1 : units.length);
    if (found === undefined || !scaled) {
      if (found !== undefined) return found;
      continue;
    }
    for (let k = 0; k < found.length; k += 3) {
      const [a, b, c] = found.subarray(k, k + 3);
      for (let d = 0; d < 3; d++) {
        found[k + d] = (corner[d] + a * cell[d] + b * cell[3 + d] + c * cell[6 + d]) * units.length;
      }
    }
    return found;
  }
  const hint = 'dump the columns x y z, xu yu zu, xs ys zs or xsu ysu zsu';
  throw refusal('missing-positions', 'no columns say where the atoms are', hint, { ...place, field: 'ATOMS' });
}

function elementOfRow(table: Table, row: number, units: LammpsUnits, dump: Dump): number {
  const { columns, values, symbols, place } = table;
  const value = (name: string): number | undefined => {
    const at = columns.indexOf(name);
    return at < 0 ? undefined : values[row * columns.length + at];
  };
  const type = value('type');
  const mass = value('mass');
  const key = `${type} ${symbols[row]} ${mass}`;
  const known = dump.elements.get(key);
  if (known !== undefined) return known;
  const here = { ...place, field: 'element' };
  const found =
    dump.options.elements === undefined && symbols[row] !== undefined
      ? elementAt(symbols[row], here)
      : elementOfType(
          typeOf(type, dump, here),
          mass === undefined ? {} : { mass: mass * units.mass },
          dump.options,
          here,
        );
  dump.elements.set(key, found);
  return found;
}

function typeOf(type: number | undefined, { options }: Dump, place: Place): number {
  if (type !== undefined && Number.isInteger(type) && type >= 1) return type;
  if (type === undefined && options.elements === undefined) return 1;
  const message = type === undefined ? 'the dump has no column "type"' : `an atom is of type ${type}`;
  throw refusal('bad-type', message, 'types are the whole numbers from 1 on', { ...place, field: 'type' });
}
