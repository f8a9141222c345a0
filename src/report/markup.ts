import { MISSING } from './text.ts';

/** A piece of HTML that is safe to put into a page as it is. Everything else is text and gets escaped. */
export interface Html {
  readonly html: string;
}

/** What may stand in a template: text, numbers, pieces, lists of pieces, or nothing. */
export type Content = string | number | undefined | Html | readonly Html[];

/** `<`, `>`, `&` and both quotes as entities: safe in text and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Template tag: what is written is HTML, what is filled in is text unless it already is a piece of HTML. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { html: strings.map((text, i) => text + (i < contents.length ? render(contents[i]) : '')).join('') };
}

/** Several pieces, one after the other. */
export function join(pieces: readonly (Html | undefined)[], separator = '\n'): Html {
  return { html: pieces.flatMap((piece) => (piece === undefined ? [] : [piece.html])).join(separator) };
}

function render(content: Content): string {
  if (content === undefined) return '';
  if (typeof content === 'number') return Number.isFinite(content) ? String(content) : MISSING;
  if (typeof content === 'string') return escapeHtml(content);
  return 'html' in content ? content.html : join(content).html;
}

/** Numbers figures and tables, and gives plots names that are unique on the page. One for each report. */
export interface Numbering {
  figure(): number;
  table(): number;
  plot(): string;
}

export function startNumbering(): Numbering {
  const counts = { figure: 0, table: 0, plot: 0 };
  return {
    figure: () => ++counts.figure,
    table: () => ++counts.table,
    plot: () => `plot-${++counts.plot}`,
  };
}

/** A chapter of the report; `undefined` stands for one without data. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

export interface Column<T> {
  readonly header: Content;
  /** Digits align on the right, words on the left. */
  readonly align?: 'left' | 'right';
  /** Sentences: the column keeps a readable width on a narrow page. */
  readonly long?: boolean;
  readonly cell: (row: T) => Content;
}

/** A captioned table; the first column names the rows. It scrolls in a box of its own where the page is narrow. */
export function table<T>(
  numbering: Numbering,
  caption: Content,
  rows: readonly T[],
  columns: readonly Column<T>[],
  options: { /** Rows of one name stand under it; '' for none. */ readonly heading?: (row: T) => string } = {},
): Html {
  const number = numbering.table();
  const style = (column: Column<T>): string =>
    column.align === 'right' ? 'right' : column.long === true ? 'long' : '';
  const head = columns.map((column) => html`<th scope="col" class="${style(column)}">${column.header}</th>`);
  const heading = (r: number): string => options.heading?.(rows[r]) ?? '';
  const body = rows.map((row, r) => {
    const cells = columns.map((column, c) =>
      c === 0
        ? html`<th scope="row" class="${style(column)}">${column.cell(row)}</th>`
        : html`<td class="${style(column)}">${column.cell(row)}</td>`,
    );
    const above =
      heading(r) === '' || (r > 0 && heading(r) === heading(r - 1))
        ? undefined
        : html`<tr class="heading"><th scope="rowgroup" colspan="${columns.length}">${heading(r)}</th></tr>`;
    return html`${above}<tr>${join(cells, '')}</tr>`;
  });
  return html`<div class="scroll" role="region" aria-label="Table ${number}" tabindex="0"><table>
<caption><b>Table ${number}.</b> ${caption}</caption>
<thead><tr>${join(head, '')}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>`;
}

/** Plots side by side (one under the other where the page is narrow) with one caption. */
export function figure(
  numbering: Numbering,
  caption: Content,
  panels: readonly (Html | undefined)[],
  options: {
    /** One under the other, as wide as the page. */
    readonly full?: boolean;
    /** Room for three, however many there are: for panels that are drawn for it. */
    readonly three?: boolean;
  } = {},
): Html {
  const present = panels.filter((panel) => panel !== undefined);
  const number = numbering.figure();
  const columns = options.full === true ? 1 : options.three === true || present.length % 3 === 0 ? 3 : 2;
  return html`<figure>
<div class="panels panels-${columns}">
${present.map((panel, i) => html`<div class="panel">${present.length > 1 ? letter(i) : undefined}${panel}</div>`)}
</div>
<figcaption><b>Figure ${number}.</b> ${caption}</figcaption>
</figure>`;
}

function letter(index: number): Html {
  return html`<span class="letter">(${String.fromCharCode(97 + index)})</span>`;
}

/** Names and values, without a caption. Rows without a value are left out. */
export function facts(rows: readonly (readonly [string, Content])[]): Html {
  const present = rows.filter(([, value]) => value !== undefined && value !== '');
  return html`<table class="facts"><tbody>
${present.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}
</tbody></table>`;
}

/** A number as it is printed: a real minus sign, powers of ten written out. */
export function typeset(text: string): Html {
  const [, mantissa, power] = /^(.*?\d)e([+-]?\d+)/.exec(text) ?? [];
  if (mantissa === undefined || power === undefined) return html`${text.replace(/^-/, '−')}`;
  const rest = text.slice(mantissa.length + 1 + power.length);
  return html`${mantissa.replace(/^-/, '−')} × 10<sup>${String(Number(power)).replace('-', '−')}</sup>${rest}`;
}
