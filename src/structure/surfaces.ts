/** Slabs with a surface of given Miller indices, cut from a crystal of any lattice. */
import { NearsightError } from '../errors.ts';
import { inverse3, rowsTimes3 } from './matrix3.ts';
import type { Structure } from './structure.ts';
import type { SymmetryOperation } from './symmetry.ts';

/** Miller indices: the plane is at right angles to the reciprocal vector h a* + k b* + l c*. */
export type Miller = readonly [number, number, number];

/** Where a crystal can be cut in two between its planes of atoms. */
export interface Termination {
  /** Height of the cut over the origin, in units of the layer spacing, in [0, 1). */
  readonly height: number;
  /** Distance of the planes below and above, Å. */
  readonly gap: number;
}

export interface SlabOptions {
  /** Number of lattice planes, each with all atoms that belong to a lattice point. */
  readonly layers: number;
  /** Empty height between the outermost atoms of a slab and of its image, Å. */
  readonly vacuum: number;
  /** Where the slab begins, from `terminationsOf`; the widest gap when absent. */
  readonly cut?: Termination;
}

/** Planes of atoms nearer to each other than this are cut together, Å. */
const SAME_PLANE = 0.3;

/**
 * Indices without common divisor.
 * @throws NearsightError `bad-miller` unless three integers, not all zero
 */
export function reducedMiller(miller: readonly number[]): Miller {
  const divisor = miller.reduce((g, n) => greatestDivisor(g, Math.abs(n)), 0);
  if (miller.length !== 3 || !miller.every((n) => Number.isSafeInteger(n)) || divisor === 0) {
    throw new NearsightError('bad-miller', `[${miller.join(', ')}] are no Miller indices`, {
      hint: 'give three integers, not all of them zero; for hexagonal crystals h k l without i',
    });
  }
  return [miller[0] / divisor + 0, miller[1] / divisor + 0, miller[2] / divisor + 0];
}

/** Indices of the same planes with respect to another cell of the same crystal (both [9], Å, rows). */
export function millerIn(miller: Miller, from: Float64Array, to: Float64Array): Miller {
  const along = rowsTimes3(reciprocal(miller, from), transposed(to));
  // Rational numbers with small denominators: the least factor that makes integers of them.
  const largest = Math.max(...along.map(Math.abs));
  for (let factor = 1; factor <= 1000; factor++) {
    const scaled = Array.from(along, (n) => (n / largest) * factor);
    const whole = scaled.map((n) => Math.round(n) + 0);
    if (scaled.every((n, k) => Math.abs(n - whole[k]) < 1e-5)) return reducedMiller(whole);
  }
  throw new NearsightError('bad-miller', `the planes (${miller.join(' ')}) are none of the smallest cell`, {
    hint: 'give the crystal in a cell that agrees with its lattice',
  });
}

/** Distance between neighbouring lattice planes, 1/|h a* + k b* + l c*|, Å. */
export function layerSpacing(miller: Miller, cell: Float64Array): number {
  return 1 / Math.hypot(...reciprocal(reducedMiller(miller), cell));
}

/** h a* + k b* + l c*, 1/Å (without 2π). */
function reciprocal(miller: Miller, cell: Float64Array): Float64Array {
  // Rows of the transposed inverse are a*, b*, c*.
  return rowsTimes3(miller, transposed(inverse3(cell)));
}

/**
 * Planes of Miller indices up to `largest` that no symmetry operation maps onto each other, simplest first. (h k l) and
 * (−h −k −l) are the two sides of one slab.
 * @param pointGroup orthogonal matrices of the crystal class, [9] @param cell what the indices refer to
 */
export function uniquePlanes(largest: number, cell: Float64Array, pointGroup: readonly Float64Array[]): Miller[] {
  const candidates: Miller[] = [];
  for (let h = -largest; h <= largest; h++) {
    for (let k = -largest; k <= largest; k++) {
      for (let l = -largest; l <= largest; l++) {
        if (greatestDivisor(greatestDivisor(Math.abs(h), Math.abs(k)), Math.abs(l)) === 1) candidates.push([h, k, l]);
      }
    }
  }
  const cost = (m: Miller): number => m.reduce((sum, n) => sum + 100 * Math.abs(n) + (n < 0 ? 1 : 0), 0);
  candidates.sort((p, q) => cost(p) - cost(q) || q[0] - p[0] || q[1] - p[1] || q[2] - p[2]);
  const kept: Miller[] = [];
  for (const miller of candidates) {
    if (!kept.some((other) => isEquivalent(miller, other, cell, pointGroup))) kept.push(miller);
  }
  return kept;
}

