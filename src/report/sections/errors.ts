import { ERROR_DISPLAY, QUANTITIES } from '../display.ts';
import { type Column, figure, type Html, html, join, type Numbering, type Section, table, typeset } from '../markup.ts';
import { errorDistributionPlot, parityPlot } from '../plots/parity.ts';
import type { ErrorRow, Parity, ParitySet, ReportData } from '../report-data.ts';
import { commonDecimals, formatNumber, formatValue } from '../text.ts';

/** Parity plots, the distribution of the errors, and the errors by set, group and element. */
export function errorSection(data: ReportData, numbering: Numbering): Section | undefined {
  const parts = [
    setTable(data, numbering),
    data.parity === undefined ? undefined : parityFigure(data, data.parity, numbering),
    data.parity === undefined ? undefined : distributionFigure(data.parity, numbering),
    rowTable('Errors on the held-out frames, by group.', 'Group', data.errors?.groups, numbering),
    rowTable('Force errors on the held-out frames, by element.', 'Element', several(data.errors?.elements), numbering),
  ];
  if (parts.every((part) => part === undefined)) return undefined;
  return { id: 'errors', title: 'Errors against the reference', body: join(parts) };
}

/** One element has the errors of all. */
const several = (rows: readonly ErrorRow[] | undefined): readonly ErrorRow[] | undefined =>
  rows === undefined || rows.length < 2 ? undefined : rows;

function setTable(data: ReportData, numbering: Numbering): Html | undefined {
  const { train, validation, test, leakFree } = data.errors ?? {};
  const rows = [train, validation, test, leakFree].filter((row) => row !== undefined);
  const relatives =
    leakFree === undefined
      ? ''
      : ' Relatives are frames of the same run or about the same sites, or equal to a training frame but for symmetry.';
  const caption =
    'Errors by part of the split. MAE: mean absolute error; RMSE: root mean square error. Energies per atom; forces and stress per Cartesian component.';
  return rowTable(`${caption}${relatives}`, 'Set', rows, numbering);
}

function rowTable(
  caption: string,
  name: string,
  rows: readonly ErrorRow[] | undefined,
  numbering: Numbering,
): Html | undefined {
  if (rows === undefined || rows.length === 0) return undefined;
  const columns: Column<ErrorRow>[] = [{ header: name, cell: (row) => row.name }];
  for (const [key, title] of [
    ['frames', 'Frames'],
    ['atoms', 'Atoms'],
  ] as const) {
    if (rows.every((row) => row[key] === undefined)) continue;
    columns.push({ header: title, align: 'right', cell: (row) => formatNumber(row[key], { decimals: 0 }) });
  }
  for (const quantity of QUANTITIES) {
    const { title, unit, perUnit } = ERROR_DISPLAY[quantity];
    const values = rows.map((row) => row[quantity]).filter((error) => error !== undefined);
    if (values.length === 0) continue;
    const decimals = commonDecimals(values.map((error) => error.mae * perUnit));
    for (const measure of ['mae', 'rmse'] as const) {
      columns.push({
        header: html`${title} ${measure.toUpperCase()}<br>${unit}`,
        align: 'right',
        cell: (row) => {
          const error = row[quantity];
          return typeset(formatNumber(error === undefined ? undefined : error[measure] * perUnit, { decimals }));
        },
      });
    }
  }
  return table(numbering, caption, rows, columns);
}

function parityFigure(data: ReportData, parity: Parity, numbering: Numbering): Html | undefined {
  const panels = QUANTITIES.map((quantity) => {
    const panel = parity[quantity];
    if (panel === undefined) return undefined;
    const held = panel.test === undefined ? undefined : data.errors?.test?.[quantity];
    return parityPlot(numbering.plot(), quantity, panel, held);
  });
  if (panels.every((panel) => panel === undefined)) return undefined;
  const sets = QUANTITIES.flatMap((quantity) => [parity[quantity]?.train, parity[quantity]?.test]);
  const thinned = sets.some((set) => set !== undefined && set.total > set.reference.length);
  const caption = html`Predicted against reference values on ${legend(parity)}; the thin line is y = x. Energies are counted from
the lowest reference energy. ${data.errors?.test === undefined ? '' : 'The errors printed in the plots are those of the held-out frames.'}
${thinned ? 'Points that would hide each other are drawn once; none of the outliers is left out.' : ''}`;
  return figure(numbering, caption, panels, { three: true });
}

function legend(parity: Parity): Html {
  const has = (part: 'train' | 'test'): boolean =>
    QUANTITIES.some((quantity) => parity[quantity]?.[part] !== undefined);
  const train = has('train') ? html`<span class="key train"></span> training frames` : undefined;
  const test = has('test') ? html`<span class="key"></span> held-out frames` : undefined;
  return join([train, test], ' and ');
}

function distributionFigure(parity: Parity, numbering: Numbering): Html | undefined {
  const panels = QUANTITIES.map((quantity) => {
    const panel = parity[quantity];
    return panel === undefined ? undefined : errorDistributionPlot(numbering.plot(), quantity, panel);
  });
  if (panels.every((panel) => panel === undefined)) return undefined;
  const sentence = tailSentence(parity.forces?.test);
  const caption = html`Share of values whose absolute error is smaller than the one on the axis, for ${legend(parity)}.${sentence}`;
  return figure(numbering, caption, panels, { three: true });
}

function tailSentence(set: ParitySet | undefined): string {
  const [half, most] = [set?.quantiles[50], set?.quantiles[95]];
  if (half === undefined || most === undefined) return '';
  const show = (error: number): string => formatValue(error * ERROR_DISPLAY.forces.perUnit, ERROR_DISPLAY.forces.unit);
  return ` Of the held-out force components, half are off by less than ${show(half)} and 95 % by less than ${show(most)}.`;
}
