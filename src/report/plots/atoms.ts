import { covalentRadiusOf, symbolOf } from '../../elements.ts';
import { completedCell, type Structure, toCartesian, toFractional } from '../../structure/index.ts';
import { escapeHtml, type Html } from '../markup.ts';
import { colourOf } from './element-colours.ts';

export interface StructureDrawing {
  /** Unique on the page. */
  readonly id: string;
  /** What is seen, for those who cannot see it. */
  readonly description: string;
  /** Atoms with a ring around them. */
  readonly marked: readonly number[];
}

/** Something to be drawn, with its distance from the reader. */
interface Piece {
  readonly depth: number;
  readonly svg: string;
}

/** px. */
const SIZE = 260;
const MARGIN = 14;
/** Bonds are drawn up to so many times the sum of the covalent radii, in structures of no more atoms than this. */
const BOND = 1.2;
const MOST_BONDED = 400;
/** px/Å at the most: two atoms must not fill the picture. */
const LARGEST_SCALE = 26;
/** Of the covalent radius. */
const BALL = 0.55;

/**
 * A structure as balls, bonds and the edges of its cell, seen along a direction that is a little off the first lattice
 * vector; inline SVG without script. Atoms that repeat are brought into the cell.
 */
export function drawStructure(structure: Structure, drawing: StructureDrawing): Html {
  const { numbers } = structure;
  const positions = turned(insideCell(structure));
  const corners = turned(cellCorners(structure));
  const radii = Array.from(numbers, (z) => BALL * covalentRadiusOf(Math.min(z, 96)));
  const view = fitted(positions, radii, corners);
  const pieces: Piece[] = [
    ...cellEdges(corners, view),
    ...bonds(numbers, positions, view),
    ...balls(numbers, positions, radii, view),
  ].sort((a, b) => a.depth - b.depth);
  const rings = drawing.marked.map((atom) => {
    const [x, y] = view.at(positions, atom);
    const r = radii[atom] * view.scale + 4;
    return `<circle cx="${px(x)}" cy="${px(y)}" r="${px(r)}" fill="none" stroke="var(--fail)" stroke-width="2.2"/>`;
  });
  const label = escapeHtml(drawing.description);
  const body = [...pieces.map(({ svg }) => svg), ...rings].join('');
  return {
    html: `<svg class="plot" id="${drawing.id}" role="img" aria-label="${label}" viewBox="0 0 ${px(view.width)} ${px(view.height)}">${body}</svg>`,
  };
}

const px = (value: number): string => String(Number(value.toFixed(1)));

/** Positions with all that repeats inside the cell, Å. */
function insideCell({ positions, cell, pbc }: Structure): Float64Array {
  if (!pbc.some(Boolean)) return positions;
  const full = completedCell(cell);
  const fractional = toFractional(positions, full);
  for (let c = 0; c < fractional.length; c++) {
    // What lies on the face within rounding stays on the near one.
    if (pbc[c % 3]) fractional[c] -= Math.floor(fractional[c] + 1e-6);
  }
  return toCartesian(fractional, full);
}

/** The eight corners, the k-th with the bits of k as its coordinates; none without a full cell. */
function cellCorners({ cell, pbc }: Structure): Float64Array {
  if (!pbc.every(Boolean)) return new Float64Array(0);
  const fractional = Array.from({ length: 24 }, (_, c) => (Math.floor(c / 3) >> (c % 3)) & 1);
  return toCartesian(fractional, cell);
}

/** Turned about the vertical by −20°, then towards the reader by 12°; z goes up, the reader looks along +y. */
function turned(positions: Float64Array): Float64Array {
  const [c, s] = [Math.cos(0.35), Math.sin(0.35)];
  const [d, t] = [Math.cos(0.21), Math.sin(0.21)];
  const out = new Float64Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) {
    const x = c * positions[i] + s * positions[i + 1];
    const y = -s * positions[i] + c * positions[i + 1];
    const z = positions[i + 2];
    // On the picture: right, down, towards the reader.
    out[i] = x;
    out[i + 1] = -(d * z + t * y);
    out[i + 2] = t * z - d * y;
  }
  return out;
}

interface View {
  readonly width: number;
  readonly height: number;
  /** px/Å. */
  readonly scale: number;
  at(points: Float64Array, index: number): [number, number];
}

function fitted(positions: Float64Array, radii: readonly number[], corners: Float64Array): View {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const include = (points: Float64Array, radius: (index: number) => number): void => {
    for (let i = 0; 3 * i < points.length; i++) {
      for (const k of [0, 1]) {
        low[k] = Math.min(low[k], points[3 * i + k] - radius(i));
        high[k] = Math.max(high[k], points[3 * i + k] + radius(i));
      }
    }
  };
  include(positions, (i) => radii[i]);
  include(corners, () => 0);
  const scale = Math.min(LARGEST_SCALE, (SIZE - 2 * MARGIN) / Math.max(high[0] - low[0], high[1] - low[1]));
  return {
    width: SIZE,
    height: Math.max(60, scale * (high[1] - low[1]) + 2 * MARGIN),
    scale,
    at: (points, i) => [
      SIZE / 2 + scale * (points[3 * i] - (low[0] + high[0]) / 2),
      MARGIN + scale * (points[3 * i + 1] - low[1]),
    ],
  };
}

function cellEdges(corners: Float64Array, view: View): Piece[] {
  const edges: Piece[] = [];
  for (let a = 0; 3 * a < corners.length; a++) {
    for (const bit of [1, 2, 4]) {
      if ((a & bit) !== 0) continue;
      const b = a | bit;
      edges.push({
        depth: Math.min(corners[3 * a + 2], corners[3 * b + 2]),
        svg: segment(view.at(corners, a), view.at(corners, b), 'currentColor', 0.9, 0.45),
      });
    }
  }
  return edges;
}

function bonds(numbers: Int32Array, positions: Float64Array, view: View): Piece[] {
  if (numbers.length > MOST_BONDED) return [];
  const found: Piece[] = [];
  const radii = Array.from(numbers, (z) => covalentRadiusOf(Math.min(z, 96)));
  for (let i = 0; i < numbers.length; i++) {
    for (let j = 0; j < i; j++) {
      const square = [0, 1, 2].reduce((sum, k) => sum + (positions[3 * i + k] - positions[3 * j + k]) ** 2, 0);
      if (square > (BOND * (radii[i] + radii[j])) ** 2) continue;
      const depth = (positions[3 * i + 2] + positions[3 * j + 2]) / 2;
      const svg = segment(view.at(positions, i), view.at(positions, j), 'var(--muted)', 2.2, 0.8);
      found.push({ depth, svg });
    }
  }
  return found;
}

function balls(numbers: Int32Array, positions: Float64Array, radii: readonly number[], view: View): Piece[] {
  return radii.map((radius, i) => {
    const [x, y] = view.at(positions, i);
    const title = `<title>${symbolOf(numbers[i])} ${i}</title>`;
    return {
      depth: positions[3 * i + 2],
      svg: `<circle cx="${px(x)}" cy="${px(y)}" r="${px(radius * view.scale)}" fill="${colourOf(numbers[i])}" stroke="#30363c" stroke-width="0.8">${title}</circle>`,
    };
  });
}

function segment(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  colour: string,
  ...[width, opacity]: readonly [number, number]
): string {
  return `<path d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}" stroke="${colour}" stroke-width="${width}" stroke-opacity="${opacity}"/>`;
}
