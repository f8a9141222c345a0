/**
 * `input.data` of n2p2 and RuNNer. The format names no units: RuNNer's custom is bohr, Hartree and Hartree/bohr
 * (`atomic`), but files in Å, eV and eV/Å exist (`metal`), so that either the user or a comment that nearsight wrote
 * has to tell. Forces are −∂E/∂r. With a lattice all directions repeat, without one none does. Energies and forces that
 * are all exactly zero stand for structures without labels. Charges are in e; those that are all zero are none.
 *
 * nearsight keeps what the format has no place for in the comment, as the `key=value` of extended XYZ: group, stress
 * (eV/Å³) and info. n2p2 does not look at comments.
 * @see Singraber, Behler & Dellago 2019, doi:10.1021/acs.jctc.8b00770
 */
import { symbolOf } from '../../elements.ts';
import { NearsightError, type Place } from '../../errors.ts';
import { checkStructure, type Structure } from '../../structure/structure.ts';
import { BOHR, HARTREE } from '../../units.ts';
import type { AtomArray, Frame, InfoValue, Labels } from '../dataset.ts';
import { formatReal } from '../decimal.ts';
import { formatEntry, formatText, infoValue, parseComment, textValue } from '../extxyz/comment.ts';
import { LABEL_NAMES, tensorOf } from '../extxyz/labels.ts';
import type { WritableFrame } from '../extxyz/write.ts';
import { quoted, refusal } from '../refuse.ts';
import { type Format, type FormatOptions, joined } from './format.ts';
import { type Lines, linesOf, wordsOf } from './shared/lines.ts';
import { requireEnergyAndForces, requireWholePeriodicity } from './shared/needs.ts';
import { plausibleLength } from './shared/plausible.ts';
import { unscaled } from './shared/scaling.ts';
import { elementAt } from './shared/symbols.ts';
import { frameOf, numberOf } from './shared/values.ts';

export const N2P2: Format = {
  name: 'n2p2',
  title: 'n2p2 or RuNNer input.data',
  names: /(^|[._-])input\.data$|\.n2p2$/i,
  recognises: (head) =>
    /^\s*begin[ \t]*\r?\n(?:[ \t]*(?:comment|lattice)[^\n]*\n)*[ \t]*atom(?:[ \t]+\S+){9}/.test(head),
  labels: ['energy', 'forces', 'stress'],
  read: ([file], options) => {
    const lines = linesOf(file);
    const frames: Frame[] = [];
    for (let line = lines.next(); line !== null; line = lines.next()) {
      const [keyword] = wordsOf(line);
      if (keyword === undefined) continue;
      if (keyword !== 'begin') throw badKeyword(keyword, 'begin', lines.place(undefined, frames.length));
      frames.push(readFrame(lines, frames.length, options));
    }
    if (frames.length > 0) return frames;
    throw refusal('empty-file', 'the file holds no structures', 'was it written to the end?', { path: file.path });
  },
  write: (frames, options) => [
    { path: '', content: joined(frames.map((frame, index) => writtenFrame(frame, index, options))) },
  ],
};

/** What a length, an energy and a force of the file are in nearsight's units. */
interface Units {
  readonly length: number;
  readonly energy: number;
  readonly force: number;
}

const UNITS: Readonly<Record<'metal' | 'atomic', Units>> = {
  metal: { length: 1, energy: 1, force: 1 },
  atomic: { length: BOHR, energy: HARTREE, force: HARTREE / BOHR },
};
const isUnits = (name: string | undefined): name is 'metal' | 'atomic' => name === 'metal' || name === 'atomic';
const CHOICE = '--units atomic (bohr, Hartree, Hartree/bohr) or --units metal (Å, eV, eV/Å)';

/** The text between `begin` and `end`, as it stands there. */
interface Raw {
  readonly comments: string[];
  /** Rows of the lattice, one after another. */
  readonly lattice: number[];
  readonly numbers: number[];
  readonly positions: number[];
  readonly charges: number[];
  readonly energies: number[];
  readonly forces: number[];
  readonly totals: { energy?: number; charge?: number };
}

