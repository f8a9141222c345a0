import { ERROR_DISPLAY, type Quantity, VALUE_DISPLAY } from '../display.ts';
import type { Html } from '../markup.ts';
import type {
  DomainReport,
  PlanePoints,
  QuantityUncertainty,
  UncertaintyOn,
  UncertaintyScatter,
} from '../trust-data.ts';
import { circles, dots, drawPlot, line, note } from './canvas.ts';
import { domainOf, logDomain, type Point, points } from './series.ts';

/** Observed against expected shares of labels within z σ: given frames strong, those of the calibration light. */
export function reliabilityPlot(id: string, quantity: Quantity, sets: QuantityUncertainty): Html | undefined {
  const heldOut = curve(sets.heldOut);
  const given = curve(sets.given);
  if (heldOut.length + given.length === 0) return undefined;
  const diagonal: Point[] = [
    [0, 0],
    [100, 100],
  ];
  const ticks = [0, 25, 50, 75, 100];
  return drawPlot({
    id,
    description: `${VALUE_DISPLAY[quantity].title}: observed against expected share of labels within the uncertainty`,
    size: 'square',
    x: { label: 'Expected within (%)', domain: [0, 100], ticks },
    y: { label: 'Observed within (%)', domain: [0, 100], ticks },
    marks: [
      line(diagonal, 'currentColor', 0.8),
      line(heldOut, 'var(--train)', 2),
      line(given, 'var(--strong)', 2),
      note([VALUE_DISPLAY[quantity].title], 'top-left'),
    ],
  });
}

function curve(on: UncertaintyOn | undefined): Point[] {
  const inner = (on?.reliability ?? []).map(({ expected, observed }): Point => [100 * expected, 100 * observed]);
  return inner.length === 0 ? [] : points(...transposed([[0, 0], ...inner, [100, 100]]));
}

const transposed = (rows: readonly Point[]): [number[], number[]] => [rows.map(([x]) => x), rows.map(([, y]) => y)];

/** Normal errors are below 0.063 σ in one of twenty, and below 1.96 σ in nineteen of twenty. */
const BAND = [0.0627, 1.96] as const;

/** |error| against σ of force components, both logarithmic: dots, the line |error| = σ, the band that holds 90 %. */
export function scatterPlot(id: string, { sigma, error, bins }: UncertaintyScatter): Html | undefined {
  const { unit, perUnit } = ERROR_DISPLAY.forces;
  const cloud = points(sigma, error, perUnit, perUnit).filter(([s, e]) => s > 0 && e > 0);
  const sigmas = cloud.map(([s]) => s);
  const x = logDomain(sigmas);
  if (x === undefined) return undefined;
  const means = bins
    .map((bin): Point => [bin.sigma * perUnit, bin.error * perUnit])
    .filter((bin) => bin.every((v) => v > 0));
  const largest = Math.max(...cloud.map(([, e]) => e), ...means.map(([, e]) => e), BAND[1] * x[1]);
  // The many small errors below the band say nothing: the axis ends a little under it.
  const y: [number, number] = [0.3 * BAND[0] * x[0], 1.5 * largest];
  const ray = (factor: number): Point[] => [
    [x[0], factor * x[0]],
    [x[1], factor * x[1]],
  ];
  return drawPlot({
    id,
    description: `Absolute error against stated uncertainty of ${cloud.length} force components`,
    size: 'wide',
    x: { label: `Stated σ (${unit})`, domain: x, log: true },
    y: { label: `|Error| (${unit})`, domain: y, log: true },
    marks: [
      dots(
        cloud.filter(([, e]) => e >= y[0]),
        'var(--train)',
        cloud.length < 1000 ? 2.8 : 2,
      ),
      line(ray(1), 'currentColor', 1.2),
      ...BAND.map((factor) => line(ray(factor), 'currentColor', 0.7)),
      circles(means, true),
    ],
  });
}

const MOST_DOTS = 3000;

/** Environments on a plane: training light, given ones inside strong, outside in the colour of what fails. */
export function domainMap(id: string, map: NonNullable<DomainReport['map']>): Html | undefined {
  const clouds = [map.training, map.inside, map.outside].map(thinned);
  const all = clouds.flat();
  const [x, y] = [0, 1].map((k) => domainOf(all.map((point) => point[k])));
  if (x === undefined || y === undefined) return undefined;
  const axis = (k: 0 | 1): string => {
    const share = map.explained[k];
    return `Component ${k + 1}${Number.isFinite(share) ? ` (${(100 * share).toFixed(0)} % of variance)` : ''}`;
  };
  const [training, inside, outside] = clouds;
  return drawPlot({
    id,
    description: `Map of ${all.length} atomic environments, those of the training data and those of the given frames`,
    size: 'full',
    x: { label: axis(0), domain: x },
    y: { label: axis(1), domain: y },
    marks: [
      dots(training, 'var(--train)', training.length < 500 ? 4.5 : 3),
      dots(inside, 'var(--strong)', inside.length < 500 ? 4 : 2.4),
      dots(outside, 'var(--fail)', outside.length < 500 ? 5 : 3.4),
    ],
  });
}

function thinned({ x, y }: PlanePoints): Point[] {
  const all = points(x, y);
  const stride = Math.max(1, all.length / MOST_DOTS);
  return Array.from(
    { length: Math.min(all.length, Math.ceil(all.length / stride)) },
    (_, k) => all[Math.floor(k * stride)],
  );
}
