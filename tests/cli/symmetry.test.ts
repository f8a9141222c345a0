/** The whole chain once more, with the other descriptor. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeModel } from '../../src/model/index.ts';
import { json, nearsight, type Outcome, SILICON } from './run.ts';

const CONFIG = `
data: ${SILICON}
validation: 0.1
out: model.safetensors
epochs: 12
model: { descriptor: symmetry, cutoff: 4.5, radial: 6, angular: 2, zetas: [1, 4], hidden: [12, 12] }
`;

let folder = '';
let training: Outcome;
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-symmetry-'));
  writeFileSync(join(folder, 'config.yaml'), CONFIG);
  training = await run('train', 'config.yaml', '--json');
  expect(training.stderr).not.toContain('error');
  expect(training.code).toBe(0);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

test('train learns silicon', () => {
  const { validation } = json(training) as { validation: Record<string, number> };
  // The forces of the data are 870 meV/Å on the average.
  expect(validation.force_rmse_meV_per_A).toBeLessThan(300);
});

test('evaluate gives the errors that the training ended with', async () => {
  const outcome = await run('evaluate', 'model.safetensors', SILICON, '--json');
  expect(outcome.code).toBe(0);
  expect(json(outcome).force_mae_meV_per_A).toBeLessThan(200);
});

test('validate finds the symmetries of physics', async () => {
  const { checks } = json(await run('validate', 'model.safetensors', '--json')) as {
    checks: Record<string, unknown>[];
  };
  for (const id of ['permutation', 'translation', 'rotation', 'reflection', 'net-force', 'net-torque']) {
    expect(checks.find((check) => check.id === id)).toMatchObject({ verdict: 'pass' });
  }
});

test('fine-tuning goes at a fifth of the learning rate of this descriptor', async () => {
  const [first, tuned] = ['model.safetensors', 'tuned.safetensors'];
  const outcome = await run('train', SILICON, '--from', first, '--epochs', '1', '--out', tuned);
  expect(outcome.code, outcome.stderr).toBe(0);
  const rates = [first, tuned].map((name) => {
    const { training: settings } = decodeModel(readFileSync(join(folder, name)), name).settings;
    return (settings as { rate: number }).rate;
  });
  expect(rates[1]).toBeCloseTo(0.2 * rates[0], 12);
});

test('md conserves energy', async () => {
  const outcome = await run(
    ...['md', 'model.safetensors', 'diamond:Si:5.47', '--supercell', '2', '--temperature', '300', '--time', '100fs'],
    '--json',
  );
  expect(outcome.code).toBe(0);
  const document = json(outcome);
  expect(document).toMatchObject({ steps: 100, atoms: 64 });
  expect(Math.abs(document.drift_meV_per_atom_per_ps as number)).toBeLessThan(5);
});

test('a setting of the other descriptor is refused with its place', async () => {
  writeFileSync(join(folder, 'wrong.yaml'), `data: ${SILICON}\nmodel:\n  descriptor: symmetry\n  lmax: 3\n`);
  const { code, stderr } = await run('train', 'wrong.yaml');
  expect(code).toBe(3);
  expect(stderr).toContain('"lmax" is not a setting of model');
});
