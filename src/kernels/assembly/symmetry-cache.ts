/**
 * Training again and again on the same structures: symmetry functions know no weights, so that G and ∂G/∂r of each edge
 * can be kept. Then forces are (∂G/∂r)ᵀ g and Ġ = ∂G/∂r · v, and no triplet is looked at any more.
 *
 * The cache of a structure: u32 ready, address of G (f64 [row of a block][widest]), address of u32 [row]: where each
 * atom's record stands. An atom's record: u32 segments; per segment u32 species, edges; per edge u32 site, f32 vector,
 * then ∂G/∂x, ∂G/∂y, ∂G/∂z, f32 [T] each, of the T functions that neighbours of this species have a say in. Heads of
 * records are 16 bytes.
 */
import { clear, madd, sp, totals } from './simd';
import { backwardCell, radialGradient } from './symmetry-backward';
import { addEdgeForce, endForces } from './symmetry-forces';
import {
  eDone,
  edgeBytes,
  eHead,
  eSites,
  eX,
  eY,
  eZ,
  nFunctions,
  nRadial,
  nRings,
  radialList,
  segmentAt,
  segmentCount,
  sG,
  sGradient,
  sTouched,
  touchLists,
  widest,
} from './symmetry-state';

export function cacheReady(cache: usize): bool {
  return atomic.load<i32>(cache) === 1;
}
export function markReady(cache: usize): void {
  atomic.store<i32>(cache, 1);
}

function rowOfG(cache: usize, row: usize): usize {
  return <usize>load<u32>(cache, 4) + ((row * widest) << 3);
}
function recordOf(cache: usize, row: usize): usize {
  return load<u32>(<usize>load<u32>(cache, 8) + (row << 2));
}
/** Functions that a neighbour of this species has a say in, rounded up to a multiple of 4; their list. */
function touchedCount(kind: usize): usize {
  return load<u32>(touchLists + (kind << 3));
}
function touchedList(kind: usize): usize {
  return load<u32>(touchLists + (kind << 3), 4);
}

/**
 * Edges of the record: sites and vectors. What follows is zero already, and must not be cleared: another thread may have
 * finished and be reading it, and every number is only ever overwritten by itself.
 */
function writeEdges(record: usize): void {
  const segments = segmentCount();
  store<u32>(record, <u32>segments);
  let to = record + 16;
  for (let n: usize = 0; n < segments; n++) {
    const at = segmentAt(n);
    const end: usize = load<u32>(at + (nRings << 2), 4);
    const size = touchedCount(load<u32>(at)) * 12;
    let e: usize = load<u32>(at, 4);
    store<u32>(to, load<u32>(at));
    store<u32>(to, <u32>((end - e) >> 2), 4);
    to += 16;
    for (; e < end; e += 4) {
      store<u32>(to, load<u32>(eSites + e));
      store<f32>(to, load<f32>(eX + e), 4);
      store<f32>(to, load<f32>(eY + e), 8);
      store<f32>(to, load<f32>(eZ + e), 12);
      to += 16 + size;
    }
  }
}

/** Writes the gradients of function f (sGradient) into the record. */
function writeColumn(record: usize, f: i32): void {
  let to = record + 16;
  for (let n: usize = 0, segments = segmentCount(); n < segments; n++) {
    const at = segmentAt(n);
    const end: usize = load<u32>(at + (nRings << 2), 4);
    const kind: usize = load<u32>(at);
    const count = touchedCount(kind);
    const list = touchedList(kind);
    let column: usize = 0;
    while (column < count && load<i32>(list + (column << 2)) !== f) column++;
    to += 16;
    for (let e: usize = load<u32>(at, 4); e < end; e += 4) {
      const place = to + 16 + (column << 2);
      const g = sGradient + (e << 2);
      if (column < count) {
        store<f32>(place, load<f32>(g));
        store<f32>(place + (count << 2), load<f32>(g, 4));
        store<f32>(place + (count << 3), load<f32>(g, 8));
      }
      to += 16 + count * 12;
    }
  }
}

