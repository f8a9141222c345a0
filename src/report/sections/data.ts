import { count } from '../display.ts';
import { type Content, facts, type Html, html, type Numbering, type Section, table } from '../markup.ts';
import type { DataSummary, Finding, GroupCount, ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** Where the labels come from, what is in them, how they were divided, and what the doctor said. */
export function dataSection(data: ReportData, numbering: Numbering): Section | undefined {
  const summary = data.data;
  if (summary === undefined) return undefined;
  const body = html`${facts([
    ['Source', summary.source],
    ['Frames, atoms', `${count(summary.frames, 'frame')}, ${count(summary.atoms, 'atom')}`],
    ['Level of theory', summary.levelOfTheory],
    ['Licence of the data', summary.licence],
    ['SHA-256', summary.sha256 === undefined ? undefined : html`<code>${summary.sha256}</code>`],
  ])}
${summary.split === undefined ? undefined : html`<p>${summary.split}</p>`}
${groupTable(summary, numbering)}
${findings(summary.findings, numbering)}`;
  return { id: 'data', title: 'Data', body };
}

function groupTable(summary: DataSummary, numbering: Numbering): Html | undefined {
  const groups = summary.groups ?? [];
  if (groups.length === 0) return undefined;
  const counts = (['frames', 'atoms', 'train', 'validation', 'test'] as const).filter((key) =>
    groups.some((group) => group[key] !== undefined),
  );
  const headers = { frames: 'Frames', atoms: 'Atoms', train: 'Training', validation: 'Validation', test: 'Test' };
  return table(
    numbering,
    'Groups of frames with a common origin. Training, validation and test count frames.',
    groups,
    [
      { header: 'Group', cell: (group) => group.name },
      ...counts.map((key) => ({
        header: headers[key],
        align: 'right' as const,
        cell: (group: GroupCount): string => formatNumber(group[key], { decimals: 0 }),
      })),
    ],
  );
}

function findings(list: readonly Finding[] | undefined, numbering: Numbering): Html | undefined {
  if (list === undefined) return undefined;
  if (list.length === 0) return html`<p>The data doctor found nothing to remark on.</p>`;
  const severity = (finding: Finding): Content =>
    html`<span class="mark ${finding.severity}">${finding.severity}</span>`;
  return table(numbering, 'What the data doctor remarked on.', list, [
    { header: 'Code', cell: (finding) => html`<code>${finding.code}</code>` },
    { header: 'Severity', cell: severity },
    { header: 'Frame', align: 'right', cell: (finding) => finding.frame },
    { header: 'Remark', long: true, cell: (finding) => finding.message },
  ]);
}
