import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readChunks, writeFileAtomically } from './files.ts';
import { readDataset, readFrames, writeFrames } from './structures.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nearsight-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

async function put(name: string, contents: string | Uint8Array): Promise<string> {
  await writeFile(at(name), contents);
  return at(name);
}

async function allOf(path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(path)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Long enough for many chunks, and not compressible to nothing. */
const LONG = Buffer.from(Array.from({ length: 200_000 }, (_, k) => `${(k * 2654435761) % 4294967296}\n`).join(''));

describe('readChunks', () => {
  test('reads plain files, and gzip ones whatever their name', async () => {
    expect((await allOf(await put('long.txt', LONG))).equals(LONG)).toBe(true);
    expect((await allOf(await put('packed.txt', gzipSync(LONG)))).equals(LONG)).toBe(true);
    expect((await allOf(await put('plain.gz', 'x'))).toString()).toBe('x');
    expect((await allOf(await put('none.gz', ''))).length).toBe(0);
    const twice = Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]);
    expect((await allOf(await put('twice.gz', twice))).toString()).toBe('one\ntwo\n');
  });

  test('may be left in the middle', async () => {
    const path = await put('left.gz', gzipSync(LONG));
    for await (const chunk of readChunks(path)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });

  test.each<[string, string, () => Promise<string>]>([
    ['a missing file', 'file-not-found', async () => at('missing')],
    ['a file in place of a folder', 'file-not-found', async () => join(await put('file', 'x'), 'below')],
    ['a folder', 'is-a-folder', async () => folder],
    ['a truncated gzip file', 'bad-gzip', () => put('short.gz', gzipSync(LONG).subarray(0, 300_000))],
    ['a gzip file cut in its head', 'bad-gzip', () => put('head.gz', gzipSync(LONG).subarray(0, 5))],
    [
      'a damaged gzip file',
      'bad-gzip',
      () => {
        const packed = gzipSync(LONG);
        packed.fill(255, 400_000, 400_100);
        return put('damaged.gz', packed);
      },
    ],
  ])('%s is refused: %s', async (_, code, make) => {
    const path = await make();
    await expect(allOf(path)).rejects.toMatchObject({ name: 'NearsightError', code, place: { path } });
  });
});

describe('writeFileAtomically', () => {
  const filesIn = async (name: string): Promise<string[]> => (await readdir(at(name))).sort();

  test('writes text, bytes and pieces, and replaces what was there', async () => {
    await mkdir(at('write'));
    const path = at('write/file');
    await writeFileAtomically(path, 'text é');
    expect(await readFile(path, 'utf8')).toBe('text é');
    await writeFileAtomically(path, LONG);
    expect((await readFile(path)).equals(LONG)).toBe(true);
    await writeFileAtomically(path, ['a', 'b']);
    expect(await readFile(path, 'utf8')).toBe('ab');
    await writeFileAtomically(path, []);
    expect(await readFile(path, 'utf8')).toBe('');
    await writeFileAtomically(path, LONG, { gzip: true });
    expect(gunzipSync(await readFile(path)).equals(LONG)).toBe(true);
    expect(await filesIn('write')).toEqual(['file']);
  });

  test('keeps the old file and leaves nothing behind when the contents fail', async () => {
    await mkdir(at('fail'));
    const path = await put('fail/file', 'old');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield LONG;
      throw new RangeError('no more');
    }
    for (const gzip of [false, true]) {
      await expect(writeFileAtomically(path, failing(), { gzip })).rejects.toThrow(new RangeError('no more'));
      expect(await readFile(path, 'utf8')).toBe('old');
      expect(await filesIn('fail')).toEqual(['file']);
    }
  });

  test('the new file is not there before it is whole', async () => {
    await mkdir(at('late'));
    async function* watching(): AsyncGenerator<Uint8Array> {
      yield LONG;
      expect(await filesIn('late')).toHaveLength(1);
      expect(await filesIn('late')).not.toContain('file');
      yield LONG;
    }
    await writeFileAtomically(at('late/file'), watching());
    expect(await filesIn('late')).toEqual(['file']);
  });

  test('writes through a link, and straight into a device', async () => {
    await mkdir(at('links'));
    const target = await put('links/target', 'old');
    await symlink(target, at('links/link'));
    await writeFileAtomically(at('links/link'), 'new');
    expect(await readFile(target, 'utf8')).toBe('new');
    expect(await filesIn('links')).toEqual(['link', 'target']);
    if (process.platform !== 'win32') await writeFileAtomically('/dev/null', 'gone');
  });

  test('says what is in the way', async () => {
    await expect(writeFileAtomically(folder, 'x')).rejects.toMatchObject({ code: 'is-a-folder' });
    await expect(writeFileAtomically(at('no/such/file'), 'x')).rejects.toMatchObject({
      code: 'file-not-found',
      place: { path: at('no/such/file') },
    });
    // The superuser may write anywhere.
    if (process.getuid?.() === 0 || process.platform === 'win32') return;
    await mkdir(at('closed'));
    await chmod(at('closed'), 0o500);
    await expect(writeFileAtomically(at('closed/file'), 'x')).rejects.toMatchObject({ code: 'unwritable-file' });
  });
});

