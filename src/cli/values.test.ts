import { describe, expect, test } from 'vitest';
import { sparkline } from './sparkline.ts';
import {
  parseDuration,
  parseFraction,
  parsePressure,
  parseSeed,
  parseSupercell,
  parseTemperature,
  parseTime,
  parseTimestep,
} from './values.ts';

test.each([
  ['500fs', 500],
  ['10ps', 10_000],
  ['1.5ns', 1.5e6],
  ['1e-2 ps', 10],
  ['0ps', 0],
])('%s are %d fs', (text, fs) => expect(parseTime(text)).toBeCloseTo(fs, 9));

test('a time needs a unit, a timestep is in fs without one', () => {
  expect(() => parseTime('10')).toThrow('a unit is missing; write it like 10ps');
  expect(parseTimestep('0.5')).toBe(0.5);
  expect(parseTimestep('0.002ps')).toBe(2);
  expect(() => parseTimestep('0')).toThrow('above zero');
});

test.each([
  ['60s', 60],
  ['10min', 600],
  ['2h', 7200],
  ['500ms', 0.5],
])('%s are %d s', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

test('temperatures and pressures take their unit or none', () => {
  expect(parseTemperature('300K')).toBe(300);
  expect(parseTemperature('300')).toBe(300);
  expect(parsePressure('-2.5GPa')).toBe(-2.5);
});

describe('what is no number of that kind is refused', () => {
  test.each([
    [parseTime, '-1ps'],
    [parseTime, '10 parsec'],
    [parseTime, 'constructor'],
    [parseTemperature, '-3'],
    [parseTemperature, '300 °C'],
    [parsePressure, '3 kbar'],
    [parseFraction, '1'],
    [parseFraction, '10%'],
    [parseSeed, '-1'],
    [parseSeed, '4294967296'],
    [parseSupercell, '4x4'],
    [parseSupercell, '4x4x0'],
    [parseSupercell, '4x4x4x4'],
  ])('%o %s', (parse, text) => expect(() => parse(text)).toThrow());
});

test('a supercell may be the same along all axes', () => {
  expect(parseSupercell('3')).toEqual([3, 3, 3]);
  expect(parseSupercell('4x2x1')).toEqual([4, 2, 1]);
});

test('a sparkline is a histogram', () => {
  expect(sparkline([0, 0, 0, 0, 0, 0, 0, 0, 1, 2], 3)).toBe('█▁▁');
  expect(sparkline([0, 3, 3], 4)).toBe('▄  █');
  expect(sparkline([1, 1, 1])).toBe('');
  expect(sparkline([Number.NaN])).toBe('');
});
