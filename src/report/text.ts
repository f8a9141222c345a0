/** Numbers and tables as plain text: for the terminal, and the numbers also for the HTML report. */

/** Shown in place of a number that is absent or not finite. */
export const MISSING = '–';

export interface NumberFormat {
  /** Significant digits; 3 when absent. Digits before the decimal point are never rounded away. */
  readonly digits?: number;
  /** Fixed number of decimals, instead of `digits`. */
  readonly decimals?: number;
  /** Drops zeros at the end: for limits and settings, which are exact. */
  readonly trim?: boolean;
}

/** `0.0123`, `54.3`, `12,345`, `1.20e-7`; `–` for what is absent or not finite. */
export function formatNumber(value: number | undefined | null, format: NumberFormat = {}): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return MISSING;
  if (value === 0) return format.decimals === undefined ? '0' : (0).toFixed(format.decimals);
  const digits = format.digits ?? 3;
  const rounded = Number(value.toPrecision(digits));
  const exponent = Math.floor(Math.log10(Math.abs(rounded)));
  let text: string;
  if (format.decimals !== undefined) text = value.toFixed(format.decimals);
  else if (exponent < -4 || exponent > 8) text = value.toExponential(digits - 1);
  else text = value.toFixed(Math.max(0, digits - 1 - exponent));
  if (format.trim === true && text.includes('.')) text = text.replace(/\.?0+(?=e|$)/, '');
  if (Number(text) === 0) text = text.replace('-', '');
  return groupThousands(text);
}

/** A number and its unit: `54.3 meV/Å`, `12 %`, and `7` where there is no unit. */
export function formatValue(value: number | undefined | null, unit: string, format: NumberFormat = {}): string {
  const number = formatNumber(value, format);
  return unit === '' || number === MISSING ? number : `${number} ${unit}`;
}

/**
 * Decimals with which a column of numbers reads well: three significant digits for the one in the
 * middle, at most four.
 */
export function commonDecimals(values: readonly (number | undefined)[]): number {
  const sizes = values.filter((value) => value !== undefined && Number.isFinite(value) && value !== 0);
  if (sizes.length === 0) return 0;
  const sorted = sizes.map((value) => Math.abs(value!)).sort((a, b) => a - b);
  const typical = sorted[Math.floor((sorted.length - 1) / 2)];
  return Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(typical))));
}

/** How a cell stands out when colour is asked for. */
export type Tone = 'good' | 'bad' | 'warning' | 'quiet' | 'plain';

export interface TextColumn<T> {
  readonly header: string;
  readonly cell: (row: T) => string;
  /** `left` when absent. */
  readonly align?: 'left' | 'right';
  readonly tone?: (row: T) => Tone;
}

export interface TextOptions {
  /** ANSI colours. Off when absent, and no information is ever in the colour alone. */
  readonly colour?: boolean;
}

/**
 * Aligned columns under a ruled header, without an end of line. A header may have several lines; control characters
 * in the cells become `?`.
 */
export function formatTable<T>(
  rows: readonly T[],
  columns: readonly TextColumn<T>[],
  options: TextOptions = {},
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  const heads = columns.map((column) => column.header.split('\n').map(printable));
  const height = Math.max(...heads.map((lines) => lines.length));
  const widths = heads.map((lines, c) => Math.max(...lines.map(width), ...cells.map((row) => width(row[c]!))));
  const line = (texts: readonly string[], tones: readonly Tone[]): string =>
    texts
      .map((text, c) => pad(text, widths[c]!, columns[c]!.align, (word) => paint(word, tones[c]!, options)))
      .join('  ')
      .trimEnd();
  const all = (tone: Tone): Tone[] => columns.map(() => tone);
  return [
    ...Array.from({ length: height }, (_, h) =>
      line(
        heads.map((lines) => lines[h - (height - lines.length)] ?? ''), // short headers stand at the bottom
        all('plain'),
      ),
    ),
    line(
      widths.map((n) => '─'.repeat(n)),
      all('quiet'),
    ),
    ...cells.map((row, r) =>
      line(
        row,
        columns.map((column) => column.tone?.(rows[r]!) ?? 'plain'),
      ),
    ),
  ].join('\n');
}

const ANSI: Readonly<Record<Tone, string>> = {
  good: '\u001b[32m',
  bad: '\u001b[31m',
  warning: '\u001b[33m',
  quiet: '\u001b[2m',
  plain: '',
};

function paint(text: string, tone: Tone, options: TextOptions): string {
  return options.colour === true && tone !== 'plain' && text !== '' ? `${ANSI[tone]}${text}\u001b[0m` : text;
}

/** The white space stays unpainted. */
function pad(text: string, size: number, align: 'left' | 'right' | undefined, paint: (text: string) => string): string {
  const space = ' '.repeat(Math.max(0, size - width(text)));
  return align === 'right' ? space + paint(text) : paint(text) + space;
}

function width(text: string): number {
  return [...text].length;
}

/** A group name from a file must not move the cursor or change the colours of a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

function groupThousands(text: string): string {
  const [, head, tail] = /^(-?\d+)(.*)$/.exec(text)!;
  return head!.replace(/\B(?=(\d{3})+$)/g, ',') + tail!;
}
