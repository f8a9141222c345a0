import { ERROR_DISPLAY, QUANTITIES, type Quantity } from './display.ts';
import type { CheckRow, ErrorRow } from './report-data.ts';
import type { TextColumn, TextOptions } from './text.ts';
import { commonDecimals, formatNumber, formatTable } from './text.ts';

/** Energy, forces, stress: short, so that the table fits into 80 columns. */
const LETTER: Readonly<Record<Quantity, string>> = { energy: 'E', forces: 'F', stress: 'S' };

/**
 * The errors of sets, groups or elements as an aligned table: MAE and RMSE of E(nergy), F(orces) and S(tress) in
 * meV/atom, meV/Å and GPa.
 */
export function formatErrorRows(rows: readonly ErrorRow[], options: TextOptions = {}): string {
  const columns: TextColumn<ErrorRow>[] = [{ header: '', cell: (row) => row.name }];
  for (const size of ['frames', 'atoms'] as const) {
    if (rows.some((row) => row[size] !== undefined)) {
      columns.push({ header: size, align: 'right', cell: (row) => formatNumber(row[size], { decimals: 0 }) });
    }
  }
  for (const quantity of QUANTITIES) {
    const { perUnit, unit } = ERROR_DISPLAY[quantity];
    const values = rows.map((row) => row[quantity]).filter((error) => error !== undefined);
    if (values.length === 0) continue;
    const decimals = commonDecimals(values.map((error) => error.mae * perUnit));
    for (const measure of ['mae', 'rmse'] as const) {
      columns.push({
        header: `${LETTER[quantity]} ${measure.toUpperCase()}\n${unit}`,
        align: 'right',
        cell: (row) => formatNumber(scaled(row[quantity]?.[measure], perUnit), { decimals }),
      });
    }
  }
  return formatTable(rows, columns, options);
}

/** The checks as an aligned table: verdict, id, value against limit, and why where there are reasons. */
export function formatChecks(checks: readonly CheckRow[], options: TextOptions = {}): string {
  const columns: TextColumn<CheckRow>[] = [
    {
      header: 'verdict',
      cell: (check) => check.verdict,
      tone: (check) => (check.verdict === 'pass' ? 'good' : check.verdict === 'fail' ? 'bad' : 'quiet'),
    },
    { header: 'check', cell: (check) => check.id },
    { header: 'value', align: 'right', cell: (check) => formatNumber(check.value) },
    { header: 'limit', cell: formatLimit },
    { header: 'unit', cell: (check) => check.unit },
  ];
  if (checks.some(({ reason }) => reason)) columns.push({ header: 'why', cell: (check) => check.reason ?? '' });
  return formatTable(checks, columns, options);
}

/** `≤ 5`; empty when there is none. */
export function formatLimit(check: CheckRow): string {
  if (check.limit === undefined) return '';
  return `${check.comparison ?? '≤'} ${formatNumber(check.limit, { digits: 6, trim: true })}`;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}
