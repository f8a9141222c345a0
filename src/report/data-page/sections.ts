import type { DataPortrait } from '../../curation/index.ts';
import { count } from '../display.ts';
import { facts, figure, type Html, html, type Numbering, type Section, table } from '../markup.ts';
import { drawStructure } from '../plots/atoms.ts';
import type { PanelSize } from '../plots/canvas.ts';
import { type Cloud, distancePlot, energyVolumePlot, forcePlot, groupColours, mapPlot } from '../plots/data-set.ts';
import type { Point } from '../plots/series.ts';
import { formatNumber } from '../text.ts';
import { evidenceSentence, verdictRows } from '../verdicts.ts';

type Draw = (portrait: DataPortrait, numbering: Numbering) => Section | undefined;

/** In the order of the page. */
export const DATA_SECTIONS: readonly Draw[] = [
  findingsSection,
  contentSection,
  energySection,
  forceSection,
  distanceSection,
  mapSection,
  flaggedSection,
];

const groupName = (name: string): string => (name === '' ? '(no group)' : name);

/** What the doctor says, first what is grave. */
function findingsSection({ inspection }: DataPortrait, numbering: Numbering): Section {
  const { findings } = inspection;
  const verdicts = conventions(inspection, numbering);
  const remarks =
    findings.length === 0
      ? html`<p>The doctor found nothing to remark on.</p>`
      : table(numbering, 'What the doctor remarked on, and what to do about it.', findings, [
          { header: 'Code', cell: (finding) => html`<code>${finding.code}</code>` },
          { header: 'Severity', cell: ({ severity }) => html`<span class="mark ${severity}">${severity}</span>` },
          {
            header: 'Frames',
            align: 'right',
            cell: ({ frames }) => (frames.length === 0 ? 'all' : formatNumber(frames.length, { decimals: 0 })),
          },
          {
            header: 'Remark',
            long: true,
            cell: ({ message, hint }) => html`${message}<span class="detail">${hint}</span>`,
          },
        ]);
  return { id: 'findings', title: 'Findings', body: html`${verdicts}${remarks}` };
}

/** Unit, sign and order of the labels, as far as the data settle them. */
function conventions(inspection: DataPortrait['inspection'], numbering: Numbering): Html | undefined {
  const rows = verdictRows(inspection);
  if (rows.length === 0) return undefined;
  return table(numbering, `Conventions of the labels. ${evidenceSentence(inspection)}`, rows, [
    { header: 'Convention', cell: ({ name }) => name },
    {
      header: 'Verdict',
      cell: ({ verdict, tone }) => html`<span class="${tone === 'pass' ? '' : `mark ${tone}`}">${verdict}</span>`,
    },
    {
      header: 'Odds',
      align: 'right',
      cell: ({ odds }) => odds.replace(/10\^(\d+)/, (_, power: string) => `10${superscript(power)}`),
    },
  ]);
}

const superscript = (digits: string): string => [...digits].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');

function contentSection({ inspection }: DataPortrait, numbering: Numbering): Section {
  const { labelled, frames, sha256, source, periodicDirections } = inspection;
  const repeating = ['none', 'one', 'two', 'three']
    .map((name, k) => ({ name, frames: periodicDirections[k] }))
    .filter((row) => row.frames > 0)
    .map((row) => (row.frames === frames ? row.name : `${row.name} (${row.frames} frames)`));
  const body = html`${facts([
    ['Source', source.replace(/^.*[\\/]/, '')],
    [
      'Labels',
      `energy ${labelled.energy}, forces ${labelled.forces}, stress ${labelled.stress} of ${count(frames, 'frame')}`,
    ],
    ['Directions that repeat', repeating.join(', ')],
    ['SHA-256', sha256 === '' ? undefined : html`<code>${sha256}</code>`],
  ])}
${table(numbering, 'Composition. Shares are of the atoms of a frame.', inspection.elements, [
  { header: 'Element', cell: ({ symbol }) => symbol },
  { header: 'Atoms', align: 'right', cell: ({ atoms }) => formatNumber(atoms, { decimals: 0 }) },
  { header: 'Frames', align: 'right', cell: (element) => formatNumber(element.frames, { decimals: 0 }) },
  {
    header: 'Share (%)',
    align: 'right',
    cell: ({ fraction }) =>
      fraction.min === fraction.max
        ? formatNumber(100 * fraction.min, { digits: 3 })
        : `${formatNumber(100 * fraction.min, { digits: 3 })} … ${formatNumber(100 * fraction.max, { digits: 3 })}`,
  },
])}
${groupTable(inspection.groups, numbering)}`;
  return { id: 'content', title: 'What is in it', body };
}