const COLUMNS = ['x', 'y', 'z', 'element', 'charge', 'energy', 'fx', 'fy', 'fz'] as const;

function readFrame(lines: Lines, index: number, options: FormatOptions): Frame {
  const place = { path: lines.path, line: lines.number, frame: index };
  const raw = readRaw(lines, index);
  const comment = readComments(raw.comments);
  const units = unitsOf(raw, comment, options, place);
  const scale = (values: readonly number[], unit: number): Float64Array => Float64Array.from(values, (x) => x * unit);
  const periodic = raw.lattice.length > 0;
  const structure: Structure = {
    numbers: Int32Array.from(raw.numbers),
    positions: scale(raw.positions, units.length),
    cell: periodic ? scale(raw.lattice, units.length) : new Float64Array(9),
    pbc: [periodic, periodic, periodic],
  };
  const arrays: Record<string, AtomArray> = {};
  if (raw.charges.some((q) => q !== 0)) arrays.initial_charges = column(Float64Array.from(raw.charges));
  if (raw.energies.some((e) => e !== 0)) arrays.energies = column(scale(raw.energies, units.energy));
  const { energy, charge } = raw.totals;
  const labelled = raw.numbers.length === 1 || (energy ?? 0) !== 0 || raw.forces.some((f) => f !== 0);
  const labels: Labels = {
    ...(energy === undefined || !labelled ? {} : { energy: energy * units.energy }),
    ...(labelled ? { forces: scale(raw.forces, units.force) } : {}),
    ...(comment.stress === undefined ? {} : { stress: tensorOf(comment.stress, 1, { ...place, field: 'stress' }) }),
  };
  const info = { ...comment.info, ...(charge === undefined ? {} : { charge }) };
  const names = {
    ...(labels.energy === undefined ? {} : { energy: 'energy' }),
    ...(labelled ? { forces: 'atom' } : {}),
    ...(labels.stress === undefined ? {} : { stress: 'comment' }),
  };
  return frameOf({ structure, labels, group: comment.group, info, arrays, names }, place);
}

const column = (values: Float64Array): AtomArray => ({ type: 'R', columns: 1, values });

function readRaw(lines: Lines, index: number): Raw {
  const raw: Raw = {
    comments: [],
    lattice: [],
    numbers: [],
    positions: [],
    charges: [],
    energies: [],
    forces: [],
    totals: {},
  };
  for (let line = lines.next(); line !== null; line = lines.next()) {
    const words = wordsOf(line);
    if (words.length === 0) continue;
    const [keyword] = words;
    const place = lines.place(keyword, index);
    if (keyword === 'end') return checkedRaw(raw, place);
    if (keyword === 'atom') readAtom(words, raw, place);
    else if (keyword === 'comment') raw.comments.push(line.trim().slice('comment'.length).trim());
    else if (keyword === 'lattice') {
      expectWords(words, 4, place);
      for (const word of words.slice(1)) raw.lattice.push(numberOf(word, 'a lattice vector', place));
    } else if (keyword === 'energy' || keyword === 'charge') {
      expectWords(words, 2, place);
      if (raw.totals[keyword] !== undefined) {
        throw refusal('duplicate-key', `the structure has two lines "${keyword}"`, 'remove one of the two', place);
      }
      // Adding 0 turns −0, which some files have for no charge, into 0.
      raw.totals[keyword] = numberOf(words[1], `the ${keyword}`, place) + 0;
    } else throw badKeyword(keyword, 'atom, lattice, energy, charge, comment or end', place);
  }
  throw refusal(
    'truncated-file',
    `the file ends within structure ${index}, before its line "end"`,
    'the program that wrote it may have been stopped: remove the last structure, or write the file again',
    lines.place(undefined, index),
  );
}

