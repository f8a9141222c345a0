import { html, join, type Numbering, type Section, startNumbering } from './markup.ts';
import { checkSchema } from './parse.ts';
import type { ReportData } from './report-data.ts';
import { cardSection } from './sections/card.ts';
import { checkSection } from './sections/checks.ts';
import { dataSection } from './sections/data.ts';
import { dynamicsSection } from './sections/dynamics.ts';
import { errorSection } from './sections/errors.ts';
import { header } from './sections/header.ts';
import { learningSection } from './sections/learning.ts';
import { propertySection } from './sections/properties.ts';
import { STYLE } from './style.ts';

/** In the order of the page. */
const SECTIONS: readonly ((data: ReportData, numbering: Numbering) => Section | undefined)[] = [
  dataSection,
  learningSection,
  errorSection,
  checkSection,
  propertySection,
  dynamicsSection,
  cardSection,
];

/**
 * The report as one HTML file: no script, no font, no picture and no style from elsewhere; for the screen, light or
 * dark, and for A4 paper. The same data give the same bytes.
 * @throws NearsightError `report-schema` when the record has another layout than this version draws
 */
export function renderReport(data: ReportData): string {
  checkSchema(data.schema);
  const numbering = startNumbering();
  const sections = SECTIONS.map((section) => section(data, numbering)).filter((section) => section !== undefined);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${data.name} – trust report</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
${header(data, sections)}
<main>
${join(sections.map(drawSection))}
</main>
<footer>${data.generator ?? 'nearsight'} · ${data.date} · Errors are predicted minus reference values.</footer>
</body>
</html>
`;
  return page.html;
}

function drawSection(section: Section, index: number): ReturnType<typeof html> {
  return html`<section aria-labelledby="${section.id}">
<h2 id="${section.id}"><span class="number">${index + 1}</span>${section.title}</h2>
${section.body}
</section>`;
}
