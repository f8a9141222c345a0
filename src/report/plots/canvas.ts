import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml, type Html } from '../markup.ts';

/**
 * Drawn in pixels at this size and scaled to the column: `square` and `small` for three in a row, `wide` for two, `full`
 * for one.
 */
export type PanelSize = 'square' | 'small' | 'wide' | 'full';

const SIZES: Readonly<Record<PanelSize, { width: number; height: number }>> = {
  square: { width: 290, height: 276 },
  small: { width: 290, height: 245 },
  wide: { width: 400, height: 255 },
  full: { width: 820, height: 500 },
};

export interface Axis {
  readonly label: string;
  readonly domain?: readonly [number, number];
  readonly log?: boolean;
  /** About how many ticks. */
  readonly ticks?: number | readonly number[];
}

export interface PlotOptions {
  /** Unique on the page. */
  readonly id: string;
  /** What the plot shows, for those who cannot see it. */
  readonly description: string;
  readonly size: PanelSize | { readonly width: number; readonly height: number };
  /** Room above the frame, px. */
  readonly marginTop?: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly marks: readonly Plot.Markish[];
}

/** One framed plot as inline SVG. Its colours are those of the page; it needs no style of its own and no script. */
export function drawPlot(options: PlotOptions): Html {
  const { document } = parseHTML('<html><body></body></html>');
  const svg = Plot.plot({
    document,
    className: options.id,
    ...(typeof options.size === 'string' ? SIZES[options.size] : options.size),
    marginLeft: roomFor(options.y),
    marginBottom: 42,
    marginTop: options.marginTop ?? 12,
    marginRight: 12,
    x: axis(options.x, 5),
    y: { ...axis(options.y, 5), labelAnchor: 'center' },
    marks: [Plot.frame({ stroke: 'currentColor', strokeOpacity: 0.45 }), ...options.marks],
  });
  tidy(svg, options);
  // By hand, because the description may hold words of the user and linkedom leaves < and > in attributes alone.
  const label = escapeHtml(options.description);
  return { html: svg.outerHTML.replace('<svg', () => `<svg aria-label="${label}"`) };
}

/** Room for the numbers and the label of the axis on the left, px. */
function roomFor({ domain, log }: Axis): number {
  const digits = log === true || domain === undefined ? 0 : Math.log10(Math.max(...domain.map(Math.abs)));
  const minus = (domain?.[0] ?? 0) < 0 ? 1 : 0;
  return digits < 3 ? 60 : 60 + 7 * (Math.floor(digits) - 2 + minus);
}

function axis(options: Axis, ticks: number): Plot.ScaleOptions {
  const given = options.ticks ?? ticks;
  return {
    label: options.label,
    labelAnchor: 'center',
    labelArrow: 'none',
    type: options.log === true ? 'log' : 'linear',
    ticks: typeof given === 'number' ? given : [...given],
    tickSize: 4,
    ...(options.log === true ? { tickFormat: logTick(options.domain) } : {}),
    ...(options.domain === undefined ? {} : { domain: [...options.domain], nice: false }),
  };
}

/** Along less than this many decades, twice and five times a power of ten get a label, too. */
const FEW_DECADES = 1.5;

/** Powers of ten get a label, and what lies between them only a tick; more of them where powers of ten are few. */
function logTick(domain: Axis['domain']): (value: number) => string {
  const isShort = domain !== undefined && Math.log10(domain[1] / domain[0]) < FEW_DECADES;
  return (value) => {
    const exponent = Math.log10(value);
    if (Math.abs(exponent - Math.round(exponent)) < 1e-9) return powerOfTen(exponent);
    const leading = Number((value / 10 ** Math.floor(exponent + 1e-9)).toPrecision(6));
    return isShort && (leading === 2 || leading === 5) ? String(Number(value.toPrecision(1))) : '';
  };
}

function powerOfTen(exponent: number): string {
  const value = 10 ** exponent;
  return Math.abs(exponent) > 3.5 ? `10${superscript(Math.round(exponent))}` : String(Number(value.toPrecision(1)));
}

function superscript(n: number): string {
  return [...String(n)].map((digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('');
}

/** Rounds coordinates to a hundredth of a pixel and drops what the page or nobody needs. */
function tidy(svg: Element, options: PlotOptions): void {
  svg.querySelector('style')?.remove();
  for (const element of svg.querySelectorAll('*')) {
    element.removeAttribute('aria-label');
    element.removeAttribute('aria-hidden');
    for (const name of ['transform', 'd', 'x', 'y', 'x1', 'x2', 'y1', 'y2', 'cx', 'cy', 'width', 'height']) {
      const value = element.getAttribute(name);
      if (value !== null)
        element.setAttribute(
          name,
          value.replace(/-?\d+\.\d{3,}/g, (n) => String(Number(Number(n).toFixed(2)))),
        );
    }
    if (element.localName === 'text' && element.textContent === '') element.remove();
  }
  for (const name of ['width', 'height', 'font-family']) svg.removeAttribute(name);
  svg.setAttribute('class', 'plot');
  svg.setAttribute('id', options.id);
  svg.setAttribute('font-size', '12');
  svg.setAttribute('role', 'img');
}

/** A line through [x, y] points, in a colour of the page. */
export function line(points: readonly (readonly [number, number])[], colour: string, width = 1.6): Plot.Markish {
  return Plot.line([...points], { x: '0', y: '1', stroke: colour, strokeWidth: width });
}

/** Circles at [x, y] points: reference values; filled ones are those that the potential was not trained on. */
export function circles(points: readonly (readonly [number, number])[], filled = false): Plot.Markish {
  const fill = filled ? 'currentColor' : 'var(--paper)';
  return Plot.dot([...points], { x: '0', y: '1', r: 3, stroke: 'currentColor', fill });
}

/** Many small dots as one path: some ten bytes for each. */
export function dots(points: readonly (readonly [number, number])[], colour: string, diameter: number): Plot.Markish {
  return (_index, scales, _values, _dimensions, context) => {
    const { x, y } = scales;
    if (x === undefined || y === undefined) return null;
    const path = context.document.createElementNS('http://www.w3.org/2000/svg', 'path');
    const at = (pixel: number): string => String(Number(pixel.toFixed(1)));
    path.setAttribute('d', points.map((p) => `M${at(Number(x(p[0])))} ${at(Number(y(p[1])))}h0`).join(''));
    path.setAttribute('stroke', colour);
    path.setAttribute('stroke-width', String(diameter));
    path.setAttribute('stroke-linecap', 'round');
    path.setAttribute('fill', 'none');
    return path;
  };
}

/** A few words in a corner of the plot. */
export function note(lines: readonly string[], corner: 'top-left' | 'top-right' | 'bottom-right'): Plot.Markish {
  return Plot.text([lines.join('\n')], {
    frameAnchor: corner,
    dx: corner === 'top-left' ? 8 : -8,
    dy: corner === 'bottom-right' ? -8 : 8,
    fontSize: 11.5,
    fill: 'currentColor',
    stroke: 'var(--paper)',
    strokeWidth: 3,
    lineHeight: 1.25,
  });
}
