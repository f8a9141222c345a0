import { formatChecks } from '../report/index.ts';
import type { CheckResult } from '../validation/index.ts';

/** Columns that a terminal has at least, and that text is easily read in. */
const WIDTH = 100;

/** The checks as a table, the reasons of those that did not pass, and a line that counts them. */
export function describeChecks(checks: readonly CheckResult[], colour: boolean): string {
  const count = (verdict: CheckResult['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const rows = checks.map(({ reason, ...row }) => row);
  const reasons = checks
    .filter(({ verdict }) => verdict !== 'pass')
    .map(({ id, verdict, reason }) => wrapped(`${verdict === 'fail' ? 'failed' : verdict}: ${id}: ${reason}`));
  const parts = [`${count('pass')} of ${checks.length} checks passed`];
  for (const verdict of ['fail', 'skipped'] as const) {
    if (count(verdict) > 0) parts.push(`${count(verdict)} ${verdict === 'fail' ? 'failed' : verdict}`);
  }
  return [formatChecks(rows, { colour }), '', ...reasons, ...(reasons.length > 0 ? [''] : []), parts.join(', ')].join(
    '\n',
  );
}

/** Lines of words, indented from the second one on. */
function wrapped(text: string): string {
  let line = '';
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
