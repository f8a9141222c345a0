import * as Plot from '@observablehq/plot';
import type { Html } from '../markup.ts';
import type { ElementFamily, SpeciesReport } from '../report-data.ts';
import { drawPlot } from './canvas.ts';
import { domainOf } from './series.ts';

/** Families of elements, and what they are called; each has a colour of this name in the style sheet. */
export const FAMILIES: readonly (readonly [ElementFamily, string])[] = [
  ['alkali', 'alkali metals'],
  ['earth', 'alkaline earths'],
  ['dmetal', 'groups 3–12'],
  ['fmetal', 'lanthanides and actinides'],
  ['pblock', 'groups 13–15'],
  ['nonmetal', 'groups 16–18 and hydrogen'],
];

/** A record may come from elsewhere: what is no family gets the colour of the text. */
function colourOf(family: string | undefined): string {
  return FAMILIES.some(([known]) => known === family) ? `var(--${family})` : 'currentColor';
}

/** The elements at their places on the map, in the colours of their families. */
export function speciesPlot(id: string, species: SpeciesReport): Html | undefined {
  const places = species.symbols.flatMap((symbol, i) => {
    const [x, y] = [species.x[i], species.y[i]];
    return Number.isFinite(x) && Number.isFinite(y) ? [{ symbol, x, y, colour: colourOf(species.families[i]) }] : [];
  });
  const x = domainOf(
    places.map((place) => place.x),
    0.06,
  );
  const y = domainOf(
    places.map((place) => place.y),
    0.06,
  );
  if (x === undefined || y === undefined) return undefined;
  const label = (axis: 0 | 1): string => {
    const share = species.explained[axis];
    return Number.isFinite(share)
      ? `Component ${axis + 1} (${(100 * share).toFixed(0)} % of the squared distances)`
      : `Component ${axis + 1}`;
  };
  return drawPlot({
    id,
    description: `Map of ${places.length} elements: those that the model treats alike stand together`,
    size: 'full',
    x: { label: label(0), domain: x },
    y: { label: label(1), domain: y },
    marks: [
      Plot.text(places, {
        x: 'x',
        y: 'y',
        text: 'symbol',
        fontSize: 13,
        fontWeight: 600,
        fill: (place: { readonly colour: string }) => place.colour,
        stroke: 'var(--paper)',
        strokeWidth: 3,
      }),
    ],
  });
}
