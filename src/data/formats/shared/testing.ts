/**
 * Breaks files as disks, editors, killed programs and wrong conversions do, and checks that a reader of them ends in
 * frames or in an error that helps. For the tests of every format; nothing else
 * imports this file.
 */
import { formatError, NearsightError } from '../../../errors.ts';
import { createRandom, type Random } from '../../../random.ts';
import type { Frame } from '../../dataset.ts';
import type { InputFile } from '../format.ts';

/** What tends to stand where a number should. */
const NUMBERS: readonly string[] = [
  ...[
    '1e400',
    '-1e400',
    'nan',
    'NaN',
    'inf',
    '-Infinity',
    '1e-400',
    '5e-324',
    '1e300',
    '-3',
    '-0',
    '0',
    '1',
    '2',
    '1e5',
  ],
  ...['99999999999999999999', '2147483648', '1000000000', '100000000', '9007199254740993', '1.5', '.', '-', '+', ''],
  ...['0x10', '1_000', '1,5', '******', '1D+3', '1.0-105', 'T', 'Si', 'Xx', '"', '1/0'],
];

/** What tends to stand anywhere. */
const GARBAGE: readonly string[] = [
  ...[
    '"',
    "'",
    '\\',
    '[',
    '{',
    ']',
    '}',
    '<',
    '>',
    '</',
    '/>',
    '<!--',
    '<![CDATA[',
    '<!DOCTYPE a [',
    '&amp;',
    '&x;',
    '=',
  ],
  ...[':', ';', '#', '!', '@', '$', '%', '_', '|', '\t', '\r', '\n', '\n\n', '\r\n', '\f', ' ', '\u0085', '\u2028'],
  ...['\ufeff', '\u0000', '\u0000'.repeat(300), 'é', '\ud83d\ude00', '__proto__', 'constructor', 'toString', 'null'],
  ...[
    '../../etc/passwd',
    'A'.repeat(5000),
    '1 '.repeat(3000),
    '('.repeat(2000),
    '-1',
    'end',
    'begin',
    'data_',
    'loop_',
  ],
];

const pick = <T>(items: readonly T[], random: Random): T => items[random.below(items.length)];

/** A byte is a character and back, so that text can be cut without harm to bytes that are no UTF-8. */
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const asLatin = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** A mutation of text whose characters are bytes. */
type Mutation = (text: string, random: Random) => string;

const linesOf = (text: string): string[] => text.split(/(?<=\n)/);

/** A mutation of the list of lines. */
const onLines =
  (change: (lines: string[], at: number, random: Random) => void): Mutation =>
  (text, random) => {
    const lines = linesOf(text);
    change(lines, random.below(lines.length), random);
    return lines.join('');
  };

const numberReplaced: Mutation = (text, random) => {
  const found = [...text.matchAll(/[-+]?\d[\d.]*(?:[eEdD][-+]?\d+)?/g)];
  if (found.length === 0) return text;
  const chosen = pick(found, random);
  return `${text.slice(0, chosen.index)}${pick(NUMBERS, random)}${text.slice(chosen.index + chosen[0].length)}`;
};

const bytesFlipped: Mutation = (text, random) => {
  const bytes = bytesOf(text);
  for (let k = 1 + random.below(4); k > 0 && bytes.length > 0; k--)
    bytes[random.below(bytes.length)] = random.below(256);
  return latin(bytes);
};

const inserted: Mutation = (text, random) => {
  const at = random.below(text.length + 1);
  const invalid = latin(Uint8Array.from({ length: 1 + random.below(20) }, () => 128 + random.below(128)));
  return `${text.slice(0, at)}${random.below(4) === 0 ? invalid : asLatin(pick(GARBAGE, random))}${text.slice(at)}`;
};

