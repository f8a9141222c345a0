/**
 * From ∂E/∂G back to forces. The energy of a triplet depends on D = r_ij·r_ik, through cos θ and r_jk, and on the two
 * lengths; so it says three things: B = ∂E/∂D, which pulls either edge along the other, and for each length a
 * derivative, which is added up by radial factors and multiplied by their slopes once per edge.
 */
import { clear, madd, sp } from './simd';
import { addRadial, radialBackward } from './symmetry-edges';
import {
  CHUNK,
  eDone,
  edgeBytes,
  eFactors,
  eHead,
  eInverse,
  eSlopes,
  eX,
  eY,
  eZ,
  sAlong,
  sBend,
  sCoefficients,
  sEdgeRecords,
  sEdgeSums,
  segmentAt,
  segmentCount,
  sGradient,
  sPowers,
  sRows,
  sShares,
  sStretch,
  sTriplets,
  width,
} from './symmetry-state';
import { CHUNK_HEAD, edgeStep, powers, recordsOf } from './symmetry-triplets';

/** Addresses of the radial factors of a pass, and of their slopes behind them. */
export function factorRows(pass: usize): void {
  const nH: usize = load<u32>(pass, 20);
  const gaussians: usize = load<u32>(pass, 24);
  for (let h: usize = 0; h < nH; h++) {
    const at = <usize>load<u32>(gaussians + (h << 5), 24) * width;
    store<u32>(sRows + (h << 2), <u32>(eFactors + at));
    store<u32>(sRows + ((nH + h) << 2), <u32>(eSlopes + at));
  }
}

/** Whether the edges of a segment take part in a pass. */
export function takesPart(pass: usize, segment: usize): bool {
  const a = load<i32>(pass);
  const kind = load<i32>(segment);
  return a < 0 || kind === a || kind === load<i32>(pass, 4);
}

/** Records of the edges of a segment: x y z 1 | 1 p_0 p_1 p_2 | p_3 …; their sums are set to zero. */
export function edgeRecords(pass: usize, segment: usize): void {
  const step = edgeStep(pass);
  const nH: usize = load<u32>(pass, 20);
  const end: usize = load<u32>(segment + ((<usize>load<u32>(pass, 12)) << 2), 8);
  for (let e: usize = load<u32>(segment, 4); e < end; e += 4) {
    const at = (e >> 2) * step;
    const record = sEdgeRecords + at;
    store<f32>(record, load<f32>(eX + e));
    store<f32>(record, load<f32>(eY + e), 4);
    store<f32>(record, load<f32>(eZ + e), 8);
    store<f32>(record, 1, 12);
    store<f32>(record, 1, 16);
    for (let h: usize = 0; h < nH << 2; h += 4) store<f32>(record + h, load<f32>(<usize>load<u32>(sRows + h) + e), 20);
    for (let o: usize = 20 + (nH << 2); o < step; o += 4) store<f32>(record + o, 0);
    clear(sEdgeSums + at, step);
  }
}

/** A coefficient, 16 bytes: slot of the power below, value (g_f 2^{1−ζ}), and that times λζ. */
function storeCoefficient(to: usize, power: usize, value: f32): void {
  store<u32>(to, <u32>(sPowers + <usize>load<u32>(power, 4)));
  store<f32>(to, value, 4);
  store<f32>(to, value * load<f32>(power, 8), 8);
}

/** Coefficients of all G_hq. */
function coefficients(pass: usize, g: usize): void {
  const nQ: usize = load<u32>(pass, 28);
  const real: usize = load<u32>(pass, 68);
  const map: usize = load<u32>(pass, 52);
  const norms: usize = load<u32>(pass, 56);
  const table: usize = load<u32>(pass, 32);
  let to = sCoefficients;
  for (let h: usize = 0, nH: usize = load<u32>(pass, 20); h < nH; h++) {
    for (let q: usize = 0; q < real; q++) {
      const c = (h * nQ + q) << 2;
      const f = load<i32>(map + c);
      const value: f32 = f < 0 ? 0 : load<f32>(g + ((<usize>f) << 2)) * load<f32>(norms + c);
      storeCoefficient(to, table + (q << 4), value);
      to += 16;
    }
  }
}

