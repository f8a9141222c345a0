import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, nearsight } from './run.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-quickstart-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('quickstart goes the whole way: data, model, errors, checks, properties, dynamics, report', async () => {
  const outcome = await nearsight(folder, 'quickstart', '--time', '4s', '--json', '--quiet', '--out', 'out');
  expect(outcome.stderr).toBe('');
  expect(outcome.code).toBe(0);
  const document = json(outcome);
  expect(document).toMatchObject({ model: 'out/silicon.safetensors', report: 'out/report.html' });
  expect(document.seconds).toBeGreaterThan(4);
  const test = document.test as Record<string, number>;
  // The forces of the data are 870 meV/Å on the average, the energies spread over 680 meV/atom.
  expect(test.force_mae_meV_per_A).toBeLessThan(200);
  expect(test.energy_mae_meV_per_atom).toBeLessThan(20);
  expect(document.grade).toMatch(/^[A-E]$/);
  const [lattice, bulk] = document.properties as { value: number; reference: number }[];
  // README of the data: a0 = 5.476 Å, B = 87 GPa.
  expect(lattice.reference).toBeCloseTo(5.476, 2);
  expect(bulk.reference).toBeCloseTo(87, 0);
  expect(lattice.value).toBeCloseTo(5.476, 1);
  expect(Math.abs(document.drift_meV_per_atom_per_ps as number)).toBeLessThan(1);
  const html = readFileSync(join(folder, 'out', 'report.html'), 'utf8');
  const titles = ['Grade', 'What it is for', 'Uncertainty', 'Domain', 'Checks', 'Properties', 'Dynamics', 'Data'];
  for (const title of [...titles, 'Learning curve', 'Provenance', 'Draft of a methods section']) {
    expect(html).toContain(`${title}</h2>`);
  }
  for (const file of ['train.extxyz', 'validation.extxyz', 'test.extxyz']) {
    expect(existsSync(join(folder, 'out', file))).toBe(true);
  }
});
