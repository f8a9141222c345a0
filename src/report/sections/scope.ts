import { GPA } from '../../units.ts';
import { count } from '../display.ts';
import { type Content, facts, type Html, html, type Section, typeset } from '../markup.ts';
import { type PurposeAnswer, purposeAnswers } from '../purpose.ts';
import type { ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';
import type { ScopeReport, Span } from '../trust-data.ts';

/** Groups that are named. */
const MOST_GROUPS = 12;

/** What the potential has seen, and what of its purpose it has not. */
export function scopeSection(data: ReportData): Section | undefined {
  const { scope, card } = data;
  const not = card?.notFor ?? [];
  const parts = [scope, card?.intendedUse, data.purpose, not[0]];
  if (parts.every((part) => part === undefined)) return undefined;
  const body = html`${card?.intendedUse === undefined ? undefined : html`<p>${card.intendedUse}</p>`}
${not.length === 0 ? undefined : html`<p>It was not made or tested for</p><ul>${not.map((text) => html`<li>${text}</li>`)}</ul>`}
${purposeOf(data)}
${scope === undefined ? undefined : seen(scope, data.elements)}`;
  return { id: 'scope', title: 'What it is for', body };
}

function purposeOf(data: ReportData): Html | undefined {
  const { purpose } = data;
  if (purpose === undefined) return undefined;
  const answers = purposeAnswers(data);
  const none = answers.length === 0 ? ' Nothing in it could be held against the training data by rule.' : '';
  return html`<p>Wanted for: <em>${purpose}</em>.${none}</p>
${answers.length === 0 ? undefined : html`<ul class="answers">${answers.map(answer)}</ul>`}`;
}

function answer({ standing, sentence }: PurposeAnswer): Html {
  const [tone, sign] = { seen: ['pass', '✓'], unseen: ['fail', '✗'], unknown: ['warning', '?'] }[standing];
  return html`<li><span class="mark ${tone}">${sign}</span> ${sentence[0].toUpperCase()}${sentence.slice(1)}</li>`;
}

/** What the training data hold. */
function seen(scope: ScopeReport, elements: readonly string[]): Html {
  const { kinds, shortest, largestForce } = scope;
  const structures = [
    kinds.bulk > 0 ? `${formatNumber(kinds.bulk, { decimals: 0 })} bulk` : '',
    kinds.surface > 0 ? `${formatNumber(kinds.surface, { decimals: 0 })} with surfaces` : '',
    kinds.molecule > 0 ? `${formatNumber(kinds.molecule, { decimals: 0 })} molecules or clusters` : '',
  ];
  return html`<p>It has been shown, in its training data, no more than this:</p>
${facts([
  ['Elements', elements.join(', ')],
  [
    'Structures',
    `${count(scope.frames, 'frame')}, ${count(scope.atoms, 'atom')}: ${structures.filter(Boolean).join(', ')}`,
  ],
  ['Groups', groups(scope)],
  ['Temperatures, by name', range(scope.temperature, 'K')],
  ['Volume per atom', volumes(scope)],
  ['Pressure', range(scope.pressure, 'GPa', 1 / GPA)],
  ['Largest force', largestForce === undefined ? undefined : `${formatNumber(largestForce)} eV/Å`],
  [
    'Shortest distances',
    shortest
      .slice(0, 10)
      .map(({ pair, distance }) => `${pair} ${formatNumber(distance, { decimals: 2 })} Å`)
      .join(', '),
  ],
])}`;
}

function groups(scope: ScopeReport): string | undefined {
  const named = scope.groups.filter(({ name }) => name !== '' && name !== '(no group)');
  if (named.length === 0) return undefined;
  const list = named
    .slice(0, MOST_GROUPS)
    .map(({ name, frames }) => `${name} (${formatNumber(frames, { decimals: 0 })})`);
  const more = named.length - list.length;
  return `${list.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** `−2.1 to 15.3 GPa`, or one number where both ends look the same. */
function range(span: Span | undefined, unit: string, factor = 1): Content {
  if (span === undefined) return undefined;
  const [low, high] = [span.min, span.max].map((value) => typeset(formatNumber(value * factor)));
  return low.html === high.html ? html`${low} ${unit}` : html`${low} to ${high} ${unit}`;
}

function volumes({ volumePerAtom, restingVolume }: ScopeReport): Content {
  const span = range(volumePerAtom, 'Å³');
  if (volumePerAtom === undefined || restingVolume === undefined || !(restingVolume > 0)) return span;
  const [low, high] = [volumePerAtom.min, volumePerAtom.max].map((volume) => {
    const percent = 100 * (volume / restingVolume - 1);
    return typeset(`${percent > 0 ? '+' : ''}${formatNumber(percent, { decimals: 0 })}`);
  });
  return html`${span} (${low} % to ${high} % of that of the lowest energy)`;
}
