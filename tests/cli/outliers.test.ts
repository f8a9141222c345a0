import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Frame, parseExtxyz, writeExtxyz } from '../../src/data/index.ts';
import { json, nearsight, type Outcome, SILICON } from './run.ts';

let folder = '';
let frames: readonly Frame[] = [];
const run = (...args: readonly string[]): Promise<Outcome> => nearsight(folder, ...args);
const read = (name: string): readonly Frame[] => parseExtxyz(readFileSync(join(folder, name)), name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-outliers-'));
  frames = parseExtxyz(readFileSync(SILICON), SILICON);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('data outliers', () => {
  test('has no complaints about the silicon data that come with nearsight', async () => {
    const document = json(await run('data', 'outliers', SILICON, '--json'));
    expect(document).toMatchObject({ frames: frames.length, outliers: [], frames_with_outliers: 0, written: null });
  });

  test('finds wrong labels and drops them with a ledger', async () => {
    const eight = frames.flatMap(({ structure }, k) => (structure.numbers.length === 8 ? [k] : []));
    const [high, pasted] = [eight[20], eight[50]];
    const set = frames.map((frame, k) => {
      const { labels } = frame;
      if (k === high) return { ...frame, labels: { ...labels, energy: labels.energy! + 2.4 } };
      return k === pasted ? { ...frame, labels: { ...labels, forces: labels.forces!.map((f) => -f) } } : frame;
    });
    expect(Math.hypot(...frames[pasted].labels.forces!)).toBeGreaterThan(2);
    writeFileSync(join(folder, 'spoilt.extxyz'), [...writeExtxyz(set)].join(''));
    const outcome = await run('data', 'outliers', 'spoilt.extxyz', '--drop', 'clean.extxyz', '--json');
    expect(outcome.code).toBe(0);
    const document = json(outcome) as unknown as {
      outliers: { frame: number; kind: string; cook: number; threshold: number; reason: string }[];
    };
    const found = document.outliers.map(({ frame, kind }) => `${frame} ${kind}`).sort();
    expect(found).toEqual([`${high} energy`, `${pasted} forces`].sort());
    for (const { cook, threshold } of document.outliers) expect(cook).toBeGreaterThan(threshold);
    expect(document.outliers.find(({ frame }) => frame === high)!.reason).toMatch(/0\.\d+ eV\/atom above/);

    const kept = read('clean.extxyz');
    expect(kept.map(({ labels }) => labels.energy)).toEqual(
      frames.filter((_, k) => k !== high && k !== pasted).map(({ labels }) => labels.energy),
    );
    expect(read('clean-dropped.extxyz').map(({ info }) => info.dropped_from_frame)).toEqual([high, pasted]);
    const ledger = JSON.parse(readFileSync(join(folder, 'clean-dropped.json'), 'utf8')) as {
      dropped: { frame: number; why: string[] }[];
    };
    expect(ledger.dropped.map(({ frame }) => frame)).toEqual([high, pasted]);
    expect(ledger.dropped[0].why[0]).toContain('energy');

    const text = (await run('data', 'outliers', 'spoilt.extxyz')).stdout;
    expect(text).toContain(`${frames.length} frames, 2 of them with outliers`);
  });

  test('says when there is too little to fit, and what is no probability', async () => {
    writeFileSync(join(folder, 'few.extxyz'), [...writeExtxyz(frames.slice(0, 5))].join(''));
    const few = await run('data', 'outliers', 'few.extxyz');
    expect([few.code, few.stdout]).toEqual([3, '']);
    expect(few.stderr).toContain('too few to tell which are wrong');
    expect((await run('data', 'outliers', 'few.extxyz', '--level', '2')).code).toBe(2);
  });
});
