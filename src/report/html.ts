import { gradeOf } from './grade.ts';
import { type Numbering, type Section, startNumbering } from './markup.ts';
import { renderPage } from './page.ts';
import { checkSchema } from './parse.ts';
import type { ReportData } from './report-data.ts';
import { cardSection } from './sections/card.ts';
import { checkSection } from './sections/checks.ts';
import { dataSection } from './sections/data.ts';
import { domainSection } from './sections/domain.ts';
import { dynamicsSection } from './sections/dynamics.ts';
import { errorSection } from './sections/errors.ts';
import { gradeSection } from './sections/grade.ts';
import { header } from './sections/header.ts';
import { learningSection } from './sections/learning.ts';
import { localitySection } from './sections/locality.ts';
import { methodsSection } from './sections/methods.ts';
import { propertySection } from './sections/properties.ts';
import { scopeSection } from './sections/scope.ts';
import { speciesSection } from './sections/species.ts';
import { uncertaintySection } from './sections/uncertainty.ts';

/** In the order of a reader's questions: how wrong, how sure, where, does it behave, what is it made of. */
const SECTIONS: readonly ((data: ReportData, numbering: Numbering) => Section | undefined)[] = [
  scopeSection,
  errorSection,
  uncertaintySection,
  domainSection,
  checkSection,
  localitySection,
  dynamicsSection,
  propertySection,
  speciesSection,
  dataSection,
  learningSection,
  cardSection,
  methodsSection,
];

/**
 * The report as one HTML file, see `renderPage`. The same data give the same bytes.
 * @throws NearsightError `report-schema` when the record has another layout than this version draws
 */
export function renderReport(data: ReportData): string {
  checkSchema(data.schema);
  const numbering = startNumbering();
  const grade = gradeOf(data);
  // Its table stands first and links to the others, so that it must know of them.
  const first = numberedFirst(numbering, grade !== undefined);
  const rest = SECTIONS.map((section) => section(data, numbering)).filter((section) => section !== undefined);
  const reasons = gradeSection(grade, new Set(rest.map(({ id }) => id)), first);
  const sections = reasons === undefined ? rest : [reasons, ...rest];
  return renderPage(
    {
      title: `${data.name} – trust report`,
      header: header(data, grade, sections),
      footer: `${data.generator ?? 'nearsight'} · ${data.date} · Errors are predicted minus reference values.`,
    },
    sections,
  );
}

/** The numbering with a table set aside, where one is wanted. */
function numberedFirst(numbering: Numbering, wanted: boolean): Numbering {
  const number = wanted ? numbering.table() : 0;
  return { ...numbering, table: () => number };
}
