import type { Random } from '../random.ts';
import type { KernelSystem, ModelShape, TrainingSystem } from './kernels.ts';
import { featureCount, weightLayout } from './kernels.ts';

/**
 * Random models and systems for the tests of the kernels, and the small motions that finite differences need.
 */

/** A small shape from all corners of what the contract allows. */
export function randomShape(random: Random): ModelShape {
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)];
  const cutoff = 4 + random.uniform();
  return {
    species: pick(1, 2, 3, 4),
    radial: pick(4, 8, 12),
    lmax: pick(2, 3),
    order: pick(2, 3, 4),
    channels: pick(4, 8),
    hidden: [pick(4, 8, 16), pick(4, 8, 16)],
    heads: pick(1, 3),
    cutoff,
    onset: cutoff - 1 - random.uniform(),
  };
}

/**
 * Weights that make a lively model of a shape: channels and features of the order of 1 in a condensed system, energies
 * and forces of the order of 1 eV per atom and 1 eV/Å, and no block of weights without a say in them.
 */
export function randomWeights(shape: ModelShape, random: Random): Float64Array {
  const { length, ...starts } = weightLayout(shape);
  const weights = new Float64Array(length);
  const scales = {
    mix: 0.5 / Math.sqrt(shape.radial),
    w1: 1 / Math.sqrt(featureCount(shape)),
    b1: 0.5,
    w2: 1.5 / Math.sqrt(shape.hidden[0]),
    b2: 0.5,
    w3: 2 / Math.sqrt(shape.hidden[1]),
    skip: 0.3 / Math.sqrt(featureCount(shape)),
    b3: 1,
    wF: 1 / Math.sqrt(shape.hidden[1]),
    bF: 0.5,
  };
  const blocks = Object.keys(scales) as (keyof typeof scales)[];
  for (const [index, block] of blocks.entries()) {
    const end = index + 1 < blocks.length ? starts[blocks[index + 1]] : length;
    for (let i = starts[block]; i < end; i++) weights[i] = scales[block] * random.normal();
  }
  return weights;
}

/**
 * Atoms strewn over a slanted periodic cell, or over a cube without one, at 15 Å³ per atom and no two of them (or of
 * their images) nearer than 1.5 Å. Small cells lie well inside the cutoff, so that atoms see their own images. The
 * neighbour list reaches 0.3 Å beyond the cutoff: it stays complete in small motions, and a kernel must leave out
 * the edges that are too long.
 */
export function randomSystem(
  shape: Pick<ModelShape, 'species' | 'cutoff'>,
  random: Random,
  options: { readonly atoms?: number; readonly periodic?: boolean } = {},
): KernelSystem {
  const { atoms = 2 + random.below(7), periodic = random.uniform() < 0.5 } = options;
  const edge = Math.cbrt(15 * atoms);
  const slant = (): number => (periodic ? 0.2 * edge * (random.uniform() - 0.5) : 0);
  const cell = Float64Array.from({ length: 9 }, (_, c) => (c % 4 === 0 ? edge : 0) + slant());
  const species = Int32Array.from({ length: atoms }, () => random.below(shape.species));
  const positions = new Float64Array(3 * atoms);
  for (let i = 0; i < atoms; i++) {
    do {
      const f = [random.uniform(), random.uniform(), random.uniform()];
      for (let c = 0; c < 3; c++) positions[3 * i + c] = f[0] * cell[c] + f[1] * cell[3 + c] + f[2] * cell[6 + c];
    } while (isCrowded(positions, i, cell));
  }
  return systemFromPositions(positions, periodic ? cell : null, species, shape.cutoff + 0.3);
}

/** Whether atom i lies within 1.5 Å of an earlier atom or of one of its nearest images. */
function isCrowded(positions: Float64Array, i: number, cell: Float64Array): boolean {
  for (const shift of latticeVectors(cell, [1, 1, 1])) {
    const moved = positions.map((x, c) => x + shift[c % 3]);
    for (let j = 0; j < i; j++) if (distance(positions, i, moved, j) < 1.5) return true;
  }
  return false;
}

function distance(a: Float64Array, i: number, b: Float64Array, j: number): number {
  const [x, y, z] = [a[3 * i] - b[3 * j], a[3 * i + 1] - b[3 * j + 1], a[3 * i + 2] - b[3 * j + 2]];
  return Math.sqrt(x * x + y * y + z * z);
}

/**
 * A system with every edge shorter than the cutoff, by trying all pairs and all images.
 * @param positions Å, [3N], anywhere   @param cell lattice vectors as rows, Å, [9], or null for a cluster
 */
