/** How fast symmetry functions change along a motion of the sites: Ġ, from the chunks of the forward steps. */
import { clear, madd, sp, total } from './simd';
import { edgeRecords, factorRows, takesPart } from './symmetry-backward';
import {
  CHUNK,
  eDone,
  edgeBytes,
  eHead,
  eInverse,
  eSites,
  eSlopes,
  eX,
  eY,
  eZ,
  nRadial,
  radialList,
  sEdgeRecords,
  segmentAt,
  segmentCount,
  sGradient,
  sProducts,
  sRows,
  tAlong,
  tBends,
  tEdgeRecords,
  tProducts,
  tShares,
  tTriplets,
  width,
} from './symmetry-state';
import { addProducts, CHUNK_HEAD, edgeStep, powers } from './symmetry-triplets';

/**
 * Velocities of the edges of atom i, f32 [4] each with r ṙ as the fourth, in sGradient, and ṙ in tAlong. Sites move by
 * `velocity`, f32 [M][4], and by the strain rate f32 [12] (rows x, y, z): v_j − v_i + Wᵀ r.
 */
export function edgeVelocities(i: i32, velocity: usize, rate: usize): void {
  const own = v128.load(velocity + ((<usize>i) << 4));
  const wx = v128.load(rate);
  const wy = v128.load(rate, 12);
  const wz = v128.load(rate, 24);
  for (let e: usize = 0, bytes = edgeBytes(); e < bytes; e += 4) {
    const x = load<f32>(eX + e);
    const y = load<f32>(eY + e);
    const z = load<f32>(eZ + e);
    let v = f32x4.sub(v128.load(velocity + ((<usize>load<u32>(eSites + e)) << 4)), own);
    v = madd(sp(x), wx, madd(sp(y), wy, madd(sp(z), wz, v)));
    const along = f32x4.extract_lane(v, 0) * x + f32x4.extract_lane(v, 1) * y + f32x4.extract_lane(v, 2) * z;
    v128.store(sGradient + (e << 2), f32x4.replace_lane(v, 3, along));
    store<f32>(tAlong + e, along * load<f32>(eInverse + e));
  }
}

/** Tangents of the records of the edges of a segment: v, r ṙ | ṙ/r, ṗ_0 ṗ_1 ṗ_2 | ṗ_3 …. */
function movingRecords(pass: usize, segment: usize): void {
  const step = edgeStep(pass);
  const nH: usize = (<usize>load<u32>(pass, 20)) << 2;
  const slopes = sRows + nH;
  const end: usize = load<u32>(segment + ((<usize>load<u32>(pass, 12)) << 2), 8);
  for (let e: usize = load<u32>(segment, 4); e < end; e += 4) {
    const record = tEdgeRecords + (e >> 2) * step;
    const speed = load<f32>(tAlong + e);
    v128.store(record, v128.load(sGradient + (e << 2)));
    store<f32>(record, speed * load<f32>(eInverse + e), 16);
    for (let h: usize = 0; h < nH; h += 4)
      store<f32>(record + h, speed * load<f32>(<usize>load<u32>(slopes + h) + e), 20);
    for (let o: usize = 20 + nH; o < step; o += 4) store<f32>(record + o, 0);
  }
}

/** Products of the records of both edges of each triplet, differentiated: x_j ẋ_k + ẋ_j x_k. */
function movingTriplets(pass: usize, chunk: usize): void {
  const indices = chunk + CHUNK_HEAD;
  const rows: usize = load<u32>(chunk, 4);
  const step = edgeStep(pass);
  let t: usize = 0;
  for (let n: usize = 0; n < rows; n++) {
    const row = chunk + 16 + (n << 3);
    const j = (<usize>load<u32>(row) >> 2) * step;
    const end: usize = load<u32>(row, 4);
    for (; t < end; t += 4) {
      const k: usize = load<u32>(indices + t);
      const to = tTriplets + (t >> 2) * step;
      for (let o: usize = 0; o < step; o += 16) {
        const a = f32x4.mul(v128.load(sEdgeRecords + j + o), v128.load(tEdgeRecords + k + o));
        v128.store(to + o, madd(v128.load(tEdgeRecords + j + o), v128.load(sEdgeRecords + k + o), a));
      }
    }
  }
  // What pads the chunk has no weight, but must be numbers.
  for (const bytes: usize = load<u32>(chunk); t < bytes; t += 4) clear(tTriplets + (t >> 2) * step, step);
}

