import type { EnergyVolumeSeries, ForceSizes, Histogram, PairDistances } from '../../curation/index.ts';
import type { Html } from '../markup.ts';
import { dots, drawPlot, line, note, type PanelSize } from './canvas.ts';
import { domainOf, type Point, points } from './series.ts';

/** Colours that are told apart by most eyes, on white and on black (Okabe & Ito 2008); grey is for the rest. */
const GROUP_COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#a6a600'] as const;
const REST_COLOUR = '#8a9097';

/** Colour of each group: the largest have their own, the others share grey. */
export function groupColours(
  groups: readonly { readonly name: string; readonly frames: number }[],
): Map<string, string> {
  const largest = groups.toSorted((a, b) => b.frames - a.frames).slice(0, GROUP_COLOURS.length);
  return new Map(
    groups.map((group) => {
      const rank = largest.indexOf(group);
      return [group.name, rank < 0 ? REST_COLOUR : GROUP_COLOURS[rank]];
    }),
  );
}

/** Energy per atom against volume per atom, above the lowest energy, in the colours of the groups. */
export function energyVolumePlot(
  id: string,
  series: readonly EnergyVolumeSeries[],
  colours: ReadonlyMap<string, string>,
  size: PanelSize,
): Html | undefined {
  const lowest = Math.min(...series.flatMap(({ energy }) => energy));
  const clouds = series.map(({ group, volume, energy }) => ({
    group,
    cloud: points(
      volume,
      energy.map((e) => e - lowest),
    ),
  }));
  const all = clouds.flatMap(({ cloud }) => cloud);
  const x = domainOf(all.map(([volume]) => volume));
  const y = domainOf(all.map(([, energy]) => energy));
  if (x === undefined || y === undefined) return undefined;
  return drawPlot({
    id,
    description: `Energy per atom against volume per atom of ${all.length} frames`,
    size,
    x: { label: 'Volume (Å³/atom)', domain: x },
    y: { label: 'Energy (eV/atom)', domain: y },
    marks: clouds.map(({ group, cloud }) => dots(cloud, colours.get(group) ?? REST_COLOUR, all.length < 300 ? 5 : 3.5)),
  });
}

/** How often forces of each size occur, on a logarithmic axis: what is rare must be seen, too. */
export function forcePlot(id: string, { element, atoms, histogram }: ForceSizes, size: PanelSize): Html | undefined {
  const steps = stepLine(histogram, (count) => (count > 0 ? count : 0.5));
  if (steps.length === 0) return undefined;
  const most = Math.max(...histogram.counts);
  return drawPlot({
    id,
    description: `Sizes of the forces on ${atoms} atoms of ${element}`,
    size,
    x: { label: 'Force |F| (eV/Å)' },
    y: { label: 'Atoms', log: true, domain: [0.5, Math.max(10, 2 * most)] },
    marks: [line(steps, 'var(--strong)', 1.6), note([element], 'top-right')],
  });
}

/** Outline of a histogram. */
function stepLine({ from, width, counts }: Histogram, height: (count: number) => number): Point[] {
  return counts.flatMap((count, k): Point[] => [
    [from + k * width, height(count)],
    [from + (k + 1) * width, height(count)],
  ]);
}

/** Density of neighbours against distance, with the shortest distance written into it. */
export function distancePlot(id: string, pair: PairDistances, size: PanelSize): Html | undefined {
  const curve = points(pair.distance, pair.density);
  if (!curve.some(([, density]) => density > 0)) return undefined;
  const name = pair.elements.join('–');
  const shortest = pair.shortest === null ? [] : [`shortest ${pair.shortest.toFixed(2)} Å`];
  return drawPlot({
    id,
    description: `Density of ${pair.elements[1]} neighbours around ${pair.elements[0]} against distance`,
    size,
    x: { label: 'Distance (Å)', domain: [0, pair.distance[pair.distance.length - 1]] },
    y: { label: 'Neighbours per volume (Å⁻³)', domain: [0, 1.25 * Math.max(...pair.density)] },
    marks: [line(curve, 'var(--strong)', 1.6), note([name, ...shortest], 'top-right')],
  });
}

/** A cloud of points in one colour. */
export interface Cloud {
  readonly points: readonly Point[];
  readonly colour: string;
}

/** Environments as a map; what comes last lies on top. */
export function mapPlot(
  id: string,
  clouds: readonly Cloud[],
  title: string,
  explained: readonly [number, number],
): Html {
  const all = clouds.flatMap((cloud) => cloud.points);
  const axis = (k: 0 | 1): { label: string; domain?: readonly [number, number] } => {
    const domain = domainOf(all.map((point) => point[k]));
    const label = `Component ${k + 1} (${(100 * explained[k]).toFixed(0)} % of variance)`;
    return domain === undefined ? { label } : { label, domain };
  };
  return drawPlot({
    id,
    description: `Map of ${all.length} atomic environments, ${title}`,
    size: 'wide',
    x: axis(0),
    y: axis(1),
    marks: [
      ...clouds.map(({ points: some, colour }) => dots(some, colour, all.length < 800 ? 4 : 2.6)),
      note([title], 'top-right'),
    ],
  });
}
