import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../tests/helpers/errors.ts';
import { edited, expectClose, haveSamples, ownFile, sample } from '../../../tests/helpers/samples.ts';
import { BOHR, HARTREE } from '../../units.ts';
import type { Frame } from '../dataset.ts';
import { expectReadOrRefused } from './shared/testing.ts';
import { ENGRAD, readEngrad, readTurbomoleGradient, TURBOMOLE_GRADIENT } from './xtb.ts';

const engrad = (name: string): Frame => readEngrad([ownFile(`xtb/${name}.engrad`)])[0];

/** Truncation: h² E'''/6 with h = 0.01 Å and E''' of some 200 eV/Å³. */
const TRUNCATION = 4e-3;

test('.engrad: forces are −∂E/∂r, in eV/Å', () => {
  const plus = engrad('water-plus');
  const minus = engrad('water-minus');
  const h = (plus.structure.positions[0] - minus.structure.positions[0]) / 2;
  expect(h).toBeCloseTo(0.01, 7);
  const slope = (plus.labels.energy! - minus.labels.energy!) / (2 * h);
  expect(Math.abs(slope)).toBeGreaterThan(0.1);
  expect(Math.abs(engrad('water').labels.forces![0] + slope)).toBeLessThan(TRUNCATION);
});

test('.engrad: numbers', () => {
  const { structure, labels, line, index } = engrad('water');
  expect([...structure.numbers]).toEqual([8, 1, 1]);
  expect(structure.pbc).toEqual([false, false, false]);
  expect(structure.positions[8]).toBe(-0.0944863 * BOHR);
  expect(labels.energy).toBe(-5.070130905652 * HARTREE);
  expect(labels.forces![8]).toBe(0.000521668766 * -(HARTREE / BOHR));
  expect(labels.stress).toBeUndefined();
  expect([line, index]).toEqual([4, 0]);
});

test('gradient: a frame for each cycle, the same as the .engrad files', () => {
  const frames = readTurbomoleGradient([ownFile('xtb/gradient')]);
  expect(frames.map(({ index, line }) => [index, line])).toEqual([
    [0, 2],
    [1, 9],
    [2, 16],
  ]);
  ['water', 'water-plus', 'water-minus'].forEach((name, at) => {
    const { structure, labels } = engrad(name);
    expect([...frames[at].structure.numbers]).toEqual([8, 1, 1]);
    expectClose(frames[at].structure.positions, structure.positions, 5e-8);
    expect(frames[at].labels.energy).toBeCloseTo(labels.energy!, 9);
    expectClose(frames[at].labels.forces, labels.forces!, 1e-10);
  });
});

test('gradient: small letters and exponents with D, as Turbomole writes them', () => {
  const small = (content: string): string =>
    content
      .replace(/ O $/gm, 'o')
      .replace(/ H $/gm, 'h')
      .replace(/E([-+]\d)/g, 'D$1');
  const file = ownFile('xtb/gradient');
  expect(readTurbomoleGradient([edited(file, small)])).toEqual(readTurbomoleGradient([file]));
});

test('what is broken is named', () => {
  const one = ownFile('xtb/water.engrad');
  const read = (pattern: RegExp, by: string): unknown =>
    readEngrad([edited(one, (content) => content.replace(pattern, by))]);
  expect(errorOf('truncated-file', () => read(/ 1 +-1.3228[\s\S]*/, '')).place).toMatchObject({ path: 'water.engrad' });
  expect(errorOf('unexpected-line', () => read(/$/, '9 0 0 0\n')).message).toContain('3 atoms');
  // One atom fewer: what is left of the gradient is taken for atoms.
  errorOf('unknown-element', () => read(/ 3\n/, ' 2\n'));
  expect(errorOf('unknown-element', () => read(/^ +8 /m, ' 0 ')).place).toMatchObject({ field: 'numbers' });
  expect(errorOf('not-finite', () => read(/-0.0117|-0.0115\d+/, 'NaN')).place).toMatchObject({
    field: 'forces',
    line: 13,
  });
  const cycles = ownFile('xtb/gradient');
  const readCycles = (pattern: RegExp, by: string): unknown =>
    readTurbomoleGradient([edited(cycles, (content) => content.replace(pattern, by))]);
  errorOf('truncated-file', () => readCycles(/\$end/, ''));
  errorOf('missing-energy', () => readCycles(/SCF energy = .*/, ''));
  errorOf('wrong-format', () => readCycles(/\$grad/, '$energy'));
  errorOf('no-frames', () => readCycles(/ +cycle[\s\S]*(?=\$end)/, ''));
  expect(errorOf('missing-energy', () => readCycles(/^.*H \n/m, '')).place).toMatchObject({ frame: 1 });
});

test('the formats are told by what they begin with', () => {
  const head = (name: string): string => new TextDecoder().decode(ownFile(`xtb/${name}`).bytes);
  expect(ENGRAD.recognises!(head('water.engrad'))).toBe(true);
  expect(ENGRAD.recognises!(head('gradient'))).toBe(false);
  expect(TURBOMOLE_GRADIENT.recognises!(head('gradient'))).toBe(true);
});

describe.skipIf(!haveSamples)('samples (skipped without ../shared/data)', () => {
  test('.engrad and gradient of the same optimum', () => {
    const [one] = readEngrad([sample('xtb/dvb_opt.engrad')]);
    const [other] = readTurbomoleGradient([sample('xtb/gradient')]);
    expect(one.structure.numbers).toEqual(other.structure.numbers);
    expect(one.structure.numbers.length).toBe(20);
    expect(one.labels.energy! / HARTREE).toBeCloseTo(-26.438242468348, 11);
    expect((one.labels.forces![3] / HARTREE) * BOHR).toBeCloseTo(0.000102867313, 13);
    expectClose(one.structure.positions, other.structure.positions, 5e-8);
    expectClose(one.labels.forces, other.labels.forces!, 1e-10);
  });
});

test('a file that was cut off is refused', () => {
  const { path, bytes } = ownFile('xtb/water.engrad');
  for (let end = 0; end < bytes.length; end++)
    expect(() => readEngrad([{ path, bytes: bytes.subarray(0, end) }])).toThrow();
  const cycles = ownFile('xtb/gradient');
  for (let end = 0; end < cycles.bytes.length - 1; end += 7)
    expect(() => readTurbomoleGradient([{ path, bytes: cycles.bytes.subarray(0, end) }])).toThrow();
});

test('broken copies are read or refused', () => {
  for (const [read, file, path] of [
    [readEngrad, ownFile('xtb/water.engrad'), 'broken.engrad'],
    [readTurbomoleGradient, ownFile('xtb/gradient'), 'gradient'],
  ] as const) {
    const { read: passed, codes } = expectReadOrRefused((broken) => read([broken]), file.bytes, {
      count: 5000,
      seed: 3,
      path,
    });
    expect(passed).toBeGreaterThan(100);
    expect(codes.size).toBeGreaterThan(5);
  }
});
