import { countVerdicts } from '../display.ts';
import { figure, type Html, html, join, type Numbering, type Section, table, typeset } from '../markup.ts';
import { checkCurvePlot } from '../plots/curves.ts';
import type { CheckRow, ReportData } from '../report-data.ts';
import { formatLimit } from '../summary-text.ts';
import { formatNumber } from '../text.ts';

/** Curves that are drawn; those of failed checks first. */
const MOST_CURVES = 6;

const GROUPS: Readonly<Record<string, string>> = {
  symmetry: 'Symmetries',
  derivatives: 'Derivatives of the energy',
  locality: 'Cutoff and size',
  curves: 'Two and three atoms alone',
  dynamics: 'Atoms that move',
  own: 'Checks of your own',
};

/** Every question put to the potential, its answer and the limit; and the curves that some of them looked at. */
export function checkSection(data: ReportData, numbering: Numbering): Section | undefined {
  const checks = data.checks ?? [];
  if (checks.length === 0) return undefined;
  const { pass, fail, skipped } = countVerdicts(data);
  const caption = `Checks: ${pass} passed, ${fail} failed, ${skipped} skipped. A check passes when its value is within the limit.`;
  const columns = [
    { header: 'Question', long: true, cell: question },
    { header: 'Verdict', cell: verdict },
    { header: 'Value', align: 'right' as const, cell: (check: CheckRow) => typeset(formatNumber(check.value)) },
    { header: 'Limit', align: 'right' as const, cell: limit },
  ];
  const heading = ({ group }: CheckRow): string => (group === undefined ? '' : (GROUPS[group] ?? group));
  const body = join([
    table(numbering, caption, byGroup(checks), columns, { heading }),
    curves(drawnHere(data), numbering),
  ]);
  return { id: 'checks', title: 'Checks', body };
}

/** What the section on locality draws is not drawn twice. */
function drawnHere({ checks = [], locality }: ReportData): readonly CheckRow[] {
  return locality?.data === undefined ? checks : checks.filter(({ id }) => id !== 'locality');
}

/** In the order in which groups first appear. */
function byGroup(checks: readonly CheckRow[]): CheckRow[] {
  const groups = [...new Set(checks.map(({ group }) => group))];
  return groups.flatMap((group) => checks.filter((check) => check.group === group));
}

function question(check: CheckRow): Html {
  const reason = check.reason === undefined || check.reason === '' ? '' : ` · ${check.reason}`;
  return html`${check.question}<span class="detail"><code>${check.id}</code>${reason}</span>`;
}

function limit(check: CheckRow): Html {
  const text = formatLimit(check);
  return text === '' ? html`${check.unit}` : html`${text.slice(0, 2)}${typeset(text.slice(2))} ${check.unit}`;
}

/** A sign and a word: readable without colour. */
function verdict(check: CheckRow): Html {
  const sign = { pass: '✓', fail: '✗', skipped: '–' }[check.verdict];
  return html`<span class="mark ${check.verdict}"><span aria-hidden="true">${sign}</span> ${check.verdict}</span>`;
}

function curves(checks: readonly CheckRow[], numbering: Numbering): Html | undefined {
  const failed = checks.filter((check) => check.verdict === 'fail');
  const others = checks.filter((check) => check.verdict !== 'fail');
  const all = [...failed, ...others].flatMap(({ curves = [], group }) =>
    curves.map((curve) => ({ ...curve, walls: group === 'curves' })),
  );
  const name = (curve: (typeof all)[number]): string => `${curve.name} ${curve.xLabel} ${curve.yLabel}`;
  const different = all.filter((curve, k) => all.findIndex((other) => name(other) === name(curve)) === k);
  if (different.length === 0) return undefined;
  const shown = different.slice(0, MOST_CURVES);
  const size = shown.length % 3 === 0 ? 'small' : 'wide';
  const panels = shown.map((curve) => checkCurvePlot(numbering.plot(), curve, { size, walls: curve.walls }));
  if (panels.every((panel) => panel === undefined)) return undefined;
  const rest = different.length - shown.length;
  const more = rest === 0 ? '' : ` ${rest} more are in the output of nearsight validate --json.`;
  const axes = [...new Set(shown.map(({ yLabel }) => yLabel))].join('; ');
  return figure(
    numbering,
    `What some checks looked at (${axes}). ${shown.some(({ walls }) => walls) ? 'Steep walls are cut off.' : ''}${more}`,
    panels,
  );
}
