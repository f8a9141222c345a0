import type { DataPortrait } from '../../curation/index.ts';
import { count } from '../display.ts';
import { type Html, html, type Section, startNumbering, typeset } from '../markup.ts';
import { renderPage } from '../page.ts';
import { navigation, tile } from '../sections/header.ts';
import { formatNumber } from '../text.ts';
import { DATA_SECTIONS } from './sections.ts';

export interface DataReportOptions {
  readonly name: string;
  /** As it shall be printed: `2026-02-14`. The library has no clock. */
  readonly date: string;
  /** What wrote it: `nearsight 0.1.0`. */
  readonly generator: string;
}

/** The data report as one HTML file, see `renderPage`. The same data give the same bytes. */
export function renderDataReport(portrait: DataPortrait, options: DataReportOptions): string {
  const numbering = startNumbering();
  const sections = DATA_SECTIONS.map((draw) => draw(portrait, numbering)).filter((section) => section !== undefined);
  return renderPage(
    {
      title: `${options.name} – data report`,
      header: header(portrait, options, sections),
      footer: `${options.generator} · ${options.date} · Å, eV; stress positive in tension.`,
    },
    sections,
  );
}

function header(portrait: DataPortrait, options: DataReportOptions, sections: readonly Section[]): Html {
  const { inspection, flaggedCount } = portrait;
  const errors = inspection.findings.filter(({ severity }) => severity === 'error').length;
  const warnings = inspection.findings.filter(({ severity }) => severity === 'warning').length;
  const verdict =
    errors > 0
      ? `Not fit for training as it is: ${count(errors, 'error')}${warnings > 0 ? ` and ${count(warnings, 'warning')}` : ''}.`
      : warnings > 0
        ? `Fit for training, with ${count(warnings, 'warning')}.`
        : 'Fit for training: no complaint.';
  const whole = (value: number): Html => typeset(formatNumber(value, { decimals: 0 }));
  const largest = inspection.forces?.max;
  return html`<header>
<p class="kicker">Data report · ${options.generator} · ${options.date}</p>
<h1>${options.name}</h1>
<p class="subtitle">Labelled structures of ${inspection.elements.map(({ symbol }) => symbol).join(', ')}</p>
<p class="verdict ${errors > 0 ? 'fail' : 'pass'}">${verdict}</p>
<dl class="tiles">${[
    tile('Frames', whole(inspection.frames), '', `${count(inspection.groups.length, 'group')}`),
    tile('Atoms', whole(inspection.atoms), '', `${count(inspection.elements.length, 'element')}`),
    tile('Frames to look at', whole(flaggedCount), '', 'named by warnings and errors'),
    ...(inspection.shortest === null
      ? []
      : [
          tile(
            'Shortest distance',
            typeset(formatNumber(inspection.shortest.distance)),
            'Å',
            `frame ${inspection.shortest.frame}`,
          ),
        ]),
    ...(largest === undefined || inspection.forces === null
      ? []
      : [tile('Largest force', typeset(formatNumber(largest)), 'eV/Å', `frame ${inspection.forces.maxFrame}`)]),
  ]}</dl>
${navigation(sections)}
</header>`;
}
