import { figure, type Html, html, join, type Numbering, type Section } from '../markup.ts';
import { neededRadiusPlot, outsidePlot } from '../plots/locality.ts';
import type { ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';
import type { FeltFromOutside, LocalityReport } from '../trust-data.ts';

/** How far atoms feel each other, beside how far the potential sees. */
export function localitySection({ locality }: ReportData, numbering: Numbering): Section | undefined {
  if (locality === undefined) return undefined;
  const panels = [outsidePlot(numbering.plot(), locality), neededRadiusPlot(numbering.plot(), locality)];
  const drawn = panels.some((panel) => panel !== undefined) ? figure(numbering, caption(locality), panels) : undefined;
  const body = join([summary(locality), drawn]);
  return { id: 'locality', title: 'Locality', body };
}

function summary({ cutoff, outside, data }: LocalityReport): Html {
  const own = outside.some(({ kind }) => kind === 'potential')
    ? ' This potential passes on what its neighbours feel, up to twice its cutoff.'
    : '';
  const found = data === undefined ? '' : ` The labels themselves: ${data.verdict}`;
  return html`<p>The potential sees ${formatNumber(cutoff)} Å far. Whether that is enough is a question to the material: where electrons screen, forces from afar die exponentially; where they do not, as a power of the distance, and no cutoff that one could pay for is enough.${own}${found}</p>`;
}

const COLOURS: Readonly<Record<FeltFromOutside['kind'], string>> = {
  insulator: 'outside',
  metal: 'train',
  potential: '',
};

function caption({ outside, data }: LocalityReport): Html {
  const laws = outside.map(
    ({ name, kind, decay }, k) =>
      html`${k === 0 ? '' : '; '}<span class="key ${COLOURS[kind]}"></span> ${name}${decay === undefined ? '' : html`, ${lawOf(decay)}`}`,
  );
  const right =
    data === undefined
      ? ''
      : ' Right: force error on held-out frames of linear models that see so far, learned from the labels.';
  return html`${data === undefined ? '' : 'Left: '}Force on an atom when all atoms beyond a sphere are displaced at random by 0.1 Å: ${join(laws, '')}. The dashed line is the cutoff.${right}`;
}

/** The law that fits better: R to the power −p, or e to the power −R/λ. */
function lawOf({ better, power, exponential }: NonNullable<FeltFromOutside['decay']>): Html {
  const number = (value: number, error: number): string =>
    `${formatNumber(value, { decimals: 2 })} ± ${formatNumber(Math.max(error, 0.005), { decimals: 2 })}`;
  return better === 'power'
    ? html`R<sup>−p</sup> with p = ${number(power.exponent, power.uncertainty)}`
    : html`e<sup>−R/λ</sup> with λ = ${number(exponential.length, exponential.uncertainty)} Å`;
}