/** Keeps G and ∂G/∂r of the atom in row a of the block, which has been described, as row `row` of the cache. */
export function fillAtom(cache: usize, row: usize, a: usize): void {
  memory.copy(rowOfG(cache, row), sG + ((a * nFunctions) << 3), nFunctions << 3);
  const record = recordOf(cache, row);
  writeEdges(record);
  for (let n: usize = 0; n < nRadial; n++) {
    const entry = radialList + n * 12;
    radialGradient(entry);
    writeColumn(record, load<i32>(entry, 8));
  }
  for (let n: usize = 0, count: usize = load<u32>(eHead, 8); n < count; n++) {
    const done = eDone + (n << 4);
    const pass: usize = load<u32>(done);
    const map: usize = load<u32>(pass, 52);
    const cells: usize = <usize>load<u32>(pass, 20) * <usize>load<u32>(pass, 28);
    for (let c: usize = 0; c < cells; c++) {
      const f = load<i32>(map + (c << 2));
      if (f < 0) continue;
      clear(sGradient, edgeBytes() << 2);
      backwardCell(pass, load<u32>(done, 4), load<u32>(done, 8), c);
      writeColumn(record, f);
    }
  }
}

/** G of an atom from the cache, into row a of the block. */
export function cachedFunctions(cache: usize, row: usize, a: usize): void {
  memory.copy(sG + ((a * nFunctions) << 3), rowOfG(cache, row), nFunctions << 3);
}

/** Adds the forces of atom i's edges, given g = ∂E/∂G, f32 [F]; see `addForces`. */
export function cachedForces(cache: usize, row: usize, g: usize, i: i32, forces: usize, scale: f32): void {
  const record = recordOf(cache, row);
  const none = sp(0);
  let mine = i32x4.splat(0);
  let at = record + 16;
  for (let n: usize = 0, segments: usize = load<u32>(record); n < segments; n++) {
    const kind: usize = load<u32>(at);
    const edges: usize = load<u32>(at, 4);
    const bytes = touchedCount(kind) << 2;
    const list = touchedList(kind);
    for (let t: usize = 0; t < bytes; t += 4) {
      const f = load<i32>(list + t);
      store<f32>(sTouched + t, f < 0 ? 0 : load<f32>(g + ((<usize>f) << 2)));
    }
    at += 16;
    for (let e: usize = 0; e < edges; e++) {
      let x = none;
      let y = none;
      let z = none;
      const J = at + 16;
      for (let t: usize = 0; t < bytes; t += 16) {
        const s = v128.load(sTouched + t);
        x = madd(s, v128.load(J + t), x);
        y = madd(s, v128.load(J + bytes + t), y);
        z = madd(s, v128.load(J + 2 * bytes + t), z);
      }
      mine = i32x4.add(
        mine,
        addEdgeForce(totals(x, y, z, none), at + 4, at + 8, at + 12, load<u32>(at), forces, scale),
      );
      at = J + 3 * bytes;
    }
  }
  endForces(i, mine, forces);
}

/** Ġ of atom i, f32 [F] at T (zero before), along velocities and a strain rate; see `edgeVelocities`. */
export function cachedTangents(cache: usize, row: usize, i: i32, velocity: usize, rate: usize, T: usize): void {
  const record = recordOf(cache, row);
  const own = v128.load(velocity + ((<usize>i) << 4));
  const wx = v128.load(rate);
  const wy = v128.load(rate, 12);
  const wz = v128.load(rate, 24);
  let at = record + 16;
  for (let n: usize = 0, segments: usize = load<u32>(record); n < segments; n++) {
    const kind: usize = load<u32>(at);
    const edges: usize = load<u32>(at, 4);
    const bytes = touchedCount(kind) << 2;
    const list = touchedList(kind);
    clear(sTouched, bytes);
    at += 16;
    for (let e: usize = 0; e < edges; e++) {
      let v = f32x4.sub(v128.load(velocity + ((<usize>load<u32>(at)) << 4)), own);
      v = madd(v128.load32_splat(at, 4), wx, v);
      v = madd(v128.load32_splat(at, 8), wy, v);
      v = madd(v128.load32_splat(at, 12), wz, v);
      const vx = v128.shuffle<f32>(v, v, 0, 0, 0, 0);
      const vy = v128.shuffle<f32>(v, v, 1, 1, 1, 1);
      const vz = v128.shuffle<f32>(v, v, 2, 2, 2, 2);
      const J = at + 16;
      for (let t: usize = 0; t < bytes; t += 16) {
        let s = madd(vx, v128.load(J + t), v128.load(sTouched + t));
        s = madd(vy, v128.load(J + bytes + t), s);
        v128.store(sTouched + t, madd(vz, v128.load(J + 2 * bytes + t), s));
      }
      at = J + 3 * bytes;
    }
    for (let t: usize = 0; t < bytes; t += 4) {
      const f = load<i32>(list + t);
      if (f < 0) continue;
      const to = T + ((<usize>f) << 2);
      store<f32>(to, load<f32>(to) + load<f32>(sTouched + t));
    }
  }
}