const MUTATIONS: readonly Mutation[] = [
  bytesFlipped,
  numberReplaced,
  numberReplaced,
  inserted,
  // The file ends early, or starts late.
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => text.slice(random.below(text.length + 1)),
  onLines((lines, at) => lines.splice(at, 1)),
  onLines((lines, at, random) => lines.splice(at, 1 + random.below(lines.length))),
  onLines((lines, at) => lines.splice(at, 0, lines[at])),
  onLines((lines, at, random) => lines.splice(at, 0, ...lines.slice(at, at + 1 + random.below(lines.length)))),
  onLines((lines, at, random) => {
    const other = random.below(lines.length);
    [lines[at], lines[other]] = [lines[other], lines[at]];
  }),
  // Within a line: cut off, emptied, a word dropped, doubled or swapped.
  onLines((lines, at, random) => (lines[at] = `${lines[at].slice(0, random.below(lines[at].length + 1))}\n`)),
  onLines((lines, at, random) => {
    const words = lines[at].split(/(?<=\s)(?=\S)/);
    const word = random.below(words.length);
    words.splice(word, random.below(3) === 0 ? 0 : 1, ...(random.below(2) === 0 ? [] : [pick(words, random)]));
    lines[at] = words.join('');
  }),
];

/** A copy of a file with one to three things broken in it. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let text = latin(bytes);
  for (let k = 1 + random.below(3); k > 0; k--) text = pick(MUTATIONS, random)(text, random);
  return bytesOf(text);
}

export interface MutationRun {
  /** Broken copies to read. */
  readonly count: number;
  readonly seed: number;
  /** Longest time for one of them, ms; 2000 when absent. */
  readonly milliseconds?: number;
  /** Name of the file, where it matters to the reader. */
  readonly path?: string;
}

/** What became of the broken copies. */
export interface MutationOutcome {
  readonly read: number;
  /** Refusals by code. */
  readonly codes: ReadonlyMap<string, number>;
}

/**
 * Reads broken copies of `sample`: each must give sound frames or be refused by a NearsightError with its path, a hint
 * and a message of readable length, in time. The caller looks at the outcome: mutations are worth something only if
 * they pass now and then and reach many refusals.
 */
export function expectReadOrRefused(
  read: (file: InputFile) => unknown,
  sample: Uint8Array,
  { count, seed, milliseconds = 2000, path = 'broken.file' }: MutationRun,
): MutationOutcome {
  const random = createRandom(seed);
  const codes = new Map<string, number>();
  let accepted = 0;
  for (let run = 0; run < count; run++) {
    const bytes = mutated(sample, random);
    const began = performance.now();
    try {
      const result = read({ path, bytes });
      if (Array.isArray(result)) expectSound(result.filter(isFrame));
      accepted++;
    } catch (error) {
      expectHelpful(error, { run, path, bytes });
      if (error instanceof NearsightError) codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
    const spent = performance.now() - began;
    if (spent > milliseconds) fail(`run ${run} took ${spent.toFixed(0)} ms: ${excerpt(bytes)}`);
  }
  return { read: accepted, codes };
}

function expectHelpful(error: unknown, at: { run: number; path: string; bytes: Uint8Array }): void {
  if (!(error instanceof NearsightError)) {
    throw new Error(`run ${at.run}: ${String(error)}\n${excerpt(at.bytes)}`, { cause: error });
  }
  const { place, hint, message } = error;
  if (place.path === at.path && hint && message !== '' && message.length <= 400) return;
  fail(`run ${at.run}: without path or hint, or too long: ${formatError(error)}\n${JSON.stringify(place)}`);
}

function fail(message: string): never {
  throw new Error(message);
}

const excerpt = (bytes: Uint8Array): string => JSON.stringify(latin(bytes.subarray(0, 3000)));

function isFrame(value: unknown): value is Frame {
  return typeof value === 'object' && value !== null && 'structure' in value && 'labels' in value;
}

/** Every number that is handed over as physics is finite, and every array has its length. */
export function expectSound(frames: readonly Frame[]): void {
  for (const { structure, labels, arrays } of frames) {
    const atoms = structure.numbers.length;
    const forces = labels.forces ?? new Float64Array(3 * atoms);
    const stress = labels.stress ?? new Float64Array(9);
    const numbers = [structure.positions, structure.cell, forces, stress, Float64Array.of(labels.energy ?? 0)];
    const sound =
      atoms > 0 &&
      [structure.positions.length, forces.length, stress.length].join() === [3 * atoms, 3 * atoms, 9].join() &&
      numbers.every((values) => values.every(Number.isFinite)) &&
      Object.values(arrays).every(({ values, columns }) => values.length === atoms * columns);
    if (!sound) fail('a frame was handed over that is not sound');
  }
}
