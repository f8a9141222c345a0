/** Density projections D from the edge arrays, and their tangents along a motion; lanes over edges. */
import { edgesOf, strideOf } from './edges';
import { madd, sp, totals } from './simd';
import {
  bytesD,
  edgeCapacity,
  lmax,
  nLm,
  nRadial,
  nRadialHigh,
  nSpecies,
  rowOf,
  sCount,
  sD,
  sGY,
  sJ,
  sSegments,
  tD,
  tEdges,
} from './state';

/** Σ_e Y_e B_e over edges [from, to) for two harmonics and four radial functions, stored or added. */
function projectPair(
  Y0: usize,
  Y1: usize,
  B0: usize,
  st: usize,
  from: usize,
  to: usize,
  d0: usize,
  d1: usize,
  add: bool,
): void {
  let a0 = sp(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  for (let e = from; e < to; e += 16) {
    const p = B0 + e;
    const q0 = v128.load(p);
    const q1 = v128.load(p + st);
    const q2 = v128.load(p + 2 * st);
    const q3 = v128.load(p + 3 * st);
    const y0 = v128.load(Y0 + e);
    const y1 = v128.load(Y1 + e);
    a0 = madd(y0, q0, a0);
    a1 = madd(y0, q1, a1);
    a2 = madd(y0, q2, a2);
    a3 = madd(y0, q3, a3);
    c0 = madd(y1, q0, c0);
    c1 = madd(y1, q1, c1);
    c2 = madd(y1, q2, c2);
    c3 = madd(y1, q3, c3);
  }
  const s0 = totals(a0, a1, a2, a3);
  const s1 = totals(c0, c1, c2, c3);
  v128.store(d0, add ? f32x4.add(v128.load(d0), s0) : s0);
  v128.store(d1, add ? f32x4.add(v128.load(d1), s1) : s1);
}

/** D of one atom from arrays of Y (address of lm = 0) and B, added to or stored in `D`. */
function project(slot: usize, Y: usize, B: usize, D: usize, add: bool): void {
  const st = strideOf(slot);
  const segments = load<u32>(sCount + (slot << 4), 4);
  const nb = nRadial;
  let from: usize = 0;
  for (let g: usize = 0; g < <usize>segments; g++) {
    const at = sSegments + ((slot * nSpecies + g) << 3);
    const to: usize = load<u32>(at, 4);
    const base = D + <usize>load<u32>(at) * bytesD;
    for (let lm: usize = 0; lm < nLm; lm += 2) {
      // Of an odd number of harmonics (lmax = 2) the last one goes with itself; its second target is spare.
      const single = lm + 1 === nLm;
      // The pair (8, 9) is in where either of them is: what l = 3 gets too much meets a weight of zero.
      const radial = lmax === 3 && lm > 8 ? nRadialHigh : nb;
      const y0 = Y + lm * st;
      const y1 = single ? y0 : y0 + st;
      const d0 = base + ((rowOf(lm, slot) * nb) << 2);
      const d1 = single ? sGY : base + ((rowOf(lm + 1, slot) * nb) << 2);
      for (let b: usize = 0; b < radial; b += 4)
        projectPair(y0, y1, B + b * st, st, from, to, d0 + (b << 2), d1 + (b << 2), add);
    }
    from = to;
  }
}

/** D[s, lm, b] = Σ_j B_b Y_lm of one atom of the block. */
export function densities(slot: usize): void {
  const cache = edgesOf(slot);
  const st = strideOf(slot);
  project(slot, cache + (4 + 2 * nRadial) * st, cache + 4 * st, sD, false);
}

/**
 * Tangent of D when sites move with `velocity` (f32 [M][4]) and the whole is strained at the rate `strain`
 * (f32 [9], ṙ = v_j − v_i + strain · r).
 */
export function densityTangents(i: i32, slot: usize, velocity: usize, strain: usize): void {
  const st = strideOf(slot);
  const cache = edgesOf(slot);
  const J = sJ + slot * (edgeCapacity << 2);
  const nb = nRadial;
  const Bt = tEdges;
  const Yt = tEdges + nb * st;
  const vi = v128.load(velocity + ((<usize>i) << 4));
  for (let e: usize = 0; e < st; e += 16) {
    const v0 = f32x4.sub(v128.load(velocity + ((<usize>load<u32>(J + e)) << 4)), vi);
    const v1 = f32x4.sub(v128.load(velocity + ((<usize>load<u32>(J + e, 4)) << 4)), vi);
    const v2 = f32x4.sub(v128.load(velocity + ((<usize>load<u32>(J + e, 8)) << 4)), vi);
    const v3 = f32x4.sub(v128.load(velocity + ((<usize>load<u32>(J + e, 12)) << 4)), vi);
    const p0 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
    const p1 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
    const q0 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
    const q1 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
    const c = cache + e;
    const x = v128.load(c);
    const y = v128.load(c + st);
    const z = v128.load(c + 2 * st);
    const r = v128.load(c + 3 * st);
    const ri = f32x4.div(sp(1), r);
    // ṙ/r and the part of it along the edge
    const sx = madd(
      v128.load32_splat(strain),
      x,
      madd(v128.load32_splat(strain, 4), y, f32x4.mul(v128.load32_splat(strain, 8), z)),
    );
    const sy = madd(
      v128.load32_splat(strain, 12),
      x,
      madd(v128.load32_splat(strain, 16), y, f32x4.mul(v128.load32_splat(strain, 20), z)),
    );
    const sz = madd(
      v128.load32_splat(strain, 24),
      x,
      madd(v128.load32_splat(strain, 28), y, f32x4.mul(v128.load32_splat(strain, 32), z)),
    );
    const wx = madd(v128.shuffle<f64>(p0, p1, 0, 2), ri, sx);
    const wy = madd(v128.shuffle<f64>(p0, p1, 1, 3), ri, sy);
    const wz = madd(v128.shuffle<f64>(q0, q1, 0, 2), ri, sz);
    const along = madd(x, wx, madd(y, wy, f32x4.mul(z, wz)));
    const rate = f32x4.mul(along, r);
    let o = Bt + e;
    let d = c + (4 + nb) * st;
    for (let b: usize = 0; b < nb; b++) {
      v128.store(o, f32x4.mul(v128.load(d), rate));
      o += st;
      d += st;
    }
    storeHarmonicTangents(
      x,
      y,
      z,
      f32x4.sub(wx, f32x4.mul(x, along)),
      f32x4.sub(wy, f32x4.mul(y, along)),
      f32x4.sub(wz, f32x4.mul(z, along)),
      Yt + e,
      st,
    );
  }
  project(slot, Yt, cache + 4 * st, tD, false);
  project(slot, cache + (4 + 2 * nb) * st, Bt, tD, true);
}

/** Ẏ_lm when the unit vector (x, y, z) turns at the rate (a, b, g). */
function storeHarmonicTangents(x: v128, y: v128, z: v128, a: v128, b: v128, g: v128, o0: usize, st: usize): void {
  let o = o0;
  const s3 = sp(1.7320508075688772);
  const xa = f32x4.mul(x, a);
  const yb = f32x4.mul(y, b);
  const xy1 = madd(a, y, f32x4.mul(x, b));
  const dd = f32x4.sub(xa, yb);
  v128.store(o, sp(0));
  v128.store((o += st), b);
  v128.store((o += st), g);
  v128.store((o += st), a);
  v128.store((o += st), f32x4.mul(s3, xy1));
  v128.store((o += st), f32x4.mul(s3, madd(b, z, f32x4.mul(y, g))));
  v128.store((o += st), f32x4.mul(sp(3), f32x4.mul(z, g)));
  v128.store((o += st), f32x4.mul(s3, madd(a, z, f32x4.mul(x, g))));
  v128.store((o += st), f32x4.mul(s3, dd));
  if (lmax < 3) return;
  const x2 = f32x4.mul(x, x);
  const y2 = f32x4.mul(y, y);
  const z2 = f32x4.mul(z, z);
  const d3 = f32x4.mul(sp(3), f32x4.sub(x2, y2));
  const xy6 = f32x4.mul(sp(6), f32x4.mul(x, y));
  const z5 = madd(z2, sp(5), sp(-1));
  const zg10 = f32x4.mul(sp(10), f32x4.mul(z, g));
  const ca = sp(0.7905694150420949);
  const cb = sp(0.6123724356957945);
  v128.store((o += st), f32x4.mul(ca, madd(b, d3, f32x4.mul(xy6, a))));
  v128.store((o += st), f32x4.mul(sp(3.872983346207417), madd(z, xy1, f32x4.mul(f32x4.mul(x, y), g))));
  v128.store((o += st), f32x4.mul(cb, madd(b, z5, f32x4.mul(y, zg10))));
  v128.store((o += st), f32x4.mul(g, madd(z2, sp(7.5), sp(-1.5))));
  v128.store((o += st), f32x4.mul(cb, madd(a, z5, f32x4.mul(x, zg10))));
  v128.store((o += st), f32x4.mul(sp(1.9364916731037085), madd(g, f32x4.sub(x2, y2), f32x4.mul(f32x4.add(z, z), dd))));
  v128.store((o += st), f32x4.mul(ca, f32x4.sub(f32x4.mul(a, d3), f32x4.mul(xy6, b))));
}
