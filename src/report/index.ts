export { type CoveragePageOptions, renderCoverage } from './coverage-page.ts';
export { type DataReportOptions, renderDataReport } from './data-page/page.ts';
export { verdictSentence } from './display.ts';
export { choiceSentence, type FrontPageOptions, marksOf, renderFront, renderFrontFigure } from './front-page.ts';
export { renderReport } from './html.ts';
export { paritySet } from './parity-set.ts';
export { parseReportData } from './parse.ts';
export type * from './report-data.ts';
export { formatChecks, formatErrorRows } from './summary-text.ts';
export {
  formatNumber,
  formatTable,
  formatValue,
  type NumberFormat,
  type TextColumn,
  type TextOptions,
  type Tone,
} from './text.ts';
export { evidenceSentence, type VerdictRow, verdictRows } from './verdicts.ts';
