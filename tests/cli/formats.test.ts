import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parseExtxyz } from '../../src/data/extxyz/read.ts';
import { allFormats } from '../../src/data/formats/choose.ts';
import { json, nearsight, type Outcome, SILICON } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'nearsight-cli-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const path = (name: string): string => join(folder, name);

const UNCONVERGED = fileURLToPath(
  new URL('../../../shared/data/samples/vasp/OUTCAR.ch4.unconverged.gz', import.meta.url),
);
if (!existsSync(UNCONVERGED)) console.warn('no ../shared/data: skipping of unconverged frames is NOT tested');

const DUMP = `ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 5
0 6
0 7
ITEM: ATOMS id type x y z
1 1 0.5 0.5 0.5
2 2 2 2 2
`;

describe('formats on the command line', () => {
  test('there and back through a folder of arrays, every label kept', async () => {
    expect(json(await run('data', 'convert', SILICON, 'system', '--to', 'deepmd', '--json'))).toMatchObject({
      frames: 149,
      format: 'deepmd',
    });
    const back = await run('data', 'convert', 'system', 'back.extxyz');
    expect([back.code, back.stdout, back.stderr]).toEqual([0, 'back.extxyz: 149 frames\n', '']);
    const silicon = readFileSync(SILICON, 'utf8');
    const energies = (text: string): number[] =>
      parseExtxyz(text, 'x')
        .map(({ labels }) => labels.energy ?? Number.NaN)
        .sort((a, b) => a - b);
    expect(energies(readFileSync(path('back.extxyz'), 'utf8'))).toEqual(energies(silicon));
    // The folder is data like a file is.
    const atoms = parseExtxyz(silicon, 'x').reduce((sum, { structure }) => sum + structure.numbers.length, 0);
    const inspection = json(await run('data', 'inspect', 'system', '--json'));
    expect(inspection).toMatchObject({ frames: 149, atoms, skipped: 0 });
    const again = await run('data', 'convert', SILICON, 'system', '--to', 'deepmd');
    expect([again.code, again.stderr.includes('not empty')]).toEqual([3, true]);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('what the target has no place for is said; what it cannot hold at all is refused', async () => {
    const cif = await run('data', 'convert', SILICON, 'si.cif');
    expect(cif.code).toBe(0);
    expect(cif.stderr).toContain('warning: si.cif: the format cif has no place for energy, forces, stress');
    const poscar = await run('data', 'convert', SILICON, 'POSCAR');
    expect(poscar.code).toBe(3);
    expect(existsSync(path('POSCAR'))).toBe(false);
  });

  test('elements of numbered types, and units, where the file is silent', async () => {
    writeFileSync(path('gas.dump'), DUMP);
    const silent = await run('data', 'convert', 'gas.dump', 'gas.extxyz');
    expect([silent.code, silent.stderr.includes('--elements')]).toEqual([3, true]);
    const told = await run('data', 'convert', 'gas.dump', 'gas.extxyz', '--elements', 'Si,O', '--units', 'metal');
    expect(told.stderr).toBe('');
    expect([...parseExtxyz(readFileSync(path('gas.extxyz'), 'utf8'), 'x')[0].structure.numbers]).toEqual([14, 8]);
    for (const wrong of [
      ['--elements', 'Si,Xx'],
      ['--units', 'furlong'],
      ['--unconverged', 'maybe'],
      ['--to', 'vasp-xml'],
    ]) {
      expect((await run('data', 'convert', 'gas.dump', 'gas.extxyz', ...wrong)).code).toBe(2);
    }
    const unknown = await run('data', 'convert', 'gas.dump', 'gas.extxyz', '--from', 'gaussian');
    expect([unknown.code, unknown.stderr.includes('lammps-dump')]).toEqual([2, true]);
  });

  test.skipIf(!existsSync(UNCONVERGED))(
    'frames that did not converge are refused, or skipped and counted',
    async () => {
      const refused = await run('data', 'inspect', UNCONVERGED);
      expect([refused.code, refused.stdout]).toEqual([3, '']);
      const { stderr, ...outcome } = await run(
        'data',
        'convert',
        UNCONVERGED,
        'ch4.extxyz',
        '--unconverged',
        'skip',
        '--json',
      );
      expect(json({ stderr, ...outcome })).toMatchObject({ frames: 1, skipped: 2 });
      expect(stderr).toContain('skipped 2 frames that did not converge');
      expect(json(await run('data', 'inspect', UNCONVERGED, '--unconverged', 'skip', '--json'))).toMatchObject({
        skipped: 2,
      });
    },
  );

  test('a file made from a POSCAR is written in the format of its ending', async () => {
    writeFileSync(
      path('POSCAR.start'),
      'Si\n5.43\n0 .5 .5\n.5 0 .5\n.5 .5 0\nSi ! silicon\n2\nDirect\n0 0 0\n.25 .25 .25\n',
    );
    for (const [name, format] of [
      ['POSCAR.lmp', 'lammps-data'],
      ['POSCAR.cif', 'cif'],
      ['POSCAR.xyz', 'extxyz'],
      ['POSCAR.new', 'poscar'],
    ]) {
      expect(json(await run('data', 'convert', 'POSCAR.start', name, '--json'))).toMatchObject({ frames: 1, format });
    }
  });

  test('the help lists every format, and its examples name them as they are called', async () => {
    const { stdout } = await run('data', 'convert', '--help');
    for (const [, name] of stdout.matchAll(/--(?:from|to) ([a-z][a-z-]*)/g))
      expect(allFormats().map((format) => format.name)).toContain(name);
    for (const name of ['extxyz', 'poscar', 'vasp-xml', 'qe-text', 'deepmd', 'cif', 'lammps-dump'])
      expect(stdout).toContain(name);
  });
});
