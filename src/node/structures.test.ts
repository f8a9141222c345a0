import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WritableFrame } from '../data/extxyz/write.ts';
import { crystal } from '../structure/crystals.ts';
import { openSource } from './sources.ts';
import { readDataset, readFrames, writeFrames } from './structures.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nearsight-structures-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
async function put(name: string, contents: string | Uint8Array): Promise<string> {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), contents);
  return at(name);
}

const XYZ = '2\nLattice="4 5 6" energy=-1.5 config_type=a\nSi 0 0 0\nO 1 2 3\n';
const POSCAR = 'silicon\n5.43\n0 .5 .5\n.5 0 .5\n.5 .5 0\nSi\n2\nDirect\n0 0 0\n.25 .25 .25\n';
const CIF = `data_si\n${['a', 'b', 'c'].map((x) => `_cell_length_${x} 5.43\n`).join('')}_cell_angle_alpha 90\n_cell_angle_beta 90
_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nSi1 0 0 0\n`;

const DUMP = `ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 5\n0 5\n0 5\nITEM: ATOMS id element x y z\n1 Si 0 0 0\n`;
const DATA =
  'silicon\n\n1 atoms\n1 atom types\n0 5 xlo xhi\n0 5 ylo yhi\n0 5 zlo zhi\n\nMasses\n\n1 28.085\n\nAtoms # atomic\n\n1 1 0 0 0\n';

