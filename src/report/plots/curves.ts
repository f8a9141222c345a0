import { GPA } from '../../units.ts';
import type { CheckCurve } from '../../validation/check.ts';
import { ERROR_DISPLAY, type Quantity } from '../display.ts';
import type { Html } from '../markup.ts';
import type { DynamicsReport, EnergyVolume, LearningCurve, RadialDistribution, StressStrain } from '../report-data.ts';
import { circles, drawPlot, line, note, type PanelSize } from './canvas.ts';
import { domainOf, logDomain, type Point, points, thinSeries } from './series.ts';

/** Training (light) and validation (strong) error of one quantity in the course of the training, on a log scale. */
export function learningPlot(id: string, quantity: Quantity, curve: LearningCurve, size: PanelSize): Html | undefined {
  const { title, unit, perUnit } = ERROR_DISPLAY[quantity];
  const timed = curve.points.every((point) => point.seconds !== undefined);
  const x = curve.points.map((point) => (timed ? point.seconds! : point.epoch));
  const series = (part: 'train' | 'validation'): readonly Point[] => {
    const y = curve.points.map((point) => point[part]?.[quantity] ?? Number.NaN);
    return thinSeries(points(x, y, 1, perUnit).filter(([, error]) => error > 0));
  };
  const train = series('train');
  const validation = series('validation');
  const both = [...train, ...validation];
  const domain = logDomain(both.map(([, error]) => error));
  if (domain === undefined) return undefined;
  const times = both.map(([time]) => time);
  const log = Math.min(...times) > 0 && Math.max(...times) / Math.min(...times) > 30;
  const xDomain = log ? logDomain(times) : domainOf(times, 0.02);
  return drawPlot({
    id,
    description: `${title} error during training, on a logarithmic scale`,
    size,
    x: { label: timed ? 'Training time (s)' : 'Epoch', log, ...(xDomain === undefined ? {} : { domain: xDomain }) },
    y: { label: `${title} ${curve.measure} (${unit})`, domain, log: true },
    marks: [line(train, 'var(--train)', 2), line(validation, 'var(--strong)', 2)],
  });
}

/** The domain of an axis (0: x, 1: y) that leaves a little room around all points. */
function span(axis: 0 | 1, ...series: readonly (readonly Point[])[]): { domain?: [number, number] } {
  const domain = domainOf(series.flat().map((point) => point[axis]));
  return domain === undefined ? {} : { domain };
}

/**
 * Energy against volume from the lowest reference point: circles for the reference, filled where it was held out, a
 * line for the potential.
 */
export function energyVolumePlot(id: string, curve: EnergyVolume, size: PanelSize): Html | undefined {
  const known = [...(curve.reference?.energy ?? []), ...(curve.heldOut?.energy ?? [])];
  const energies = (known.length > 0 ? known : curve.potential.energy).filter(Number.isFinite);
  const zero = Math.min(...energies);
  const relative = (energy: readonly number[]): number[] => energy.map((value) => value - zero);
  const potential = thinSeries(points(curve.potential.volume, relative(curve.potential.energy), 1, 1000));
  const reference = points(curve.reference?.volume ?? [], relative(curve.reference?.energy ?? []), 1, 1000);
  const heldOut = points(curve.heldOut?.volume ?? [], relative(curve.heldOut?.energy ?? []), 1, 1000);
  if (potential.length + reference.length + heldOut.length === 0) return undefined;
  return drawPlot({
    id,
    description: 'Energy per atom against volume per atom',
    size,
    x: { label: 'Volume (Å³/atom)', ...span(0, potential, reference, heldOut) },
    y: { label: 'Energy (meV/atom)', ...span(1, potential, reference, heldOut) },
    marks: [line(potential, 'var(--strong)', 2), circles(reference), circles(heldOut, true)],
  });
}

/** Stress against strain: circles for the reference, filled where it was held out, a line for the potential. */
export function stressStrainPlot(id: string, curve: StressStrain, size: PanelSize): Html | undefined {
  const potential = thinSeries(points(curve.potential.strain, curve.potential.stress, 100, 1 / GPA));
  const reference = points(curve.reference?.strain ?? [], curve.reference?.stress ?? [], 100, 1 / GPA);
  const heldOut = points(curve.heldOut?.strain ?? [], curve.heldOut?.stress ?? [], 100, 1 / GPA);
  if (potential.length + reference.length + heldOut.length === 0) return undefined;
  return drawPlot({
    id,
    description: `Stress against strain, ${curve.name}`,
    size,
    x: { label: 'Strain (%)', ...span(0, potential, reference, heldOut) },
    y: { label: 'Stress (GPa)', ...span(1, potential, reference, heldOut) },
    marks: [
      line(potential, 'var(--strong)', 2),
      circles(reference),
      circles(heldOut, true),
      note([curve.name], 'top-left'),
    ],
  });
}

