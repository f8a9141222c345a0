/**
 * Triplets j, k of an atom, each once, lanes over triplets. Those whose r_jk is beyond the cutoff are left out at once:
 * the others go to chunks, without gaps, and each chunk goes through all steps while it is in cache.
 *
 * A pass has all functions of one kind (narrow or wide) and one pair of neighbour species (−1: all of them, weighted):
 * Gaussians h by powers q, G_hq = 2^{1−ζ} Σ_t w_h P_q, with w_h the product of a Gaussian's three (or two) factors and
 * P_q = (1 + λ cos θ)^ζ. The record of a pass, PASS bytes:
 *   i32 species of j, of k; u32 wide, ring; f32 r_c²; u32 Gaussians, their address (32 bytes each: see `gaussians`, and
 *   u32 number of the radial factor at 24), powers (a multiple of 4), their address (16 bytes each: u32
 *   slots of P_q and, on the way back, of (1 + λ cos θ)^{ζ−1}, f32 λζ, λ; λ = 1 first), steps to the powers and their
 *   address, the same on the way back, i32 function of each G_hq (−1: none), f32 2^{1−ζ} of each, bytes of a chunk,
 *   powers with λ = 1, real powers.
 * A chunk: u32 bytes of an array in use (padded), rows; then rows of one j: u32 its offset, end of its triplets; then
 * arrays of CHUNK bytes: k (its offset in the records of edges), cos θ, 1/(r_ij r_ik), 1/r_jk, w, and for narrow ones
 * q_h = exp(…) f(r_jk) and v_h = w_h ∂ ln q_h/∂r_jk.
 */
import { clear, madd, sp, totals } from './simd';
import { cutoffs, gaussians } from './symmetry-edges';
import {
  CHUNK,
  compaction,
  eChunks,
  eDone,
  eFactors,
  eHead,
  eInverse,
  eX,
  eY,
  eZ,
  nPasses,
  passes,
  sCut,
  sCutSlope,
  sDistance,
  segmentAt,
  segmentCount,
  sPowers,
  sProducts,
  sRows,
  width,
} from './symmetry-state';

/** Bytes of the record of a pass. */
const PASS: usize = 80;
/** Bytes before the arrays of a chunk. */
export const CHUNK_HEAD: usize = 16 + 2 * CHUNK;

/** Records of 16 bytes for what a triplet has to say of its edges: by r_jk, and by each radial factor. */
export function recordsOf(pass: usize): usize {
  return (<usize>load<u32>(pass, 20) + 4) >> 2;
}
/** Bytes of an edge's record in a pass. */
export function edgeStep(pass: usize): usize {
  return (1 + recordsOf(pass)) << 4;
}

// The chunk that is being filled.
let chunk: usize = 0;
let filled: usize = 0;
let rowStart: usize = 0;
let rowCount: usize = 0;
let chunkCount: usize = 0;

function openChunk(): void {
  filled = 0;
  rowStart = 0;
  rowCount = 0;
}

function endRow(j: usize): void {
  if (filled === rowStart) return;
  const row = chunk + 16 + (rowCount << 3);
  store<u32>(row, <u32>j);
  store<u32>(row, <u32>filled, 4);
  rowStart = filled;
  rowCount++;
}

/** Pads the chunk, takes it through the forward steps, and turns to the next one. */
function closeChunk(pass: usize): void {
  if (filled === 0) return;
  const arrays = chunk + CHUNK_HEAD;
  const bytes = (filled + 15) & ~(<usize>15);
  if (filled < bytes) {
    const n: usize = 4 + <usize>load<u32>(pass, 20);
    for (let a: usize = 0; a < n; a++) {
      // r_jk² = 1, everything else 0
      const fill: f32 = a === 3 ? 1 : 0;
      for (let t = filled; t < bytes; t += 4) store<f32>(arrays + a * CHUNK + t, fill);
    }
  }
  store<u32>(chunk, <u32>bytes);
  store<u32>(chunk, <u32>rowCount, 4);
  pairFactors(pass, arrays, bytes);
  powers(load<u32>(pass, 36), load<u32>(pass, 40), arrays + CHUNK, bytes);
  addProducts(pass, arrays + 4 * CHUNK, bytes, 0, sProducts);
  chunk += load<u32>(pass, 60);
  chunkCount++;
  openChunk();
}

