import { covalentRadiusOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import { periodicCell } from '../../structure/cell.ts';
import { cofactors3, determinant3, inverse3, rowsTimes3 } from '../../structure/matrix3.ts';
import type { Structure } from '../../structure/structure.ts';

/** Two atoms that are close to each other. */
export interface Contact {
  readonly atoms: readonly [number, number];
  /** Å. */
  readonly distance: number;
  /** Distance over the sum of the covalent radii. */
  readonly ratio: number;
}

/**
 * The shortest distance in a structure, and the contact that is shortest for its elements; the latter is certain where its
 * ratio is below a half, and one of the short ones otherwise.
 */
export interface Contacts {
  readonly nearest: Contact;
  readonly tightest: Contact;
}

/** Å. */
const FIRST_REACH = 3;
/** Atoms that are farther apart than this have no neighbours worth speaking of, Å. */
const LAST_REACH = 12;
/** More images than this along one direction within reach: a cell that thin is a mistake. */
const MOST_IMAGES = 40;

/**
 * Closest contacts, images included; null where no two atoms are within 12 Å. Time grows linearly with the atoms.
 * @param guess a distance that some pair is expected to be nearer than, Å: a good one saves time
 * @throws NearsightError `too-many-neighbours` for cells that are too thin, and what `periodicCell` throws
 */
export function closestContacts(structure: Structure, guess: number = FIRST_REACH): Contacts | null {
  const radii = radiiOf(structure.numbers);
  // Half the sum of the two largest radii: what is tighter than a half is never missed.
  let largest = 0;
  for (let i = 0; i < radii.length; i++) largest = Math.max(largest, radii[i]);
  for (let reach = Math.max(guess, largest); ; reach = Math.min(LAST_REACH, 2 * reach)) {
    const contacts = contactsWithin(structure, radii, { reach: Math.min(reach, LAST_REACH), largest });
    if (contacts !== null || reach >= LAST_REACH) return contacts;
  }
}

/** Elements beyond the table are judged by the radius of its last one. */
function radiiOf(numbers: Int32Array): Float64Array {
  const radii = new Float64Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    radii[i] = i > 0 && numbers[i] === numbers[i - 1] ? radii[i - 1] : covalentRadiusOf(Math.min(numbers[i], 96));
  }
  return radii;
}

/** Atoms sorted into boxes that divide the cell. */
interface Boxes {
  readonly counts: readonly [number, number, number];
  /** Lattice vectors, with unit vectors along what does not repeat. */
  readonly cell: Float64Array;
  readonly pbc: readonly [boolean, boolean, boolean];
  /** Boxes to be searched to either side. */
  readonly range: readonly [number, number, number];
  readonly start: Int32Array;
  readonly order: Int32Array;
  /** Positions within the cell in that order, Å. */
  readonly points: Float64Array;
}

function boxesOf(structure: Structure, reach: number): Boxes {
  const { positions, pbc } = structure;
  const n = structure.numbers.length;
  const cell = periodicCell(structure);
  const fractional = rowsTimes3(positions, inverse3(cell));
  const faces = cofactors3(cell);
  const volume = Math.abs(determinant3(cell));
  const counts: [number, number, number] = [1, 1, 1];
  const lengths: [number, number, number] = [1, 1, 1];
  const heights = [0, 1, 2].map((k) => volume / Math.hypot(faces[3 * k], faces[3 * k + 1], faces[3 * k + 2]));
  for (let k = 0; k < 3; k++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let c = k; c < fractional.length; c += 3) {
      if (pbc[k]) fractional[c] -= Math.floor(fractional[c]);
      low = Math.min(low, fractional[c]);
      high = Math.max(high, fractional[c]);
    }
    if (!pbc[k]) {
      for (let c = k; c < fractional.length; c += 3) fractional[c] -= low;
      lengths[k] = high - low;
    }
    counts[k] = Math.max(1, Math.floor((lengths[k] * heights[k]) / reach));
  }
  while (counts[0] * counts[1] * counts[2] > 2 * n + 8) {
    const longest = counts.indexOf(Math.max(...counts));
    counts[longest] = Math.ceil(counts[longest] / 2);
  }
  const range = heights.map((height, k) => (pbc[k] ? Math.ceil((reach * counts[k]) / height) : 1));
  return { counts, cell, pbc, range: [range[0], range[1], range[2]], ...sorted(fractional, cell, { counts, lengths }) };
}

function sorted(
  fractional: Float64Array,
  cell: Float64Array,
  {
    counts,
    lengths,
  }: { readonly counts: readonly [number, number, number]; readonly lengths: readonly [number, number, number] },
): Pick<Boxes, 'start' | 'order' | 'points'> {
  const n = fractional.length / 3;
  const [na, nb, nc] = counts;
  const box = new Int32Array(n);
  const start = new Int32Array(na * nb * nc + 1);
  const scale = counts.map((count, k) => (lengths[k] > 0 ? count / lengths[k] : 0));
  for (let i = 0; i < n; i++) {
    const a = Math.min(na - 1, Math.floor(fractional[3 * i] * scale[0]));
    const b = Math.min(nb - 1, Math.floor(fractional[3 * i + 1] * scale[1]));
    const c = Math.min(nc - 1, Math.floor(fractional[3 * i + 2] * scale[2]));
    box[i] = (c * nb + b) * na + a;
    start[box[i] + 1]++;
  }
  for (let b = 1; b < start.length; b++) start[b] += start[b - 1];
  const next = start.slice();
  const order = new Int32Array(n);
  const inOrder = new Float64Array(3 * n);
  for (let i = 0; i < n; i++) {
    const k = next[box[i]]++;
    order[k] = i;
    for (let x = 0; x < 3; x++) inOrder[3 * k + x] = fractional[3 * i + x];
  }
  return { start, order, points: rowsTimes3(inOrder, cell, inOrder) };
}

