/**
 * Points sorted into equal boxes, so that those near a place are found without looking at all of them.
 *
 * Boxes that follow each other along x follow each other in memory: one run of `points`. Where a sparse system
 * would need too many, the boxes repeat with period `counts`, like a wallpaper: distant points share a box, and
 * their distance tells them apart.
 */
export interface Bins {
  /** Å; nothing beyond it is looked for. */
  readonly reach: number;
  /** Lowest corner of the first box, Å. */
  readonly low: readonly [number, number, number];
  /** Edge of a box, Å. */
  readonly width: number;
  /** Boxes that it takes to cover all points along x, y and z. */
  readonly extent: readonly [number, number, number];
  /** Boxes that there are. */
  readonly counts: readonly [number, number, number];
  /** Points of box b = (z · ny + y) · nx + x are start[b] … start[b+1] − 1; [boxes + 1]. */
  readonly start: Int32Array;
  /** Which point each is, [N]. */
  readonly order: Int32Array;
  /** Positions in that order, Å, [3N]. */
  readonly points: Float64Array;
}

/** Boxes per reach: halves fit the sphere better than wholes, thirds cost more boxes than they save points. */
const BOXES_PER_REACH = 2;
/** Most boxes per point, and how many a small system may have in any case. */
const BOXES_PER_POINT = 16;
const FEW = 4096;

/** Sorts points (Å, [3N]) into boxes made for finding what is within `reach` (Å). */
export function binPoints(points: Float64Array, reach: number): Bins {
  const n = points.length / 3;
  const { low, size } = boundingBox(points);
  const width = reach / BOXES_PER_REACH;
  const scale = 1 / width;
  const extent: [number, number, number] = [0, 0, 0];
  for (let axis = 0; axis < 3; axis++) extent[axis] = Math.floor(size[axis] * scale) + 1;
  // What is halved is at least 16 boxes long, so that no search, five or six boxes wide, meets a box twice.
  const counts: [number, number, number] = [...extent];
  while (counts[0] * counts[1] * counts[2] > BOXES_PER_POINT * n + FEW) {
    const longest = counts.indexOf(Math.max(...counts));
    counts[longest] = Math.ceil(counts[longest] / 2);
  }

  const [nx, ny, nz] = counts;
  const box = new Int32Array(n);
  const start = new Int32Array(nx * ny * nz + 1);
  for (let i = 0; i < n; i++) {
    const x = Math.floor((points[3 * i] - low[0]) * scale) % nx;
    const y = Math.floor((points[3 * i + 1] - low[1]) * scale) % ny;
    const z = Math.floor((points[3 * i + 2] - low[2]) * scale) % nz;
    box[i] = (z * ny + y) * nx + x;
    start[box[i] + 1]++;
  }
  for (let b = 1; b < start.length; b++) start[b] += start[b - 1];

  const order = new Int32Array(n);
  const sorted = new Float64Array(3 * n);
  const next = start.slice();
  for (let i = 0; i < n; i++) {
    const k = next[box[i]]++;
    order[k] = i;
    sorted[3 * k] = points[3 * i];
    sorted[3 * k + 1] = points[3 * i + 1];
    sorted[3 * k + 2] = points[3 * i + 2];
  }
  return { reach, low, width, extent, counts, start, order, points: sorted };
}

/** Numbers that were found, in the order in which they were found; the array is longer than what is in use. */
export interface Finds {
  values: Int32Array;
  count: number;
}

/** Adds to `finds` every point within reach of (x, y, z), without point number `self` (−1: with all). */
export function findNear(bins: Bins, x: number, y: number, z: number, self: number, finds: Finds): void {
  const { reach, low, extent, counts, start, order, points } = bins;
  const reach2 = reach * reach;
  const scale = 1 / bins.width;
  const nx = counts[0];
  const ny = counts[1];
  const nz = counts[2];
  const fromX = Math.max(0, Math.floor((x - reach - low[0]) * scale));
  const fromY = Math.max(0, Math.floor((y - reach - low[1]) * scale));
  const fromZ = Math.max(0, Math.floor((z - reach - low[2]) * scale));
  const acrossX = Math.min(extent[0] - 1, Math.floor((x + reach - low[0]) * scale)) - fromX + 1;
  const acrossY = Math.min(extent[1] - 1, Math.floor((y + reach - low[1]) * scale)) - fromY + 1;
  const acrossZ = Math.min(extent[2] - 1, Math.floor((z + reach - low[2]) * scale)) - fromZ + 1;
  if (acrossX <= 0) return;
  const firstX = fromX % nx;

  let { values, count } = finds;
  for (let stepZ = 0, boxZ = fromZ % nz; stepZ < acrossZ; stepZ++, boxZ = boxZ + 1 < nz ? boxZ + 1 : 0) {
    for (let stepY = 0, boxY = fromY % ny; stepY < acrossY; stepY++, boxY = boxY + 1 < ny ? boxY + 1 : 0) {
      const row = (boxZ * ny + boxY) * nx;
      // One run, or two where the boxes start again.
      for (let boxX = firstX, left = acrossX; left > 0; left -= nx - boxX, boxX = 0) {
        const end = start[row + Math.min(nx, boxX + left)];
        let k = start[row + boxX];
        if (count + end - k > values.length) values = grown(values, count + end - k);
        for (; k < end; k++) {
          const dx = points[3 * k] - x;
          const dy = points[3 * k + 1] - y;
          const dz = points[3 * k + 2] - z;
          if (dx * dx + dy * dy + dz * dz <= reach2 && order[k] !== self) values[count++] = order[k];
        }
      }
    }
  }
  finds.values = values;
  finds.count = count;
}

/** The same numbers in an array of at least `length` and at least twice as long. */
export function grown(values: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(Math.max(length, 2 * values.length));
  larger.set(values);
  return larger;
}

function boundingBox(points: Float64Array): { low: [number, number, number]; size: [number, number, number] } {
  const low: [number, number, number] = [points[0], points[1], points[2]];
  const size: [number, number, number] = [0, 0, 0];
  for (let axis = 0; axis < 3; axis++) {
    let least = points[axis];
    let most = least;
    for (let c = axis; c < points.length; c += 3) {
      least = Math.min(least, points[c]);
      most = Math.max(most, points[c]);
    }
    low[axis] = least;
    size[axis] = most - least;
  }
  return { low, size };
}