/** Whether an operation of the crystal class maps the planes of one set of indices onto those of the other. */
export function isEquivalent(p: Miller, q: Miller, cell: Float64Array, pointGroup: readonly Float64Array[]): boolean {
  const from = reciprocal(p, cell);
  const to = reciprocal(q, cell);
  const near = 1e-6 * Math.hypot(...to);
  return pointGroup.some((r) => {
    const image = rowsTimes3(from, transposed(r));
    return [1, -1].some((sign) => image.every((g, c) => Math.abs(sign * g - to[c]) < near));
  });
}

/**
 * Where the crystal can be cut along these planes, the widest gap first; gaps below 0.3 Å are no places to cut at.
 * @param crystal a primitive cell, which the indices refer to
 * @param operations when given, cuts that one of them maps onto each other (or onto its other side) count once
 */
export function terminationsOf(
  crystal: Structure,
  miller: Miller,
  operations: readonly SymmetryOperation[] = [],
): Termination[] {
  const indices = reducedMiller(miller);
  const spacing = layerSpacing(indices, crystal.cell);
  const heights = Array.from(heightsOf(crystal, indices), (z) => fraction(z)).sort((a, b) => a - b);
  const cuts: Termination[] = heights.map((z, k) => {
    const next = k + 1 < heights.length ? heights[k + 1] : heights[0] + 1;
    return { height: fraction((z + next) / 2), gap: (next - z) * spacing };
  });
  cuts.sort((a, b) => (Math.abs(a.gap - b.gap) > 1e-6 ? b.gap - a.gap : a.height - b.height));
  const wide = cuts.filter(({ gap }, k) => gap >= SAME_PLANE || k === 0);
  const kept: Termination[] = [];
  for (const cut of wide) {
    const isKnown = operations.some((operation) => {
      const image = imageOfHeight(cut.height, indices, operation);
      return image !== null && kept.some(({ height }) => Math.abs(fraction(image - height + 0.5) - 0.5) < 1e-3);
    });
    if (!isKnown) kept.push(cut);
  }
  return kept;
}

/** Height that an operation moves a plane of height z to; null where it tilts the plane. */
function imageOfHeight(z: number, [h, k, l]: Miller, operation: SymmetryOperation): number | null {
  const { rotation: W, translation: w } = operation;
  const image = [0, 1, 2].map((c) => h * W[c] + k * W[3 + c] + l * W[6 + c]);
  const shift = h * w[0] + k * w[1] + l * w[2];
  if (image[0] === h && image[1] === k && image[2] === l) return z + shift;
  if (image[0] === -h && image[1] === -k && image[2] === -l) return -z + shift;
  return null;
}

/**
 * A slab with two surfaces, periodic in three dimensions: a along x, b in the xy plane, c along z at right angles to
 * the surface, the atoms in the middle of the cell. All layers are whole, so its composition is that of the crystal.
 * @param crystal the cell that the indices refer to; a primitive one gives the smallest slab
 * @throws NearsightError `bad-miller`, `bad-slab`
 */
export function slab(crystal: Structure, miller: Miller, options: SlabOptions): Structure {
  const { layers, vacuum } = options;
  if (!(Number.isInteger(layers) && layers >= 1 && vacuum > 0 && vacuum < Number.POSITIVE_INFINITY)) {
    throw new NearsightError('bad-slab', `no slab has ${layers} layers and a vacuum of ${vacuum} Å`, {
      hint: 'give at least one layer, and a vacuum above 0 Å',
    });
  }
  const indices = reducedMiller(miller);
  const spacing = layerSpacing(indices, crystal.cell);
  const frame = surfaceFrame(crystal.cell, indices);
  const begin = (options.cut ?? terminationsOf(crystal, indices)[0]).height;
  const heights = heightsOf(crystal, indices);
  const atoms = heights.length;
  const positions = new Float64Array(3 * layers * atoms);
  const inPlane = inverse2(frame);
  let top = Number.NEGATIVE_INFINITY;
  let bottom = Number.POSITIVE_INFINITY;
  for (let layer = 0; layer < layers; layer++) {
    for (let i = 0; i < atoms; i++) {
      const steps = layer - Math.floor(heights[i] - begin);
      const r = [0, 1, 2].map((c) => crystal.positions[3 * i + c] + steps * frame.step[c]);
      const x = dot(r, frame.x);
      const y = dot(r, frame.y);
      // Back into the parallelogram of a and b.
      const s = x * inPlane[0] + y * inPlane[2];
      const t = x * inPlane[1] + y * inPlane[3];
      const u = s - Math.floor(s + 1e-9);
      const v = t - Math.floor(t + 1e-9);
      const z = (heights[i] + steps) * spacing;
      positions.set([u * frame.a[0] + v * frame.b[0], v * frame.b[1], z], 3 * (layer * atoms + i));
      top = Math.max(top, z);
      bottom = Math.min(bottom, z);
    }
  }
  const height = top - bottom + vacuum;
  for (let c = 2; c < positions.length; c += 3) positions[c] += vacuum / 2 - bottom;
  const numbers = Int32Array.from({ length: layers * atoms }, (_, k) => crystal.numbers[k % atoms]);
  const cell = Float64Array.of(frame.a[0], 0, 0, frame.b[0], frame.b[1], 0, 0, 0, height);
  return { numbers, positions, cell, pbc: [true, true, true] };
}

