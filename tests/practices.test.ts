/** Every practice runs as its text says, prints what it promises, and draws its figure. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, 'examples/practices');

/** What a reader of the chapter should see in the output. */
const PROMISES: Readonly<Record<string, (text: string) => void>> = {
  '01-permutation': (text) => {
    expect(text).toMatch(/naive .* 0 of 28 swaps pass/);
    expect(text).toMatch(/physical .* 28 of 28 swaps pass/);
  },
  '02-rotation': (text) => {
    const [invariant, raw] = numbers(text, /changes by (?:at most|up to) (\S+) meV/g);
    expect(invariant).toBeLessThan(0.01);
    expect(raw).toBeGreaterThan(1);
  },
  '03-switching': (text) => {
    const [sharp, shifted, switched] = numbers(text, /largest jump (\S+) meV/g);
    expect(sharp).toBeGreaterThan(10 * shifted);
    expect(shifted).toBeGreaterThan(2 * switched);
  },
  '04-locality': (text) => {
    const [exponent] = numbers(text, /p = (\S+)/g);
    expect(Math.abs(exponent - 1.5)).toBeLessThan(0.3);
    const [length] = numbers(text, /λ = (\S+)/g);
    expect(Math.abs(length - 0.67)).toBeLessThan(0.1);
  },
  '05-force-balance': (text) => {
    const [gradient, direct] = numbers(text, /net force (\S+) eV/g);
    expect(gradient).toBeLessThan(1e-4);
    expect(direct).toBeGreaterThan(0.1);
  },
  '06-cooks-distance': (text) => expect(text).toContain('5 labels spoilt, 5 named, 5 of them rightly'),
  '07-leakage': (text) => expect(text).toContain('10 of 10 twins found, 0 of 15 honest frames flagged'),
  '08-pareto': (text) => {
    expect(text.match(/front/g)!.length).toBeGreaterThan(2);
    expect(text).toMatch(/dominated/);
    expect(text.match(/knee/g)).toHaveLength(1);
  },
  '09-weighted-least-squares': (text) => {
    const [alone, alike, weighted, known] = numbers(text, /error +(\S+) meV/g);
    expect(known).toBeLessThan(alone / 2);
    expect(weighted).toBeLessThan(alike);
    expect(known).toBeLessThan(weighted);
  },
  '10-penalties': (text) => {
    const nets = numbers(text, /net force +(\S+) meV/g);
    expect(nets.at(-1)).toBeLessThan(nets[0] / 2);
  },
  '11-committee': (text) => {
    const [held, melt] = numbers(text, /spread +(\S+) meV/g);
    expect(melt).toBeGreaterThan(10 * held);
    expect(numbers(text, /rank correlation (\S+)/g)[0]).toBeGreaterThan(0.7);
  },
  '12-active-learning': (text) => {
    const [random, asked] = numbers(text, /reaches with (\d+)/g);
    expect(asked).toBeLessThan(random / 1.5);
  },
};

function numbers(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map(([, value]) => Number(value));
}

describe('the practices', () => {
  let out = '';
  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'nearsight-practices-'));
  });
  afterAll(() => rm(out, { recursive: true, force: true }));

  test('each of them is tested here', async () => {
    const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.ts')).map((name) => name.slice(0, -3));
    expect(names.sort()).toEqual(Object.keys(PROMISES).sort());
  });

  test.each(Object.keys(PROMISES))('%s', async (name) => {
    const args = ['scripts/run.mjs', join(FOLDER, `${name}.ts`), out];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    PROMISES[name](stdout);
    const svg = await readFile(join(out, `${name}.svg`), 'utf8');
    expect(svg).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    expect(svg).not.toContain('NaN');
  });
});
