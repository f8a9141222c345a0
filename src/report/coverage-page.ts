import type { Coverage } from '../curation/index.ts';
import { count } from './display.ts';
import { figure, type Html, html, type Numbering, type Section, startNumbering, table, typeset } from './markup.ts';
import { renderPage } from './page.ts';
import { type Axis, dots, drawPlot } from './plots/canvas.ts';
import { type Cloud, distancePlot, groupColours, mapPlot } from './plots/data-set.ts';
import { domainOf, type Point } from './plots/series.ts';
import { navigation, tile } from './sections/header.ts';
import { formatNumber } from './text.ts';

export interface CoveragePageOptions {
  readonly name: string;
  /** As it shall be printed: `2026-02-14`. */
  readonly date: string;
  /** What wrote it: `nearsight 0.1.0`. */
  readonly generator: string;
  /** What the plan asked for and did not get, by reason. */
  readonly refused?: readonly { readonly group: string; readonly message: string; readonly count: number }[];
}

/** Pairs of elements that get a plot. */
const MOST_PAIRS = 12;

/** What a set of structures covers, as one HTML file, see `renderPage`. The same data give the same bytes. */
export function renderCoverage(coverage: Coverage, options: CoveragePageOptions): string {
  const numbering = startNumbering();
  const colours = coloursOf(coverage.groups);
  const sections = [
    groupSection(coverage, options, colours, numbering),
    mapSection(coverage, colours, numbering),
    volumeSection(coverage, colours, numbering),
    distanceSection(coverage, numbering),
  ].filter((section) => section !== undefined);
  return renderPage(
    {
      title: `${options.name} – coverage`,
      header: header(coverage, options, sections),
      footer: `${options.generator} · ${options.date} · Structures without labels.`,
    },
    sections,
  );
}

/** Groups that have a colour each. */
const MOST_COLOURS = 7;

