import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, nearsight, type Outcome, SILICON } from './run.ts';

let folder: string;
let made: Outcome;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nearsight-trust-'));
  const frames = (await readFile(SILICON, 'utf8')).split(/^(?=\d+\n)/m);
  const cold = frames.filter((frame) => /config_type=(rattle_(300|600)K|hydrostatic)/.test(frame));
  const hot = frames.filter((frame) => /config_type=rattle_(900|1200)K/.test(frame));
  await writeFile(join(folder, 'cold.extxyz'), cold.join(''));
  await writeFile(join(folder, 'hot.extxyz'), hot.join(''));
  const train = (heads: string, out: string): Promise<Outcome> =>
    nearsight(folder, 'train', 'cold.extxyz', '--epochs', '30', '--committee', heads, '--out', out, '--quiet');
  expect([(await train('4', 'four.safetensors')).code, (await train('1', 'one.safetensors')).code]).toEqual([0, 0]);
  made = await nearsight(folder, 'calibrate', 'four.safetensors', 'hot.extxyz', '--out', 'hot.safetensors');
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('calibrate', () => {
  test('makes intervals that hold on the frames it was given, and says what it made', async () => {
    expect([made.code, made.stderr]).toEqual([0, expect.not.stringContaining('left out')]);
    expect(made.stdout).toMatch(/^energy +meV\/atom[\s\S]+^forces +meV\/Å[\s\S]+calibrated on \d+ frames, \d+ atoms/m);
    expect(made.stdout).not.toMatch(/NaN|Infinity|null|undefined/);
    const asked = await nearsight(folder, 'evaluate', 'hot.safetensors', 'hot.extxyz', '--json', '--quiet');
    const { uncertainty } = json(asked) as { uncertainty: { forces: { coverage: Record<string, number> } } };
    expect(uncertainty.forces.coverage['0.9']).toBeGreaterThan(0.88);
    expect(uncertainty.forces.coverage['0.9']).toBeLessThan(0.97);
  });

  test('says what the model could tell before, and cannot any more', async () => {
    const text = await readFile(join(folder, 'hot.extxyz'), 'utf8');
    await writeFile(join(folder, 'energies.extxyz'), text.replaceAll('forces:R:3', 'unlabelled:R:3'));
    const { code, stderr } = await nearsight(folder, 'calibrate', 'hot.safetensors', 'energies.extxyz', '--quiet');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/say too little of forces: not calibrated any more/)]);
  });

  test.each([
    ['training frames', 'four.safetensors', 'cold.extxyz', /was trained on cold\.extxyz/],
    ['a model of one head', 'one.safetensors', 'hot.extxyz', /one head[\s\S]*--committee 4/],
  ])('refuses %s', async (_, model, data, why) => {
    const { code, stderr } = await nearsight(folder, 'calibrate', model, data, '--out', 'never.safetensors');
    expect([code, stderr]).toEqual([3, expect.stringMatching(why)]);
  });
});

describe('md --guard', () => {
  const heat = ['diamond:Si:5.47', '--ensemble', 'nvt', '--time', '2ps', '--guard', '--temperature'];
  // The domain needs no calibration: a model of one head has one, too.
  test.each(['hot', 'one'])('ends where the atoms leave the domain: %s', async (name) => {
    const out = `${name}-md.extxyz`;
    const model = `${name}.safetensors`;
    const melted = await nearsight(folder, 'md', model, ...heat, '2500', '--out', out, '--quiet');
    expect([melted.code, melted.stderr]).toEqual([1, '']);
    expect(melted.stdout).toMatch(/atoms outside the training domain .* first after [\d.]+ fs: .*limit [\d.]+ σ/);
    expect(melted.stdout).toMatch(/ended by --guard after [\d.]+ of 2,000 fs/);
    // The frame that ended it is the last one, and says how far away it is.
    const last = (await readFile(join(folder, out), 'utf8')).split('\n').at(-10)!;
    expect(Number(/domain_distance=([\d.]+)/.exec(last)?.[1])).toBeGreaterThan(2);
    expect(last.includes('force_uncertainty')).toBe(name === 'hot');
  });

  test('lets a run within the domain come to its end', async () => {
    const calm = await nearsight(folder, 'md', 'four.safetensors', ...heat, '100', '--json', '--quiet');
    expect(calm.code).toBe(0);
    expect(json(calm)).toMatchObject({ steps: 2000, ended_by_guard: false, outside_domain_share: 0 });
  });
});
