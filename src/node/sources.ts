/** A path opened for reading: its format settled, its companions found, its bytes unpacked and hashed. */
import { createHash, type Hash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { EXTXYZ, formatNamed, formatOfFile, formatOfFolder, HEAD } from '../data/formats/choose.ts';
import type { Format, InputFile } from '../data/formats/format.ts';
import { refusal } from '../data/refuse.ts';
import { readChunks, readingError } from './files.ts';

/** What was opened: text that can be streamed, or whole files. */
export type Source =
  | { readonly format: Format; readonly chunks: AsyncIterable<Uint8Array> }
  | { readonly format: Format; readonly files: readonly InputFile[] };

/** Formats that are not streamed are held in memory: no more than this unless told otherwise, bytes. */
const MOST_BYTES = 2 ** 31;
/** Files of a folder that are looked at. */
const MOST_FILES = 100_000;

export interface SourceOptions {
  /** Name of the format; told from the name of the file, else from its contents, when absent. */
  readonly from?: string;
  /** Largest size of what is not streamed, all files of a format together, unpacked, bytes; 2 GiB when absent. */
  readonly mostBytes?: number;
}

/** What every file of a source is read with. */
interface Intake {
  readonly hash: Hash;
  readonly mostBytes: number;
}

/**
 * Opens a file (plain or gzip) or a folder.
 * @param hash fed with every byte that is read, the named file first and its companions in their order
 * @throws NearsightError what `readChunks` and `formatOfFile` throw; `file-too-large`, `too-many-files`,
 *   `not-a-folder`, `is-a-folder`
 */
export async function openSource(
  path: string,
  { from, mostBytes = MOST_BYTES }: SourceOptions = {},
  hash: Hash = createHash('sha256'),
): Promise<Source> {
  const intake = { hash, mostBytes };
  const named = from === undefined ? undefined : formatNamed(from, 'read', path);
  const folder = (await stat(path).catch(() => null))?.isDirectory() === true;
  if (folder) return openFolder(path, named, intake);
  const { head, chunks } = await withHead(readChunks(path, hash));
  const format = named ?? formatOfFile(path, head);
  if (format === EXTXYZ) return { format, chunks };
  if (format.folder === true) {
    const what = `the format ${format.name} is a folder of files, and this is a file`;
    throw refusal('not-a-folder', what, 'name the folder', { path });
  }
  const main: InputFile = { path, bytes: await gather(path, chunks, mostBytes) };
  if (format.companions === undefined) return { format, files: [main] };
  const names = await listing(dirname(path), false);
  return { format, files: [main, ...(await companionsOf(format, main, { folder: dirname(path), names, intake }))] };
}

async function openFolder(path: string, named: Format | undefined, intake: Intake): Promise<Source> {
  const names = await listing(path, true);
  const format = named ?? formatOfFolder(path, [...names.keys()]);
  if (format.folder !== true) {
    const hint = 'name the file in it';
    throw refusal('is-a-folder', `this is a folder, and the format ${format.name} is a file`, hint, { path });
  }
  const main: InputFile = { path, bytes: new Uint8Array(0) };
  return { format, files: [main, ...(await companionsOf(format, main, { folder: path, names, intake }))] };
}

/** The first bytes of a stream, and the whole stream. */
async function withHead(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ head: Uint8Array; chunks: AsyncGenerator<Uint8Array, void, undefined> }> {
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD) {
    const next = await chunks.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.length;
  }
  async function* all(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* first;
      for await (const chunk of chunks) yield chunk;
    } finally {
      await chunks.return();
    }
  }
  const head = first.length === 1 ? first[0] : Buffer.concat(first);
  return { head: head.subarray(0, HEAD), chunks: all() };
}

async function gather(path: string, chunks: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > most) {
      throw refusal(
        'file-too-large',
        `there are more than ${(most / 2 ** 20).toPrecision(4)} MiB to read at once`,
        'split the file, or convert it in parts to extended XYZ, which is read as a stream',
        { path },
      );
    }
    parts.push(chunk);
  }
  // No Buffer, whose slices share their memory.
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function companionsOf(
  format: Format,
  main: InputFile,
  at: { readonly folder: string; readonly names: ReadonlyMap<string, string>; readonly intake: Intake },
): Promise<InputFile[]> {
  const wanted = format.companions?.(main, [...at.names.keys()]) ?? [];
  const files: InputFile[] = [];
  let length = main.bytes.length;
  for (const name of wanted) {
    const stored = at.names.get(name);
    // What is not in the listing is not in the folder.
    if (stored === undefined || resolve(at.folder, stored) === resolve(main.path)) continue;
    const path = join(at.folder, stored);
    const bytes = await gather(path, readChunks(path, at.intake.hash), at.intake.mostBytes - length);
    length += bytes.length;
    files.push({ path: join(at.folder, name), bytes });
  }
  return files;
}

/**
 * Names of the files in a folder, relative to it, without .gz, and as they are stored. Links count where they lead to
 * a file inside the folder; folders behind links do not.
 */
async function listing(folder: string, deep: boolean): Promise<Map<string, string>> {
  const root = await realpath(folder);
  const stored: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const here = join(path, entry.name);
      if (entry.isDirectory() && deep) await visit(here);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await leadsInside(here, root)))) {
        stored.push(relative(root, here).split(sep).join('/'));
      }
      if (stored.length <= MOST_FILES) continue;
      const what = `there are more than ${MOST_FILES} files in the folder`;
      throw refusal('too-many-files', what, 'name a folder that holds nothing but the data', { path: folder });
    }
  };
  try {
    await visit(root);
  } catch (error) {
    throw readingError(error, folder);
  }
  stored.sort();
  const names = new Map<string, string>();
  for (const name of stored) {
    const bare = name.replace(/\.gz$/i, '');
    if (bare === name || !names.has(bare)) names.set(bare, name);
  }
  return names;
}

async function leadsInside(link: string, root: string): Promise<boolean> {
  const target = await realpath(link).catch(() => '');
  if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) return false;
  return (await stat(target).catch(() => null))?.isFile() === true;
}
