import { countVerdicts } from '../display.ts';
import { type Html, html, type Numbering, type Section, table, typeset } from '../markup.ts';
import type { CheckRow, ReportData } from '../report-data.ts';
import { formatLimit } from '../summary-text.ts';
import { formatNumber } from '../text.ts';

/** Every question put to the potential, its answer and the limit. */
export function checkSection(data: ReportData, numbering: Numbering): Section | undefined {
  const checks = data.checks ?? [];
  if (checks.length === 0) return undefined;
  const { pass, fail, skipped } = countVerdicts(data);
  const caption = `Checks: ${pass} passed, ${fail} failed, ${skipped} skipped. A check passes when its value is within the limit.`;
  const body = table(numbering, caption, checks, [
    { header: 'Question', long: true, cell: question },
    { header: 'Verdict', cell: verdict },
    { header: 'Value', align: 'right', cell: (check) => typeset(formatNumber(check.value)) },
    { header: 'Limit', align: 'right', cell: limit },
    { header: 'Unit', cell: (check) => check.unit },
  ]);
  return { id: 'checks', title: 'Checks', body };
}

function question(check: CheckRow): Html {
  const reason = check.reason === undefined || check.reason === '' ? '' : ` · ${check.reason}`;
  return html`${check.question}<span class="detail"><code>${check.id}</code>${reason}</span>`;
}

function limit(check: CheckRow): Html {
  const text = formatLimit(check);
  return text === '' ? html`` : html`${text.slice(0, 2)}${typeset(text.slice(2))}`;
}

/** A sign and a word: readable without colour. */
function verdict(check: CheckRow): Html {
  const sign = { pass: '✓', fail: '✗', skipped: '–' }[check.verdict];
  return html`<span class="mark ${check.verdict}"><span aria-hidden="true">${sign}</span> ${check.verdict}</span>`;
}
