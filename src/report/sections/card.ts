import { type Content, facts, type Html, html, type Section } from '../markup.ts';
import type { ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** What somebody needs who wants to make it again. */
export function cardSection(data: ReportData): Section | undefined {
  const card = data.card;
  if (card === undefined) return undefined;
  const body = html`<div class="columns">
${settings('Model', [
  ['weights', card.weights === undefined ? undefined : formatNumber(card.weights, { decimals: 0 })],
  ['cutoff', card.cutoff === undefined ? undefined : `${formatNumber(card.cutoff, { trim: true })} Å`],
  ...entries(card.hyperparameters),
])}
${settings('Training', [['seed', card.seed], ...entries(card.training)])}
${settings('Versions', entries(card.versions))}
<div><h3>Units and signs</h3>${facts(CONVENTIONS)}</div>
</div>
${settings('Licence and file', [
  ['Licence', card.licence],
  ['Cite as', card.citation],
  ['SHA-256 of the model', card.sha256 === undefined ? undefined : html`<code>${card.sha256}</code>`],
])}
${card.command === undefined ? undefined : html`<h3>To make it again</h3><pre><code>${card.command}</code></pre>`}`;
  return { id: 'card', title: 'Provenance', body };
}

/** What every nearsight model file holds to. */
const CONVENTIONS: readonly (readonly [string, Content])[] = [
  ['Length, time', 'Å, fs'],
  ['Energy', 'eV, of the whole structure'],
  ['Forces', 'eV/Å, −∂E/∂r'],
  ['Stress', 'eV/Å³, (1/V) ∂E/∂ε, positive in tension; Voigt order xx yy zz yz xz xy'],
  ['Virial', 'eV, −V·stress'],
  ['Pressure', 'GPa, positive in compression'],
];

function settings(title: string, rows: readonly (readonly [string, Content])[]): Html | undefined {
  const present = rows.filter(([, value]) => value !== undefined);
  return present.length === 0 ? undefined : html`<div><h3>${title}</h3>${facts(present)}</div>`;
}

function entries(values: Readonly<Record<string, string | number | boolean>> | undefined): [string, Content][] {
  return Object.entries(values ?? {}).map(([name, value]) => [name, showSetting(value)]);
}

function showSetting(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' ? formatNumber(value, { digits: 6, trim: true }) : value;
}