const MOST_GROUPS = 40;

function groupTable(groups: DataPortrait['inspection']['groups'], numbering: Numbering): Html | undefined {
  if (groups.length < 2) return undefined;
  const shown = groups.toSorted((a, b) => b.frames - a.frames).slice(0, MOST_GROUPS);
  const caption =
    shown.length < groups.length
      ? `The ${MOST_GROUPS} largest of ${groups.length} groups of frames.`
      : 'Groups of frames.';
  return table(numbering, caption, shown, [
    { header: 'Group', cell: ({ name }) => groupName(name) },
    { header: 'Frames', align: 'right', cell: ({ frames }) => formatNumber(frames, { decimals: 0 }) },
    { header: 'Atoms', align: 'right', cell: ({ atoms }) => formatNumber(atoms, { decimals: 0 }) },
  ]);
}

function energySection({ energyVolume, inspection }: DataPortrait, numbering: Numbering): Section | undefined {
  if (energyVolume.length === 0) return undefined;
  const colours = groupColours(inspection.groups);
  const plot = energyVolumePlot(numbering.plot(), energyVolume, colours, 'wide');
  if (plot === undefined) return undefined;
  const caption = html`Energies of the periodic frames, above the lowest of them. ${legend(inspection.groups, colours)}`;
  return { id: 'energies', title: 'Energy and volume', body: figure(numbering, caption, [plot]) };
}

/** The colours of the groups, in words and dots. */
function legend(groups: DataPortrait['inspection']['groups'], colours: ReadonlyMap<string, string>): Html | undefined {
  if (groups.length < 2) return undefined;
  const own = groups.filter(({ name }) => [...colours.values()].filter((c) => c === colours.get(name)).length === 1);
  const others = groups.length - own.length;
  const entry = (colour: string | undefined, text: string): Html =>
    html`<span class="swatch"><svg viewBox="0 0 8 8" width="9" height="9" aria-hidden="true"><circle cx="4" cy="4" r="4" fill="${colour}"/></svg> ${text}</span> `;
  return html`${own.map(({ name }) => entry(colours.get(name), groupName(name)))}${
    others > 0 ? entry('#8a9097', `${others} other groups`) : undefined
  }`;
}

/** Elements and pairs of elements that get a plot. */
const MOST_PANELS = 12;

/** Three in a row where there are three. */
function panelSize(panels: readonly unknown[]): PanelSize {
  return panels.length % 3 === 0 ? 'small' : 'wide';
}

function forceSection({ forces }: DataPortrait, numbering: Numbering): Section | undefined {
  const shown = forces.toSorted((a, b) => b.atoms - a.atoms).slice(0, MOST_PANELS);
  const plots = shown
    .map((sizes) => forcePlot(numbering.plot(), sizes, panelSize(shown)))
    .filter((plot) => plot !== undefined);
  if (plots.length === 0) return undefined;
  const rest = shown.length < forces.length ? ` The ${MOST_PANELS} commonest of ${forces.length} elements.` : '';
  const caption = `Sizes of the forces, by element. The last interval holds everything beyond the 99.9th percentile.${rest}`;
  return { id: 'forces', title: 'Forces', body: figure(numbering, caption, plots) };
}

