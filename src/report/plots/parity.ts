import { ERROR_DISPLAY, type Quantity, VALUE_DISPLAY } from '../display.ts';
import type { Html } from '../markup.ts';
import { thinPairs } from '../parity-set.ts';
import type { ErrorStatistics, ParityPanel, ParitySet } from '../report-data.ts';
import { formatNumber } from '../text.ts';
import { dots, drawPlot, line, note } from './canvas.ts';
import { domainOf, logDomain, type Point, points } from './series.ts';

/** Dots of one set in one plot at most: keeps the file small whatever the record holds. */
const MAXIMUM_DOTS = 4000;

/**
 * Predicted against reference values, training frames light below held-out frames, with the line y = x.
 * Energies are counted from the lowest reference energy, for only differences mean something.
 */
export function parityPlot(
  id: string,
  quantity: Quantity,
  panel: ParityPanel,
  held?: ErrorStatistics,
): Html | undefined {
  const { title, unit, perUnit } = VALUE_DISPLAY[quantity];
  const references = [...(panel.train?.reference ?? []), ...(panel.test?.reference ?? [])].filter(Number.isFinite);
  const zero =
    quantity === 'energy' ? references.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY) : 0;
  const train = pairs(panel.train, zero, perUnit);
  const test = pairs(panel.test, zero, perUnit);
  const domain = domainOf([...train, ...test].flat());
  if (domain === undefined) return undefined;
  const diagonal: Point[] = [
    [domain[0], domain[0]],
    [domain[1], domain[1]],
  ];
  return drawPlot({
    id,
    description: `${title}: predicted against reference values, ${train.length + test.length} points along the line y = x`,
    size: 'square',
    x: { label: `Reference (${unit})`, domain, ticks: 4 },
    y: { label: `Predicted (${unit})`, domain, ticks: 4 },
    marks: [
      line(diagonal, 'currentColor', 0.8),
      dots(train, 'var(--train)', dotSize(train.length)),
      dots(test, 'var(--strong)', dotSize(test.length)),
      note([title, ...errorLines(quantity, held)], 'top-left'),
    ],
  });
}

/** Few dots can be large, many must be small; px. */
function dotSize(n: number): number {
  return n < 200 ? 4.5 : n < 1500 ? 3.2 : 2.4;
}

function pairs(set: ParitySet | undefined, zero: number, perUnit: number): Point[] {
  if (set === undefined) return [];
  const all = points(
    set.reference.map((value) => value - zero),
    set.predicted.map((value) => value - zero),
    perUnit,
    perUnit,
  );
  const kept = thinPairs(
    all.map((pair) => pair[0]),
    all.map((pair) => pair[1]),
    MAXIMUM_DOTS,
  );
  return kept.map((i) => all[i]);
}

function errorLines(quantity: Quantity, held: ErrorStatistics | undefined): string[] {
  if (held === undefined) return [];
  const { perUnit, unit } = ERROR_DISPLAY[quantity];
  return [`MAE ${formatNumber(held.mae * perUnit)} ${unit}`, `RMSE ${formatNumber(held.rmse * perUnit)} ${unit}`];
}

/** Largest over smallest error that is shown. */
const FARTHEST = 1e5;

/** The share of all values whose absolute error is below x: training light, held-out strong. */
export function errorDistributionPlot(id: string, quantity: Quantity, panel: ParityPanel): Html | undefined {
  const { title, unit, perUnit } = ERROR_DISPLAY[quantity];
  const train = distribution(panel.train, perUnit);
  const test = distribution(panel.test, perUnit);
  const drawn = [...train, ...test].filter(([, percent]) => percent >= 5).map(([error]) => error);
  const whole = logDomain(drawn);
  if (whole === undefined) return undefined;
  // What symmetry makes vanish is off by rounding: it would leave little room for the errors.
  const domain: [number, number] = [Math.max(whole[0], whole[1] / FARTHEST), whole[1]];
  const inside = (series: readonly Point[]): Point[] => series.filter(([error]) => error >= domain[0]);
  return drawPlot({
    id,
    description: `${title}: share of values with an absolute error below a given size`,
    size: 'small',
    x: { label: `Absolute error (${unit})`, domain, log: true },
    y: { label: 'Values below (%)', domain: [0, 102], ticks: [0, 25, 50, 75, 100] },
    marks: [
      line(inside(train), 'var(--train)', 2),
      line(inside(test), 'var(--strong)', 2),
      note([VALUE_DISPLAY[quantity].title], 'top-left'),
    ],
  });
}

function distribution(set: ParitySet | undefined, perUnit: number): Point[] {
  const quantiles = set?.quantiles ?? [];
  const percents = quantiles.map((_, i) => (100 * i) / Math.max(1, quantiles.length - 1));
  return points(quantiles, percents, perUnit).filter(([error]) => error > 0);
}
