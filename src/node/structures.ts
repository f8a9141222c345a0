/** Labelled frames in files of any format. Extended XYZ is read and written as a stream, the others as whole files. */
import { createHash } from 'node:crypto';
import type { Dataset, Frame, Labels } from '../data/dataset.ts';
import { type ReadOptions, readExtxyz } from '../data/extxyz/read.ts';
import { type WritableFrame, writeFrame } from '../data/extxyz/write.ts';
import { EXTXYZ, formatNamed, formatToWrite } from '../data/formats/choose.ts';
import type { Format, FormatOptions } from '../data/formats/format.ts';
import { NearsightError } from '../errors.ts';
import { writeFileAtomically, writeFolderAtomically } from './files.ts';
import { openSource, type Source, type SourceOptions } from './sources.ts';

/** What a file does not say of itself; `names` is for extended XYZ alone. */
export interface InputOptions extends ReadOptions, FormatOptions, SourceOptions {}

/** How frames are to be written. */
export interface OutputOptions extends FormatOptions {
  /** Name of the format; told from the name of the file when absent, extended XYZ where that tells nothing. */
  readonly to?: string;
}

/**
 * All frames of a file (plain or gzip) or folder, with the SHA-256 of what was read: the file and its companions.
 * @throws NearsightError `binary-file`, what `openSource` throws and what the reader of the format throws
 */
export async function readDataset(path: string, options: InputOptions = {}): Promise<Dataset> {
  const hash = createHash('sha256');
  const source = await openSource(path, options, hash);
  const frames: Frame[] = [];
  let skipped = 0;
  if ('chunks' in source) for await (const frame of readExtxyz(textOf(source, path), path, options)) frames.push(frame);
  else
    for (const frame of wholeFiles(
      source,
      counting(options, () => skipped++),
    ))
      frames.push(frame);
  const dataset = { frames, source: path, sha256: hash.digest('hex'), format: source.format.name };
  return skipped === 0 ? dataset : { ...dataset, skipped };
}

/** The same frame by frame; extended XYZ need not fit into memory. */
export async function* readFrames(path: string, options: InputOptions = {}): AsyncGenerator<Frame, void, undefined> {
  const source = await openSource(path, options);
  if ('chunks' in source) for await (const frame of readExtxyz(textOf(source, path), path, options)) yield frame;
  else for (const frame of wholeFiles(source, options)) yield frame;
}

function wholeFiles(source: Exclude<Source, { readonly chunks: unknown }>, options: InputOptions): readonly Frame[] {
  // A format without `read` is never opened.
  const frames = source.format.read?.(source.files, options) ?? [];
  if (frames.length > 0) return frames;
  throw new NearsightError('no-frames', 'no frame is left of this file', {
    hint: 'none of its calculations converged, or it holds none: repeat them',
    place: { path: source.files[0].path },
  });
}

/** The options, with every skipped frame also told to `count`. */
function counting(options: InputOptions, count: () => void): InputOptions {
  const onSkip = (why: NearsightError): void => {
    count();
    options.onSkip?.(why);
  };
  return { ...options, onSkip };
}

/**
 * Writes frames, packed when the name of a file ends in .gz. The old file stays until the new one is whole; a format of
 * several files is written as a folder, which must be new.
 * @param options.warn told in a sentence about labels that the format has no place for
 * @returns how many frames were written
 * @throws NearsightError what the writer of the format and `writeFileAtomically` throw, `unknown-format`,
 *   `folder-not-empty`
 */
export async function writeFrames(
  path: string,
  frames: Iterable<WritableFrame> | AsyncIterable<WritableFrame>,
  options: OutputOptions & { readonly warn?: (sentence: string) => void } = {},
): Promise<number> {
  const format = options.to === undefined ? (formatToWrite(path) ?? EXTXYZ) : formatNamed(options.to, 'write', path);
  const gzip = path.toLowerCase().endsWith('.gz');
  if (format === EXTXYZ) {
    let count = 0;
    async function* text(): AsyncGenerator<string, void, undefined> {
      for await (const frame of frames) yield* writeFrame(frame, count++);
    }
    await writeFileAtomically(path, text(), { gzip });
    return count;
  }
  const all: WritableFrame[] = [];
  for await (const frame of frames) all.push(frame);
  const files = format.write?.(all, options) ?? [];
  const lost = lostLabels(format, all);
  if (lost.length > 0) options.warn?.(`${path}: the format ${format.name} has no place for ${lost.join(', ')}`);
  if (files.length === 1 && files[0].path === '') await writeFileAtomically(path, files[0].content, { gzip });
  else await writeFolderAtomically(path, files);
  return all.length;
}

/** Labels of the frames that a file of this format does not hold. */
function lostLabels(format: Format, frames: readonly WritableFrame[]): (keyof Labels)[] {
  return (['energy', 'forces', 'stress'] as const).filter(
    (label) => format.labels?.includes(label) !== true && frames.some(({ labels }) => labels?.[label] !== undefined),
  );
}

/** Bytes that are looked at for zeros, which no text holds. */
const SAMPLE = 4096;

async function* textOf(
  source: Extract<Source, { readonly chunks: unknown }>,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let first = true;
  for await (const chunk of source.chunks) {
    if (first && chunk.subarray(0, SAMPLE).includes(0)) {
      throw new NearsightError('binary-file', 'this is a binary file, not extended XYZ', {
        hint: 'convert it with the program that wrote it; UTF-16 text must be saved as UTF-8',
        place: { path },
      });
    }
    first = false;
    yield chunk;
  }
}
