export { type CoveragePageOptions, renderCoverage } from './coverage-page.ts';
export { type DataReportOptions, renderDataReport } from './data-page/page.ts';
export { verdictSentence } from './display.ts';
export { type FigureAxis, type FigureOptions, type FigureSeries, figure } from './figure.ts';
export { choiceSentence, type FrontPageOptions, marksOf, renderFront, renderFrontFigure } from './front-page.ts';
export { type Grade, type GradeReason, gradeOf, gradeSentence, type Letter } from './grade.ts';
export { renderReport } from './html.ts';
export { methodsDraft } from './methods.ts';
export { paritySet } from './parity-set.ts';
export { parseReportData } from './parse.ts';
export { type PurposeAnswer, purposeAnswers } from './purpose.ts';
export type * from './report-data.ts';
export { scopeOf } from './scope.ts';
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
export type * from './trust-data.ts';
export { uncertaintyScatter } from './uncertainty-set.ts';
export { evidenceSentence, type VerdictRow, verdictRows } from './verdicts.ts';