export function systemFromPositions(
  positions: Float64Array,
  cell: Float64Array | null,
  species: Int32Array,
  cutoff: number,
): KernelSystem {
  const atoms = species.length;
  const sites = Array.from(positions);
  const owner = Array.from(species.keys());
  const edges: number[][] = owner.map(() => []);
  for (const shift of cell === null ? [[0, 0, 0]] : latticeVectors(cell, reach(positions, cell, cutoff))) {
    const moved = positions.map((x, c) => x + shift[c % 3]);
    const home = shift.every((c) => c === 0);
    for (let j = 0; j < atoms; j++) {
      const seenBy = owner
        .slice(0, atoms)
        .filter((i) => !(home && i === j) && distance(positions, i, moved, j) < cutoff);
      if (seenBy.length === 0) continue;
      let site = j;
      if (!home) {
        site = owner.length;
        owner.push(j);
        sites.push(...moved.subarray(3 * j, 3 * j + 3));
      }
      for (const i of seenBy) edges[i].push(site);
    }
  }
  const first = new Int32Array(atoms + 1);
  for (let i = 0; i < atoms; i++) first[i + 1] = first[i] + edges[i].length;
  return {
    atoms,
    sites: Float64Array.from(sites),
    species: Int32Array.from(owner, (j) => species[j]),
    owner: Int32Array.from(owner),
    first,
    neighbours: Int32Array.from(edges.flatMap((list) => list.sort((a, b) => a - b))),
  };
}

/** How many steps along each lattice vector can bring one atom within the cutoff of another. */
function reach(positions: Float64Array, cell: Float64Array, cutoff: number): number[] {
  const row = (a: number): Float64Array => cell.subarray(3 * (a % 3), 3 * (a % 3) + 3);
  return [0, 1, 2].map((a) => {
    // Heights above the lattice plane that the other two vectors span.
    const [u, v] = [row(a + 1), row(a + 2)];
    const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    const height = (r: Float64Array): number =>
      (r[0] * normal[0] + r[1] * normal[1] + r[2] * normal[2]) / Math.hypot(...normal);
    const heights = Array.from({ length: positions.length / 3 }, (_, i) => height(positions.subarray(3 * i)));
    return Math.ceil((cutoff + Math.max(...heights) - Math.min(...heights)) / Math.abs(height(row(a))));
  });
}

/** All lattice vectors up to so many steps along each axis, the zero vector first. */
function latticeVectors(cell: Float64Array, [na, nb, nc]: readonly number[]): number[][] {
  const vectors: number[][] = [[0, 0, 0]];
  for (let a = -na; a <= na; a++) {
    for (let b = -nb; b <= nb; b++) {
      for (let c = -nc; c <= nc; c++) {
        if (a === 0 && b === 0 && c === 0) continue;
        vectors.push([0, 1, 2].map((x) => a * cell[x] + b * cell[3 + x] + c * cell[6 + x]));
      }
    }
  }
  return vectors;
}

/** The same system with labels of the order of 1 eV and 1 eV/Å. */
export function randomLabels(system: KernelSystem, random: Random): TrainingSystem {
  return {
    ...system,
    energy: random.normal(),
    forces: Float64Array.from({ length: 3 * system.atoms }, () => random.normal()),
    strainGradient: Float64Array.from({ length: 9 }, () => random.normal()),
  };
}

/** The same system with one atom, and all its images with it, moved by h along axis 0, 1 or 2, Å. */
export function displaced<T extends KernelSystem>(system: T, atom: number, axis: number, h: number): T {
  const sites = system.sites.slice();
  for (let s = 0; s < system.owner.length; s++) if (system.owner[s] === atom) sites[3 * s + axis] += h;
  return { ...system, sites };
}

/** The same system in a strain: r_b → r_b + h·r_a, so that dE/dh is component (a, b) of the strain gradient. */
export function strained<T extends KernelSystem>(system: T, a: number, b: number, h: number): T {
  const sites = system.sites.slice();
  for (let s = 0; s < system.owner.length; s++) sites[3 * s + b] += h * system.sites[3 * s + a];
  return { ...system, sites };
}

/** The same system, every site r turned to R·r. `matrix` is row-major. */
export function turned<T extends KernelSystem>(system: T, matrix: readonly number[]): T {
  const sites = system.sites.map((_, c) => {
    const r = system.sites.subarray(c - (c % 3), c - (c % 3) + 3);
    const row = matrix.slice(3 * (c % 3), 3 * (c % 3) + 3);
    return row[0] * r[0] + row[1] * r[1] + row[2] * r[2];
  });
  return { ...system, sites };
}

/** A random rotation matrix, row-major [9], from a random unit quaternion. */
export function randomRotation(random: Random): number[] {
  const q = [random.normal(), random.normal(), random.normal(), random.normal()];
  const [w, x, y, z] = q.map((c) => c / Math.hypot(...q));
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ].flat();
}

/** Largest |a − b| of two arrays of the same length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} numbers against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return difference; // below no tolerance
    largest = Math.max(largest, difference);
  }
  return largest;
}
