import * as Plot from '@observablehq/plot';
import { errorOf, type Front } from '../../training/front.ts';
import { nonDominated } from '../../training/pareto.ts';
import type { Objective } from '../../training/weight-sweep.ts';
import { ERROR_DISPLAY } from '../display.ts';
import type { Html } from '../markup.ts';
import { drawPlot, line } from './canvas.ts';
import { domainOf, type Point } from './series.ts';

/** How a point stands out: the default is a square, the knee a diamond, the chosen one has a ring. */
export const FRONT_COLOURS = { point: 'var(--strong)', dominated: 'var(--train)', chosen: 'var(--fail)' } as const;

/**
 * One error against another: a dot and a number for each point, light where it is dominated; a line through those that
 * are not dominated in these two errors alone.
 */
export function tradeOffPlot(id: string, front: Front, [x, y]: readonly [Objective, Objective]): Html | undefined {
  const { points } = front;
  const at = points.map((point): Point => [errorOf(point, x), errorOf(point, y)]);
  const domains = [0, 1].map((axis) =>
    domainOf(
      at.map((point) => point[axis]),
      0.08,
    ),
  );
  if (domains[0] === undefined || domains[1] === undefined) return undefined;
  const label = (name: Objective): string => `${ERROR_DISPLAY[name].title} MAE (${ERROR_DISPLAY[name].unit})`;
  const edge = nonDominated(at)
    .map((i) => at[i])
    .sort((p, q) => p[0] - q[0]);
  const where = (wanted: (name: string, i: number) => boolean): Point[] =>
    at.filter((_, i) => wanted(points[i].name, i));
  const special = (i: number): boolean => i === 0 || points[i].name === front.knee;
  const dot = (some: readonly Point[], options: Plot.DotOptions): Plot.Markish =>
    Plot.dot([...some], { x: '0', y: '1', ...options });
  const fill = (i: number): string => (points[i].dominated ? FRONT_COLOURS.dominated : FRONT_COLOURS.point);
  return drawPlot({
    id,
    description: `${ERROR_DISPLAY[y].title} error against ${ERROR_DISPLAY[x].title.toLowerCase()} error of ${points.length} models`,
    size: 'square',
    x: { label: label(x), domain: domains[0], ticks: 4 },
    y: { label: label(y), domain: domains[1] },
    marks: [
      line(edge, 'var(--train)', 1.2),
      dot(
        where((_, i) => points[i].dominated && !special(i)),
        { r: 3, fill: FRONT_COLOURS.dominated },
      ),
      dot(
        where((_, i) => !points[i].dominated && !special(i)),
        { r: 3.4, fill: FRONT_COLOURS.point },
      ),
      dot(
        where((_, i) => i === 0),
        { r: 4.5, symbol: 'square', fill: fill(0) },
      ),
      dot(
        where((name) => name === front.knee && name !== points[0].name),
        {
          ...{ r: 5.5, symbol: 'diamond', fill: FRONT_COLOURS.point },
        },
      ),
      dot(
        where((name) => name === front.chosen),
        {
          ...{ r: 7.5, stroke: FRONT_COLOURS.chosen, strokeWidth: 1.8, fill: 'none' },
        },
      ),
      numbers(at),
    ],
  });
}

/** The number of each stop beside its dot. */
function numbers(at: readonly Point[]): Plot.Markish {
  const named = at.flatMap(([x, y], i) => (i === 0 ? [] : [{ x, y, text: String(i) }]));
  return Plot.text(named, {
    ...{ x: 'x', y: 'y', text: 'text', textAnchor: 'start', dx: 6, dy: -6, fontSize: 9.5 },
    ...{ fill: 'currentColor', fillOpacity: 0.75, stroke: 'var(--paper)', strokeWidth: 2.5 },
  });
}