/** Number n of the records of four triplets, as a vector. */
function column(t: usize, step: usize, n: usize): v128 {
  const at = tTriplets + (t >> 2) * step + (n << 2);
  let x = v128.load32_splat(at);
  x = v128.load_lane<f32>(at + step, x, 1);
  x = v128.load_lane<f32>(at + 2 * step, x, 2);
  return v128.load_lane<f32>(at + 3 * step, x, 3);
}

/** ẇ_h (tShares) and w_h times the rate of cos θ (tBends). */
function rates(pass: usize, arrays: usize, bytes: usize): void {
  const wide = load<u32>(pass, 8) !== 0;
  const nH: usize = load<u32>(pass, 20);
  const step = edgeStep(pass);
  for (let t: usize = 0; t < bytes; t += 16) {
    const dot = f32x4.add(f32x4.add(column(t, step, 0), column(t, step, 1)), column(t, step, 2));
    const both = v128.load(arrays + 2 * CHUNK + t);
    const bend = f32x4.sub(f32x4.mul(dot, both), f32x4.mul(v128.load(arrays + CHUNK + t), column(t, step, 4)));
    const stretch = f32x4.mul(f32x4.sub(column(t, step, 3), dot), v128.load(arrays + 3 * CHUNK + t));
    let w = arrays + 4 * CHUNK + t;
    for (let h: usize = 0; h < nH; h++) {
      let rate = column(t, step, 5 + h);
      if (!wide) {
        const q = w + nH * CHUNK;
        rate = madd(v128.load(q), rate, f32x4.mul(v128.load(q + nH * CHUNK), stretch));
      }
      v128.store(tShares + h * CHUNK + t, rate);
      v128.store(tBends + h * CHUNK + t, f32x4.mul(v128.load(w), bend));
      w += CHUNK;
    }
  }
}

function tangentPass(pass: usize, first: usize, count: usize, T: usize): void {
  const nQ: usize = load<u32>(pass, 28);
  const cells = <usize>load<u32>(pass, 20) * nQ;
  factorRows(pass);
  for (let n: usize = 0, segments = segmentCount(); n < segments; n++) {
    if (!takesPart(pass, segmentAt(n))) continue;
    edgeRecords(pass, segmentAt(n));
    movingRecords(pass, segmentAt(n));
  }
  clear(sProducts, cells << 3);
  clear(tProducts, cells << 3);
  let chunk = first;
  for (let n: usize = 0; n < count; n++) {
    const arrays = chunk + CHUNK_HEAD;
    const bytes: usize = load<u32>(chunk);
    movingTriplets(pass, chunk);
    rates(pass, arrays, bytes);
    powers(load<u32>(pass, 36), load<u32>(pass, 40), arrays + CHUNK, bytes);
    addProducts(pass, tShares, bytes, 0, sProducts);
    powers(load<u32>(pass, 44), load<u32>(pass, 48), arrays + CHUNK, bytes);
    addProducts(pass, tBends, bytes, 4, tProducts);
    chunk += <usize>load<u32>(pass, 60);
  }
  const map: usize = load<u32>(pass, 52);
  const norms: usize = load<u32>(pass, 56);
  const table: usize = load<u32>(pass, 32);
  for (let c: usize = 0; c < cells; c++) {
    const f = load<i32>(map + (c << 2));
    if (f < 0) continue;
    const slope = <f64>load<f32>(table + ((c % nQ) << 4), 8) * load<f64>(tProducts + (c << 3));
    const rate = (load<f64>(sProducts + (c << 3)) + slope) * <f64>load<f32>(norms + (c << 2));
    store<f32>(T + ((<usize>f) << 2), <f32>rate);
  }
}

/** Ġ of the atom, f32 [F] at T, along the velocities of its edges. */
export function tangents(T: usize): void {
  const count = segmentCount();
  for (let n: usize = 0; n < nRadial; n++) {
    const entry = radialList + n * 12;
    const row = eSlopes + <usize>load<u32>(entry) * width;
    const wanted = load<i32>(entry, 4);
    let sum = sp(0);
    for (let k: usize = 0; k < count; k++) {
      const at = segmentAt(k);
      if (wanted >= 0 && load<i32>(at) !== wanted) continue;
      const end = k + 1 < count ? <usize>load<u32>(segmentAt(k + 1), 4) : edgeBytes();
      for (let e: usize = load<u32>(at, 4); e < end; e += 16)
        sum = madd(v128.load(row + e), v128.load(tAlong + e), sum);
    }
    store<f32>(T + ((<usize>load<u32>(entry, 8)) << 2), total(sum));
  }
  for (let n: usize = 0, done: usize = load<u32>(eHead, 8); n < done; n++) {
    const record = eDone + (n << 4);
    tangentPass(load<u32>(record), load<u32>(record, 4), load<u32>(record, 8), T);
  }
}
