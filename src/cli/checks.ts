import { formatChecks } from '../report/index.ts';
import type { CheckResult } from '../validation/index.ts';

/** The checks as a table, with the reason where one did not pass, and a line that counts them. */
export function describeChecks(checks: readonly CheckResult[], colour: boolean): string {
  const count = (verdict: CheckResult['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const rows = checks.map((check) => ({ ...check, reason: check.verdict === 'pass' ? '' : check.reason }));
  const parts = [`${count('pass')} of ${checks.length} checks passed`];
  for (const verdict of ['fail', 'skipped'] as const) {
    if (count(verdict) > 0) parts.push(`${count(verdict)} ${verdict === 'fail' ? 'failed' : verdict}`);
  }
  return `${formatChecks(rows, { colour })}\n\n${parts.join(', ')}`;
}
