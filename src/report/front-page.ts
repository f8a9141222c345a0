import { describeNeed, ERROR_KEYS, errorOf, type Front } from '../training/front.ts';
import type { Objective } from '../training/weight-sweep.ts';
import { count, ERROR_DISPLAY } from './display.ts';
import {
  facts,
  figure,
  type Html,
  html,
  type Numbering,
  type Section,
  startNumbering,
  table,
  typeset,
} from './markup.ts';
import { renderPage } from './page.ts';
import { FRONT_COLOURS, tradeOffPlot } from './plots/front.ts';
import { navigation, tile } from './sections/header.ts';
import { STYLE } from './style.ts';
import { commonDecimals, formatNumber } from './text.ts';

export interface FrontPageOptions {
  readonly name: string;
  /** As it shall be printed: `2026-02-14`. */
  readonly date: string;
  /** What wrote it: `nearsight 0.1.0`. */
  readonly generator: string;
  /** Frames that the errors are of, and how they were held out. */
  readonly frames: number;
  readonly split: string;
}

type Point = Front['points'][number];

/** A front of models as one HTML file, see `renderPage`. The same front gives the same bytes. */
export function renderFront(front: Front, options: FrontPageOptions): string {
  const numbering = startNumbering();
  const sections = [tradeOffs(front, numbering), pointTable(front, numbering), reading(front, options)];
  return renderPage(
    {
      title: `${options.name} – ${count(front.points.length, 'model')}`,
      header: header(front, options, sections),
      footer: `${options.generator} · ${options.date} · Mean absolute errors on ${count(options.frames, 'validation frame')}.`,
    },
    sections,
  );
}

/** The trade-offs alone, as an SVG file that needs no page. */
export function renderFrontFigure(front: Front): string {
  const panels = pairsOf(front.objectives).map((pair, k) => tradeOffPlot(`pareto-${k + 1}`, front, pair));
  const present = panels.filter((panel) => panel !== undefined);
  const [width, height] = [290, 276];
  const placed = present.map(({ html: svg }, k) =>
    svg.replace('<svg', `<svg x="${k * width}" y="0" width="${width}" height="${height}"`),
  );
  const size = `width="${present.length * width}" height="${height}" viewBox="0 0 ${present.length * width} ${height}"`;
  const variables = /:root \{[^}]*\}/.exec(STYLE)![0].replace('color-scheme: light dark;', '');
  const style = `<style>${variables} text { white-space: pre; }</style><rect width="100%" height="100%" fill="#ffffff"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" color="#1c2126">${style}${placed.join('')}</svg>\n`;
}

/** Every pair of objectives, x and y. */
function pairsOf(objectives: readonly Objective[]): (readonly [Objective, Objective])[] {
  return objectives.flatMap((x, i) => objectives.slice(i + 1).map((y) => [x, y] as const));
}

function header(front: Front, options: FrontPageOptions, sections: readonly Section[]): Html {
  const [first] = front.points;
  const chosen = front.points.find(({ name }) => name === front.chosen);
  const undominated = front.points.filter(({ dominated }) => !dominated).length;
  const tiles = front.objectives.map((name) => {
    const { title, unit } = ERROR_DISPLAY[name];
    const before = typeset(formatNumber(errorOf(first, name)));
    return tile(
      `${title} error`,
      typeset(formatNumber(errorOf(chosen ?? first, name))),
      unit,
      html`default: ${before} ${unit}`,
    );
  });
  return html`<header>
<p class="kicker">Pareto front · ${options.generator} · ${options.date}</p>
<h1>${options.name}</h1>
<p class="subtitle">One training, and ${count(front.points.length - 1, 'model')} with other weights of ${front.objectives.join(', ')} in the loss</p>
<p class="verdict${chosen === undefined ? ' fail' : ''}">${choiceSentence(front)}</p>
<dl class="tiles">${[
    ...tiles,
    tile('Not dominated', String(undominated), '', `of ${count(front.points.length, 'model')}`),
    tile('Hypervolume', formatNumber(front.hypervolume), '', 'share of the box of twice the default errors'),
  ]}</dl>
${navigation(sections)}
</header>`;
}