/** Energy per atom against time, from its first value: the total energy light, the conserved one strong. */
export function energyTimePlot(id: string, run: DynamicsReport, size: PanelSize): Html | undefined {
  const relative = (energies: readonly number[] | undefined): readonly number[] => {
    const start = energies?.find(Number.isFinite) ?? 0;
    return (energies ?? []).map((energy) => (energy - start) / run.atoms);
  };
  // A quiet run moves by some µeV, a poor one by many meV: the unit follows, so that tick labels stay short.
  const largest = [...relative(run.totalEnergy), ...relative(run.conservedEnergy)]
    .filter(Number.isFinite)
    .reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const [unit, factor] = largest < 1e-4 ? ['µeV', 1e6] : ['meV', 1e3];
  const series = (energies: readonly number[] | undefined): readonly Point[] =>
    thinSeries(points(run.time, relative(energies), 1e-3, factor));
  const total = series(run.totalEnergy);
  const conserved = series(run.conservedEnergy);
  if (total.length + conserved.length === 0) return undefined;
  return drawPlot({
    id,
    description: 'Change of the energy per atom during the molecular dynamics run',
    size,
    x: { label: 'Time (ps)' },
    y: { label: `Energy change (${unit}/atom)`, ...span(1, total, conserved) },
    marks: [
      line(total, conserved.length === 0 ? 'var(--strong)' : 'var(--train)', 1.2),
      line(conserved, 'var(--strong)', 1.6),
    ],
  });
}

/** Temperature against time, with a thin line at the temperature that was asked for. */
export function temperatureTimePlot(id: string, run: DynamicsReport, size: PanelSize): Html | undefined {
  const series = thinSeries(points(run.time, run.temperatures ?? [], 1e-3));
  if (series.length === 0) return undefined;
  const ends = [series[0][0], series[series.length - 1][0]];
  const target = run.temperature === undefined ? [] : points(ends, [run.temperature, run.temperature]);
  return drawPlot({
    id,
    description: 'Temperature during the molecular dynamics run',
    size,
    x: { label: 'Time (ps)' },
    y: { label: 'Temperature (K)', ...span(1, series, target) },
    marks: [line(series, 'var(--strong)', 1.2), line(target, 'currentColor', 0.8)],
  });
}

/** Radial distribution function: a line for the potential, circles for the reference. */
export function rdfPlot(id: string, rdf: RadialDistribution, size: PanelSize): Html | undefined {
  const potential = thinSeries(points(rdf.distance, rdf.potential));
  const reference = points(rdf.distance, rdf.reference ?? []);
  if (potential.length + reference.length === 0) return undefined;
  return drawPlot({
    id,
    description: 'Radial distribution function',
    size,
    x: { label: 'Distance (Å)' },
    y: { label: 'g(r)', ...span(1, potential, reference) },
    marks: [line(potential, 'var(--strong)', 1.8), circles(reference)],
  });
}

/** A part of a curve that is this many times as high as the rest of it is deep is a wall, and cut off. */
const WALL = 1.5;
/** Share of the points that a wall may hold. */
const WALL_SHARE = 0.6;

/** A curve that a check looked at; with `walls` what is steep is cut off. */
export function checkCurvePlot(
  id: string,
  curve: CheckCurve,
  { size, walls }: { readonly size: PanelSize; readonly walls: boolean },
): Html | undefined {
  const all = thinSeries(points(curve.x, curve.y));
  if (all.length < 2) return undefined;
  const seen = walls ? withoutWalls(all) : all;
  const heights = seen.map(([, y]) => y);
  const endsHigh = heights[heights.length - 1] > (Math.min(...heights) + Math.max(...heights)) / 2;
  const corner = walls ? (endsHigh ? 'bottom-right' : 'top-right') : 'top-left';
  return drawPlot({
    id,
    description: `${curve.name}: ${curve.yLabel} against ${curve.xLabel}`,
    size,
    x: { label: named(curve.xLabel), ...span(0, all) },
    y: { label: named(curve.yLabel), ...span(1, seen) },
    marks: [line(seen, 'var(--strong)', 1.8), note([curve.name], corner)],
  });
}

function withoutWalls(all: readonly Point[]): readonly Point[] {
  const sorted = all.map(([, y]) => y).sort((a, b) => a - b);
  const low = sorted[0];
  const middle = sorted[Math.floor((1 - WALL_SHARE) * (sorted.length - 1))];
  const end = all[all.length - 1][1];
  // Seen from the end of the curve, where atoms are apart, as high as the well is deep, and some more.
  const top = Math.max(middle, end) + WALL * Math.max(end - low, middle - low, 1e-9);
  const high = Math.min(sorted[sorted.length - 1], top);
  return all.filter(([, y]) => y <= high);
}

/** Longer labels do not fit beside a panel. */
const LONGEST_LABEL = 26;

/** `distance, Å` as a label of an axis: `Distance (Å)`. Of a long one the first word; the caption has the rest. */
function named(label: string): string {
  const [, name, unit] = /^(.*), ([^,]+)$/.exec(label) ?? [];
  const short = name !== undefined && name.length > LONGEST_LABEL ? name.split(' ')[0] : name;
  const text = short === undefined ? label : `${short} (${unit})`;
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