describe('structures', () => {
  const TEXT = '2\nLattice="4 5 6" energy=-1.5 config_type=a\nSi 0 0 0\nO 1 2 3\n1\nenergy=2\nH 0.1 0.2 0.3\n';

  test('a data set knows its source and the hash of its text, packed or not', async () => {
    const sha256 = createHash('sha256').update(TEXT).digest('hex');
    for (const path of [await put('d.xyz', TEXT), await put('e.xyz.gz', gzipSync(TEXT))]) {
      const dataset = await readDataset(path);
      expect(dataset).toMatchObject({ source: path, sha256 });
      expect(dataset.frames.map((frame) => frame.labels.energy)).toEqual([-1.5, 2]);
    }
  });

  test('frames come back from what was written, packed by name', async () => {
    const { frames } = await readDataset(await put('f.xyz', TEXT));
    for (const name of ['g.xyz', 'g.xyz.gz']) {
      expect(await writeFrames(at(name), frames)).toBe(2);
      expect((await readFile(at(name)))[0]).toBe(name.endsWith('.gz') ? 0x1f : '2'.charCodeAt(0));
      const again = [];
      for await (const { structure, labels, group } of readFrames(at(name))) again.push({ structure, labels, group });
      expect(again).toEqual(frames.map(({ structure, labels, group }) => ({ structure, labels, group })));
    }
    // From a stream into the file that it comes from.
    expect(await writeFrames(at('g.xyz'), readFrames(at('g.xyz')))).toBe(2);
    expect((await readDataset(at('g.xyz'))).frames).toHaveLength(2);
  });

  test('a frame that cannot be written leaves no file', async () => {
    const { frames } = await readDataset(await put('f.xyz', TEXT));
    const bad = { ...frames[1], labels: { energy: Number.NaN } };
    await expect(writeFrames(at('bad.xyz'), [frames[0], bad])).rejects.toMatchObject({
      code: 'not-finite',
      place: { frame: 1, field: 'energy' },
    });
    expect((await readdir(folder)).filter((name) => name.includes('bad'))).toEqual([]);
  });

  test.each<[string, string, string | Uint8Array]>([
    ['an empty file', 'empty-file', ''],
    ['an empty packed file', 'empty-file', gzipSync('')],
    ['a binary file', 'binary-file', Uint8Array.of(127, 69, 76, 70, 0, 1, 2, 3)],
    ['UTF-16', 'binary-file', Buffer.from('\ufeff2\nenergy=1\n', 'utf16le')],
    ['prose', 'unknown-format', 'not a structure\n'],
  ])('%s is refused: %s', async (name, code, contents) => {
    const path = await put(`refused ${name}`, contents);
    await expect(readDataset(path)).rejects.toMatchObject({ code, place: { path } });
  });
});