/** Triplets of edge j (an offset) with the edges k of [from, to), k > after. */
function collect(pass: usize, j: usize, from: usize, to: usize, after: i32): void {
  const wide = load<u32>(pass, 8) !== 0;
  const rc2 = wide ? sp(Infinity) : v128.load32_splat(pass, 16);
  const nH: usize = (<usize>load<u32>(pass, 20)) << 2;
  const step = i32x4.splat(<i32>edgeStep(pass) >> 2);
  const xj = v128.load32_splat(eX + j);
  const yj = v128.load32_splat(eY + j);
  const zj = v128.load32_splat(eZ + j);
  const ij = v128.load32_splat(eInverse + j);
  const last = i32x4.splat(<i32>to);
  const past = i32x4.splat(after);
  let arrays = chunk + CHUNK_HEAD;
  let t = filled;
  for (let k = from & ~(<usize>15); k < to; k += 16) {
    const xk = v128.load(eX + k);
    const yk = v128.load(eY + k);
    const zk = v128.load(eZ + k);
    const dx = f32x4.sub(xk, xj);
    const dy = f32x4.sub(yk, yj);
    const dz = f32x4.sub(zk, zj);
    const r2 = madd(dx, dx, madd(dy, dy, f32x4.mul(dz, dz)));
    const number = i32x4.add(i32x4.splat(<i32>k), i32x4(0, 4, 8, 12));
    const live = v128.and(v128.and(i32x4.gt_s(number, past), i32x4.lt_s(number, last)), f32x4.lt(r2, rc2));
    const mask = i32x4.bitmask(live);
    if (mask === 0) continue;
    const order = v128.load(compaction + ((<usize>mask) << 4));
    const both = f32x4.mul(ij, v128.load(eInverse + k));
    const cosine = f32x4.mul(madd(xj, xk, madd(yj, yk, f32x4.mul(zj, zk))), both);
    let out = arrays + t;
    v128.store(out, i8x16.swizzle(i32x4.mul(number, step), order));
    v128.store((out += CHUNK), i8x16.swizzle(cosine, order));
    v128.store((out += CHUNK), i8x16.swizzle(both, order));
    v128.store((out += CHUNK), i8x16.swizzle(r2, order));
    for (let h: usize = 0; h < nH; h += 4) {
      const row: usize = load<u32>(sRows + h);
      v128.store((out += CHUNK), i8x16.swizzle(f32x4.mul(v128.load32_splat(row + j), v128.load(row + k)), order));
    }
    t += (<usize>i32.popcnt(mask)) << 2;
    if (t <= CHUNK - 16) continue;
    filled = t;
    endRow(j);
    closeChunk(pass);
    arrays = chunk + CHUNK_HEAD;
    t = 0;
  }
  filled = t;
  endRow(j);
}

/** Number of the segment of a species, or −1. */
function segmentOf(kind: i32): i32 {
  for (let n: usize = 0, count = segmentCount(); n < count; n++) if (load<i32>(segmentAt(n)) === kind) return <i32>n;
  return -1;
}

/** Each pair of edges within one run and with those of later runs of [low, high). */
function collectWithin(pass: usize, low: usize, high: usize): void {
  const ring: usize = (<usize>load<u32>(pass, 12)) << 2;
  for (let n = low; n < high; n++) {
    const at = segmentAt(n);
    const end: usize = load<u32>(at + ring, 8);
    for (let j: usize = load<u32>(at, 4); j < end; j += 4) {
      collect(pass, j, j + 4, end, <i32>j);
      for (let m = n + 1; m < high; m++) {
        const other = segmentAt(m);
        collect(pass, j, load<u32>(other, 4), load<u32>(other + ring, 8), -1);
      }
    }
  }
}

