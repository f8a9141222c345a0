import { GPA } from '../units.ts';
import type { ErrorRow, ErrorStatistics, ReportData } from './report-data.ts';
import { formatNumber, formatValue } from './text.ts';

/** The three quantities that a potential is fitted to. */
export type Quantity = 'energy' | 'forces' | 'stress';

export const QUANTITIES: readonly Quantity[] = ['energy', 'forces', 'stress'];

/** How a quantity is shown: unit, and what to multiply the library's number with. */
export interface Display {
  /** `Force component`, at the start of a sentence. */
  readonly title: string;
  readonly unit: string;
  readonly perUnit: number;
}

/** Errors are shown in these units, always. */
export const ERROR_DISPLAY: Readonly<Record<Quantity, Display>> = {
  energy: { title: 'Energy', unit: 'meV/atom', perUnit: 1000 },
  forces: { title: 'Force', unit: 'meV/Å', perUnit: 1000 },
  stress: { title: 'Stress', unit: 'GPa', perUnit: 1 / GPA },
};

/** The values themselves, on the axes of a parity plot. */
export const VALUE_DISPLAY: Readonly<Record<Quantity, Display>> = {
  energy: { title: 'Energy per atom', unit: 'eV', perUnit: 1 },
  forces: { title: 'Force component', unit: 'eV/Å', perUnit: 1 },
  stress: { title: 'Stress component', unit: 'GPa', perUnit: 1 / GPA },
};

/** `54.3 meV/Å`: one number of an error record. */
export function showError(quantity: Quantity, statistics: ErrorStatistics, measure: 'mae' | 'rmse'): string {
  const { perUnit, unit } = ERROR_DISPLAY[quantity];
  return formatValue(statistics[measure] * perUnit, unit);
}

/**
 * The errors that speak for the potential, and on which frames they were taken: without relatives of training frames
 * where some have them.
 */
export function headlineErrors(data: ReportData): { row: ErrorRow; frames: string } | undefined {
  const errors = data.errors;
  if (errors?.leakFree !== undefined) {
    return { row: errors.leakFree, frames: 'held-out frames without relatives in training' };
  }
  if (errors?.test !== undefined) {
    const { related } = errors;
    if (related === undefined || related.frames === 0) return { row: errors.test, frames: 'held-out frames' };
    const all = related.frames === related.of ? 'all' : `${related.frames} of ${related.of}`;
    return { row: errors.test, frames: `held-out frames, of which ${all} have relatives in training` };
  }
  if (errors?.validation !== undefined) return { row: errors.validation, frames: 'validation frames' };
  if (errors?.train !== undefined) return { row: errors.train, frames: 'the training frames themselves' };
  return undefined;
}

/** How many checks ended in which way. */
export function countVerdicts(data: ReportData): { pass: number; fail: number; skipped: number; total: number } {
  const checks = data.checks ?? [];
  const count = (verdict: string): number => checks.filter((check) => check.verdict === verdict).length;
  return { pass: count('pass'), fail: count('fail'), skipped: count('skipped'), total: checks.length };
}

/** `12 of 12 checks pass; force error 54.3 meV/Å (MAE) on held-out frames.`, or on those of them without relatives. */
export function verdictSentence(data: ReportData): string {
  if (data.verdict !== undefined) return data.verdict;
  const { pass, skipped, total } = countVerdicts(data);
  const parts: string[] = [];
  if (total > 0) {
    const asked = total - skipped;
    const rest = [failures(data), skipped > 0 ? `${skipped} skipped` : ''];
    const tail = rest.filter((text) => text !== '').join(', ');
    parts.push(`${pass} of ${asked} ${asked === 1 ? 'check passes' : 'checks pass'}${tail === '' ? '' : ` (${tail})`}`);
  }
  const headline = headlineErrors(data);
  const forces = headline?.row.forces;
  const energy = headline?.row.energy;
  if (forces !== undefined)
    parts.push(`force error ${showError('forces', forces, 'mae')} (MAE) on ${headline!.frames}`);
  else if (energy !== undefined) {
    parts.push(`energy error ${showError('energy', energy, 'mae')} (MAE) on ${headline!.frames}`);
  }
  if (parts.length === 0) return 'No check was run and no error was measured.';
  const sentence = parts.join('; ');
  return `${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
}

/** The names of the failed checks where they are few, otherwise their number. */
function failures(data: ReportData): string {
  const failed = (data.checks ?? []).filter((check) => check.verdict === 'fail').map((check) => check.id);
  if (failed.length === 0) return '';
  return `${failed.length > 2 ? failed.length : failed.join(' and ')} ${failed.length === 1 ? 'fails' : 'fail'}`;
}

/** `3 frames`, `1 frame`. */
export function count(n: number, noun: string): string {
  return `${formatNumber(n, { decimals: 0 })} ${noun}${n === 1 ? '' : 's'}`;
}
