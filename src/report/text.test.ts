import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatChecks, formatErrorRows } from './summary-text.ts';
import { exampleReportData } from './testing.ts';
import { commonDecimals, formatNumber, formatTable, formatValue } from './text.ts';

describe('numbers', () => {
  test.each([
    [0, '0'],
    [-0, '0'],
    [54.312, '54.3'],
    [0.0012345, '0.00123'],
    [9.996, '10.0'],
    [999.96, '1,000'],
    [1234567, '1,234,567'],
    [-1234.5, '-1,235'],
    [1.2e-7, '1.20e-7'],
    [6.02e23, '6.02e+23'],
    [-0.0567, '-0.0567'],
    [Number.NaN, '–'],
    [Number.NEGATIVE_INFINITY, '–'],
    [undefined, '–'],
  ])('%s is written %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  test('decimals, trimming and units', () => {
    expect(formatNumber(-0.001, { decimals: 1 })).toBe('0.0');
    expect(formatNumber(12, { decimals: 2 })).toBe('12.00');
    expect(formatNumber(0.01, { digits: 6, trim: true })).toBe('0.01');
    expect(formatNumber(100, { digits: 6, trim: true })).toBe('100');
    expect(formatNumber(1e-6, { digits: 6, trim: true })).toBe('1e-6');
    expect(formatValue(54.312, 'meV/Å')).toBe('54.3 meV/Å');
    expect(formatValue(3, '', { trim: true })).toBe('3');
    expect(formatValue(Number.NaN, 'GPa')).toBe('–');
    expect(commonDecimals([0.4, 24.6, 48.9, 66, 141])).toBe(1);
    expect(commonDecimals([undefined, 0])).toBe(0);
  });

  test('reading a number back loses no more than half a unit of its last digit', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e12, max: 1e12, noNaN: true }),
        fc.integer({ min: 2, max: 8 }),
        (value, digits) => {
          const back = Number(formatNumber(value, { digits }).replaceAll(',', ''));
          expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.abs(value) * 0.51 * 10 ** (1 - digits));
        },
      ),
    );
  });
});

describe('tables', () => {
  const rows = [
    { name: 'Å', value: 1 },
    { name: 'longer', value: 1000 },
  ];

  test('columns align, words left and numbers right, without white space at the end', () => {
    const table = formatTable(rows, [
      { header: 'name', cell: (row) => row.name },
      { header: 'n', align: 'right', cell: (row) => String(row.value) },
      { header: 'word', cell: (row) => row.name },
    ]);
    expect(table.split('\n')).toEqual([
      'name       n  word',
      '──────  ────  ──────',
      'Å          1  Å',
      'longer  1000  longer',
    ]);
  });

  test('colour only when asked for, and it does not disturb the alignment', () => {
    const columns = [{ header: 'name', cell: (row: { name: string }) => row.name, tone: () => 'good' as const }];
    expect(formatTable(rows, columns)).not.toContain('\u001b');
    const coloured = formatTable(rows, columns, { colour: true });
    expect(coloured).toContain('\u001b[32mlonger\u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(formatTable(rows, columns));
  });

  test('names from a file cannot command the terminal', () => {
    const table = formatTable([{ name: '\u001b[2Jgone\u009b1m\nx' }], [{ header: '', cell: (row) => row.name }]);
    expect(table.split('\n').at(-1)).toBe('?[2Jgone?1m?x');
  });

  test('errors carry their units and measures', () => {
    const { errors, checks } = exampleReportData();
    const [names, units, , first] = formatErrorRows(errors!.groups!).split('\n');
    expect(names!.trim().split(/ {2,}/)).toEqual(['E MAE', 'E RMSE', 'F MAE', 'F RMSE', 'S MAE', 'S RMSE']);
    expect(units).toMatch(/^ +frames +atoms +meV\/atom +meV\/atom +meV\/Å +meV\/Å +GPa +GPa$/);
    for (const line of formatErrorRows(errors!.groups!).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(first!.trim().split(/\s+/)).toEqual([
      'hydrostatic',
      '3',
      '24',
      '0.92',
      '1.05',
      '0.4',
      '0.6',
      '0.104',
      '0.141',
    ]);
    const lines = formatChecks(checks!).split('\n');
    expect(lines).toHaveLength(2 + checks!.length);
    expect(lines[2]).toMatch(/^pass\s+forces-are-gradient\s+3\.10e-7\s+≤ 0\.0001\s+eV\/Å/);
    expect(formatErrorRows(errors!.elements!)).not.toContain('E MAE');
    expect(formatChecks(checks!)).not.toMatch(/ $/m);
  });
});