/** A colour for each group; where there are too many, for what was done first: all surfaces have one. */
function coloursOf(groups: Coverage['groups']): Map<string, string> {
  const familyOf = (name: string): string => (groups.length <= MOST_COLOURS ? name : name.split(/[+-]/)[0]);
  const families = new Map<string, number>();
  for (const { name, made } of groups) families.set(familyOf(name), (families.get(familyOf(name)) ?? 0) + made);
  const colours = groupColours(Array.from(families, ([name, frames]) => ({ name, frames })));
  return new Map(groups.map(({ name }) => [name, colours.get(familyOf(name)) ?? '']));
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const whole = (value: number): Html => typeset(formatNumber(value, { decimals: 0 }));

function header(coverage: Coverage, options: CoveragePageOptions, sections: readonly Section[]): Html {
  const { groups, distances } = coverage;
  const made = sum(groups.map((group) => group.made));
  const kept = sum(groups.map((group) => group.kept));
  const refused = sum((options.refused ?? []).map((reason) => reason.count));
  const shortest = Math.min(...distances.map((pair) => pair.shortest ?? Number.POSITIVE_INFINITY));
  const volumes = groups.flatMap((group) => group.volumes_A3_per_atom);
  const [low, high] = [Math.min(...volumes), Math.max(...volumes)].map((v) => formatNumber(v, { digits: 3 }));
  return html`<header>
<p class="kicker">Coverage · ${options.generator} · ${options.date}</p>
<h1>${options.name}</h1>
<p class="subtitle">${kept < made ? `${count(kept, 'structure')} chosen out of ${made}` : count(kept, 'structure')}, ready to be labelled</p>
<dl class="tiles">${[
    tile('Structures', whole(kept), '', kept < made ? `of ${made} that were made` : count(groups.length, 'group')),
    tile('Atoms', whole(sum(groups.map((group) => group.atoms))), '', 'in all of them'),
    ...(Number.isFinite(shortest) ? [tile('Shortest distance', typeset(formatNumber(shortest)), 'Å', '')] : []),
    ...(volumes.length > 0 ? [tile('Volumes', html`${low}–${high}`, 'Å³', 'of an atom, without slabs')] : []),
    ...(refused > 0 ? [tile('Refused', whole(refused), '', 'listed below')] : []),
  ]}</dl>
${navigation(sections)}
</header>`;
}

/** A table that serves as the legend of the plots. */
function groupSection(
  { groups }: Coverage,
  { refused = [] }: CoveragePageOptions,
  colours: ReadonlyMap<string, string>,
  numbering: Numbering,
): Section {
  const body = html`${table(numbering, 'Groups of structures, with the colours of the plots.', groups, [
    { header: 'Group', cell: ({ name }) => html`${swatch(colours.get(name))} ${name}` },
    { header: 'Made', align: 'right', cell: ({ made }) => formatNumber(made, { decimals: 0 }) },
    { header: 'Kept', align: 'right', cell: ({ kept }) => formatNumber(kept, { decimals: 0 }) },
    { header: 'Atoms', align: 'right', cell: ({ atoms }) => formatNumber(atoms, { decimals: 0 }) },
  ])}${
    refused.length === 0
      ? undefined
      : table(numbering, 'What the plan asked for and did not get.', refused, [
          { header: 'Group', cell: ({ group }) => group },
          { header: 'Structures', align: 'right', cell: (reason) => formatNumber(reason.count, { decimals: 0 }) },
          { header: 'Reason', long: true, cell: ({ message }) => message },
        ])
  }`;
  return { id: 'groups', title: 'What was made', body };
}

function swatch(colour: string | undefined): Html {
  return html`<svg viewBox="0 0 8 8" width="9" height="9" aria-hidden="true"><circle cx="4" cy="4" r="4" fill="${colour}"/></svg>`;
}

function mapSection({ map, groups }: Coverage, colours: ReadonlyMap<string, string>, numbering: Numbering): Section {
  const clouds = (kept: boolean): Cloud[] =>
    groups
      .map(({ name }, group) => ({
        colour: colours.get(name) ?? '',
        points: map.x.flatMap((x, k): Point[] =>
          map.group[k] === group && (map.kept[k] || !kept) ? [[x, map.y[k]]] : [],
        ),
      }))
      // Groups with many points first, so that the small ones are not covered.
      .sort((a, b) => b.points.length - a.points.length);
  const left = map.x.flatMap((x, k): Point[] => (map.kept[k] ? [] : [[x, map.y[k]]]));
  const plots = [mapPlot(numbering.plot(), clouds(false), left.length > 0 ? 'made' : '', map.explained)];
  if (left.length > 0) {
    const chosen = [{ colour: 'var(--rule)', points: left }, ...clouds(true)];
    plots.push(mapPlot(numbering.plot(), chosen, 'kept', map.explained));
  }
  const thinned = map.x.length < map.total ? `, ${map.x.length} of ${map.total}` : '';
  const caption =
    `Atomic environments${thinned} in the plane of their two first principal components: what is alike lies together. ` +
    `Rotated and renumbered copies are one point.${left.length > 0 ? ' On the right in grey what the budget left out.' : ''}`;
  return { id: 'map', title: 'Environments', body: figure(numbering, caption, plots) };
}

function volumeSection(
  { groups }: Coverage,
  colours: ReadonlyMap<string, string>,
  numbering: Numbering,
): Section | undefined {
  const shown = groups.filter((group) => group.volumes_A3_per_atom.length > 0);
  const x = domainOf(shown.flatMap((group) => group.volumes_A3_per_atom));
  if (x === undefined) return undefined;
  const rows: Axis = { label: 'Groups, in the order of the table', domain: [-0.7, shown.length - 0.3], ticks: [] };
  const plot = drawPlot({
    id: numbering.plot(),
    description: `Volumes per atom of the structures of ${shown.length} groups`,
    size: 'wide',
    x: { label: 'Volume (Å³/atom)', domain: x },
    y: rows,
    marks: shown.map(({ name, volumes_A3_per_atom: volumes }, row) =>
      dots(
        volumes.map((volume): Point => [volume, shown.length - 1 - row]),
        colours.get(name) ?? '',
        5,
      ),
    ),
  });
  const caption = 'Volumes of the structures that were kept, a row for each group. Slabs and molecules have none.';
  return { id: 'volumes', title: 'Volumes', body: figure(numbering, caption, [plot]) };
}

function distanceSection({ distances }: Coverage, numbering: Numbering): Section | undefined {
  const shown = distances.slice(0, MOST_PAIRS);
  const size = shown.length % 3 === 0 ? 'small' : 'wide';
  const plots = shown.map((pair) => distancePlot(numbering.plot(), pair, size)).filter((plot) => plot !== undefined);
  if (plots.length === 0) return undefined;
  const rest = shown.length < distances.length ? ` ${MOST_PAIRS} of ${distances.length} pairs of elements.` : '';
  const caption = `How densely atoms stand around each other in the structures that were kept.${rest}`;
  return { id: 'distances', title: 'Distances', body: figure(numbering, caption, plots) };
}
