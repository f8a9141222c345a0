/**
 * Extended XYZ, read as a stream: a file may be larger than memory, each frame must fit.
 *
 * The conventions are those of ASE's reader. Where that one guesses (missing or extra columns, unknown truth
 * values, open quotes, a number as species), this one refuses.
 */
import type { Place } from '../../errors.ts';
import { checkStructure, type Structure } from '../../structure/structure.ts';
import type { AtomArray, Frame, InfoValue, LabelSources, Labels } from '../dataset.ts';
import type { Cursor } from '../decimal.ts';
import { quoted, refusal } from '../refuse.ts';
import {
  arrayOf,
  atomicNumbersOf,
  type Column,
  createColumns,
  decodeText,
  makeRoom,
  planColumns,
  readRow,
  roomOf,
} from './columns.ts';
import { type CommentEntries, fieldOf, infoValue, parseComment, textValue } from './comment.ts';
import { energyOf, LABEL_NAMES, type LabelNames, takeCell, takeFirst, takeStress } from './labels.ts';

export interface ReadOptions {
  /** Names to use instead of those in LABEL_NAMES. */
  readonly names?: Partial<LabelNames>;
  /** Longer lines are refused, bytes; 16 MiB when absent. */
  readonly longestLine?: number;
}

/** A frame with more atoms is taken for a mistake. */
const MOST_ATOMS = 100_000_000;

/** What the comment line of the frame that is being read says. */
interface Comment {
  readonly entries: CommentEntries;
  readonly cell: Pick<Structure, 'cell' | 'pbc'>;
  readonly columns: readonly Column[];
}

/** The frame that is being read. */
interface Head {
  readonly atoms: number;
  readonly line: number;
  comment: Comment | null;
  rows: number;
}

interface Reader {
  readonly source: string;
  readonly names: LabelNames;
  readonly longestLine: number;
  /** Bytes behind the last line end. */
  rest: Uint8Array;
  restLength: number;
  /** Lines and frames read so far. */
  lines: number;
  frames: number;
  head: Head | null;
  /** The last table that was declared, and what for; those of the frames of a file are mostly equal. */
  plan: { readonly properties: string | undefined; readonly columns: ReturnType<typeof planColumns> } | null;
  /** Equal `Frame.names` share one object. */
  lastSources: LabelSources;
}

/**
 * Frames of an extended XYZ file as they arrive. `source` is named in errors.
 * @throws NearsightError with path, line, frame and field: `empty-file`, `bad-atom-count`, `truncated-file`,
 *   `line-too-long`, `bad-comment`, `duplicate-key`, `bad-lattice`, `bad-pbc`, `singular-cell`, `bad-properties`,
 *   `wrong-column-count`, `unknown-element`, `bad-number`, `not-finite`, `bad-truth-value`, `bad-label`,
 *   `species-mismatch`,
 *   `asymmetric-tensor`, `virial-without-cell`
 */
export async function* readExtxyz(
  chunks: AsyncIterable<Uint8Array> | AsyncIterable<string>,
  source: string,
  options: ReadOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  const reader = createReader(source, options);
  const encoder = new TextEncoder();
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
    // A plain loop: in an async generator, yield* costs several turns of the event queue for each frame.
    for (const frame of takeChunk(reader, bytes)) yield frame;
  }
  for (const frame of takeEnd(reader)) yield frame;
}

/** The frames of a text that is in memory already; everything else as in `readExtxyz`. */
export function parseExtxyz(text: string | Uint8Array, source: string, options: ReadOptions = {}): Frame[] {
  const reader = createReader(source, options);
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return [...takeChunk(reader, bytes), ...takeEnd(reader)];
}

function createReader(source: string, options: ReadOptions): Reader {
  return {
    source,
    names: { ...LABEL_NAMES, ...options.names },
    longestLine: options.longestLine ?? 16 * 1024 * 1024,
    rest: new Uint8Array(0),
    restLength: 0,
    lines: 0,
    frames: 0,
    head: null,
    plan: null,
    lastSources: {},
  };
}

const NEWLINE = 10;