/** Where steps from the boxes of one axis lead: the box, and the images of the cell in between. */
interface Steps {
  readonly count: number;
  readonly range: number;
  /** Box that box b + step is, at b + step + range; −1 where there is nothing. */
  readonly box: Int32Array;
  readonly shift: Int32Array;
}

function stepsAlong(count: number, range: number, repeats: boolean): Steps {
  const box = new Int32Array(count + 2 * range);
  const shift = new Int32Array(count + 2 * range);
  for (let k = 0; k < box.length; k++) {
    shift[k] = Math.floor((k - range) / count);
    box[k] = shift[k] !== 0 && !repeats ? -1 : k - range - shift[k] * count;
  }
  return { count, range, box, shift };
}

/** The best pairs so far: squared distance, squared ratio, and their places in the order of the boxes. */
interface Best {
  near: number;
  nearA: number;
  nearB: number;
  ratio: number;
  ratioA: number;
  ratioB: number;
  /** Squared sum of the two largest radii. */
  readonly widest: number;
}

function contactsWithin(
  structure: Structure,
  radii: Float64Array,
  { reach, largest }: { readonly reach: number; readonly largest: number },
): Contacts | null {
  const boxes = boxesOf(structure, reach);
  const { counts, pbc, range, order } = boxes;
  if (Math.max(...range) > MOST_IMAGES) {
    throw new NearsightError('too-many-neighbours', `the cell is too thin: ${Math.max(...range)} images within reach`, {
      hint: 'check that the cell is in Å, rows being lattice vectors',
      place: { field: 'cell' },
    });
  }
  const sortedRadii = new Float64Array(order.length);
  for (let k = 0; k < order.length; k++) sortedRadii[k] = radii[order[k]];
  const best: Best = {
    ...{ near: reach * reach, nearA: -1, nearB: -1 },
    ...{ ratio: Number.POSITIVE_INFINITY, ratioA: -1, ratioB: -1, widest: (2 * largest) ** 2 },
  };
  const [x, y, z] = [0, 1, 2].map((k) => stepsAlong(counts[k], range[k], pbc[k]));
  for (let c = 0, from = 0; c < z.count; c++) {
    for (let b = 0; b < y.count; b++) {
      for (let a = 0; a < x.count; a++, from++) {
        if (boxes.start[from] < boxes.start[from + 1])
          searchAround(boxes, sortedRadii, { a, b, c, x, y, z, from }, best);
      }
    }
  }
  if (best.nearA < 0) return null;
  const contact = (k: number, l: number, distance: number): Contact => {
    const atoms: [number, number] = [Math.min(order[k], order[l]), Math.max(order[k], order[l])];
    return { atoms, distance, ratio: distance / (radii[atoms[0]] + radii[atoms[1]]) };
  };
  const { nearA, nearB, ratioA, ratioB } = best;
  const tight = Math.sqrt(best.ratio) * (sortedRadii[ratioA] + sortedRadii[ratioB]);
  return { nearest: contact(nearA, nearB, Math.sqrt(best.near)), tightest: contact(ratioA, ratioB, tight) };
}

interface Place {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly x: Steps;
  readonly y: Steps;
  readonly z: Steps;
  readonly from: number;
}

/** Squared distance beyond which no pair is the nearest or the tightest. */
function farthestOfUse({ near, ratio, widest }: Best): number {
  return Math.max(near, ratio * widest);
}

/** All pairs of a box with itself and with the boxes in half of all directions, so that each pair is met once. */
function searchAround({ start, points, cell }: Boxes, radii: Float64Array, place: Place, best: Best): void {
  const { a, b, c, x, y, z, from } = place;
  let limit = farthestOfUse(best);
  for (let dc = 0; dc <= z.range; dc++) {
    const kc = c + dc + z.range;
    if (z.box[kc] < 0) continue;
    for (let db = dc === 0 ? 0 : -y.range; db <= y.range; db++) {
      const kb = b + db + y.range;
      if (y.box[kb] < 0) continue;
      const row = (z.box[kc] * y.count + y.box[kb]) * x.count;
      const same = dc === 0 && db === 0;
      for (let da = same ? 0 : -x.range; da <= x.range; da++) {
        const ka = a + da + x.range;
        if (x.box[ka] < 0) continue;
        const to = row + x.box[ka];
        const end = start[to + 1];
        if (start[to] === end) continue;
        const sx = x.shift[ka] * cell[0] + y.shift[kb] * cell[3] + z.shift[kc] * cell[6];
        const sy = x.shift[ka] * cell[1] + y.shift[kb] * cell[4] + z.shift[kc] * cell[7];
        const sz = x.shift[ka] * cell[2] + y.shift[kb] * cell[5] + z.shift[kc] * cell[8];
        for (let k = start[from]; k < start[from + 1]; k++) {
          const px = points[3 * k] - sx;
          const py = points[3 * k + 1] - sy;
          const pz = points[3 * k + 2] - sz;
          for (let l = same && da === 0 ? k + 1 : start[to]; l < end; l++) {
            const dx = points[3 * l] - px;
            const dy = points[3 * l + 1] - py;
            const dz = points[3 * l + 2] - pz;
            const square = dx * dx + dy * dy + dz * dz;
            if (square >= limit) continue;
            const sum = radii[k] + radii[l];
            if (square < best.near) {
              best.near = square;
              best.nearA = k;
              best.nearB = l;
            }
            if (square < best.ratio * sum * sum) {
              best.ratio = square / (sum * sum);
              best.ratioA = k;
              best.ratioB = l;
            }
            limit = farthestOfUse(best);
          }
        }
      }
    }
  }
}
