import { type Numbering, type Section, startNumbering } from './markup.ts';
import { renderPage } from './page.ts';
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
import { speciesSection } from './sections/species.ts';

/** In the order of the page. */
const SECTIONS: readonly ((data: ReportData, numbering: Numbering) => Section | undefined)[] = [
  dataSection,
  learningSection,
  errorSection,
  checkSection,
  propertySection,
  dynamicsSection,
  speciesSection,
  cardSection,
];

/**
 * The report as one HTML file, see `renderPage`. The same data give the same bytes.
 * @throws NearsightError `report-schema` when the record has another layout than this version draws
 */
export function renderReport(data: ReportData): string {
  checkSchema(data.schema);
  const numbering = startNumbering();
  const sections = SECTIONS.map((section) => section(data, numbering)).filter((section) => section !== undefined);
  return renderPage(
    {
      title: `${data.name} – trust report`,
      header: header(data, sections),
      footer: `${data.generator ?? 'nearsight'} · ${data.date} · Errors are predicted minus reference values.`,
    },
    sections,
  );
}
