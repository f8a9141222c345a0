import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseExtxyz } from '../../src/data/index.ts';
import { json, nearsight, type Outcome, SILICON, start } from './run.ts';

// A small model, but trained well enough to hold a crystal together.
const CONFIG = `
data: silicon-train.extxyz
validation: 0.1
out: model.safetensors
epochs: 60
seed: 3
model: { radial: 8, channels: 4, hidden: [8, 8], lmax: 2 }
`;

let folder = '';
let training: Outcome;
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-chain-'));
  writeFileSync(path('config.yaml'), CONFIG);
  const split = await run('data', 'split', SILICON, '--test', '0.2', '--blocks', '--out', 'silicon', '--quiet');
  expect(split.code).toBe(0);
  training = await run('train', 'config.yaml', '--json');
  expect(training.stderr).not.toContain('error');
  expect(training.code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('from data to a model', () => {
  test('data inspect settles the sign of the stress and finds nothing wrong', async () => {
    const outcome = await run('data', 'inspect', SILICON, '--json', '--out', 'inspection.json');
    expect(outcome.code).toBe(0);
    const document = json(outcome);
    expect(document).toMatchObject({ frames: 149, atoms: 1224, elements: { Si: 1224 }, findings: [] });
    expect(document).toMatchObject({ files: [{ stressCheck: { verdict: 'consistent' } }] });
    expect(JSON.parse(readFileSync(path('inspection.json'), 'utf8'))).toEqual(document);
  });

  test('data inspect ends with 1 when the stress has the wrong sign', async () => {
    const text = readFileSync(SILICON, 'utf8');
    const turned = text.replace(/stress="([^"]*)"/g, (_, numbers: string) => {
      const values = numbers.split(' ').map((value) => -Number(value));
      return `stress="${values.join(' ')}"`;
    });
    writeFileSync(path('turned.extxyz'), turned);
    const { code, stdout } = await run('data', 'inspect', 'turned.extxyz');
    expect(stdout).toContain('stress-sign');
    expect(code).toBe(1);
  });

  test('data convert packs, and loses nothing', async () => {
    expect((await run('data', 'convert', SILICON, 'packed.extxyz.gz')).code).toBe(0);
    const { code, stdout } = await run('data', 'convert', 'packed.extxyz.gz', 'unpacked.extxyz', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { frames: 149, skipped: 0, out: 'unpacked.extxyz', format: 'extxyz' },
    ]);
    const [before] = parseExtxyz(readFileSync(SILICON, 'utf8'), 'before');
    const [after] = parseExtxyz(readFileSync(path('unpacked.extxyz'), 'utf8'), 'after');
    expect(after.labels).toEqual(before.labels);
    expect(after.structure).toEqual(before.structure);
  });

  test('train says where the model is and what its errors are', () => {
    const document = json(training);
    expect(document.model).toBe(path('model.safetensors'));
    expect(document.epochs).toBe(60);
    expect(document.seconds).toBeGreaterThan(0);
    for (const part of [document.train, document.validation] as Record<string, number>[]) {
      expect(part.energy_rmse_meV_per_atom).toBeGreaterThan(0);
      // The forces of the data are 870 meV/Å on the average.
      expect(part.force_rmse_meV_per_A).toBeLessThan(300);
    }
    expect(existsSync(path('model.safetensors.checkpoint'))).toBe(false);
  });
});

