import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, nearsight, type Outcome, SILICON } from './run.ts';

let folder = '';
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const path = (name: string): string => join(folder, name);

interface Found {
  readonly threshold: number;
  readonly fraction: number;
  readonly flagged: readonly { frame: number; nearest: number; distance: number; reason: string }[];
}

/** Frames of an extended XYZ file, as text. */
function framesIn(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const frames: string[] = [];
  for (let at = 0; at < lines.length && lines[at] !== ''; ) {
    const end = at + Number(lines[at]) + 2;
    frames.push(`${lines.slice(at, end).join('\n')}\n`);
    at = end;
  }
  return frames;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-leakage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('data split', () => {
  test('keeps everything together that belongs together, and measures that nothing leaks', async () => {
    const outcome = await run('data', 'split', SILICON, '--test', '0.1', '--out', 'apart', '--json');
    expect(outcome.code).toBe(0);
    const document = json(outcome);
    expect(document).toMatchObject({
      leakage: { flagged: [], fraction: 0, threshold: expect.any(Number) },
      left_out: 0,
    });
    const [train, held] = ['apart-train.extxyz', 'apart-test.extxyz'].map((name) => framesIn(path(name)));
    expect(document).toMatchObject({ train: { frames: train.length }, test: { frames: held.length } });
    const energies = (frames: readonly string[]): number[] =>
      frames.map((text) => Number(/energy=(\S+)/.exec(text)![1])).sort();
    expect(energies([...train, ...held])).toEqual(energies(framesIn(SILICON)));
    const found = json(await run('data', 'leakage', 'apart-train.extxyz', 'apart-test.extxyz', '--json'));
    expect(found).toMatchObject({ flagged: [], fraction: 0 });
  });

  test('--blocks and --naive say what leaks', async () => {
    for (const way of ['--blocks', '--naive']) {
      const outcome = await run('data', 'split', SILICON, way, '--out', 'open', '--json');
      expect((json(outcome).leakage as Found).flagged.length).toBeGreaterThan(5);
    }
    const { code, stdout } = await run('data', 'split', SILICON, '--blocks', '--out', 'open');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Measured: \d+ of 15 held-out frames leak/);
    expect((await run('data', 'split', SILICON, '--blocks', '--naive')).code).toBe(2);
  });
});

describe('with a model', () => {
  beforeAll(async () => {
    const frames = framesIn(SILICON);
    // Ten of the training frames are in the test set as well.
    const held = frames.filter((_, k) => k % 5 === 0);
    const train = frames.filter((_, k) => k % 5 !== 0);
    writeFileSync(path('train.extxyz'), train.join(''));
    writeFileSync(path('test.extxyz'), [...train.slice(0, 10), ...held].join(''));
    const settings = ['--epochs', '2', '--quiet', '--out', 'model.safetensors'];
    expect((await run('train', 'train.extxyz', ...settings)).code).toBe(0);
  });

  test('data leakage finds the copies', async () => {
    const { flagged, fraction, threshold } = json(
      await run('data', 'leakage', 'train.extxyz', 'test.extxyz', '--json'),
    ) as unknown as Found;
    for (let k = 0; k < 10; k++) {
      expect(flagged[k]).toMatchObject({ frame: k, nearest: k, reason: 'twin', distance: 0 });
    }
    expect(fraction).toBeCloseTo(flagged.length / (10 + 30), 10);
    expect(threshold).toBeGreaterThan(0);
    const { stdout } = await run('data', 'leakage', 'train.extxyz', 'test.extxyz');
    expect(stdout).toContain('leak from train.extxyz');
    expect(stdout).toContain('same trajectory');
  });

  test('evaluate finds the training data beside the model, and gives both errors', async () => {
    const outcome = await run('evaluate', 'model.safetensors', 'test.extxyz', '--json');
    expect(outcome.code).toBe(0);
    const document = json(outcome) as unknown as Record<string, number> & {
      readonly leakage: Found & { readonly checked: boolean };
      readonly leak_free: Record<string, number>;
    };
    expect(document.leakage).toMatchObject({ checked: true });
    const { flagged } = document.leakage;
    expect(document.leak_free.frames).toBe(40 - flagged.length);
    // The errors of the rest are those of the rest alone.
    const out = new Set(flagged.map(({ frame }) => frame));
    const rest = framesIn(path('test.extxyz')).filter((_, k) => !out.has(k));
    writeFileSync(path('rest.extxyz'), rest.join(''));
    const alone = json(await run('evaluate', 'model.safetensors', 'rest.extxyz', '--no-leakage', '--json'));
    for (const key of ['energy_rmse_meV_per_atom', 'force_mae_meV_per_A', 'stress_rmse_GPa']) {
      expect(document.leak_free[key]).toBeCloseTo(alone[key] as number, 8);
      expect(document[key]).not.toBeCloseTo(alone[key] as number, 8);
    }
    expect(alone).not.toHaveProperty('leakage');
    const { stdout } = await run('evaluate', 'model.safetensors', 'test.extxyz');
    expect(stdout).toContain('leak-free');
  });

  test('evaluate says so where the training data are not to be found, or are others', async () => {
    const moved = path('moved.extxyz');
    writeFileSync(moved, readFileSync(path('train.extxyz')));
    writeFileSync(path('train.extxyz'), framesIn(moved).slice(1).join(''));
    const { stdout } = await run('evaluate', 'model.safetensors', 'test.extxyz');
    expect(stdout).toContain('leakage not checked: name the training data with --train');
    const found = json(await run('evaluate', 'model.safetensors', 'test.extxyz', '--train', 'moved.extxyz', '--json'));
    expect(found).toMatchObject({ leakage: { checked: true } });
    const { code, stderr } = await run('evaluate', 'model.safetensors', 'test.extxyz', '--train', 'rest.extxyz');
    expect(code).toBe(3);
    expect(stderr).toContain('the model was not trained on this file');
  });
});
