import { type Column, figure, type Html, html, join, type Numbering, type Section, table, typeset } from '../markup.ts';
import { energyVolumePlot, stressStrainPlot } from '../plots/curves.ts';
import type { PropertyReport, PropertyRow, ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** What the potential says about the material, beside what the reference method says. */
export function propertySection(data: ReportData, numbering: Numbering): Section | undefined {
  const properties = data.properties;
  if (properties === undefined) return undefined;
  const parts = [propertyTable(properties, numbering), curves(properties, numbering)];
  if (parts.every((part) => part === undefined)) return undefined;
  return { id: 'properties', title: 'Properties', body: join(parts) };
}

function propertyTable(properties: PropertyReport, numbering: Numbering): Html | undefined {
  const rows = properties.table ?? [];
  if (rows.length === 0) return undefined;
  const columns: Column<PropertyRow>[] = [
    { header: 'Property', cell: (row) => row.name },
    { header: 'Unit', cell: (row) => row.unit },
    { header: 'Potential', align: 'right', cell: (row) => withUncertainty(row) },
  ];
  if (rows.some((row) => row.reference !== undefined)) {
    columns.push({ header: 'Reference', align: 'right', cell: (row) => plain(row.reference) });
    columns.push({ header: 'Difference', align: 'right', cell: (row) => difference(row) });
  }
  if (rows.some((row) => row.experiment !== undefined)) {
    columns.push({ header: 'Experiment', align: 'right', cell: (row) => plain(row.experiment) });
  }
  const source = properties.reference === undefined ? '' : ` Reference: ${properties.reference}.`;
  const spread = rows.some((row) => row.uncertainty !== undefined) ? ' After ±: one standard deviation.' : '';
  return table(numbering, `Properties of the material.${source}${spread}`, rows, columns);
}

function plain(value: number | undefined): Html {
  return value === undefined ? html`` : typeset(formatNumber(value, { digits: 4, trim: true }));
}

/** The uncertainty with two digits, and the value with as many decimals: `5.47410 ± 0.00080`. */
function withUncertainty(row: PropertyRow): Html {
  const { value, uncertainty } = row;
  if (uncertainty === undefined || !(uncertainty > 0)) return typeset(formatNumber(value, { digits: 4 }));
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(Number(uncertainty.toPrecision(2)))));
  return html`${typeset(formatNumber(value, { decimals }))} ± ${formatNumber(uncertainty, { decimals })}`;
}

/** Of the reference value, in per cent, with its sign. */
function difference(row: PropertyRow): Html {
  if (row.reference === undefined || row.reference === 0) return html``;
  const percent = (100 * (row.value - row.reference)) / Math.abs(row.reference);
  const text = formatNumber(percent, { decimals: Math.abs(percent) < 9.95 ? 1 : 0 });
  return typeset(`${percent > 0 && Number(text) !== 0 ? '+' : ''}${text} %`);
}

function curves(properties: PropertyReport, numbering: Numbering): Html | undefined {
  const strains = properties.stressStrain ?? [];
  const total = strains.length + (properties.energyVolume === undefined ? 0 : 1);
  if (total === 0) return undefined;
  const size = total % 3 === 0 ? 'small' : 'wide';
  const volume = properties.energyVolume;
  const panels = [
    volume === undefined ? undefined : energyVolumePlot(numbering.plot(), volume, size),
    ...strains.map((curve) => stressStrainPlot(numbering.plot(), curve, size)),
  ];
  const shown = [
    volume === undefined ? '' : 'Energy against volume',
    strains.length === 0 ? '' : 'stress against strain',
  ];
  const names = shown.filter((text) => text !== '').join('; ');
  const tension = strains.length === 0 ? '' : ' Stress is positive in tension.';
  const anyHeldOut = [volume, ...strains].some((curve) => curve?.heldOut !== undefined);
  const heldOut = anyHeldOut ? ' (filled: not trained on)' : '';
  const caption = html`${names[0].toUpperCase()}${names.slice(1)}. <span class="key"></span> potential,
<span class="key points"></span> reference${heldOut}.${tension}`;
  return figure(numbering, caption, panels);
}
