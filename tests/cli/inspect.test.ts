import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseExtxyz } from '../../src/data/index.ts';
import { GPA } from '../../src/units.ts';
import { json, nearsight, SILICON } from './run.ts';

let folder = '';
const path = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearsight-inspect-'));
  // Pressures in kbar, positive in compression, as VASP prints them.
  const text = readFileSync(SILICON, 'utf8').replace(/stress="([^"]*)"/g, (_, numbers: string) => {
    const values = numbers.split(' ').map((value) => (-10 * Number(value)) / GPA);
    return `stress="${values.join(' ')}"`;
  });
  writeFileSync(path('vasp.extxyz'), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('data inspect --fix', () => {
  test('mends what the verdicts settle, says so, and leaves the rest alone', async () => {
    const outcome = await nearsight(folder, 'data', 'inspect', 'vasp.extxyz', '--fix', 'mended.extxyz', '--json');
    expect(outcome.code).toBe(0);
    expect(json(outcome)).toMatchObject({
      files: [{ verdicts: { stressSign: { verdict: 'opposite' }, stressUnit: { verdict: 'kbar' } } }],
      fixed: { out: 'mended.extxyz', frames: 149, applied: [{ codes: ['stress-sign', 'stress-unit'] }], left: [] },
    });
    const truth = parseExtxyz(readFileSync(SILICON), 'truth');
    const mended = parseExtxyz(readFileSync(path('mended.extxyz')), 'mended');
    for (const [k, { labels, structure }] of mended.entries()) {
      expect(structure).toEqual(truth[k].structure);
      expect(labels.energy).toBe(truth[k].labels.energy);
      expect(labels.forces).toEqual(truth[k].labels.forces);
      labels.stress?.forEach((s, c) => {
        expect(s).toBeCloseTo(truth[k].labels.stress?.[c] ?? Number.NaN, 12);
      });
    }
  });

  test('shows the verdicts before anything else', async () => {
    const { code, stdout } = await nearsight(folder, 'data', 'inspect', 'vasp.extxyz');
    expect(code).toBe(1);
    expect(stdout).toMatch(/unit of stresses +kbar, NOT eV\/Å³ +10\^\d+ to 1/);
    expect(stdout.indexOf('kbar, NOT')).toBeLessThan(stdout.indexOf('error:'));
  });

  test('never writes over its input', async () => {
    const { code, stderr } = await nearsight(folder, 'data', 'inspect', 'vasp.extxyz', '--fix', './vasp.extxyz');
    expect(code).toBe(2);
    expect(stderr).toContain('overwrite');
  });
});
