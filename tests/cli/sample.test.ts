import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseExtxyz } from '../../src/data/index.ts';
import { json, nearsight, type Outcome, SILICON } from './run.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/sampling-plan.yaml', import.meta.url));
const PLAN = `
potential: model.safetensors
budget: 20
parts:
  - { kind: hydrostatic, strain: [-0.03, 0.03], count: 3, keep: true }
  - { kind: hydrostatic, strain: [-0.5, -0.45], count: 2 }
  - { kind: rattle, width: 0.05, count: 10 }
  - { kind: dynamics, temperature: 300, frames: 8, every: 20fs, equilibrate: 100fs }
`;

let folder = '';
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const path = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-sample-'));
  writeFileSync(path('plan.yaml'), PLAN);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the example plan: structures with groups, no labels, and a page', async () => {
  const made = await run(
    'data',
    'sample',
    'diamond:Si:5.43',
    EXAMPLE,
    '--out',
    'a.extxyz',
    '--figure',
    'a.html',
    '--json',
    '--quiet',
  );
  expect(made.stderr).toBe('');
  expect(made.code).toBe(0);
  const document = json(made);
  expect(document).toMatchObject({ frames: 120, seed: 1, refused: [] });
  const frames = parseExtxyz(readFileSync(path('a.extxyz'), 'utf8'), 'a');
  expect(frames).toHaveLength(120);
  const groups = new Set(frames.map(({ group }) => group));
  for (const group of ['hydrostatic', 'shear-yz', 'uniaxial-xx', 'vacancy+rattle-600K', 'surface-111+rattle']) {
    expect(groups).toContain(group);
  }
  expect(frames.filter(({ group }) => group === 'hydrostatic')).toHaveLength(13);
  expect(new Set(frames.map(({ info }) => info.id)).size).toBe(120);
  for (const { labels } of frames) expect(labels).toEqual({});
  expect(readFileSync(path('a.html'), 'utf8')).toContain('120 structures chosen out of');
});

test('with a potential, and the same bits whatever the threads', async () => {
  const config = `data: ${SILICON}\nout: model.safetensors\nepochs: 60\nseed: 3\nmodel: { radial: 8, channels: 4, hidden: [8, 8], lmax: 2 }\n`;
  writeFileSync(path('train.yaml'), config);
  expect((await run('train', 'train.yaml', '--quiet')).code).toBe(0);
  const one = await run(
    'data',
    'sample',
    'diamond:Si:5.43',
    'plan.yaml',
    '--out',
    '1.extxyz',
    '--threads',
    '1',
    '--json',
  );
  expect(one.code).toBe(0);
  expect(one.stderr).toContain('2 structures of hydrostatic refused: Si 0 and Si ');
  expect(json(one)).toMatchObject({ frames: 20, made: 21 });
  expect(
    (await run('data', 'sample', 'diamond:Si:5.43', 'plan.yaml', '--out', '2.extxyz', '--threads', '2')).code,
  ).toBe(0);
  expect(readFileSync(path('2.extxyz'), 'utf8')).toBe(readFileSync(path('1.extxyz'), 'utf8'));
  await run('data', 'sample', 'diamond:Si:5.43', 'plan.yaml', '--out', '3.extxyz', '--seed', '2');
  expect(readFileSync(path('3.extxyz'), 'utf8')).not.toBe(readFileSync(path('1.extxyz'), 'utf8'));
});

test('mistakes: no --out, no potential, a plan with a line that is wrong', async () => {
  const nowhere = await run('data', 'sample', 'diamond:Si:5.43', EXAMPLE);
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('--out is missing')]);
  writeFileSync(path('hot.yaml'), PLAN.replace('potential: model.safetensors', ''));
  const cold = await run('data', 'sample', 'diamond:Si:5.43', 'hot.yaml', '--out', 'x.extxyz');
  expect([cold.code, cold.stderr]).toEqual([3, expect.stringContaining('need a potential')]);
  writeFileSync(path('wrong.yaml'), PLAN.replace('count: 10', 'counts: 10'));
  const wrong = await run('data', 'sample', 'diamond:Si:5.43', 'wrong.yaml', '--out', 'x.extxyz');
  expect(wrong.code).toBe(3);
  expect(wrong.stderr).toContain('wrong.yaml:7 (field "parts[2].counts"): "counts" is not a setting here');
  expect(wrong.stderr).toContain('did you mean "count"?');
});