/** What was chosen, and what it gains and costs against the default. */
export function choiceSentence(front: Front): string {
  const [first] = front.points;
  const need = describeNeed(front.need);
  const chosen = front.points.find(({ name }) => name === front.chosen);
  if (chosen === undefined) return `No model meets the need: ${need}.`;
  if (chosen === first) return `Chosen (${need}): the default itself.`;
  const changes = front.objectives.map((name) => {
    const [before, after] = [errorOf(first, name), errorOf(chosen, name)];
    const percent = Math.round(100 * (after / before - 1));
    const sign = percent > 0 ? '+' : percent < 0 ? '−' : '±';
    return `${name} ${formatNumber(after)} ${ERROR_DISPLAY[name].unit} (${sign}${Math.abs(percent)} %)`;
  });
  return `Chosen (${need}): ${chosen.name}, ${changes.join(', ')} against the default.`;
}

function tradeOffs(front: Front, numbering: Numbering): Section {
  const legend = [
    html`<span class="swatch">${symbol('<rect x="1" y="1" width="8" height="8"/>')} default</span>`,
    html`<span class="swatch">${symbol('<path d="M5 0L9 5L5 10L1 5Z"/>')} knee</span>`,
    html`<span class="swatch">${symbol(`<circle cx="5" cy="5" r="4" fill="none" stroke="${FRONT_COLOURS.chosen}" stroke-width="1.6"/>`)} chosen</span>`,
    html`<span class="swatch">${symbol('<circle cx="5" cy="5" r="3.5"/>')} not dominated</span>`,
    html`<span class="swatch">${symbol(`<circle cx="5" cy="5" r="3.5" fill="${FRONT_COLOURS.dominated}"/>`)} dominated</span>`,
  ];
  const caption = html`Mean absolute errors on the validation frames, two at a time; down and to the left is better. Numbers are those of the stops of the path. The line joins what is not dominated in the two errors of its panel; a model that is dominated there may be the best in the third. ${legend}`;
  const panels = pairsOf(front.objectives).map((pair) => tradeOffPlot(numbering.plot(), front, pair));
  return { id: 'trade-offs', title: 'Trade-offs', body: figure(numbering, caption, panels) };
}

function symbol(shape: string): Html {
  return {
    html: `<svg viewBox="0 0 10 10" width="10" height="10" fill="${FRONT_COLOURS.point}" aria-hidden="true">${shape}</svg>`,
  };
}

function pointTable(front: Front, numbering: Numbering): Section {
  const errors = front.objectives.map((name) => {
    const decimals = commonDecimals(front.points.map((point) => errorOf(point, name)));
    const { title, unit } = ERROR_DISPLAY[name];
    return {
      header: html`${title}<br>${unit}`,
      align: 'right' as const,
      cell: (point: Point) => formatNumber(point[ERROR_KEYS[name]], { decimals }),
    };
  });
  const weights = front.objectives.map((name) => ({
    header: html`Weight<br>${name}`,
    align: 'right' as const,
    cell: (point: Point) => formatNumber(point.weights[name], { digits: 2 }),
  }));
  const body = table(
    numbering,
    'All models: the weights of their losses, and their errors (MAE, validation).',
    front.points,
    [
      { header: 'Model', cell: ({ name }) => name },
      ...weights,
      ...errors,
      { header: '', cell: (point) => marksOf(front, point) },
    ],
  );
  return { id: 'models', title: 'Models', body };
}

/** `knee, chosen`, `dominated`, or nothing. */
export function marksOf(front: Front, { name, dominated }: Point): string {
  const marks = [
    dominated ? 'dominated' : '',
    name === front.knee ? 'knee' : '',
    name === front.chosen ? 'chosen' : '',
  ];
  return marks.filter((mark) => mark !== '').join(', ');
}

function reading(front: Front, { split }: FrontPageOptions): Section {
  const reference = front.objectives.map(
    (name) => `${formatNumber(front.reference[ERROR_KEYS[name]])} ${ERROR_DISPLAY[name].unit}`,
  );
  const body = html`<p>A model is dominated when another one is nowhere worse and somewhere better. Which of the others to take is a matter of need: <code>nearsight pareto FOLDER --choose "stress; energy&lt;=2"</code> chooses again, without training.</p>
${facts([
  ['Chosen', describeNeed(front.need)],
  [
    'Knee',
    'smallest sum of the logarithms of the errors, each scaled to 0 at the best and 1 at the worst of the models that are not dominated',
  ],
  ['Hypervolume', `what the models dominate of the box from 0 to ${reference.join(', ')}`],
  ['Validation', split],
  [
    'Mind',
    'errors on validation frames, which have chosen the epoch and now choose the model: measure the chosen model on test frames',
  ],
])}`;
  return { id: 'reading', title: 'How to read it', body };
}
