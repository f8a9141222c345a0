import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { foldedWeights } from '../../src/model/model.ts';
import { decodeModel, encodeModel } from '../../src/model/model-file.ts';
import { writeN2p2 } from '../../src/model/n2p2/index.ts';
import { randomPotential } from '../../src/model/n2p2/testing.ts';
import type { SymmetryModel } from '../../src/model/symmetry-model.ts';
import { fileOf, randomModel } from '../../src/model/testing-model.ts';
import { createRandom } from '../../src/random.ts';
import { json, nearsight, type Outcome } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'nearsight-cli-n2p2-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const path = (name: string): string => join(folder, name);
const opened = (name: string) => decodeModel(readFileSync(path(name)), name);

const bare = { parts: { repulsion: null } };

/** The files of a potential, in a folder of their own. */
function writePotential(name: string, model: SymmetryModel): void {
  for (const { path: file, content } of writeN2p2({ model, ...bare })) {
    mkdirSync(dirname(path(`${name}/${file}`)), { recursive: true });
    writeFileSync(path(`${name}/${file}`), content);
  }
}

describe('n2p2 on the command line', () => {
  test('imported and exported: the same bytes, and the model says where it comes from', async () => {
    const model = randomPotential(createRandom(3));
    writePotential('one', model);
    const imported = json(await run('import', 'one', '--out', 'one.safetensors', '--json'));
    expect(imported).toMatchObject({ model: 'one.safetensors', units: 'metal', members: 1, elements: ['H', 'O'] });
    const file = opened('one.safetensors');
    expect(foldedWeights(file.model)).toEqual(foldedWeights(model));
    expect(file.settings).toMatchObject({ imported: { format: 'n2p2', units: 'metal', files: imported.files } });
    expect(file.provenance).toMatchObject({ dataset: [], split: { train: 0 } });
    const exported = json(await run('export', 'one.safetensors', '--to', 'n2p2', '--out', 'again', '--json'));
    expect(exported.files).toEqual(['input.nn', 'scaling.data', 'weights.001.data', 'weights.008.data']);
    for (const name of readdirSync(path('one'))) {
      expect(readFileSync(path(`again/${name}`), 'utf8')).toBe(readFileSync(path(`one/${name}`), 'utf8'));
    }
    const twice = await run('export', 'one.safetensors', '--to', 'n2p2', '--out', 'again');
    expect([twice.code, twice.stderr.includes('not empty')]).toEqual([3, true]);
  });

  test('a committee is a folder of folders', async () => {
    const model = randomPotential(createRandom(6), { heads: 2 });
    writePotential('both', model);
    expect(readdirSync(path('both'))).toEqual(['nnp-1', 'nnp-2']);
    const { code, stdout } = await run('import', 'both', '--out', 'both.safetensors');
    expect([code, stdout.includes('a committee of 2')]).toEqual([0, true]);
    expect(foldedWeights(opened('both.safetensors').model)).toEqual(foldedWeights(model));
  });

  test('units are asked for where the files do not tell', async () => {
    writePotential('silent', randomPotential(createRandom(2)));
    const settings = readFileSync(path('silent/input.nn'), 'utf8').replaceAll(/^# .* unit .*\n/gm, '');
    writeFileSync(path('silent/input.nn'), settings);
    const silent = await run('import', 'silent', '--out', 'silent.safetensors');
    expect([silent.code, silent.stderr.includes('--units atomic'), existsSync(path('silent.safetensors'))]).toEqual([
      3,
      true,
      false,
    ]);
    for (const [units, name] of [
      ['bohr-hartree', 'atomic'],
      ['angstrom-ev', 'metal'],
    ]) {
      const told = json(await run('import', 'silent', '--units', units, '--out', 'silent.safetensors', '--json'));
      expect(told.units).toBe(name);
    }
    expect((await run('import', 'silent', '--units', 'furlong')).code).toBe(2);
  });

  test('what cannot be held is refused by name', async () => {
    writePotential('damaged', randomPotential(createRandom(3)));
    rmSync(path('damaged/weights.008.data'));
    const missing = await run('import', 'damaged', '--out', 'x.safetensors');
    expect([missing.code, missing.stderr.includes('weights.008.data')]).toEqual([3, true]);
    const settings = readFileSync(path('damaged/input.nn'), 'utf8');
    writeFileSync(path('damaged/input.nn'), `${settings}normalize_nodes\n`);
    const unknown = await run('import', 'damaged', '--out', 'x.safetensors');
    const line = settings.split('\n').length;
    expect(unknown.stderr).toContain(`${join('damaged', 'input.nn')}:${line} (field "normalize_nodes")`);

    writeFileSync(path('density.safetensors'), encodeModel(fileOf(randomModel([14], createRandom(1)))));
    const density = await run('export', 'density.safetensors', '--to', 'n2p2', '--out', 'x');
    expect([density.code, density.stderr.includes('density projections')]).toEqual([3, true]);
    writeFileSync(path('zbl.safetensors'), encodeModel(fileOf(randomPotential(createRandom(3)))));
    const zbl = await run('export', 'zbl.safetensors', '--to', 'n2p2', '--out', 'x');
    expect([zbl.code, zbl.stderr.includes('--without-repulsion'), existsSync(path('x'))]).toEqual([3, true, false]);
    const without = await run('export', 'zbl.safetensors', '--to', 'n2p2', '--out', 'x', '--without-repulsion');
    expect([without.code, without.stderr.includes('left out')]).toEqual([0, true]);
    expect((await run('export', 'zbl.safetensors', '--to', 'n2p2')).code).toBe(2);
    expect((await run('export', 'zbl.safetensors', '--to', 'nothing', '--out', 'y')).code).toBe(2);
  });
});

const trained = fileURLToPath(new URL('../../../shared/data/n2p2/trained/', import.meta.url));
if (!existsSync(trained)) console.warn('SKIPPED: no ../shared/data; potentials trained by n2p2 were not imported');
test.skipIf(!existsSync(trained)).each([
  ['Cu2S_PBE', 'metal', 6],
  ['H2O_RPBE-D3', 'atomic', 6.350126530836],
])('%s tells its units', async (name, units, cutoff) => {
  const imported = json(await run('import', join(trained, name), '--out', `${name}.safetensors`, '--json'));
  expect(imported).toMatchObject({ units, hidden: [25, 25] });
  expect(imported.cutoff_A).toBeCloseTo(cutoff, 9);
  expect((await run('import', join(trained, name), '--units', units === 'metal' ? 'atomic' : 'metal')).code).toBe(3);
});
