/**
 * Nearest points by exhaustive comparison, in single precision. Differences are squared as they are, not expanded into
 * products: near twins lose no digits, and partial sums only grow, so that a comparison may stop once it is lost.
 * Lanes over points, tiles of 4 queries × 8 points, 16 coordinates between two looks at the partial sums.
 */
import { madd, sp } from './simd';

/** Points of a group; they stand side by side, coordinate by coordinate: [groups][D][8]. */
const GROUP: usize = 8;
/** Groups that stay in the cache while all queries pass by: 16 groups of 144 coordinates are 72 KiB. */
const CACHED: usize = 16;

/** ¬(a < b) in all lanes. */
function lost(a: v128, b: v128, best: v128): bool {
  return !v128.any_true(v128.or(f32x4.lt(a, best), f32x4.lt(b, best)));
}

/** Whether all 8 points of a group have this label. */
function excluded(labels: usize, label: v128): bool {
  return i32x4.all_true(v128.and(i32x4.eq(v128.load(labels), label), i32x4.eq(v128.load(labels, 16), label)));
}

/** Looks through 8 squared distances at `d` for a smaller one than the best. */
function update(d: usize, label: i32, labels: usize, best: usize, index: usize, from: i32): void {
  for (let k: usize = 0; k < GROUP; k++) {
    const squared = load<f32>(d + (k << 2));
    if (squared < load<f32>(best) && load<i32>(labels + (k << 2)) !== label) {
      store<f32>(best, squared);
      store<i32>(index, from + <i32>k);
    }
  }
}

/**
 * Brings the best squared distances, f32 [Q], and indices, i32 [Q], of Q queries, f32 [Q][D], up to date with groups of
 * points, the first of which has the number `base`. Q is a multiple of 4, D of 16. A query and a point with the same
 * label, i32, are not compared. `tile`: 128 bytes of scratch.
 */
export function nearestPoints(
  queries: usize,
  count: usize,
  points: usize,
  groups: usize,
  dimension: usize,
  queryLabels: usize,
  pointLabels: usize,
  best: usize,
  index: usize,
  base: i32,
  tile: usize,
): void {
  const row = dimension << 2;
  for (let first: usize = 0; first < groups; first += CACHED) {
    const last = min(first + CACHED, groups);
    for (let q: usize = 0; q < count; q += 4) {
      const x0 = queries + q * row;
      const x1 = x0 + row;
      const x2 = x1 + row;
      const x3 = x2 + row;
      const at = q << 2;
      const label = v128.load32_splat(queryLabels + at);
      const alike = i32x4.all_true(i32x4.eq(v128.load(queryLabels + at), label));
      for (let g = first; g < last; g++) {
        const labels = pointLabels + (g << 5);
        if (alike && excluded(labels, label)) continue;
        let p = points + g * (row << 3);
        const r0 = v128.load32_splat(best + at);
        const r1 = v128.load32_splat(best + at, 4);
        const r2 = v128.load32_splat(best + at, 8);
        const r3 = v128.load32_splat(best + at, 12);
        let a0 = sp(0);
        let a1 = a0;
        let b0 = a0;
        let b1 = a0;
        let c0 = a0;
        let c1 = a0;
        let d0 = a0;
        let d1 = a0;
        let k: usize = 0;
        let open = true;
        while (k < row) {
          const pause = k + 64;
          for (; k < pause; k += 4, p += 32) {
            const y0 = v128.load(p);
            const y1 = v128.load(p, 16);
            let s = v128.load32_splat(x0 + k);
            let t = f32x4.sub(s, y0);
            a0 = madd(t, t, a0);
            t = f32x4.sub(s, y1);
            a1 = madd(t, t, a1);
            s = v128.load32_splat(x1 + k);
            t = f32x4.sub(s, y0);
            b0 = madd(t, t, b0);
            t = f32x4.sub(s, y1);
            b1 = madd(t, t, b1);
            s = v128.load32_splat(x2 + k);
            t = f32x4.sub(s, y0);
            c0 = madd(t, t, c0);
            t = f32x4.sub(s, y1);
            c1 = madd(t, t, c1);
            s = v128.load32_splat(x3 + k);
            t = f32x4.sub(s, y0);
            d0 = madd(t, t, d0);
            t = f32x4.sub(s, y1);
            d1 = madd(t, t, d1);
          }
          if (lost(a0, a1, r0) && lost(b0, b1, r1) && lost(c0, c1, r2) && lost(d0, d1, r3)) {
            open = false;
            break;
          }
        }
        if (!open) continue;
        v128.store(tile, a0);
        v128.store(tile, a1, 16);
        v128.store(tile, b0, 32);
        v128.store(tile, b1, 48);
        v128.store(tile, c0, 64);
        v128.store(tile, c1, 80);
        v128.store(tile, d0, 96);
        v128.store(tile, d1, 112);
        const from = base + <i32>(g << 3);
        for (let n: usize = 0; n < 4; n++) {
          const me = at + (n << 2);
          update(tile + (n << 5), load<i32>(queryLabels + me), labels, best + me, index + me, from);
        }
      }
    }
  }
}