function readAtom(words: readonly string[], raw: Raw, place: Place): void {
  expectWords(words, COLUMNS.length + 1, place);
  const number = (k: number): number =>
    numberOf(words[k], `${COLUMNS[k - 1]} of atom ${raw.numbers.length}`, { ...place, field: COLUMNS[k - 1] });
  raw.positions.push(number(1), number(2), number(3));
  raw.charges.push(number(5));
  raw.energies.push(number(6));
  raw.forces.push(number(7), number(8), number(9));
  raw.numbers.push(elementAt(words[4], { ...place, field: 'element' }));
}

function checkedRaw(raw: Raw, place: Place): Raw {
  if (raw.lattice.length !== 0 && raw.lattice.length !== 9) {
    const message = `the structure has ${raw.lattice.length / 3} lines "lattice"`;
    throw refusal('bad-lattice', message, 'give three lattice vectors, or none for a molecule', {
      ...place,
      field: 'lattice',
    });
  }
  return raw;
}

function expectWords(words: readonly string[], count: number, place: Place): void {
  if (words.length === count) return;
  throw refusal(
    'wrong-column-count',
    `a line "${words[0]}" has ${count - 1} columns, found ${words.length - 1}`,
    words[0] === 'atom' ? `write atom ${COLUMNS.join(' ')}` : 'the file is damaged, or in another format',
    place,
  );
}

function badKeyword(found: string, expected: string, place: Place): NearsightError {
  return refusal(
    'bad-keyword',
    `expected ${expected}, found ${quoted(found)}`,
    'each structure of an input.data file stands between a line "begin" and a line "end"',
    place,
  );
}

/** What the comments of a structure say. */
interface Comments {
  readonly units?: string;
  readonly stress?: string;
  readonly group: string;
  readonly info: Readonly<Record<string, InfoValue>>;
}

