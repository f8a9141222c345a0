import { count } from '../display.ts';
import { figure, type Html, html, join, type Numbering, type Section } from '../markup.ts';
import { domainMap } from '../plots/uncertainty.ts';
import type { ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';
import type { DomainReport } from '../trust-data.ts';

/** Where the given frames lie beside the training data. */
export function domainSection(data: ReportData, numbering: Numbering): Section | undefined {
  const { domain } = data;
  if (domain === undefined) return undefined;
  const body = join([summary(domain), list(domain), map(domain, numbering)]);
  return { id: 'domain', title: 'Domain', body };
}

function summary(domain: DomainReport): Html {
  const { limit, frames, atoms, framesOutside, atomsOutside } = domain;
  const measure =
    limit === undefined
      ? ''
      : ` An environment is outside where it is more than ${formatNumber(limit)} σ from those of the training; the limit was set on frames that were held out.`;
  if (atoms === 0)
    return html`<p>The model file knows its training domain; no frames were given to hold against it.${measure}</p>`;
  const found =
    atomsOutside === 0
      ? `All ${count(atoms, 'atom')} of the ${count(frames, 'given frame')} are inside the training domain.`
      : `${count(atomsOutside, 'atom')} of ${formatNumber(atoms, { decimals: 0 })}, in ${count(framesOutside, 'frame')} of ${formatNumber(frames, { decimals: 0 })}, are outside the training domain.`;
  return html`<p>${found}${measure}</p>`;
}

function list({ sentences }: DomainReport): Html | undefined {
  return sentences.length === 0 ? undefined : html`<ul>${sentences.map((text) => html`<li>${text}</li>`)}</ul>`;
}

function map(domain: DomainReport, numbering: Numbering): Html | undefined {
  if (domain.map === undefined) return undefined;
  const plot = domainMap(numbering.plot(), domain.map);
  if (plot === undefined) return undefined;
  const given = domain.map.inside.x.length + domain.map.outside.x.length > 0;
  const above = given
    ? html`, <span class="key"></span> given ones inside the domain, <span class="key outside"></span> given ones outside`
    : '';
  const caption = html`Environments of atoms on the plane in which they differ most: <span class="key train"></span> training${above}.`;
  return figure(numbering, caption, [plot], { full: true });
}