function distanceSection(portrait: DataPortrait, numbering: Numbering): Section | undefined {
  const { distances, distanceFrames } = portrait;
  const commonest = new Set(distances.toSorted((a, b) => b.pairs - a.pairs).slice(0, MOST_PANELS));
  const shown = distances.filter((pair) => commonest.has(pair));
  const plots = shown
    .map((pair) => distancePlot(numbering.plot(), pair, panelSize(shown)))
    .filter((plot) => plot !== undefined);
  if (plots.length === 0) return undefined;
  const pairs =
    shown.length < distances.length ? ` The ${MOST_PANELS} commonest of ${distances.length} pairs of elements.` : '';
  const caption = `How densely atoms stand around each other, over ${count(distanceFrames, 'frame')}.${pairs}`;
  return { id: 'distances', title: 'Distances', body: figure(numbering, caption, plots) };
}

/** Upper ends of the classes of influence, as shares of all environments, and their colours. */
const INFLUENCE_CLASSES: readonly (readonly [number, string])[] = [
  [0.9, '#9fb0c0'],
  [0.99, '#e69f00'],
  [1, '#c8202a'],
];

function mapSection(portrait: DataPortrait, numbering: Numbering): Section | undefined {
  const { map, groups, inspection, influence } = portrait;
  if (map === null) return undefined;
  const colours = groupColours(inspection.groups);
  const at = (point: number): Point => [map.x[point], map.y[point]];
  const all = map.x.map((_, point) => point);
  // Groups with many points first, so that the small ones are not covered.
  const byGroup = [...colours]
    .map(([name, colour]) => ({ colour, points: all.filter((point) => groups[map.frame[point]] === name).map(at) }))
    .sort((a, b) => b.points.length - a.points.length);
  const plots = [mapPlot(numbering.plot(), byGroup, 'by group', map.explained)];
  if (influence !== null) {
    plots.push(mapPlot(numbering.plot(), influenceClouds(influence, at), 'by influence', map.explained));
  }
  const about =
    'Atomic environments in the plane of their two first principal components: what is alike lies together. Rotated and renumbered copies are one point.';
  const sway =
    influence === null
      ? undefined
      : html` On the right by Cook's distance, how much the forces on the atom sway a fit: the largest tenth in orange, the largest hundredth in red.`;
  const caption = html`${about}${sway} ${legend(inspection.groups, colours)}`;
  return { id: 'map', title: 'Map of environments', body: figure(numbering, caption, plots) };
}

function influenceClouds(influence: readonly number[], at: (point: number) => Point): Cloud[] {
  const ranked = influence
    .map((cook, point) => ({ cook, point }))
    .filter(({ cook }) => Number.isFinite(cook))
    .sort((a, b) => a.cook - b.cook);
  let from = 0;
  return INFLUENCE_CLASSES.map(([share, colour]) => {
    const to = Math.round(share * ranked.length);
    const points = ranked.slice(from, to).map(({ point }) => at(point));
    from = to;
    return { points, colour };
  });
}

function flaggedSection({ flagged, flaggedCount }: DataPortrait, numbering: Numbering): Section | undefined {
  if (flagged.length === 0) return undefined;
  const panels = flagged.map((one) => {
    const drawing = drawStructure(one.structure, {
      id: numbering.plot(),
      description: `Frame ${one.frame}: ${one.structure.numbers.length} atoms`,
      marked: one.atoms,
    });
    return html`${drawing}<p class="under"><b>Frame ${one.frame}</b>${one.group === '' ? '' : ` (${one.group})`}<br>${[...new Set(one.reasons)].join(', ')}</p>`;
  });
  const rest =
    flagged.length < flaggedCount
      ? ` ${flagged.length} of ${flaggedCount} are drawn, some for each set of reasons.`
      : '';
  const caption = `Frames that findings of severity warning or error name.${rest} A ring marks the atom that is meant.`;
  return { id: 'flagged', title: 'Frames to look at', body: figure(numbering, caption, panels) };
}