/** Nothing but `key=value`, either of them in quotes where it must be. */
const ENTRIES = /^(?:(?:"(?:[^"\\]|\\.)*"|[^\s="]+)=(?:"(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+|$))+$/;

function readComments(comments: readonly string[]): Comments {
  const info: [string, InfoValue][] = [];
  const free: string[] = [];
  let told: Omit<Comments, 'info'> = { group: '' };
  for (const line of comments) {
    const entries = ENTRIES.test(line) ? entriesOf(line) : undefined;
    if (entries === undefined) {
      if (line !== '') free.push(line);
      continue;
    }
    const group = LABEL_NAMES.group.find((name) => entries.has(name));
    if (group !== undefined) told = { ...told, group: textValue(entries.get(group) ?? '') };
    const units = entries.get('units');
    if (isUnits(units)) {
      // A line of nearsight's own: its stress is a label.
      const stress = entries.get('stress');
      told = { ...told, units, ...(stress === undefined ? {} : { stress }) };
      entries.delete('units');
      entries.delete('stress');
    }
    for (const [key, text] of entries) info.push([key, key === group ? textValue(text) : infoValue(text)]);
  }
  if (free.length > 0) info.push(['comment', free.join('\n')]);
  return { ...told, info: Object.fromEntries(info) };
}

function entriesOf(line: string): Map<string, string> | undefined {
  try {
    return parseComment(line, {});
  } catch (error) {
    if (error instanceof NearsightError) return undefined;
    throw error;
  }
}

function unitsOf(raw: Raw, { units }: Comments, options: FormatOptions, place: Place): Units {
  const here = { ...place, field: 'units' };
  if (options.units !== undefined && !isUnits(options.units)) {
    throw refusal('unknown-units', `n2p2 files are not in units "${options.units}"`, `say ${CHOICE}`, here);
  }
  if (isUnits(units)) {
    if (options.units === undefined || options.units === units) return UNITS[units];
    const message = `the file says units=${units}, but the units ${options.units} were asked for`;
    throw refusal('contradicting-units', message, `leave out --units ${options.units}, or mend the comment`, here);
  }
  if (options.units !== undefined) return UNITS[options.units];
  throw refusal(
    'missing-units',
    'the file does not say whether it is in bohr and Hartree or in Å and eV',
    `say ${CHOICE}: ${suggestion(raw)}`,
    here,
  );
}

function suggestion({ numbers, positions, lattice }: Raw): string {
  const { unit, asAngstrom } = plausibleLength(numbers, positions, lattice);
  if (unit === undefined) return 'the distances in the file do not tell which';
  const share = (ratio: number): string => ratio.toFixed(2);
  return (
    `the distances fit --units ${unit === 'bohr' ? 'atomic' : 'metal'} (nearest neighbours at ` +
    `${share(asAngstrom)} times the sum of covalent radii if in Å, ${share(asAngstrom * BOHR)} times if in bohr)`
  );
}

function writtenFrame(frame: WritableFrame, index: number, options: FormatOptions): string {
  const place: Place = { frame: index };
  const { structure, arrays = {}, info = {} } = frame;
  if (!isUnits(options.units)) {
    throw refusal(
      'missing-units',
      'the format names no units, and none were chosen',
      `say ${CHOICE.replaceAll('--units', '--to-units')}`,
      {
        ...place,
        field: 'units',
      },
    );
  }
  const units = UNITS[options.units];
  checkStructure(structure, place);
  requireWholePeriodicity(structure, 'n2p2', place);
  const { energy, forces } = requireEnergyAndForces(frame.labels, 'n2p2', place);
  const text = (value: number, unit: number): string => formatReal(unscaled(value, unit));
  const three = (values: Float64Array, k: number, unit: number): string =>
    [0, 1, 2].map((c) => text(values[3 * k + c], unit)).join(' ');
  const charges = realColumn(arrays.initial_charges, structure);
  const energies = realColumn(arrays.energies, structure);
  const rows = Array.from(structure.numbers, (z, atom) => {
    const charge = formatReal(charges?.[atom] ?? 0);
    const atomic = text(energies?.[atom] ?? 0, units.energy);
    const position = three(structure.positions, atom, units.length);
    return `atom ${position} ${symbolOf(z)} ${charge} ${atomic} ${three(forces, atom, units.force)}`;
  });
  const total = typeof info.charge === 'number' ? info.charge : 0;
  return [
    'begin',
    ...commentsOf(frame, options.units, place).map((line) => `comment ${line}`),
    ...(structure.pbc[0] ? [0, 1, 2].map((k) => `lattice ${three(structure.cell, k, units.length)}`) : []),
    ...rows,
    `energy ${text(energy, units.energy)}`,
    `charge ${formatReal(total)}`,
    'end\n',
  ].join('\n');
}

function realColumn(array: AtomArray | undefined, { numbers }: Structure): ArrayLike<number> | undefined {
  const { type, columns, values } = array ?? {};
  const real = values instanceof Float64Array || values instanceof Int32Array;
  return (type === 'R' || type === 'I') && columns === 1 && real && values.length === numbers.length
    ? values
    : undefined;
}

function commentsOf({ labels, group = '', info = {} }: WritableFrame, units: string, place: Place): string[] {
  const entries = [`units=${units}`];
  const told = LABEL_NAMES.group.find((name) => name in info);
  if (group !== '' && (told === undefined || info[told] !== group)) entries.push(formatText('config_type', group));
  if (labels?.stress !== undefined) entries.push(formatEntry('stress', [...labels.stress], place));
  const free: string[] = [];
  for (const [key, value] of Object.entries(info)) {
    if (key === 'charge' && typeof value === 'number') continue;
    if (key === 'comment' && typeof value === 'string' && !value.split('\n').some((line) => ENTRIES.test(line))) {
      free.push(...value.split('\n'));
    } else if (key === told && value === group) entries.push(formatText(key, group));
    else if (key !== 'units' && key !== 'stress') entries.push(formatEntry(key, value, place));
  }
  return [...free, entries.join(' ')];
}
