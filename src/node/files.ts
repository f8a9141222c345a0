import { type Hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { NearsightError } from '../errors.ts';

/** Bytes that are read, unpacked or written at a time. */
const CHUNK = 256 * 1024;

/**
 * The bytes of a file as they are read, unpacked where its first bytes say that it is gzip (whatever its name).
 * @param hash fed with the bytes that are handed over
 * @throws NearsightError `file-not-found`, `is-a-folder`, `unreadable-file`, `bad-gzip`
 */
export async function* readChunks(path: string, hash?: Hash): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const bytes: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: CHUNK });
    for await (const chunk of unpacked(bytes)) {
      hash?.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw readingError(error, path);
  }
}

async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = bytes[Symbol.asyncIterator]();
  try {
    // A pipe may hand over a single byte at first, and gzip is known by two.
    let head = new Uint8Array(0);
    let next = await chunks.next();
    for (; !next.done && head.length < 2; next = await chunks.next()) head = Buffer.concat([head, next.value]);
    const all = chain(head, next, chunks);
    if (head[0] === 0x1f && head[1] === 0x8b) yield* gunzipped(all);
    else yield* all;
  } finally {
    await chunks.return?.();
  }
}

async function* chain(
  head: Uint8Array,
  next: IteratorResult<Uint8Array>,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.length > 0) yield head;
  for (; !next.done; next = await chunks.next()) yield next.value;
}

async function* gunzipped(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  // The pipeline hands an error of the source on to whoever reads the unpacked side; nothing is left to do here.
  const unpacking: AsyncIterable<Uint8Array> = pipeline(
    Readable.from(packed),
    createGunzip({ chunkSize: CHUNK }),
    () => {},
  );
  yield* unpacking;
}

/** What a failed read is to the user; whatever the system did not raise is handed back as it is. */
export function readingError(error: unknown, path: string): unknown {
  const code = errorCode(error);
  const place = { path };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new NearsightError('file-not-found', 'there is no such file', {
      hint: 'check the spelling and the folder you are in',
      place,
      cause: error,
    });
  }
  if (code === 'EISDIR') return isAFolder(path);
  if (code.startsWith('Z_')) {
    const what = code === 'Z_BUF_ERROR' ? 'ends before its contents do' : 'is damaged';
    return new NearsightError('bad-gzip', `the gzip file ${what} (${code})`, {
      hint: 'copy or download it again; "gzip -t FILE" checks it',
      place,
      cause: error,
    });
  }
  if (code === '') return error;
  return new NearsightError('unreadable-file', `the file cannot be read (${code})`, {
    hint: 'check its permissions and the disk',
    place,
    cause: error,
  });
}

function isAFolder(path: string): NearsightError {
  return new NearsightError('is-a-folder', 'this is a folder, not a file', {
    hint: 'name a file in it',
    place: { path },
  });
}

/** `ENOENT` and the like; '' for whatever the system did not raise. */
function errorCode(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}

/** The contents of a file: whole, or in pieces that are written one after another. */
export type Pieces =
  | string
  | Uint8Array
  | Iterable<string>
  | Iterable<Uint8Array>
  | AsyncIterable<string>
  | AsyncIterable<Uint8Array>;

/**
 * Writes a file such that whoever looks finds the old one or the whole new one, also after a kill or a power cut:
 * to a temporary file beside it, flushed to disk, then renamed. When anything fails, the temporary file is removed,
 * the old file stays, and the error is passed on. Pipes and devices (/dev/stdout) are written to directly.
 * @param options.gzip pack the contents
 * @throws NearsightError `file-not-found` (no such folder), `is-a-folder`, `unwritable-file`
 */
