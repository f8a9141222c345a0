import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseNeed } from '../../src/cli/pareto.ts';
import { json, nearsight, SILICON } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'nearsight-pareto-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('need', () => {
  test('is read with units of the errors as they are printed', () => {
    expect(parseNeed('stress; energy<=2; force<=60')).toEqual({ lowest: 'stress', limits: { energy: 2, forces: 60 } });
    expect(parseNeed(' Stress, energy <= 2 ')).toEqual({ lowest: 'stress', limits: { energy: 2 } });
    expect(parseNeed('forces')).toEqual({ lowest: 'forces', limits: {} });
    expect(parseNeed('knee')).toBe('knee');
  });

  test('that is none is refused', () => {
    for (const text of ['', 'charge', 'stress; energy', 'stress; energy<2', 'stress; energy<=0', 'stress; energy<=x']) {
      expect(() => parseNeed(text), text).toThrow(/meV\/atom/);
    }
  });
});

test('nearsight pareto: a front from a configuration, and another choice from its folder', async () => {
  writeFileSync(
    join(folder, 'config.yaml'),
    `data: ${SILICON}
epochs: 8
model: { radial: 4, lmax: 2, channels: 4, hidden: [8, 8], cutoff: 4.5 }
committee: 1
`,
  );
  const made = await nearsight(folder, 'pareto', 'config.yaml', '--points', '3', '--out', 'front', '--json');
  expect(made.code, made.stderr).toBe(0);
  const front = json(made);
  expect(Object.keys(front)).toEqual(expect.arrayContaining(['points', 'knee', 'chosen', 'hypervolume', 'reference']));
  const points = front.points as Record<string, unknown>[];
  expect(points).toHaveLength(4);
  for (const key of [
    'weights',
    'energy_mae_meV_per_atom',
    'force_mae_meV_per_A',
    'stress_mae_GPa',
    'dominated',
    'model',
  ]) {
    expect(points[1]).toHaveProperty(key);
  }
  expect(existsSync(join(folder, 'front', 'chosen.safetensors'))).toBe(front.chosen !== null);

  const again = await nearsight(folder, 'pareto', 'front', '--choose', 'forces');
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain('lowest forces error');
  const none = await nearsight(folder, 'pareto', 'front', '--choose', 'stress; energy<=0.000001');
  expect(none.code).toBe(1);
  expect(none.stdout).toContain('No model meets the need');
  const twice = await nearsight(folder, 'pareto', 'config.yaml', '--points', '3', '--out', 'front');
  expect(twice.code).toBe(3);
  expect(twice.stderr).toContain('the folder holds a front');
  expect((await nearsight(folder, 'pareto', 'front', '--choose', 'beauty')).code).toBe(2);
  expect((await nearsight(folder, 'pareto', 'front', '--epochs', '3')).code).toBe(2);
});