describe('with the model', () => {
  test('evaluate gives errors with their units in the keys, and writes predictions and plots', async () => {
    const outcome = await run(
      ...['evaluate', 'model.safetensors', 'silicon-test.extxyz', '--json'],
      ...['--plots', 'plots', '--write', 'predicted.extxyz'],
    );
    expect(outcome.code).toBe(0);
    const document = json(outcome);
    const names = ['energy_mae_meV_per_atom', 'energy_rmse_meV_per_atom', 'force_mae_meV_per_A'];
    for (const name of [...names, 'force_rmse_meV_per_A', 'stress_mae_GPa', 'stress_rmse_GPa']) {
      expect(document[name]).toBeGreaterThan(0);
    }
    const { calibrated, forces } = document.uncertainty as { calibrated: boolean; forces: Record<string, number> };
    expect(calibrated).toBe(true);
    expect(forces.sigma_rms_meV_per_A).toBeGreaterThan(0);
    expect(Object.keys(document.groups as object)).toContain('rattle_300K');
    expect(readFileSync(path('plots/parity.html'), 'utf8')).toContain('<svg');
    // What was written must give the very errors that were printed.
    const frames = parseExtxyz(readFileSync(path('predicted.extxyz'), 'utf8'), 'predicted');
    let sum = 0;
    let count = 0;
    for (const { labels, arrays } of frames) {
      const predicted = arrays.predicted_forces.values as Float64Array;
      labels.forces!.forEach((force, c) => {
        sum += Math.abs(predicted[c] - force);
        count++;
      });
    }
    expect((1000 * sum) / count).toBeCloseTo(document.force_mae_meV_per_A as number, 6);
  });

  test('evaluate warns about frames that were trained on', async () => {
    const { code, stderr } = await run('evaluate', 'model.safetensors', 'silicon-train.extxyz');
    expect(code).toBe(0);
    expect(stderr).toContain('warning: the model was trained on silicon-train.extxyz');
  });

  test('validate puts every check and gives verdicts', async () => {
    const outcome = await run('validate', 'model.safetensors', '--json');
    const { checks } = json(outcome) as { checks: Record<string, unknown>[] };
    expect(checks.length).toBeGreaterThan(10);
    for (const check of checks) {
      expect(check).toMatchObject({ id: expect.any(String), unit: expect.any(String), limit: expect.any(Number) });
    }
    // Whatever a model of a second's training says, it has the symmetries of physics.
    for (const id of ['permutation', 'translation', 'rotation', 'reflection', 'net-force', 'net-torque']) {
      expect(checks.find((check) => check.id === id)).toMatchObject({ verdict: 'pass' });
    }
    expect(outcome.code).toBe(checks.some((check) => check.verdict === 'fail') ? 1 : 0);
  });

  test('relax finds the lattice constant of the data', async () => {
    const args = ['relax', 'model.safetensors', 'diamond:Si:5.6', '--cell', '--json', '--out', 'relaxed.extxyz'];
    const outcome = await run(...args);
    expect(outcome.code).toBe(0);
    const document = json(outcome);
    expect(document.max_force_eV_per_A).toBeLessThan(0.01);
    expect(document.steps).toBeGreaterThan(0);
    // PBE: 5.476 Å (README of the data).
    expect(Math.cbrt(document.volume_A3 as number)).toBeCloseTo(5.476, 1);
    const [frame] = parseExtxyz(readFileSync(path('relaxed.extxyz'), 'utf8'), 'relaxed');
    expect(frame.labels.energy).toBe(document.energy_eV);
  });

  test('md conserves energy and writes a trajectory that can be read', async () => {
    const outcome = await run(
      ...['md', 'model.safetensors', 'diamond:Si:5.47', '--supercell', '2', '--temperature', '300', '--time', '100fs'],
      ...['--every', '20', '--out', 'run.extxyz', '--json'],
    );
    expect(outcome.code).toBe(0);
    const document = json(outcome);
    expect(document).toMatchObject({ steps: 100, timestep_fs: 1, atoms: 64, frames: 6 });
    expect(document.atom_steps_per_second).toBeGreaterThan(0);
    expect(document.temperature_K).toBeGreaterThan(50);
    expect(Math.abs(document.drift_meV_per_atom_per_ps as number)).toBeLessThan(5);
    const frames = parseExtxyz(readFileSync(path('run.extxyz'), 'utf8'), 'run');
    expect(frames.map(({ info }) => info.time_fs)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(frames[0].arrays.velocities.columns).toBe(3);
  });

  test('md is the same for the same seed, and another for another seed', async () => {
    const args = ['md', 'model.safetensors', 'diamond:Si:5.47', '--ensemble', 'nvt', '--temperature', '300'];
    const energyOf = async (seed: string): Promise<unknown> =>
      json(await run(...args, '--time', '10fs', '--seed', seed, '--json')).energy_eV;
    const [first, again, other] = await Promise.all(['1', '1', '2'].map(energyOf));
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('a structure that needs a frame number is refused without one', async () => {
    const { code, stderr } = await run('relax', 'model.safetensors', 'silicon-test.extxyz');
    expect(code).toBe(3);
    expect(stderr).toContain('say which one with --frame');
    const outcome = await run('relax', 'model.safetensors', 'silicon-test.extxyz', '--frame', '3');
    expect(outcome.code).toBe(0);
  });

  test('a simulation that explodes keeps its trajectory and ends with 3', async () => {
    const { code, stderr } = await run(
      ...['md', 'model.safetensors', 'diamond:Si:5.47', '--temperature', '2000', '--time', '1ps', '--timestep', '30'],
      ...['--every', '1', '--out', 'exploded.extxyz'],
    );
    expect(stderr).toContain('the simulation exploded at step');
    expect(code).toBe(3);
    expect(parseExtxyz(readFileSync(path('exploded.extxyz'), 'utf8'), 'exploded').length).toBeGreaterThan(0);
  });

  test('report is one HTML page that needs nothing else', async () => {
    const words = ['--purpose', 'surfaces of Si', '--methods', 'methods.txt', '--level', 'PBE'];
    const outcome = await run(
      'report',
      'model.safetensors',
      '--data',
      'silicon-test.extxyz',
      ...words,
      '--json',
      '--quiet',
    );
    const { report, verdict, checks, grade } = json(outcome);
    expect(grade).toMatchObject({ letter: expect.stringMatching(/^[A-E]$/) });
    const failed = (checks as { verdict: string }[]).some((check) => check.verdict === 'fail');
    expect(outcome.code).toBe(failed ? 1 : 0);
    expect([report, verdict]).toEqual(['report.html', expect.stringContaining('held-out frames')]);
    const html = readFileSync(path('report.html'), 'utf8');
    for (const title of ['Grade', 'Data', 'Learning curve', 'Errors', 'Checks', 'Dynamics', 'Provenance']) {
      expect(html).toContain(title);
    }
    expect(html).not.toMatch(/(src|href)="https?:/);
    expect(html).toContain('No surfaces in the training data');
    expect(readFileSync(path('methods.txt'), 'utf8')).toContain('They were computed with PBE.');
  });
});

test('Ctrl-C during a training saves, ends with 130, and --resume finishes it', async () => {
  const args = ['train', 'config.yaml', '--epochs', '1500', '--out', 'long.safetensors'];
  const running = start(args, folder);
  await running.seen('training: epoch');
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  expect(code).toBe(130);
  expect(stdout).toBe('');
  expect(stderr).toContain('saved long.safetensors.checkpoint');
  expect(existsSync(path('long.safetensors.checkpoint'))).toBe(true);
  expect(existsSync(path('long.safetensors'))).toBe(false);

  const unasked = await run(...args);
  expect(unasked.code).toBe(3);
  expect(unasked.stderr).toContain('--resume');

  const resumed = await run(...args, '--resume', '--json');
  expect(resumed.code).toBe(0);
  expect(json(resumed).epochs).toBe(1500);
  expect(existsSync(path('long.safetensors.checkpoint'))).toBe(false);
});
