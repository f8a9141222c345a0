import { createHash, type Hash } from 'node:crypto';
import type { Dataset, Frame } from '../data/dataset.ts';
import { type ReadOptions, readExtxyz } from '../data/extxyz/read.ts';
import { type WritableFrame, writeFrame } from '../data/extxyz/write.ts';
import { NearsightError } from '../errors.ts';
import { readChunks, writeFileAtomically } from './files.ts';

/**
 * All frames of an extended XYZ file (plain or gzip), with the SHA-256 of what was read.
 * @throws NearsightError `binary-file`, and what `readChunks` and `readExtxyz` throw
 */
export async function readDataset(path: string, options: ReadOptions = {}): Promise<Dataset> {
  const hash = createHash('sha256');
  const frames: Frame[] = [];
  for await (const frame of readExtxyz(textChunks(path, hash), path, options)) frames.push(frame);
  return { frames, source: path, sha256: hash.digest('hex') };
}

/** The same frame by frame, for files that need not fit into memory. */
export function readFrames(path: string, options: ReadOptions = {}): AsyncGenerator<Frame, void, undefined> {
  return readExtxyz(textChunks(path), path, options);
}

/**
 * Writes frames as extended XYZ, packed when the name ends in .gz. The old file stays until the new one is whole.
 * @returns how many frames were written
 * @throws NearsightError what `writeExtxyz` and `writeFileAtomically` throw
 */
export async function writeFrames(
  path: string,
  frames: Iterable<WritableFrame> | AsyncIterable<WritableFrame>,
): Promise<number> {
  let count = 0;
  async function* text(): AsyncGenerator<string, void, undefined> {
    for await (const frame of frames) yield* writeFrame(frame, count++);
  }
  await writeFileAtomically(path, text(), { gzip: path.toLowerCase().endsWith('.gz') });
  return count;
}

/** Bytes that are looked at for zeros, which no text holds. */
const SAMPLE = 4096;

async function* textChunks(path: string, hash?: Hash): AsyncGenerator<Uint8Array, void, undefined> {
  let first = true;
  for await (const chunk of readChunks(path, hash)) {
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