/** All triplets of a pass, forward: writes its functions to f64 [F] at G. */
function forwardPass(pass: usize, G: usize): void {
  const a = load<i32>(pass);
  const b = load<i32>(pass, 4);
  const first = a < 0 ? 0 : segmentOf(a);
  const second = b < 0 ? 0 : segmentOf(b);
  if (first < 0 || second < 0) return;
  const nH: usize = load<u32>(pass, 20);
  const gaussianTable: usize = load<u32>(pass, 24);
  for (let h: usize = 0; h < nH; h++)
    store<u32>(sRows + (h << 2), <u32>(eFactors + <usize>load<u32>(gaussianTable + (h << 5), 24) * width));
  clear(sProducts, (nH * <usize>load<u32>(pass, 28)) << 3);
  const begin = chunk;
  chunkCount = 0;
  openChunk();
  if (a < 0) collectWithin(pass, 0, segmentCount());
  else if (a === b) collectWithin(pass, <usize>first, <usize>first + 1);
  else {
    const ring: usize = (<usize>load<u32>(pass, 12)) << 2;
    const rows = segmentAt(<usize>first);
    const columns = segmentAt(<usize>second);
    const end: usize = load<u32>(rows + ring, 8);
    for (let j: usize = load<u32>(rows, 4); j < end; j += 4)
      collect(pass, j, load<u32>(columns, 4), load<u32>(columns + ring, 8), -1);
  }
  closeChunk(pass);
  if (chunkCount === 0) return;
  const number: usize = load<u32>(eHead, 8);
  const done = eDone + (number << 4);
  store<u32>(eHead, <u32>(number + 1), 8);
  store<u32>(done, <u32>pass);
  store<u32>(done, <u32>begin, 4);
  store<u32>(done, <u32>chunkCount, 8);
  storeProducts(pass, G);
}

/** All passes of the atom. */
export function forwardPasses(G: usize): void {
  store<u32>(eHead, 0, 8);
  chunk = eChunks;
  for (let n: usize = 0; n < nPasses; n++) forwardPass(passes + n * PASS, G);
}

/** The factors of r_jk: q, v and w of each Gaussian; wide functions have none. */
function pairFactors(pass: usize, arrays: usize, bytes: usize): void {
  if (load<u32>(pass, 8)) return;
  const inverse = arrays + 3 * CHUNK;
  const one = sp(1);
  for (let t: usize = 0; t < bytes; t += 16) {
    const r = f32x4.sqrt(v128.load(inverse + t));
    v128.store(sDistance + t, r);
    v128.store(inverse + t, f32x4.div(one, r));
  }
  const nH: usize = load<u32>(pass, 20);
  let w = arrays + 4 * CHUNK;
  let gaussian: usize = load<u32>(pass, 24);
  let rc: f32 = 0;
  for (let h: usize = 0; h < nH; h++) {
    const q = w + nH * CHUNK;
    const v = q + nH * CHUNK;
    const own = load<f32>(gaussian, 12);
    if (own !== rc) cutoffs(sDistance, bytes, own, load<f32>(gaussian, 16), sCut, sCutSlope);
    rc = own;
    gaussians(sDistance, bytes, gaussian, 1, sCut, sCutSlope, q, v);
    for (let t: usize = 0; t < bytes; t += 16) {
      const pp = v128.load(w + t);
      v128.store(w + t, f32x4.mul(pp, v128.load(q + t)));
      v128.store(v + t, f32x4.mul(pp, v128.load(v + t)));
    }
    w += CHUNK;
    gaussian += 32;
  }
}

/**
 * Powers of 1 ± cos θ in steps of 16 bytes: u32 kind, result, then the two factors (kind 0), or a base and an f32
 * exponent (kind 1). Slots are CHUNK bytes each; 0 is 1, 1 and 2 are 1 + cos θ and 1 − cos θ.
 */
export function powers(count: usize, steps: usize, cosines: usize, bytes: usize): void {
  const P = sPowers;
  const one = sp(1);
  const none = sp(0);
  for (let t: usize = 0; t < bytes; t += 16) {
    const c = v128.load(cosines + t);
    v128.store(P + t, one);
    // Rounding must not make a negative base.
    v128.store(P + CHUNK + t, f32x4.pmax(f32x4.add(one, c), none));
    v128.store(P + 2 * CHUNK + t, f32x4.pmax(f32x4.sub(one, c), none));
  }
  for (let n: usize = 0; n < count; n++) {
    const step = steps + (n << 4);
    const to = P + <usize>load<u32>(step, 4);
    const x = P + <usize>load<u32>(step, 8);
    if (load<u32>(step) === 0) {
      const y = P + <usize>load<u32>(step, 12);
      // Slots have room for whole fours of vectors; what stands behind the last triplet has no say.
      for (let t: usize = 0; t < bytes; t += 64) {
        v128.store(to + t, f32x4.mul(v128.load(x + t), v128.load(y + t)));
        v128.store(to + t, f32x4.mul(v128.load(x + t, 16), v128.load(y + t, 16)), 16);
        v128.store(to + t, f32x4.mul(v128.load(x + t, 32), v128.load(y + t, 32)), 32);
        v128.store(to + t, f32x4.mul(v128.load(x + t, 48), v128.load(y + t, 48)), 48);
      }
    } else {
      const exponent = load<f32>(step, 12);
      for (let t: usize = 0; t < bytes; t += 4) store<f32>(to + t, Mathf.pow(load<f32>(x + t), exponent));
    }
  }
}

