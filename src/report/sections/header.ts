import { count, countVerdicts, ERROR_DISPLAY, headlineErrors, QUANTITIES, verdictSentence } from '../display.ts';
import { type Content, type Html, html, type Section, typeset } from '../markup.ts';
import type { ReportData } from '../report-data.ts';
import { formatNumber } from '../text.ts';

/** Title, verdict, key figures and the list of the sections that follow. */
export function header(data: ReportData, sections: readonly Section[]): Html {
  const { fail, total } = countVerdicts(data);
  const tone = total === 0 ? '' : fail > 0 ? ' fail' : ' pass';
  const tiles = [...errorTiles(data), ...speedTiles(data)];
  return html`<header>
<p class="kicker">Trust report · ${data.generator === undefined ? '' : `${data.generator} · `}${data.date}</p>
<h1>${data.name}</h1>
<p class="subtitle">Interatomic potential for ${data.elements.join(', ')}</p>
<p class="verdict${tone}">${verdictSentence(data)}</p>
${tiles.length === 0 ? undefined : html`<dl class="tiles">${tiles}</dl>`}
${navigation(sections)}
</header>`;
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
  const tiles = [tile('Time per atom', typeset(formatNumber(speed.microsecondsPerAtom)), 'µs', where)];
  if (speed.timesFasterThanDft !== undefined) {
    // Two digits: a ratio of two timings is not known better.
    const factor = Number(speed.timesFasterThanDft.toPrecision(2));
    tiles.push(tile('Faster than DFT', typeset(formatNumber(factor, { digits: 2 })), 'times', speed.dft));
  }
  return tiles;
}