/** Reads all lines that end in this chunk and keeps what is behind the last of them. */
function* takeChunk(reader: Reader, chunk: Uint8Array): Generator<Frame, void, undefined> {
  const end = chunk.lastIndexOf(NEWLINE) + 1;
  if (end > 0) {
    // The line that began in the chunk before is finished by itself, so that the others need not be copied.
    const start = reader.restLength === 0 ? 0 : chunk.indexOf(NEWLINE) + 1;
    if (start > 0) yield* takeLines(reader, { bytes: withRest(reader, chunk.subarray(0, start)), at: 0 });
    if (start < end) yield* takeLines(reader, { bytes: chunk.subarray(start, end), at: 0 });
  }
  keepRest(reader, chunk.subarray(end));
}

/** The kept bytes and these, of which nothing is kept any more. */
function withRest(reader: Reader, bytes: Uint8Array): Uint8Array {
  if (reader.restLength === 0) return bytes;
  const joined = new Uint8Array(reader.restLength + bytes.length);
  joined.set(reader.rest.subarray(0, reader.restLength));
  joined.set(bytes, reader.restLength);
  reader.restLength = 0;
  return joined;
}

function keepRest(reader: Reader, bytes: Uint8Array): void {
  const length = reader.restLength + bytes.length;
  if (length > reader.longestLine) throw lineTooLong(reader);
  if (length > reader.rest.length) {
    const more = new Uint8Array(2 * length);
    more.set(reader.rest.subarray(0, reader.restLength));
    reader.rest = more;
  }
  reader.rest.set(bytes, reader.restLength);
  reader.restLength = length;
}

function lineTooLong(reader: Reader): Error {
  reader.lines++;
  return refusal(
    'line-too-long',
    `the line is longer than ${reader.longestLine} bytes`,
    'this is hardly an extended XYZ file; is it binary, or of another format?',
    placeOf(reader),
  );
}

function* takeEnd(reader: Reader): Generator<Frame, void, undefined> {
  if (reader.restLength > 0) yield* takeChunk(reader, Uint8Array.of(NEWLINE));
  const { head, frames } = reader;
  if (head !== null) {
    throw refusal(
      'truncated-file',
      `the file ends within frame ${frames}, which has ${head.rows} of its ${head.atoms} atoms`,
      'the program that wrote it may have been stopped: remove the last frame, or write the file again',
      placeOf(reader),
    );
  }
  if (frames === 0) {
    throw refusal('empty-file', 'the file holds no frames', 'was it written to the end?', { path: reader.source });
  }
}

/** Where the line is that was read last. */
function placeOf(reader: Reader): Place {
  return { path: reader.source, line: reader.lines, frame: reader.frames };
}

/** Reads the lines of a block that ends with a line end. */
function* takeLines(reader: Reader, cursor: Cursor): Generator<Frame, void, undefined> {
  while (cursor.at < cursor.bytes.length) {
    const { head } = reader;
    if (head === null) {
      const line = readLine(reader, cursor).trim();
      if (line !== '') reader.head = { atoms: countOf(line, reader), line: reader.lines, comment: null, rows: 0 };
    } else if (head.comment === null) {
      head.comment = readComment(reader, head, readLine(reader, cursor));
    } else {
      readRows(reader, head, head.comment.columns, cursor);
      if (head.rows < head.atoms) continue;
      yield frameOf(reader, head, head.comment);
      reader.head = null;
      reader.frames++;
    }
  }
}

