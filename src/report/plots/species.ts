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

interface Place {
  readonly symbol: string;
  readonly colour: string;
  readonly x: number;
  readonly y: number;
}

/** Size of the drawing within its frame and of a letter, in pixels. */
const WIDTH = 748;
const HEIGHT = 446;
const LETTER = 9;
const LINE = 13;
/** Labels stray no farther than this from their place, in pixels. */
const FARTHEST = 16;

/** The elements at their places on the map, in the colours of their families; both axes have the same scale. */
export function speciesPlot(id: string, species: SpeciesReport): Html | undefined {
  const places = species.symbols.flatMap((symbol, i): Place[] => {
    const [x, y] = [species.x[i], species.y[i]];
    return Number.isFinite(x) && Number.isFinite(y) ? [{ symbol, x, y, colour: colourOf(species.families[i]) }] : [];
  });
  if (places.length === 0) return undefined;
  const { x, y, unit } = sameScale(places);
  const axis = (k: 0 | 1): string => {
    const share = species.explained[k];
    const words = Number.isFinite(share) ? ` (${(100 * share).toFixed(0)} % of the squared distances)` : '';
    return `Component ${k + 1}${words}`;
  };
  return drawPlot({
    id,
    description: `Map of ${places.length} elements: those that the model treats alike stand together`,
    size: 'full',
    x: { label: axis(0), domain: x },
    y: { label: axis(1), domain: y },
    marks: [
      Plot.dot(places, { x: 'x', y: 'y', r: 1.6, fill: colour }),
      Plot.text(apart(places, unit), {
        x: 'x',
        y: 'y',
        text: 'symbol',
        fontSize: 12.5,
        fontWeight: 600,
        fill: colour,
        stroke: 'var(--paper)',
        strokeWidth: 3,
      }),
    ],
  });
}

const colour = (place: Place): string => place.colour;

/** Domains of both axes around all places, and what a pixel is on either of them. */
function sameScale(places: readonly Place[]): { x: [number, number]; y: [number, number]; unit: number } {
  const x = domainOf(
    places.map((place) => place.x),
    0.06,
  )!;
  const y = domainOf(
    places.map((place) => place.y),
    0.06,
  )!;
  const unit = Math.max((x[1] - x[0]) / WIDTH, (y[1] - y[0]) / HEIGHT);
  const around = ([low, high]: [number, number], pixels: number): [number, number] => {
    const middle = (low + high) / 2;
    return [middle - (unit * pixels) / 2, middle + (unit * pixels) / 2];
  };
  return { x: around(x, WIDTH), y: around(y, HEIGHT), unit };
}

/** Places of the labels: pushed off each other where they would overlap, and above their dots. */
function apart(places: readonly Place[], unit: number): Place[] {
  const at = places.map(({ x, y }) => ({ x: x / unit, y: y / unit + LINE / 2 + 2 }));
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < at.length; i++) {
      for (let j = 0; j < i; j++) {
        const width = (LETTER * (places[i].symbol.length + places[j].symbol.length)) / 2;
        const dx = at[i].x - at[j].x;
        const dy = at[i].y - at[j].y;
        const overX = width - Math.abs(dx);
        const overY = LINE - Math.abs(dy);
        if (overX <= 0 || overY <= 0) continue;
        // Along the shorter way out, half of it each.
        if (overX < overY) {
          at[i].x += (dx < 0 ? -overX : overX) / 2;
          at[j].x -= (dx < 0 ? -overX : overX) / 2;
        } else {
          at[i].y += (dy < 0 ? -overY : overY) / 2;
          at[j].y -= (dy < 0 ? -overY : overY) / 2;
        }
      }
    }
    for (const [i, { x, y }] of places.entries()) {
      at[i].x = Math.min(x / unit + FARTHEST, Math.max(x / unit - FARTHEST, at[i].x));
      at[i].y = Math.min(y / unit + FARTHEST, Math.max(y / unit - FARTHEST, at[i].y));
    }
  }
  return places.map((place, i) => ({ ...place, x: at[i].x * unit, y: at[i].y * unit }));
}