export async function writeFileAtomically(
  path: string,
  pieces: Pieces,
  options: { readonly gzip?: boolean } = {},
): Promise<void> {
  const contents = options.gzip === true ? gzipped(pieces) : inBlocks(pieces);
  const target = await targetOf(path);
  if (!target.replace) {
    await system(path, async () => writeTo(await open(target.path, 'w'), contents, path));
    return;
  }
  const folder = dirname(target.path);
  const temporary = join(folder, `.${basename(target.path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await system(path, () => open(temporary, 'wx'));
  try {
    await writeTo(handle, contents, path);
    await system(path, () => rename(temporary, target.path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await flushFolder(folder);
}

/** A file below a folder that is written as a whole. */
export interface FolderFile {
  /** Relative to the folder, with slashes. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

/**
 * Writes a folder such that whoever looks finds none or the whole one: into a temporary folder beside it, flushed to
 * disk, then renamed. A folder that holds anything is never replaced.
 * @throws NearsightError `folder-not-empty`, `file-not-found`, `unwritable-file`
 */
export async function writeFolderAtomically(path: string, files: readonly FolderFile[]): Promise<void> {
  const target = path.replace(/[/\\]+$/, '');
  const there = await stat(target).catch(() => null);
  if (there !== null && !(there.isDirectory() && (await readdir(target)).length === 0)) {
    throw new NearsightError('folder-not-empty', 'the folder to write exists and is not empty', {
      hint: 'choose another name, or remove it first',
      place: { path },
    });
  }
  const temporary = await system(path, () => mkdtemp(join(dirname(target), `.${basename(target).slice(0, 100)}.`)));
  try {
    for (const file of files) {
      const at = join(temporary, file.path);
      await system(path, () => mkdir(dirname(at), { recursive: true }));
      await system(path, async () => writeTo(await open(at, 'wx'), inBlocks(file.content), path));
    }
    // mkdtemp makes folders for their owner alone; this one is like any other.
    await system(path, () => chmod(temporary, 0o777 & ~process.umask()));
    await system(path, () => rename(temporary, target));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await flushFolder(dirname(target));
}

/** The file itself where `path` is a link to it, and whether it may be replaced by another one. */
async function targetOf(path: string): Promise<{ path: string; replace: boolean }> {
  const real = await realpath(path).catch(() => path);
  const there = await stat(real).catch(() => null);
  if (there?.isDirectory()) throw isAFolder(path);
  return { path: real, replace: there === null || there.isFile() };
}

/** Writes, flushes and closes; the error of a failing source is passed on as it is. */
async function writeTo(handle: FileHandle, contents: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  try {
    for await (const block of contents) {
      for (let at = 0; at < block.length; ) {
        at += (await system(path, () => handle.write(block, at))).bytesWritten;
      }
    }
    // Pipes and terminals cannot be flushed, and need not be.
    if ((await handle.stat()).isFile()) await system(path, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** A rename is on disk once its folder is; systems where folders cannot be opened do without. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** Bytes of the pieces, gathered into blocks that are worth a system call. */
async function* inBlocks(pieces: Pieces): AsyncGenerator<Uint8Array, void, undefined> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of typeof pieces === 'string' || pieces instanceof Uint8Array ? [pieces] : pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    waiting.push(bytes);
    length += bytes.length;
    if (length < CHUNK) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(waiting);
}

async function* gzipped(pieces: Pieces): AsyncGenerator<Uint8Array, void, undefined> {
  const packing: AsyncIterable<Uint8Array> = pipeline(
    Readable.from(inBlocks(pieces)),
    createGzip({ chunkSize: CHUNK }),
    () => {},
  );
  yield* packing;
}

/**
 * A folder, made where there is none, with those above it.
 * @throws NearsightError `not-a-folder` where a file has its name, `unwritable-file`
 */
export async function makeFolder(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there !== null && !there.isDirectory()) {
    throw new NearsightError('not-a-folder', 'this is a file, and a folder is to be made here', {
      hint: 'choose another name',
      place: { path },
    });
  }
  await system(path, () => mkdir(path, { recursive: true }));
}

/** The result of a system call that serves to write `path`, or an error that names it. */
async function system<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = errorCode(error);
    const place = { path };
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new NearsightError('file-not-found', 'the folder to write into does not exist', {
        hint: 'create it first, or check the spelling',
        place,
        cause: error,
      });
    }
    if (code === '' || error instanceof NearsightError) throw error;
    throw new NearsightError('unwritable-file', `the file cannot be written (${code})`, {
      hint: 'check the permissions of the folder and the space on the disk',
      place,
      cause: error,
    });
  }
}