/**
 * What a chunk says: by cos θ (sBend), by r_jk (sStretch), and by the radial factors of Gaussian h (sShares). As
 * P_q = (1 + λ cos θ) · (the power below), only powers below are needed: S = Σ g P = Σ_λ (1 + λ cos θ) Σ g (below).
 * Gaussians [from, to), with `plus` of their `all` bytes of coefficients for λ = 1.
 */
function contract(pass: usize, arrays: usize, bytes: usize, from: usize, to: usize, plus: usize, all: usize): void {
  const wide = load<u32>(pass, 8) !== 0;
  const nH: usize = load<u32>(pass, 20);
  clear(sBend, CHUNK);
  clear(sStretch, CHUNK);
  let row = sCoefficients;
  for (let h = from; h < to; h++) {
    const w = arrays + (4 + h) * CHUNK;
    const q = w + nH * CHUNK;
    const v = q + nH * CHUNK;
    const share = sShares + h * CHUNK;
    for (let t: usize = 0; t < bytes; t += 64) {
      let s0 = sp(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      let d0 = s0;
      let d1 = s0;
      let d2 = s0;
      let d3 = s0;
      let k: usize = 0;
      for (; k < plus; k += 16) {
        const below: usize = <usize>load<u32>(row + k) + t;
        const g = v128.load32_splat(row + k, 4);
        const dg = v128.load32_splat(row + k, 8);
        let p = v128.load(below);
        s0 = madd(g, p, s0);
        d0 = madd(dg, p, d0);
        p = v128.load(below, 16);
        s1 = madd(g, p, s1);
        d1 = madd(dg, p, d1);
        p = v128.load(below, 32);
        s2 = madd(g, p, s2);
        d2 = madd(dg, p, d2);
        p = v128.load(below, 48);
        s3 = madd(g, p, s3);
        d3 = madd(dg, p, d3);
      }
      const base = sPowers + t;
      s0 = f32x4.mul(s0, v128.load(base, CHUNK));
      s1 = f32x4.mul(s1, v128.load(base, CHUNK + 16));
      s2 = f32x4.mul(s2, v128.load(base, CHUNK + 32));
      s3 = f32x4.mul(s3, v128.load(base, CHUNK + 48));
      if (k < all) {
        let m0 = sp(0);
        let m1 = m0;
        let m2 = m0;
        let m3 = m0;
        for (; k < all; k += 16) {
          const below: usize = <usize>load<u32>(row + k) + t;
          const g = v128.load32_splat(row + k, 4);
          const dg = v128.load32_splat(row + k, 8);
          let p = v128.load(below);
          m0 = madd(g, p, m0);
          d0 = madd(dg, p, d0);
          p = v128.load(below, 16);
          m1 = madd(g, p, m1);
          d1 = madd(dg, p, d1);
          p = v128.load(below, 32);
          m2 = madd(g, p, m2);
          d2 = madd(dg, p, d2);
          p = v128.load(below, 48);
          m3 = madd(g, p, m3);
          d3 = madd(dg, p, d3);
        }
        s0 = madd(m0, v128.load(base, 2 * CHUNK), s0);
        s1 = madd(m1, v128.load(base, 2 * CHUNK + 16), s1);
        s2 = madd(m2, v128.load(base, 2 * CHUNK + 32), s2);
        s3 = madd(m3, v128.load(base, 2 * CHUNK + 48), s3);
      }
      const bend = sBend + t;
      v128.store(bend, madd(v128.load(w + t), d0, v128.load(bend)));
      v128.store(bend, madd(v128.load(w + t, 16), d1, v128.load(bend, 16)), 16);
      v128.store(bend, madd(v128.load(w + t, 32), d2, v128.load(bend, 32)), 32);
      v128.store(bend, madd(v128.load(w + t, 48), d3, v128.load(bend, 48)), 48);
      if (!wide) {
        const stretch = sStretch + t;
        v128.store(stretch, madd(v128.load(v + t), s0, v128.load(stretch)));
        v128.store(stretch, madd(v128.load(v + t, 16), s1, v128.load(stretch, 16)), 16);
        v128.store(stretch, madd(v128.load(v + t, 32), s2, v128.load(stretch, 32)), 32);
        v128.store(stretch, madd(v128.load(v + t, 48), s3, v128.load(stretch, 48)), 48);
        s0 = f32x4.mul(v128.load(q + t), s0);
        s1 = f32x4.mul(v128.load(q + t, 16), s1);
        s2 = f32x4.mul(v128.load(q + t, 32), s2);
        s3 = f32x4.mul(v128.load(q + t, 48), s3);
      }
      v128.store(share + t, s0);
      v128.store(share + t, s1, 16);
      v128.store(share + t, s2, 32);
      v128.store(share + t, s3, 48);
    }
    row += all;
  }
}

/** Stores four vectors of four triplets as four records, `step` bytes apart. */
function storeTransposed(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
  v128.store(to + step, v128.shuffle<f64>(ab0, cd0, 1, 3));
  v128.store(to + 2 * step, v128.shuffle<f64>(ab1, cd1, 0, 2));
  v128.store(to + 3 * step, v128.shuffle<f64>(ab1, cd1, 1, 3));
}

/** Share h of the triplets at t, or zero. */
function shareOf(h: usize, nH: usize, t: usize): v128 {
  return h < nH ? v128.load(sShares + h * CHUNK + t) : sp(0);
}

/** B (sBend), ∂E/∂cos θ · cos θ (sStretch), and the records 2∂E/∂r_jk² s_0 s_1 s_2 | s_3 … of the triplets of a chunk. */
function tripletRecords(pass: usize, arrays: usize, bytes: usize): void {
  const nH: usize = load<u32>(pass, 20);
  const step = recordsOf(pass) << 4;
  for (let t: usize = 0; t < bytes; t += 16) {
    const bend = v128.load(sBend + t);
    const stretch = f32x4.mul(v128.load(sStretch + t), v128.load(arrays + 3 * CHUNK + t));
    v128.store(sBend + t, f32x4.sub(f32x4.mul(bend, v128.load(arrays + 2 * CHUNK + t)), stretch));
    v128.store(sStretch + t, f32x4.mul(bend, v128.load(arrays + CHUNK + t)));
    const to = sTriplets + (t >> 2) * step;
    storeTransposed(stretch, shareOf(0, nH, t), shareOf(1, nH, t), shareOf(2, nH, t), to, step);
    for (let h: usize = 3, o: usize = 16; o < step; h += 4, o += 16)
      storeTransposed(
        shareOf(h, nH, t),
        shareOf(h + 1, nH, t),
        shareOf(h + 2, nH, t),
        shareOf(h + 3, nH, t),
        to + o,
        step,
      );
  }
}

/** Adds what the triplets of a chunk say to their edges. */
function scatter(pass: usize, chunk: usize): void {
  const indices = chunk + CHUNK_HEAD;
  const rows: usize = load<u32>(chunk, 4);
  const step = edgeStep(pass);
  const size = step - 16;
  let t: usize = 0;
  for (let n: usize = 0; n < rows; n++) {
    const row = chunk + 16 + (n << 3);
    const at = (<usize>load<u32>(row) >> 2) * step;
    const end: usize = load<u32>(row, 4);
    const mine = sEdgeRecords + at;
    const sums = sEdgeSums + at;
    const place = v128.load(mine);
    let pull = v128.load(sums);
    if (size === 16) {
      const factor = v128.load(mine, 16);
      let share = v128.load(sums, 16);
      for (; t < end; t += 4) {
        const k: usize = load<u32>(indices + t);
        const other = sEdgeRecords + k;
        const to = sEdgeSums + k;
        const b = v128.load_lane<f32>(sStretch + t, v128.load32_splat(sBend + t), 3);
        const s = v128.load(sTriplets + (t << 2));
        v128.store(to, madd(b, place, v128.load(to)));
        v128.store(to, madd(s, factor, v128.load(to, 16)), 16);
        pull = madd(b, v128.load(other), pull);
        share = madd(s, v128.load(other, 16), share);
      }
      v128.store(sums, share, 16);
    } else {
      for (; t < end; t += 4) {
        const k: usize = load<u32>(indices + t);
        const other = sEdgeRecords + k;
        const to = sEdgeSums + k;
        const b = v128.load_lane<f32>(sStretch + t, v128.load32_splat(sBend + t), 3);
        v128.store(to, madd(b, place, v128.load(to)));
        pull = madd(b, v128.load(other), pull);
        const triplet = sTriplets + (t >> 2) * size - 16;
        for (let o: usize = 16; o < step; o += 16) {
          const s = v128.load(triplet + o);
          v128.store(to + o, madd(s, v128.load(mine + o), v128.load(to + o)));
          v128.store(sums + o, madd(s, v128.load(other + o), v128.load(sums + o)));
        }
      }
    }
    v128.store(sums, pull);
  }
}

/** Adds the sums of a pass to the gradients of the edges of a segment. */
function fold(pass: usize, segment: usize): void {
  const step = edgeStep(pass);
  const nH: usize = (<usize>load<u32>(pass, 20)) << 2;
  const slopes = sRows + nH;
  const end: usize = load<u32>(segment + ((<usize>load<u32>(pass, 12)) << 2), 8);
  for (let e: usize = load<u32>(segment, 4); e < end; e += 4) {
    const at = (e >> 2) * step;
    const sums = sEdgeSums + at;
    const inverse = load<f32>(eInverse + e);
    let along: f32 = 0;
    for (let h: usize = 0; h < nH; h += 4)
      along += load<f32>(sums + h, 20) * load<f32>(<usize>load<u32>(slopes + h) + e);
    along = load<f32>(sums, 16) + inverse * (along - inverse * load<f32>(sums, 12));
    const to = sGradient + (e << 2);
    v128.store(to, madd(sp(along), v128.load(sEdgeRecords + at), f32x4.add(v128.load(sums), v128.load(to))));
  }
}

/** A pass backward, Gaussians [from, to), with coefficients set: its chunks, from the first one on. */
function backwardChunks(
  pass: usize,
  first: usize,
  count: usize,
  from: usize,
  to: usize,
  plus: usize,
  all: usize,
): void {
  factorRows(pass);
  const segments = segmentCount();
  for (let n: usize = 0; n < segments; n++) if (takesPart(pass, segmentAt(n))) edgeRecords(pass, segmentAt(n));
  const size: usize = load<u32>(pass, 60);
  let chunk = first;
  for (let n: usize = 0; n < count; n++) {
    const arrays = chunk + CHUNK_HEAD;
    const bytes: usize = load<u32>(chunk);
    powers(load<u32>(pass, 44), load<u32>(pass, 48), arrays + CHUNK, bytes);
    contract(pass, arrays, bytes, from, to, plus, all);
    tripletRecords(pass, arrays, bytes);
    scatter(pass, chunk);
    chunk += size;
  }
  for (let n: usize = 0; n < segments; n++) if (takesPart(pass, segmentAt(n))) fold(pass, segmentAt(n));
}

/** Adds the gradients of one function alone, cell c of its pass, to sGradient. */
export function backwardCell(pass: usize, first: usize, count: usize, c: usize): void {
  const nQ: usize = load<u32>(pass, 28);
  const h = c / nQ;
  const q = c % nQ;
  storeCoefficient(
    sCoefficients,
    <usize>load<u32>(pass, 32) + (q << 4),
    load<f32>(<usize>load<u32>(pass, 56) + (c << 2)),
  );
  clear(sShares, <usize>load<u32>(pass, 20) * CHUNK);
  backwardChunks(pass, first, count, h, h + 1, q < <usize>load<u32>(pass, 64) ? 16 : 0, 16);
}

/** sGradient from the derivatives along the edges. */
function gradientAlong(): void {
  const bytes = edgeBytes();
  for (let e: usize = 0; e < bytes; e += 16) {
    const k = f32x4.mul(v128.load(sAlong + e), v128.load(eInverse + e));
    const x = f32x4.mul(k, v128.load(eX + e));
    const y = f32x4.mul(k, v128.load(eY + e));
    const z = f32x4.mul(k, v128.load(eZ + e));
    storeTransposed(x, y, z, sp(0), sGradient + (e << 2), 16);
  }
}

/** Gradients of one radial function alone, into sGradient. */
export function radialGradient(entry: usize): void {
  clear(sAlong, edgeBytes());
  addRadial(entry, sp(1));
  gradientAlong();
}

/** Gradients of the atom's energy by its edge vectors, sGradient f32 [edge][4], from g = ∂E/∂G, f32 [F]. */
export function backward(g: usize): void {
  radialBackward(g);
  gradientAlong();
  for (let n: usize = 0, count: usize = load<u32>(eHead, 8); n < count; n++) {
    const done = eDone + (n << 4);
    const pass: usize = load<u32>(done);
    coefficients(pass, g);
    const plus: usize = (<usize>load<u32>(pass, 64)) << 4;
    const all: usize = (<usize>load<u32>(pass, 68)) << 4;
    backwardChunks(pass, load<u32>(done, 4), load<u32>(done, 8), 0, load<u32>(pass, 20), plus, all);
  }
}