function readLine(reader: Reader, cursor: Cursor): string {
  const { bytes } = cursor;
  let start = cursor.at;
  const end = bytes.indexOf(NEWLINE, start);
  if (end - start > reader.longestLine) throw lineTooLong(reader);
  cursor.at = end + 1;
  // The three bytes of a UTF-8 byte order mark, which some editors put at the head of a file.
  if (reader.lines === 0 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
  reader.lines++;
  return decodeText(bytes, start, end);
}

function countOf(line: string, reader: Reader): number {
  const count = /^\d+$/.test(line) ? Number(line) : 0;
  if (count >= 1 && count <= MOST_ATOMS) return count;
  const previous = reader.frames === 0 ? '' : ', unless the frame before has more atoms than its first line says';
  throw refusal(
    'bad-atom-count',
    `expected the number of atoms of frame ${reader.frames}, found ${quoted(line)}`,
    `each frame starts with a line that holds its number of atoms (1 to ${MOST_ATOMS}) and nothing else${previous}`,
    placeOf(reader),
  );
}

function readComment(reader: Reader, head: Head, line: string): Comment {
  const place = placeOf(reader);
  const entries = parseComment(line, place);
  const cell = takeCell(entries, place);
  const properties = takeFirst(entries, propertyNames(entries))?.text;
  if (reader.plan === null || reader.plan.properties !== properties) {
    reader.plan = { properties, columns: planColumns(properties, reader.names.forces, place) };
  }
  return { entries, cell, columns: createColumns(reader.plan.columns, head.atoms) };
}

/** `Properties`, or `properties` where it looks like one. */
function propertyNames(entries: CommentEntries): readonly string[] {
  if (entries.has('Properties')) return ['Properties'];
  return /^\w+:[SRIL]:\d/.test(entries.get('properties') ?? '') ? ['properties'] : [];
}

function readRows(reader: Reader, head: Head, columns: readonly Column[], cursor: Cursor): void {
  const place = (): Place => placeOf(reader);
  const end = cursor.bytes.length;
  let room = roomOf(columns);
  while (head.rows < head.atoms && cursor.at < end) {
    const start = cursor.at;
    reader.lines++;
    if (head.rows >= room) {
      makeRoom(columns, head.rows, head.atoms);
      room = roomOf(columns);
    }
    readRow(columns, head.rows, cursor, place);
    head.rows++;
    cursor.at++;
    if (cursor.at - start > reader.longestLine) throw lineTooLong(reader);
  }
}

function frameOf(reader: Reader, head: Head, comment: Comment): Frame {
  const { entries, cell, columns } = comment;
  const place: Place = { path: reader.source, line: head.line + 1, frame: reader.frames };
  const byRole = (role: Column['role']): Column | undefined => columns.find((column) => column.role === role);
  const positions = byRole('positions')?.numbers ?? new Float64Array(0);
  const structure: Structure = { numbers: atomicNumbersOf(columns, place), positions, cell: cell.cell, pbc: cell.pbc };
  checkStructure(structure, place);
  const forces = byRole('forces');
  const { labels, sources } = takeLabels(entries, forces, { names: reader.names, cell: cell.cell, place });
  const arrays: [string, AtomArray][] = columns
    .filter((column) => column.role === 'other')
    .map((column) => [column.name, arrayOf(column)]);
  const info: [string, InfoValue][] = Array.from(entries, ([key, text]) => [
    key,
    key === sources.group ? textValue(text) : infoValue(text),
  ]);
  return {
    structure,
    labels,
    group: sources.group === undefined ? '' : textValue(entries.get(sources.group) ?? ''),
    // From entries, not by assignment: a key may be called __proto__.
    info: Object.fromEntries(info),
    arrays: Object.fromEntries(arrays),
    names: shared(reader, sources),
    line: head.line,
    index: reader.frames,
  };
}

function takeLabels(
  entries: CommentEntries,
  forces: Column | undefined,
  at: { readonly names: LabelNames; readonly cell: Float64Array; readonly place: Place },
): { labels: Labels; sources: LabelSources } {
  const { names, cell, place } = at;
  const energy = takeFirst(entries, names.energy);
  const stress = takeStress(entries, names, cell, place);
  const group = names.group.find((name) => entries.has(name));
  // By assignment: spreading costs more than all the rest of it, and this is done for every frame.
  const labels: { -readonly [name in keyof Labels]: Labels[name] } = {};
  const sources: { -readonly [name in keyof LabelSources]: LabelSources[name] } = {};
  if (energy !== undefined) {
    labels.energy = energyOf(energy.text, fieldOf(place, energy.name));
    sources.energy = energy.name;
  }
  if (forces !== undefined) {
    labels.forces = forces.numbers;
    sources.forces = forces.name;
  }
  if (stress !== undefined) {
    labels.stress = stress.stress;
    sources.stress = stress.name;
  }
  if (group !== undefined) sources.group = group;
  return { labels, sources };
}

function shared(reader: Reader, sources: LabelSources): LabelSources {
  const last = reader.lastSources;
  const same = (['energy', 'forces', 'stress', 'group'] as const).every((label) => last[label] === sources[label]);
  if (!same) reader.lastSources = sources;
  return reader.lastSources;
}
