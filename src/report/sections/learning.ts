import { QUANTITIES } from '../display.ts';
import { figure, html, type Numbering, type Section, typeset } from '../markup.ts';
import { learningPlot } from '../plots/curves.ts';
import type { LearningCurve, ReportData } from '../report-data.ts';
import { formatNumber, formatValue } from '../text.ts';

/** How the errors fell during the training. */
export function learningSection(data: ReportData, numbering: Numbering): Section | undefined {
  const curve = data.learning;
  if (curve === undefined || curve.points.length === 0) return undefined;
  const shown = QUANTITIES.filter((quantity) =>
    curve.points.some((point) => (point.train?.[quantity] ?? point.validation?.[quantity]) !== undefined),
  );
  const size = shown.length % 3 === 0 ? 'small' : 'wide';
  const panels = shown.map((quantity) => learningPlot(numbering.plot(), quantity, curve, size));
  const caption = html`Error (${curve.measure}) during training on the <span class="key train"></span> training frames and the
<span class="key"></span> validation frames, on logarithmic scales. ${summary(curve)}`;
  return { id: 'learning', title: 'Learning curve', body: figure(numbering, caption, panels) };
}

function summary(curve: LearningCurve): ReturnType<typeof html> {
  const last = curve.points[curve.points.length - 1];
  const time = last.seconds === undefined ? '' : ` in ${formatValue(last.seconds, 's')}`;
  const kept = curve.keptEpoch === undefined ? undefined : html` The weights are those of epoch ${curve.keptEpoch}.`;
  const rates = curve.points.map((point) => point.learningRate).filter((rate) => rate !== undefined);
  const first = rates[0];
  const rate =
    first === undefined
      ? undefined
      : html` The learning rate went from ${typeset(formatNumber(first, { digits: 2, trim: true }))} to ${typeset(formatNumber(rates[rates.length - 1], { digits: 2, trim: true }))}.`;
  return html`${last.epoch} epochs${time}.${kept}${rate}`;
}