interface SurfaceFrame {
  /** The surface cell in the frame of the slab, Å: a along x, b in the plane. */
  readonly a: readonly [number, number];
  readonly b: readonly [number, number];
  /** Unit vectors of that frame. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** A lattice vector from one layer to the next, Å. */
  readonly step: Float64Array;
}

/** The shortest two lattice vectors in the plane, right-handed about its normal, and one out of it. */
function surfaceFrame(cell: Float64Array, miller: Miller): SurfaceFrame {
  const [p, q, step] = planeBasis(miller).map((n) => rowsTimes3(n, cell));
  const normal = reciprocal(miller, cell);
  let [u, v] = [p, q];
  for (;;) {
    if (dot(v, v) < dot(u, u)) [u, v] = [v, u];
    const times = Math.round(dot(u, v) / dot(u, u));
    if (times === 0) break;
    const shorter = v.map((n, c) => n - times * u[c]);
    if (!(dot(shorter, shorter) < dot(v, v) * (1 - 1e-12))) break;
    v = shorter;
  }
  // Hexagonal cells are drawn with 120°.
  if (dot(u, v) > 1e-9 * dot(u, u)) {
    const obtuse = v.map((n, c) => n - u[c]);
    if (dot(obtuse, obtuse) <= dot(v, v) * (1 + 1e-9)) v = obtuse;
  }
  if (dot(cross(u, v), normal) < 0) [u, v] = [v, u];
  const length = Math.hypot(...u);
  const x = Array.from(u, (n) => n / length);
  const z = Array.from(normal, (n) => n / Math.hypot(...normal));
  const y = cross(z, x);
  return { a: [length, 0], b: [dot(v, x), dot(v, y)], x, y, step };
}

/**
 * Integer vectors u and v with h·u = h·v = 0 that span all lattice points of the plane, and w with h·w = 1.
 */
function planeBasis([h, k, l]: Miller): [number[], number[], number[]] {
  const [g, p, q] = bezout(h, k);
  if (g === 0)
    return [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, l],
    ];
  const [, s, t] = bezout(g, l);
  return [
    [k / g, -h / g, 0],
    [-l * p, -l * q, g],
    [s * p, s * q, t],
  ];
}

/** [g, x, y] with g = gcd(a, b) ≥ 0 and a x + b y = g (extended Euclid). */
function bezout(a: number, b: number): [number, number, number] {
  let [r, x, y] = [a, 1, 0];
  let [rest, xRest, yRest] = [b, 0, 1];
  while (rest !== 0) {
    const times = Math.trunc(r / rest);
    [r, rest] = [rest, r - times * rest];
    [x, xRest] = [xRest, x - times * xRest];
    [y, yRest] = [yRest, y - times * yRest];
  }
  return r < 0 ? [-r, -x, -y] : [r, x, y];
}

/** h · x of each atom, in layers. */
function heightsOf({ positions, cell }: Structure, [h, k, l]: Miller): Float64Array {
  const x = rowsTimes3(positions, inverse3(cell));
  return Float64Array.from({ length: x.length / 3 }, (_, i) => h * x[3 * i] + k * x[3 * i + 1] + l * x[3 * i + 2]);
}

function inverse2({ a, b }: SurfaceFrame): [number, number, number, number] {
  const area = a[0] * b[1] - a[1] * b[0];
  return [b[1] / area, -a[1] / area, -b[0] / area, a[0] / area];
}

/** In [0, 1), and 0 for what is 1 by rounding. */
function fraction(x: number): number {
  const part = x - Math.floor(x);
  return part > 1 - 1e-9 ? 0 : part;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function dot(u: ArrayLike<number>, v: ArrayLike<number>): number {
  return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
}

function cross(u: ArrayLike<number>, v: ArrayLike<number>): number[] {
  return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
}

function transposed(m: ArrayLike<number>): number[] {
  return [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]];
}
