import * as Plot from '@observablehq/plot';
import type { Html } from '../markup.ts';
import type { FeltFromOutside, LocalityReport } from '../trust-data.ts';
import { drawPlot, line } from './canvas.ts';
import { domainOf, logDomain, type Point, points } from './series.ts';

const COLOURS: Readonly<Record<FeltFromOutside['kind'], string>> = {
  insulator: 'var(--fail)',
  metal: 'var(--train)',
  potential: 'var(--strong)',
};
/** Powers of ten that are shown: of what is smaller nobody can tell a law from rounding. */
const DECADES = 7;

/** What is felt from beyond a sphere against its radius, on a logarithmic scale. */
export function outsidePlot(id: string, { outside, cutoff }: LocalityReport): Html | undefined {
  const all = outside.map(({ radius, sigma, kind }) => ({
    kind,
    felt: points(radius, sigma).filter(([, y]) => y > 0),
  }));
  const highest = Math.max(...all.flatMap(({ felt }) => felt.map(([, y]) => y)));
  const shown = all.map(({ kind, felt }) => ({ kind, felt: felt.filter(([, y]) => y > highest / 10 ** DECADES) }));
  const domain = logDomain(shown.flatMap(({ felt }) => felt.map(([, y]) => y)));
  const x = domainOf([cutoff, ...shown.flatMap(({ felt }) => felt.map(([r]) => r))]);
  if (domain === undefined || x === undefined) return undefined;
  return drawPlot({
    id,
    description: 'Force on an atom from beyond a sphere, in an insulator, in a metal and by this potential',
    size: 'wide',
    x: { label: 'Radius of the sphere (Å)', domain: x },
    y: { label: 'Force from beyond (eV/Å)', domain, log: true },
    marks: [at(cutoff), ...shown.map(({ kind, felt }) => line(felt, COLOURS[kind], 2))],
  });
}

/** The held-out error of linear models against how far they see. */
export function neededRadiusPlot(id: string, { data, cutoff }: LocalityReport): Html | undefined {
  const errors: readonly Point[] = points(data?.radius ?? [], data?.error ?? [], 1, 1000);
  const x = domainOf([cutoff, ...errors.map(([r]) => r)]);
  const y = domainOf(errors.map(([, error]) => error));
  if (errors.length < 2 || x === undefined || y === undefined) return undefined;
  return drawPlot({
    id,
    description: 'Held-out force error of linear models against the radius that they see',
    size: 'wide',
    x: { label: 'Radius that is seen (Å)', domain: x },
    y: { label: 'Force RMSE (meV/Å)', domain: y },
    marks: [at(cutoff), line(errors, 'var(--strong)', 2)],
  });
}

const at = (cutoff: number): Plot.Markish =>
  Plot.ruleX([cutoff], { stroke: 'currentColor', strokeWidth: 0.8, strokeDasharray: '4 3' });