/** Adds the totals of four vectors to four sums in double precision: chunks are many, and alike. */
function addTotals(sums: usize, a: v128, b: v128, c: v128, d: v128): void {
  const t = totals(a, b, c, d);
  const high = v128.shuffle<f64>(t, t, 1, 1);
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(t)));
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(high)), 16);
}

/**
 * sums[h][q] += Σ_t W_h P_q, f64: tiles of two Gaussians by four powers. `slot`: 0 for P_q, 4 for the powers below,
 * each after its own steps.
 */
export function addProducts(pass: usize, W: usize, bytes: usize, slot: usize, sums: usize): void {
  const nH: usize = load<u32>(pass, 20);
  const nQ: usize = load<u32>(pass, 28);
  const table: usize = <usize>load<u32>(pass, 32) + slot;
  const none = sp(0);
  for (let q: usize = 0; q < nQ; q += 4) {
    const entry = table + (q << 4);
    const p0 = sPowers + <usize>load<u32>(entry);
    const p1 = sPowers + <usize>load<u32>(entry, 16);
    const p2 = sPowers + <usize>load<u32>(entry, 32);
    const p3 = sPowers + <usize>load<u32>(entry, 48);
    let h: usize = 0;
    for (; h + 2 <= nH; h += 2) {
      const w = W + h * CHUNK;
      let a0 = none;
      let a1 = none;
      let a2 = none;
      let a3 = none;
      let b0 = none;
      let b1 = none;
      let b2 = none;
      let b3 = none;
      for (let t: usize = 0; t < bytes; t += 16) {
        const a = v128.load(w + t);
        const b = v128.load(w + t, CHUNK);
        let p = v128.load(p0 + t);
        a0 = madd(a, p, a0);
        b0 = madd(b, p, b0);
        p = v128.load(p1 + t);
        a1 = madd(a, p, a1);
        b1 = madd(b, p, b1);
        p = v128.load(p2 + t);
        a2 = madd(a, p, a2);
        b2 = madd(b, p, b2);
        p = v128.load(p3 + t);
        a3 = madd(a, p, a3);
        b3 = madd(b, p, b3);
      }
      addTotals(sums + ((h * nQ + q) << 3), a0, a1, a2, a3);
      addTotals(sums + (((h + 1) * nQ + q) << 3), b0, b1, b2, b3);
    }
    if (h === nH) continue;
    const w = W + h * CHUNK;
    let a0 = none;
    let a1 = none;
    let a2 = none;
    let a3 = none;
    for (let t: usize = 0; t < bytes; t += 16) {
      const a = v128.load(w + t);
      a0 = madd(a, v128.load(p0 + t), a0);
      a1 = madd(a, v128.load(p1 + t), a1);
      a2 = madd(a, v128.load(p2 + t), a2);
      a3 = madd(a, v128.load(p3 + t), a3);
    }
    addTotals(sums + ((h * nQ + q) << 3), a0, a1, a2, a3);
  }
}

/** Writes the sums of a pass to the functions that they are, f64 [F] at G. */
function storeProducts(pass: usize, G: usize): void {
  const cells = <usize>load<u32>(pass, 20) * <usize>load<u32>(pass, 28);
  const map: usize = load<u32>(pass, 52);
  const norms: usize = load<u32>(pass, 56);
  for (let c: usize = 0; c < cells; c++) {
    const f = load<i32>(map + (c << 2));
    if (f < 0) continue;
    store<f64>(G + ((<usize>f) << 3), load<f64>(sProducts + (c << 3)) * <f64>load<f32>(norms + (c << 2)));
  }
}
