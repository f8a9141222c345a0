import * as Plot from '@observablehq/plot';
import { NearsightError } from '../errors.ts';
import { escapeHtml } from './markup.ts';
import { dots, drawPlot, line } from './plots/canvas.ts';
import { domainOf, logDomain, type Point } from './plots/series.ts';

/** What is drawn in one colour. */
export interface FigureSeries {
  /** Stands in the legend; without a name there is no entry. */
  readonly name?: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** `line` when absent. `bars` stand on y = 0 (or the lower end of a logarithmic axis). */
  readonly mark?: 'line' | 'dashes' | 'dots' | 'bars';
  /** One standard deviation of each y, drawn as a bar up and down. */
  readonly error?: ArrayLike<number>;
}

export interface FigureAxis {
  /** With its unit: `Distance (Å)`. */
  readonly label: string;
  readonly log?: boolean;
  /** Around all values when absent. */
  readonly domain?: readonly [number, number];
}

export interface FigureOptions {
  readonly title: string;
  readonly x: FigureAxis;
  readonly y: FigureAxis;
  readonly series: readonly FigureSeries[];
}

/** Told apart by most eyes, on white and on black (Okabe & Ito 2008), after the colour of the text. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;
const STYLE =
  'svg{--paper:#ffffff;color:#1c2126;font-family:system-ui,sans-serif}' +
  '@media(prefers-color-scheme:dark){svg{--paper:#15181b;color:#e4e7ea}}';
const WIDTH = 560;
const HEIGHT = 360;
const ROW = 17;
/** Beside a logarithmic axis what is not positive has no place. */
const drawable = (axis: FigureAxis, value: number): boolean => axis.log !== true || value > 0;

/**
 * A figure as SVG text that stands alone: write it into a `.svg` file. Light and dark as the reader's screen; no script,
 * no font and no style from elsewhere; the same numbers give the same text.
 * @throws NearsightError `figure-shape` when the lengths of a series differ or nothing can be drawn, `figure-not-finite`
 *   for NaN and infinity
 */
export function figure(options: FigureOptions): string {
  const { title, x, y, series } = options;
  const clouds = series.map((one) => checked(one).filter(({ at }) => drawable(x, at[0]) && drawable(y, at[1])));
  const xs = clouds.flat().map(({ at }) => at[0]);
  const ys = series.flatMap((one, k) => reachOf(one, clouds[k], y));
  const domains = [domainFor(x, xs), domainFor(y, ys)];
  if (domains.includes(undefined)) {
    throw new NearsightError('figure-shape', `the figure "${title}" has nothing to draw`, {
      hint: 'give at least one point; on logarithmic axes a positive one',
    });
  }
  const named = series.map(({ name }, k) => ({ name, k })).filter(({ name }) => name !== undefined);
  const head = 30 + ROW * Math.ceil(named.length / 2);
  const { html: plot } = drawPlot({
    id: 'figure',
    description: title,
    size: { width: WIDTH, height: HEIGHT + head },
    marginTop: head,
    x: { ...x, domain: domains[0]! },
    y: { ...y, domain: domains[1]! },
    marks: series.flatMap((one, k) => marksOf(one, clouds[k], { colour: colourOf(k), base: domains[1]![0] })),
  });
  const size = `xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT + head}"`;
  const legend = named.map(({ name, k }, place) => legendEntry(name!, k, place)).join('');
  const words = `<text x="${WIDTH / 2}" y="18" text-anchor="middle" font-size="14" font-weight="600" fill="currentColor">${escapeHtml(title)}</text>`;
  const ground = `<style>${STYLE}</style><rect width="100%" height="100%" fill="var(--paper)"/>`;
  return `${plot.replace(/^<svg([^>]*)>/, (_, rest: string) => `<svg ${size}${rest}>${ground}${words}${legend}`)}\n`;
}

const colourOf = (k: number): string => COLOURS[k % COLOURS.length];

/** A point and its standard deviation. */
interface Dot {
  readonly at: Point;
  readonly bar: number;
}

function checked({ name = '', x, y, error }: FigureSeries): Dot[] {
  if (x.length !== y.length || (error !== undefined && error.length !== y.length)) {
    const bars = error === undefined ? '' : `, ${error.length} errors`;
    throw new NearsightError('figure-shape', `series "${name}" has ${x.length} x, ${y.length} y${bars}`, {
      hint: 'give one y (and one error) for each x',
    });
  }
  return Array.from({ length: x.length }, (_, i): Dot => {
    const bar = error?.[i] ?? 0;
    if ([x[i], y[i], bar].every(Number.isFinite)) return { at: [x[i], y[i]], bar };
    throw new NearsightError('figure-not-finite', `point ${i} of series "${name}" is (${x[i]}, ${y[i]} ± ${bar})`, {
      hint: 'leave out what could not be computed',
    });
  });
}

/** All y that must have a place: points, ends of error bars, the foot of bars. */
function reachOf({ mark }: FigureSeries, cloud: readonly Dot[], axis: FigureAxis): number[] {
  const ends = cloud.flatMap(({ at, bar }) => [at[1] - bar, at[1] + bar]);
  return [...ends, ...(mark === 'bars' ? [0] : [])].filter((y) => drawable(axis, y));
}

function domainFor(axis: FigureAxis, values: readonly number[]): readonly [number, number] | undefined {
  return axis.domain ?? (axis.log === true ? logDomain(values) : domainOf(values));
}

function marksOf(
  { mark = 'line' }: FigureSeries,
  cloud: readonly Dot[],
  { colour, base }: { readonly colour: string; readonly base: number },
): Plot.Markish[] {
  const upright = ({ at: [x] }: Dot, from: number, to: number): Point[] => [
    [x, from],
    [x, to],
  ];
  const bars = cloud
    .filter(({ bar }) => bar > 0)
    .map((dot) => line(upright(dot, Math.max(base, dot.at[1] - dot.bar), dot.at[1] + dot.bar), colour, 1));
  const places = cloud.map(({ at }) => at);
  switch (mark) {
    case 'dots':
      return [...bars, dots(places, colour, places.length < 200 ? 5 : 3)];
    case 'dashes':
      return [...bars, Plot.line(places, { x: '0', y: '1', stroke: colour, strokeWidth: 1.6, strokeDasharray: '5 4' })];
    case 'line':
      return [...bars, line(places, colour, 2)];
    case 'bars':
      return [...cloud.map((dot) => line(upright(dot, Math.max(base, 0), dot.at[1]), colour, 7)), ...bars];
  }
}

/** Two columns above the frame. */
function legendEntry(name: string, k: number, place: number): string {
  const x = 60 + (place % 2) * 250;
  const y = 32 + ROW * Math.floor(place / 2);
  return (
    `<rect x="${x}" y="${y}" width="16" height="4" fill="${colourOf(k)}"/>` +
    `<text x="${x + 22}" y="${y + 6}" text-anchor="start" font-size="12" fill="currentColor">${escapeHtml(name)}</text>`
  );
}
