import { figure, type Html, html, type Numbering, type Section, table, typeset } from '../markup.ts';
import { FAMILIES, speciesPlot } from '../plots/species.ts';
import type { ReportData, SpeciesReport } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** With more elements than this a table of neighbours is no longer read. */
const MOST_ROWS = 20;
/** Below this chance of being luck the order of the groups counts as found. */
const SIGNIFICANT = 0.01;

/** What the model has learned of its elements. */
export function speciesSection(data: ReportData, numbering: Numbering): Section | undefined {
  const { species } = data;
  if (species === undefined) return undefined;
  const plot = speciesPlot(numbering.plot(), species);
  if (plot === undefined) return undefined;
  const caption = html`The elements as the model sees them: the more alike it treats the atoms of two elements ${species.compared}, the nearer they stand. ${legend(species)}`;
  const body = html`${groupSentence(species)}
${figure(numbering, caption, [plot], { full: true })}
${neighbourTable(species, numbering)}`;
  return { id: 'species', title: 'Elements', body };
}

function legend({ families }: SpeciesReport): Html {
  const present = FAMILIES.filter(([family]) => families.includes(family));
  return html`${present.map(
    ([family, name]) =>
      html`<span class="swatch"><span class="key" style="background: var(--${family})"></span> ${name}</span> `,
  )}`;
}

/** What the map shows, as a measured number. */
function groupSentence({ groups, symbols, startedFromTable }: SpeciesReport): Html | undefined {
  if (groups === undefined || !Object.values(groups).every(Number.isFinite)) return undefined;
  const { meanRank, chance, probability, pairs } = groups;
  const rank = formatNumber(meanRank, { decimals: 1 });
  const luck = probability > 0 ? html`${typeset(formatNumber(probability, { digits: 2 }))}` : html`below 0.0005`;
  const found = probability < SIGNIFICANT;
  const verdict = !found
    ? 'The groups of the periodic table do not show.'
    : startedFromTable === true
      ? 'The groups of the periodic table show; the training began with vectors that follow it, so that not all of this was learned.'
      : 'The groups of the periodic table show, though the training was told nothing of it.';
  return html`<p>${verdict} Among the ${symbols.length - 1} other elements, ordered by how alike the model treats them, one of
the same group stands at place ${rank} in the mean over ${pairs} pairs; with names given at random it would be place
${formatNumber(chance, { decimals: 1 })} (probability of a place as low by chance: ${luck}).</p>`;
}

function neighbourTable({ symbols, nearest }: SpeciesReport, numbering: Numbering): Html | undefined {
  if (nearest === undefined || symbols.length > MOST_ROWS) return undefined;
  return table(
    numbering,
    'The elements that the model treats most alike, the nearest first.',
    symbols.map((symbol, i) => ({ symbol, others: nearest[i] ?? [] })),
    [
      { header: 'Element', cell: (row) => row.symbol },
      { header: 'Most alike', cell: (row) => row.others.join(', ') },
    ],
  );
}