describe('the format of a file', () => {
  test.each([
    ['frames.xyz', XYZ, 'extxyz'],
    ['frames.extxyz.gz', gzipSync(XYZ), 'extxyz'],
    ['data.xyz', XYZ, 'extxyz'],
    ['frames', XYZ, 'extxyz'],
    ['frames.txt', `1\n\nH 0.0 -0.5 1e-3\n`, 'extxyz'],
    ['POSCAR', POSCAR, 'poscar'],
    ['CONTCAR.gz', gzipSync(POSCAR), 'poscar'],
    ['si.cif', CIF, 'cif'],
    ['crystal.txt', CIF, 'cif'],
    ['crystal.GZ', gzipSync(CIF), 'cif'],
    ['dump.lammps', DUMP, 'lammps-dump'],
    ['dump.xyz', DUMP, 'lammps-dump'],
    ['data.lammps', DATA, 'lammps-data'],
  ])('%s is read as what it is', async (name, contents, format) => {
    const dataset = await readDataset(await put(`kinds/${name}`, contents));
    expect(dataset.format).toBe(format);
    expect(dataset.frames).toHaveLength(1);
    expect(dataset.skipped).toBeUndefined();
  });

  test('a word has the last say', async () => {
    const path = await put('kinds/si.xyz', POSCAR);
    await expect(readDataset(path)).rejects.toMatchObject({ code: 'bad-atom-count' });
    expect((await readDataset(path, { from: 'poscar' })).frames[0].structure.numbers).toHaveLength(2);
    await expect(readDataset(path, { from: 'poscarr' })).rejects.toMatchObject({ code: 'unknown-format' });
    await expect(readDataset(path, { from: 'deepmd' })).rejects.toMatchObject({ code: 'not-a-folder' });
  });

  test.each([
    ['prose', 'unknown-format', 'Dear Sir or Madam,\n'],
    ['nothing', 'empty-file', ''],
    ['zeros', 'binary-file', new Uint8Array(5000)],
  ])('%s: %s', async (name, code, contents) => {
    const path = await put(`unknown/${name}`, contents);
    await expect(readDataset(path)).rejects.toMatchObject({ code, place: { path } });
  });

  test('a file that two formats claim is refused with both names', async () => {
    const path = await put('unknown/both', `${CIF}\n Program PWSCF v.7.0\n`);
    await expect(readDataset(path)).rejects.toMatchObject({
      code: 'ambiguous-format',
      message: expect.stringMatching(/cif or qe-text/),
      hint: expect.stringContaining('--from'),
    });
  });

  test('nothing that a file may begin with keeps it from being told quickly', async () => {
    const began = performance.now();
    for (const piece of ['\n', ' ', '1 ', '\t\n', 'a\n', '1\n', '<', 'comment \n', '0 atoms ', '$', 'data_', '# \n']) {
      const path = await put('unknown/long', piece.repeat(200_000));
      await readDataset(path).catch((error: { code: string }) => expect(error.code).toMatch(/-/));
    }
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe('folders and companions', () => {
  const frames: WritableFrame[] = [2, 3].map((n) => ({
    structure: { ...crystal('diamond', ['Si'], 5.43), cell: Float64Array.of(n + 3, 0, 0, 0, 6, 0, 0, 0, 7) },
    labels: { energy: -n, forces: new Float64Array(24).fill(0.1 * n) },
  }));

  test('a folder is written as a whole, told by its files, and hashed with all of them', async () => {
    expect(await writeFrames(at('system'), frames, { to: 'deepmd' })).toBe(2);
    const dataset = await readDataset(at('system'));
    expect(dataset.format).toBe('deepmd');
    expect(dataset.frames.map(({ labels }) => labels.energy)).toEqual([-2, -3]);
    const { format, ...opened } = await openSource(at('system'));
    const files = 'files' in opened ? opened.files : [];
    const all = createHash('sha256');
    for (const { bytes } of files) all.update(bytes);
    expect(dataset.sha256).toBe(all.digest('hex'));
    expect(format.folder).toBe(true);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a folder that holds something is not replaced, an empty one is', async () => {
    await mkdir(at('empty'));
    await writeFrames(at('empty'), frames, { to: 'deepmd' });
    const before = await readdir(at('empty'), { recursive: true });
    await expect(writeFrames(at('empty'), frames, { to: 'deepmd' })).rejects.toMatchObject({
      code: 'folder-not-empty',
    });
    await put('a-file', 'x');
    await expect(writeFrames(at('a-file'), frames, { to: 'deepmd' })).rejects.toMatchObject({
      code: 'folder-not-empty',
    });
    expect(await readdir(at('empty'), { recursive: true })).toEqual(before);
    expect(await readFile(at('a-file'), 'utf8')).toBe('x');
  });

  test('a folder of no format is refused', async () => {
    await put('mixed/notes.txt', 'x');
    await expect(readDataset(at('mixed'))).rejects.toMatchObject({ code: 'is-a-folder', place: { path: at('mixed') } });
    await expect(readDataset(at('mixed'), { from: 'cif' })).rejects.toMatchObject({ code: 'is-a-folder' });
  });

  test('links count where they stay inside, and are not followed outside', async () => {
    await writeFrames(at('linked'), frames.slice(0, 1), { to: 'deepmd' });
    const names = (await readdir(at('linked'), { recursive: true })).sort();
    const coordinates = names.find((name) => name.endsWith('coord.npy')) ?? '';
    const energies = names.find((name) => name.endsWith('energy.npy')) ?? '';
    // Inside: the file under another name and a link in its place.
    await rm(at(`linked/${coordinates}`));
    await writeFrames(at('other'), frames.slice(0, 1), { to: 'deepmd' });
    await put('linked/kept.npy', await readFile(at(`other/${coordinates}`)));
    await symlink(at('linked/kept.npy'), at(`linked/${coordinates}`));
    expect((await readDataset(at('linked'))).frames[0].labels.energy).toBe(-2);
    // Outside: as if it were not there.
    await rm(at(`linked/${energies}`));
    await symlink(at(`other/${energies}`), at(`linked/${energies}`));
    expect((await readDataset(at('linked'))).frames[0].labels.energy).toBeUndefined();
    // Nor are folders behind links looked into.
    await mkdir(at('outer'));
    await symlink(at('other'), at('outer/system'));
    await expect(readDataset(at('outer'))).rejects.toMatchObject({ code: 'is-a-folder' });
  });

  test('what does not fit is refused before it fills the memory', async () => {
    const path = await put('large.cif', CIF.repeat(100));
    await expect(readDataset(path, { mostBytes: 10_000 })).rejects.toMatchObject({
      code: 'file-too-large',
      place: { path },
    });
    await expect(readDataset(at('system'), { mostBytes: 300 })).rejects.toMatchObject({ code: 'file-too-large' });
    // Extended XYZ is streamed, whatever its size.
    expect((await readDataset(await put('large.xyz', XYZ.repeat(500)), { mostBytes: 100 })).frames).toHaveLength(500);
  });
});

describe('writing by name', () => {
  const silicon: WritableFrame = {
    structure: crystal('diamond', ['Si'], 5.43),
    labels: { energy: -1, forces: new Float64Array(24) },
  };

  test('the name tells the format, and what is lost is said', async () => {
    const said: string[] = [];
    const warn = (text: string): unknown => said.push(text);
    await writeFrames(at('out.cif.gz'), [silicon], { warn });
    expect((await readDataset(at('out.cif.gz'))).format).toBe('cif');
    expect(said).toEqual([`${at('out.cif.gz')}: the format cif has no place for energy, forces`]);
    await writeFrames(at('out.xyz'), [silicon], { warn });
    await writeFrames(at('unheard.of'), [silicon], { warn });
    expect(said).toHaveLength(1);
    for await (const frame of readFrames(at('unheard.of'))) expect(frame.labels.energy).toBe(-1);
    await expect(writeFrames(at('x'), [silicon], { to: 'vasp-xml' })).rejects.toMatchObject({
      code: 'unknown-format',
      message: '"vasp-xml" cannot be written',
    });
  });

  test('an old file stays when the new one cannot be written', async () => {
    await put('old.cif', CIF);
    const molecule = { structure: { ...silicon.structure, pbc: [false, false, false] as const } };
    await expect(writeFrames(at('old.cif'), [molecule])).rejects.toMatchObject({ code: 'unwritable-pbc' });
    expect(await readFile(at('old.cif'), 'utf8')).toBe(CIF);
  });
});
