import { count, countVerdicts, ERROR_DISPLAY, headlineErrors, QUANTITIES, verdictSentence } from '../display.ts';
import { type Grade, gradeSentence } from '../grade.ts';
import { type Content, type Html, html, type Section, typeset } from '../markup.ts';
import type { ReportData, SpeedSummary } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** Title, verdict, key figures and the list of the sections that follow. */
export function header(data: ReportData, grade: Grade | undefined, sections: readonly Section[]): Html {
  const { fail, total } = countVerdicts(data);
  const tone = total === 0 ? '' : fail > 0 ? ' fail' : ' pass';
  const tiles = [...errorTiles(data), ...coverageTiles(data), ...speedTiles(data)];
  return html`<header>
<p class="kicker">Trust report · ${data.generator === undefined ? '' : `${data.generator} · `}${data.date}</p>
<h1>${data.name}</h1>
<p class="subtitle">Interatomic potential for ${data.elements.join(', ')}</p>
${grade === undefined ? undefined : gradeBadge(grade)}
<p class="verdict${tone}">${verdictSentence(data)}</p>
${tiles.length === 0 ? undefined : html`<dl class="tiles">${tiles}</dl>`}
${navigation(sections)}
</header>`;
}

/** The letter, what it means and why it is no better. */
function gradeBadge(grade: Grade): Html {
  const tone = grade.letter <= 'B' ? 'pass' : grade.letter === 'C' ? 'warning' : 'fail';
  const sentence = gradeSentence(grade);
  const [, meaning, why] = /^Grade .: (.*?\.)(?: (Held back by: .*))?$/.exec(sentence) ?? [];
  return html`<div class="grade ${tone}"><span class="letter-big" aria-label="Grade ${grade.letter}">${grade.letter}</span>
<p><b>Grade ${grade.letter}: ${meaning}</b>${why === undefined ? undefined : html`<span class="detail">${why}</span>`}</p></div>`;
}

/** Links to the sections. */
export function navigation(sections: readonly Section[]): Html {
  const links = sections.map((section) => html`<li><a href="#${section.id}">${section.title}</a></li>`);
  return html`<nav aria-label="Sections"><ol>${links}</ol></nav>`;
}

/** A key figure with its name, its unit and what it refers to. */
export function tile(name: string, number: Content, unit: string, note: Content): Html {
  return html`<div class="tile"><dt>${name}</dt><dd class="figure">${number}<span class="unit">${unit}</span></dd><dd class="note">${note}</dd></div>`;
}

function errorTiles(data: ReportData): Html[] {
  const headline = headlineErrors(data);
  if (headline === undefined) return [];
  return QUANTITIES.flatMap((quantity) => {
    const error = headline.row[quantity];
    if (error === undefined) return [];
    const { title, unit, perUnit } = ERROR_DISPLAY[quantity];
    const rmse = typeset(formatNumber(error.rmse * perUnit));
    const note = html`MAE on ${headline.frames}<br>RMSE ${rmse} ${unit}`;
    return [tile(`${title} error`, typeset(formatNumber(error.mae * perUnit)), unit, note)];
  });
}

function speedTiles(data: ReportData): Html[] {
  const speed = data.speed;
  if (speed === undefined) return [];
  const size = speed.atoms === undefined ? '' : count(speed.atoms, 'atom');
  const threads = speed.threads === undefined ? '' : count(speed.threads, 'thread');
  const where = [size, threads, speed.machine ?? ''].filter((text) => text !== '').join(', ');
  return [
    tile('Time per atom', typeset(formatNumber(speed.microsecondsPerAtom)), 'µs', html`${where}${beside(speed)}`),
  ];
}

/** Two digits: a ratio of two timings is not known better. */
function beside({ timesFasterThanDft: factor, dft }: SpeedSummary): Html | undefined {
  if (factor === undefined) return undefined;
  const number = typeset(formatNumber(Number(factor.toPrecision(2)), { digits: 2 }));
  return html`<br>${number} times faster than DFT${dft === undefined ? '' : ` (${dft})`}`;
}

/** What the 90 % intervals of forces hold: on the frames of the report, or else where they were calibrated. */
function coverageTiles({ uncertainty }: ReportData): Html[] {
  const on = uncertainty?.forces?.given ?? uncertainty?.forces?.heldOut;
  const share = on?.metrics.coverage.find(({ stated }) => stated === 0.9)?.observed;
  if (uncertainty?.calibrated !== true || share === undefined) return [];
  const where = uncertainty.forces?.given === undefined ? 'on the frames of the calibration' : 'on the given frames';
  const note = `of force components ${where}; 90 % would be right`;
  return [tile('90 % intervals hold', formatNumber(100 * share, { decimals: 1 }), '%', note)];
}
