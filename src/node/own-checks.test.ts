import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { finish } from '../md/progress.ts';
import { SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { crystal } from '../structure/index.ts';
import { readOwnChecks } from './own-checks.ts';
import { checkModel } from './trust.ts';

const folder = mkdtempSync(join(tmpdir(), 'own-checks-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXTS = `question: 'Is it light?', unit: 'eV', limitReason: 'a guess', source: 'none'`;
const GOOD = `{ id: 'light', ${TEXTS}, limit: { double: 0, single: 0 }, run: async ({ potential, structures }) =>
  ({ value: potential.evaluate(structures[0]).energy, detail: 'one crystal' }) }`;

function moduleOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function verdictOf(path: string): Promise<[string, string]> {
  const checks = await readOwnChecks(path);
  const structures = [crystal('diamond', ['Si'], SILICON_LATTICE)];
  const run = checkModel(stillingerWeber(), structures, { seed: 1, signal: undefined, checks });
  const [{ verdict, reason, group }] = await finish(run);
  expect(group).toBe('own');
  return [verdict, reason];
}

test('a default export, and an array named checks, are put to the potential like any other', async () => {
  expect(await verdictOf(moduleOf('one.mjs', `export default ${GOOD};`))).toEqual(['pass', 'one crystal']);
  const several = moduleOf('several.mjs', `const a = ${GOOD}; export const checks = [a, { ...a, id: 'other' }];`);
  expect((await readOwnChecks(several)).map(({ id }) => id)).toEqual(['light', 'other']);
});

test('a check that throws or answers nonsense fails and says so', async () => {
  const thrown = moduleOf('thrown.mjs', `export default { ...${GOOD}, run() { return undefined.x; } };`);
  expect(await verdictOf(thrown)).toEqual(['fail', expect.stringContaining('the check itself threw')]);
  const silent = moduleOf('silent.mjs', `export default { ...${GOOD}, run() {} };`);
  expect(await verdictOf(silent)).toEqual(['fail', 'the check returned no number']);
});

test.each([
  ['empty.mjs', 'export const x = 1;', 'exports no check'],
  ['broken.mjs', 'export default {', "can't be loaded"],
  ['missing.mjs', null, "can't be loaded"],
  ['taken.mjs', `export default { ...${GOOD}, id: 'forces' };`, 'the id "forces" is taken'],
  ['name.mjs', `export default { ...${GOOD}, id: 'Two Words' };`, 'id must be a name of small letters'],
  ['limit.mjs', `export default { ...${GOOD}, limit: 3 };`, 'limit must be two numbers'],
  ['text.mjs', `export default { ...${GOOD}, unit: undefined };`, 'unit must be a text'],
  ['run.mjs', `export default { ...${GOOD}, run: 1 };`, 'run must be a function'],
  ['null.mjs', 'export const checks = [null];', 'check 0: id must be'],
])('%s is refused', async (name, text, sentence) => {
  const path = text === null ? join(folder, name) : moduleOf(name, text);
  await expect(readOwnChecks(path)).rejects.toMatchObject({
    message: expect.stringContaining(sentence),
    place: { path },
  });
});
