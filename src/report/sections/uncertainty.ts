import { ERROR_DISPLAY, QUANTITIES, type Quantity } from '../display.ts';
import {
  type Column,
  facts,
  figure,
  type Html,
  html,
  join,
  type Numbering,
  type Section,
  table,
  typeset,
} from '../markup.ts';
import { reliabilityPlot, scatterPlot } from '../plots/uncertainty.ts';
import type { ReportData } from '../report-data.ts';
import { formatNumber, formatValue } from '../text.ts';
import type { UncertaintyOn, UncertaintyReport } from '../trust-data.ts';

/** Coverages that have a column. */
const SHOWN = [0.5, 0.9, 0.95] as const;

/** How uncertain it says it is, and whether errors are as large as that. */
export function uncertaintySection(data: ReportData, numbering: Numbering): Section | undefined {
  const report = data.uncertainty;
  if (report === undefined) return undefined;
  const verdict = report.calibrated
    ? html`<p>The ${report.estimator}, calibrated${origin(report)}, is taken for the standard deviation of an error.${remark(report)}</p>`
    : html`<p><span class="mark warning">Not calibrated.</span> The ${report.estimator} says where predictions are
uncertain, but not how large the errors are.${remark(report)}</p>`;
  const body = join([
    verdict,
    reliabilityFigure(report, numbering),
    metricTable(report, numbering),
    scatterFigure(report, numbering),
    parts(report),
  ]);
  return { id: 'uncertainty', title: 'Uncertainty', body };
}

function origin({ heldOut }: UncertaintyReport): string {
  if (heldOut === undefined) return '';
  const frames = formatNumber(heldOut.frames, { decimals: 0 });
  return ` on ${frames} held-out frames${heldOut.how === '' ? '' : ` (${heldOut.how})`}`;
}

const remark = ({ remark: text }: UncertaintyReport): string => (text === undefined ? '' : ` ${text}`);

function reliabilityFigure(report: UncertaintyReport, numbering: Numbering): Html | undefined {
  const panels = QUANTITIES.map((quantity) => {
    const sets = report[quantity];
    return sets === undefined ? undefined : reliabilityPlot(numbering.plot(), quantity, sets);
  });
  if (panels.every((panel) => panel === undefined)) return undefined;
  const has = (part: 'heldOut' | 'given'): boolean =>
    QUANTITIES.some((quantity) => report[quantity]?.[part] !== undefined);
  const legend = [
    has('heldOut') ? html`<span class="key train"></span> frames that it was calibrated on` : undefined,
    has('given') ? html`<span class="key"></span> frames of this report` : undefined,
  ];
  const caption = html`Reliability: of the labels that should lie within some multiple of σ of the prediction, how many do.
${join(legend, ', ')}. On the thin line uncertainties are right, below it too small, above it too large.`;
  return figure(numbering, caption, panels, { three: true });
}

interface MetricRow {
  readonly name: string;
  readonly quantity: Quantity;
  readonly on: UncertaintyOn;
}

function metricTable(report: UncertaintyReport, numbering: Numbering): Html | undefined {
  const rows = QUANTITIES.flatMap((quantity) =>
    (['heldOut', 'given'] as const).flatMap((part): MetricRow[] => {
      const on = report[quantity]?.[part];
      const { title } = ERROR_DISPLAY[quantity];
      const where = part === 'heldOut' ? 'calibration' : 'given frames';
      return on === undefined ? [] : [{ name: `${title}, ${where}`, quantity, on }];
    }),
  );
  if (rows.length === 0) return undefined;
  const stated = SHOWN.filter((level) =>
    rows.some(({ on }) => on.metrics.coverage.some((entry) => entry.stated === level)),
  );
  const share = (value: number | undefined): string =>
    formatNumber(value === undefined ? undefined : 100 * value, { decimals: 1 });
  const columns: Column<MetricRow>[] = [
    { header: 'Quantity', cell: ({ name }) => name },
    { header: 'Labels', align: 'right', cell: ({ on }) => formatNumber(on.metrics.count, { decimals: 0 }) },
    ...stated.map(
      (level): Column<MetricRow> => ({
        header: html`Within ${formatNumber(100 * level, { trim: true })} %<br>interval, %`,
        align: 'right',
        cell: ({ on }) => share(on.metrics.coverage.find((entry) => entry.stated === level)?.observed),
      }),
    ),
    {
      header: html`Miscalib.<br>area`,
      align: 'right',
      cell: ({ on }) => formatNumber(on.metrics.miscalibrationArea, { decimals: 3 }),
    },
    { header: html`Rank<br>correlation`, align: 'right', cell: ({ on }) => rank(on) },
    {
      header: html`Worst tenth<br>found, %`,
      align: 'right',
      cell: ({ on }) => formatNumber(100 * on.metrics.recallWorstTenth, { decimals: 0 }),
    },
    { header: html`Sharpness<br>(RMS σ)`, align: 'right', cell: sharpness },
  ];
  const caption =
    'How good the uncertainties are. An interval should hold the share of labels that it states. Rank correlation ' +
    '(Spearman) of σ and the size of the error, for forces by atom; sharpness: the smaller the better, where the intervals hold.';
  return table(numbering, caption, rows, columns);
}

function rank({ metrics: { spearman, spearmanError } }: UncertaintyOn): Html {
  const error = Number.isFinite(spearmanError) ? ` ± ${formatNumber(spearmanError, { decimals: 2 })}` : '';
  return html`${typeset(formatNumber(spearman, { decimals: 2 }))}${error}`;
}

function sharpness({ quantity, on }: MetricRow): Html {
  const { unit, perUnit } = ERROR_DISPLAY[quantity];
  return html`${typeset(formatNumber(on.metrics.sharpness * perUnit))} ${unit}`;
}

function scatterFigure(report: UncertaintyReport, numbering: Numbering): Html | undefined {
  const { scatter } = report;
  if (scatter === undefined) return undefined;
  const panel = scatterPlot(numbering.plot(), scatter);
  if (panel === undefined) return undefined;
  const filled =
    scatter.bins.length === 0
      ? ''
      : ' Filled circles: root mean squares of ten equal parts, which should lie on the middle line.';
  const raw = report.calibrated ? '' : ' σ is not calibrated: only the trend means something.';
  const caption = html`Absolute error of each force component of the given frames against its stated σ. Thick line: error = σ;
between the thin lines lie 90 % of normal errors.${filled}${raw}`;
  return figure(numbering, caption, [panel]);
}

/** What more data would cure, and what it would not. */
function parts({ forceParts }: UncertaintyReport): Html | undefined {
  if (forceParts === undefined) return undefined;
  const show = (value: number): string => formatValue(1000 * value, 'meV/Å');
  return facts([
    ['Epistemic, forces', `${show(forceParts.epistemic)}: the model has not seen enough; more data would lessen it`],
    [
      'Aleatoric, forces',
      `${show(forceParts.aleatoric)}: noise of the labels; noise of the labels and what such a model can't express; more data of the same kind would not`,
    ],
  ]);
}
