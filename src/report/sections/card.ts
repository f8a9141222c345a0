import { type Content, facts, type Html, html, type Section } from '../markup.ts';
import type { ModelCard, ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** What somebody needs who wants to use or to repeat it. */
export function cardSection(data: ReportData): Section | undefined {
  const card = data.card;
  if (card === undefined) return undefined;
  const body = html`${purpose(card)}
<div class="columns">
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
  return { id: 'card', title: 'Model card', body };
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

function purpose(card: ModelCard): Html | undefined {
  const not = card.notFor ?? [];
  if (card.intendedUse === undefined && not.length === 0) return undefined;
  const list =
    not.length === 0
      ? undefined
      : html`<p>It was not made or tested for</p><ul>${not.map((text) => html`<li>${text}</li>`)}</ul>`;
  return html`${card.intendedUse === undefined ? undefined : html`<p>${card.intendedUse}</p>`}${list}`;
}

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
