import {
  checkNearestQuery,
  type NearestQuery,
  type NearestResult,
  type NearestSearch,
  rowDistance,
} from '../nearest.ts';
import { instantiate, type KernelExports } from './crew.ts';
import { createHeap, type Heap } from './memory.ts';

/**
 * Points and queries that are in the engine at the same time: some 10 MB for 144 coordinates. Engines replace code that
 * they compiled in haste only between two calls, so that calls should not be long.
 */
const POINTS = 16384;
const QUERIES = 1024;
/** As in assembly/nearest.ts. */
const GROUP = 8;
const COORDINATES = 16;

/** So far that its square is infinite in single precision: it never is the nearest. */
const FAR = 1e20;

/**
 * The search in WebAssembly with SIMD; twin of `nearestReference`. Memory is bounded by blocks of points and queries,
 * and kept for the next search. The comparison is made in single precision, the distance of the winner is then taken in
 * double precision.
 */
export function createSimdNearest(module: WebAssembly.Module, guards: boolean): NearestSearch {
  let engine: { readonly heap: Heap; readonly kernels: KernelExports } | null = null;
  return (query) => {
    checkNearestQuery(query);
    if (engine === null) {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
      engine = { heap: createHeap(memory, { start: 4096, guards }), kernels: instantiate(module, memory) };
    }
    const { heap, kernels } = engine;
    const room = openRoom(heap, query);
    try {
      return searchBlocks(heap, kernels, room, query);
    } finally {
      if (guards) heap.checkFences();
      room.close();
    }
  };
}

function searchBlocks(heap: Heap, kernels: KernelExports, room: Room, query: NearestQuery): NearestResult {
  const { dimension, queries, points } = query;
  const Q = queries.length / dimension;
  const P = points.length / dimension;
  const squares = new Float32Array(Q).fill(Number.POSITIVE_INFINITY);
  const indices = new Int32Array(Q).fill(-1);
  for (let from = 0; from < P; from += POINTS) {
    const groups = room.loadPoints(from, Math.min(P, from + POINTS));
    for (let first = 0; first < Q; first += QUERIES) {
      const last = Math.min(Q, first + QUERIES);
      room.loadQueries(first, last, squares, indices);
      search(kernels, room, Math.ceil((last - first) / 4) * 4, groups, from);
      squares.set(heap.f32(room.best, last - first), first);
      indices.set(heap.i32(room.index, last - first), first);
    }
  }
  const distances = Float64Array.from(indices, (j, i) =>
    j < 0 ? Number.POSITIVE_INFINITY : rowDistance(queries, i, points, j, dimension),
  );
  return { distances, indices };
}

/** Addresses of what the kernel works on, and how it gets there. */
interface Room {
  readonly width: number;
  readonly queries: number;
  readonly points: number;
  readonly queryLabels: number;
  readonly pointLabels: number;
  readonly best: number;
  readonly index: number;
  readonly tile: number;
  /** Returns the number of groups. */
  loadPoints(from: number, to: number): number;
  loadQueries(from: number, to: number, squares: Float32Array, indices: Int32Array): void;
  /** Gives the memory back. */
  close(): void;
}

function search(kernels: KernelExports, room: Room, count: number, groups: number, base: number): void {
  const { queries, points, width, queryLabels, pointLabels, best, index, tile } = room;
  kernels.nearestPoints(queries, count, points, groups, width, queryLabels, pointLabels, best, index, base, tile);
}

function openRoom(heap: Heap, { dimension, queries, points, exclude }: NearestQuery): Room {
  // Zeros beyond the last coordinate change no distance.
  const width = Math.ceil(dimension / COORDINATES) * COORDINATES;
  const mostQueries = Math.min(QUERIES, Math.ceil(queries.length / dimension / 4) * 4);
  const mostPoints = Math.min(POINTS, Math.ceil(points.length / dimension / GROUP) * GROUP);
  const at = {
    queries: heap.allocate(4 * width * mostQueries),
    points: heap.allocate(4 * width * mostPoints),
    queryLabels: heap.allocate(4 * mostQueries),
    pointLabels: heap.allocate(4 * mostPoints),
    best: heap.allocate(4 * mostQueries),
    index: heap.allocate(4 * mostQueries),
    tile: heap.allocate(128),
  };
  return {
    ...at,
    width,
    close() {
      for (const address of Object.values(at)) heap.release(address);
    },
    loadPoints(from, to) {
      const groups = Math.ceil((to - from) / GROUP);
      const labels = heap.i32(at.pointLabels, mostPoints);
      const block = heap.f32(at.points, groups * GROUP * width);
      block.fill(0);
      for (let j = 0; j < groups * GROUP; j++) {
        const start = Math.floor(j / GROUP) * GROUP * width + (j % GROUP);
        const real = from + j < to;
        // Queries without labels have −1: no point has that.
        labels[j] = real && exclude !== undefined ? exclude.points[from + j] : 0;
        for (let k = 0; k < dimension; k++) {
          block[start + k * GROUP] = real ? points[(from + j) * dimension + k] : FAR;
        }
      }
      return groups;
    },
    loadQueries(from, to, squares, indices) {
      const rows = heap.f32(at.queries, mostQueries * width);
      for (let i = from; i < to; i++) {
        rows.set(queries.subarray(i * dimension, (i + 1) * dimension), (i - from) * width);
      }
      const labels = heap.i32(at.queryLabels, mostQueries);
      if (exclude === undefined) labels.fill(-1);
      else labels.set(exclude.queries.subarray(from, to));
      // Rows beyond the last query have already found what is nearer than anything.
      heap.f32(at.best, mostQueries).fill(-1).set(squares.subarray(from, to));
      heap.i32(at.index, mostQueries).set(indices.subarray(from, to));
    },
  };
}
