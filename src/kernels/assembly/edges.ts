/**
 * Everything per edge, lanes over edges. Edge arrays are structures of arrays per atom: ux uy uz r | B[n_b] |
 * B'[n_b] | Y[lm], each `stride` bytes long and padded with edges exactly at the cutoff, where B and B' vanish.
 */
import { clear, copyTo, madd, sp, totals } from './simd';
import {
  BLOCK,
  bytesD,
  cutoff,
  edgeCapacity,
  first,
  harmonicsWith,
  lmax,
  neighbours,
  nLm,
  nPerEdge,
  nRadial,
  nRadialHigh,
  nSpecies,
  onset,
  positions,
  rowOf,
  sCount,
  sD,
  sG,
  sGY,
  sJ,
  sPresent,
  species,
  sRaw,
  sSegments,
  tD,
  tEdges,
} from './state';

/** Address of the edge arrays of an atom of the block. */
export function edgesOf(slot: usize): usize {
  return load<u32>(sCount + (slot << 4), 8);
}
/** Bytes of one edge array of an atom of the block. */
export function strideOf(slot: usize): usize {
  return load<u32>(sCount + (slot << 4));
}

/** Pads the raw edges to a multiple of four and closes the segment of species s. */
function closeSegment(slot: usize, s: i32, n0: usize, segment: usize, self: i32): usize {
  let n = n0;
  const raw = sRaw;
  const width = edgeCapacity << 2;
  const J = sJ + slot * width;
  while (n & 15) {
    store<f32>(raw + n, <f32>cutoff);
    store<f32>(raw + width + n, 0);
    store<f32>(raw + 2 * width + n, 0);
    store<f32>(raw + 3 * width + n, <f32>(cutoff * cutoff));
    store<i32>(J + n, self);
    n += 4;
  }
  const at = sSegments + ((slot * nSpecies + segment) << 3);
  store<i32>(at, s);
  store<u32>(at, <u32>n, 4);
  const present = sPresent + ((<usize>s) << 2);
  if (!load<i32>(present)) {
    store<i32>(present, 1);
    clear(sD + <usize>s * bytesD, bytesD);
  }
  return n;
}

/** Edges of atom i within the cutoff, differences taken in double precision. Returns the bytes of one array. */
function gather(i: i32, slot: usize): usize {
  const all = positions;
  const kinds = species;
  const p = all + ((<usize>i) << 5);
  const px = load<f64>(p);
  const py = load<f64>(p, 8);
  const pz = load<f64>(p, 16);
  const rc2 = <f32>(cutoff * cutoff);
  const raw = sRaw;
  const width = edgeCapacity << 2;
  const width2 = 2 * width;
  const width3 = 3 * width;
  const J = sJ + slot * width;
  const single = nSpecies === 1;
  let n: usize = 0;
  let start: usize = 0;
  let segment: usize = 0;
  let kind: i32 = -1;
  const row = first + ((<usize>i) << 2);
  let q = neighbours + ((<usize>load<i32>(row)) << 2);
  const end = neighbours + ((<usize>load<i32>(row, 4)) << 2);
  for (; q < end; q += 4) {
    const j: usize = load<u32>(q);
    if (!single) {
      const s = load<i32>(kinds + (j << 2));
      if (s !== kind) {
        if (n > start) n = closeSegment(slot, kind, n, segment++, i);
        start = n;
        kind = s;
      }
    }
    const pj = all + (j << 5);
    const dx = <f32>(load<f64>(pj) - px);
    const dy = <f32>(load<f64>(pj, 8) - py);
    const dz = <f32>(load<f64>(pj, 16) - pz);
    const r2 = dx * dx + dy * dy + dz * dz;
    const at = raw + n;
    store<f32>(at, dx);
    store<f32>(at + width, dy);
    store<f32>(at + width2, dz);
    store<f32>(at + width3, r2);
    store<i32>(J + n, <i32>j);
    n += r2 < rc2 ? 4 : 0;
  }
  if (single) kind = 0;
  if (n > start) n = closeSegment(slot, kind, n, segment++, i);
  const count = sCount + (slot << 4);
  store<u32>(count, <u32>n);
  store<u32>(count, <u32>segment, 4);
  return n;
}

/** Y_lm of four unit vectors, stored from `c` on, `st` bytes apart. */
function storeHarmonics(x: v128, y: v128, z: v128, c0: usize, st: usize): void {
  let c = c0;
  const x2 = f32x4.mul(x, x);
  const y2 = f32x4.mul(y, y);
  const z2 = f32x4.mul(z, z);
  const xy = f32x4.mul(x, y);
  const d = f32x4.sub(x2, y2);
  const s3 = sp(1.7320508075688772);
  v128.store(c, sp(1));
  v128.store((c += st), y);
  v128.store((c += st), z);
  v128.store((c += st), x);
  v128.store((c += st), f32x4.mul(s3, xy));
  v128.store((c += st), f32x4.mul(s3, f32x4.mul(y, z)));
  v128.store((c += st), madd(z2, sp(1.5), sp(-0.5)));
  v128.store((c += st), f32x4.mul(s3, f32x4.mul(x, z)));
  v128.store((c += st), f32x4.mul(sp(0.8660254037844386), d));
  if (lmax < 3) return;
  const z5 = madd(z2, sp(5), sp(-1));
  const a = sp(0.7905694150420949);
  const b = sp(0.6123724356957945);
  v128.store((c += st), f32x4.mul(f32x4.mul(a, y), f32x4.sub(f32x4.mul(x2, sp(3)), y2)));
  v128.store((c += st), f32x4.mul(f32x4.mul(xy, z), sp(3.872983346207417)));
  v128.store((c += st), f32x4.mul(f32x4.mul(b, y), z5));
  v128.store((c += st), f32x4.mul(f32x4.mul(z, sp(0.5)), f32x4.sub(z5, sp(2))));
  v128.store((c += st), f32x4.mul(f32x4.mul(b, x), z5));
  v128.store((c += st), f32x4.mul(f32x4.mul(z, sp(1.9364916731037085)), d));
  v128.store((c += st), f32x4.mul(f32x4.mul(a, x), f32x4.sub(x2, f32x4.mul(y2, sp(3)))));
}

/** Fills the edge arrays of atom i at `cache`; returns the address behind them. */
export function edgeForward(i: i32, slot: usize, cache: usize): usize {
  const st = gather(i, slot);
  store<u32>(sCount + (slot << 4), <u32>cache, 8);
  const raw = sRaw;
  const width = edgeCapacity << 2;
  const one = sp(1);
  const scale = sp(<f32>(2.0 / cutoff));
  const ron = sp(<f32>onset);
  const iw = sp(<f32>(1.0 / (cutoff - onset)));
  const nb = nRadial;
  for (let e: usize = 0; e < st; e += 16) {
    const c = cache + e;
    const in0 = raw + e;
    const r = f32x4.sqrt(v128.load(in0 + 3 * width));
    const ri = f32x4.div(one, r);
    const x = f32x4.mul(v128.load(in0), ri);
    const y = f32x4.mul(v128.load(in0 + width), ri);
    const z = f32x4.mul(v128.load(in0 + 2 * width), ri);
    v128.store(c, x);
    v128.store(c + st, y);
    v128.store(c + 2 * st, z);
    v128.store(c + 3 * st, r);
    const u = f32x4.pmin(f32x4.pmax(f32x4.mul(f32x4.sub(r, ron), iw), sp(0)), one);
    const u2 = f32x4.mul(u, u);
    const v = f32x4.sub(one, u);
    const s = madd(f32x4.mul(u2, u), madd(u, madd(u, sp(-6), sp(15)), sp(-10)), one);
    const ds = f32x4.mul(f32x4.mul(f32x4.mul(u2, f32x4.mul(v, v)), sp(-30)), iw);
    const t = f32x4.sub(f32x4.mul(r, scale), one);
    const t2 = f32x4.add(t, t);
    const scale2 = f32x4.add(scale, scale);
    let Ta = one;
    let Tb = t;
    let Da = sp(0);
    let Db = scale;
    let cb = c + 4 * st;
    let cd = cb + nb * st;
    // Two at a time, so that T and T' need no moving from one to the other.
    for (let b: usize = 0; b < nb; b += 2) {
      v128.store(cb, f32x4.mul(s, Ta));
      v128.store(cd, madd(ds, Ta, f32x4.mul(s, Da)));
      cb += st;
      cd += st;
      v128.store(cb, f32x4.mul(s, Tb));
      v128.store(cd, madd(ds, Tb, f32x4.mul(s, Db)));
      cb += st;
      cd += st;
      Da = f32x4.sub(madd(t2, Db, f32x4.mul(scale2, Tb)), Da);
      Ta = f32x4.sub(f32x4.mul(t2, Tb), Ta);
      Db = f32x4.sub(madd(t2, Da, f32x4.mul(scale2, Ta)), Db);
      Tb = f32x4.sub(f32x4.mul(t2, Ta), Tb);
    }
    storeHarmonics(x, y, z, cd, st);
  }
  return cache + nPerEdge * st;
}

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

// Sums of one block: ∂E/∂ε, lanes not yet added up. Globals of this instance.
let vxx: v128 = i32x4.splat(0);
let vyy: v128 = i32x4.splat(0);
let vzz: v128 = i32x4.splat(0);
let vxy: v128 = i32x4.splat(0);
let vxz: v128 = i32x4.splat(0);
let vyz: v128 = i32x4.splat(0);
/** Largest component of an edge force that this instance has met. */
let largest: v128 = i32x4.splat(0);

export function clearStrain(): void {
  const o = sp(0);
  vxx = o;
  vyy = o;
  vzz = o;
  vxy = o;
  vxz = o;
  vyz = o;
}
/** Stores xx yy zz yz | xz xy 0 0 of the block at `out` (f32 [8]). */
export function storeStrain(out: usize): void {
  v128.store(out, totals(vxx, vyy, vzz, vyz));
  v128.store(out, totals(vxz, vxy, sp(0), sp(0)), 16);
}
export function clearLargest(): void {
  largest = sp(0);
}
export function largestForce(): f32 {
  const m = largest;
  return max(
    max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
    max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
  );
}

/** ∂E/∂D of one atom and species, gathered into one piece at sG. */
function gatherGradient(slot: usize, kind: usize): void {
  const row = nRadial << 2;
  const base = sD + kind * bytesD;
  let to = sG;
  // The rows of one degree stand together.
  for (let l: usize = 0; l <= <usize>lmax; l++) {
    const bytes = (2 * l + 1) * row;
    copyTo(to, base + BLOCK * l * l * row + slot * bytes, bytes);
    to += bytes;
  }
}

/**
 * ∂E/∂r of four edges from sG. Leaves ∂E/∂Y in sGY and returns ∂E/∂r along the edge; radial functions go in
 * fours, so that the inner loop stays within 16 registers.
 */
function contract(c: usize, st: usize): v128 {
  const nb = nRadial;
  const cy0 = c + (4 + 2 * nb) * st;
  const row = nb << 2;
  let radial = sp(0);
  for (let b: usize = 0; b < nb; b += 4) {
    const pb = c + (4 + b) * st;
    const pd = pb + nb * st;
    const B0 = v128.load(pb);
    const B1 = v128.load(pb + st);
    const B2 = v128.load(pb + 2 * st);
    const B3 = v128.load(pb + 3 * st);
    // Y_00 = 1: nothing to gain along it, and no direction to it.
    let gp = sG + (b << 2);
    let g0 = v128.load32_splat(gp);
    let g1 = v128.load32_splat(gp, 4);
    let g2 = v128.load32_splat(gp, 8);
    let g3 = v128.load32_splat(gp, 12);
    gp += row;
    let cy = cy0 + st;
    const gyEnd = sGY + (harmonicsWith(b) << 4);
    for (let gy = sGY + 16; gy < gyEnd; gy += 16) {
      const y = v128.load(cy);
      let s = v128.load32_splat(gp);
      let q = b ? madd(s, B0, v128.load(gy)) : f32x4.mul(s, B0);
      g0 = madd(s, y, g0);
      s = v128.load32_splat(gp, 4);
      let q1 = f32x4.mul(s, B1);
      g1 = madd(s, y, g1);
      s = v128.load32_splat(gp, 8);
      q = madd(s, B2, q);
      g2 = madd(s, y, g2);
      s = v128.load32_splat(gp, 12);
      q1 = madd(s, B3, q1);
      g3 = madd(s, y, g3);
      v128.store(gy, f32x4.add(q, q1));
      gp += row;
      cy += st;
    }
    radial = madd(
      g0,
      v128.load(pd),
      madd(g1, v128.load(pd + st), madd(g2, v128.load(pd + 2 * st), madd(g3, v128.load(pd + 3 * st), radial))),
    );
  }
  return radial;
}

/**
 * Forces of the edges of atom i, added to `forces` (i32 [M][4], fixed point, so that the sum does not depend on
 * its order), and their share of ∂E/∂ε. `scale`: units per eV/Å.
 */
export function edgeBackward(i: i32, slot: usize, forces: usize, scale: f32): void {
  const st = strideOf(slot);
  const cache = edgesOf(slot);
  const J = sJ + slot * (edgeCapacity << 2);
  const segments = load<u32>(sCount + (slot << 4), 4);
  const units = sp(scale);
  let mine = i32x4.splat(0);
  let from: usize = 0;
  for (let g: usize = 0; g < <usize>segments; g++) {
    const at = sSegments + ((slot * nSpecies + g) << 3);
    const to: usize = load<u32>(at, 4);
    gatherGradient(slot, load<u32>(at));
    for (let e = from; e < to; e += 16) {
      const c = cache + e;
      const radial = contract(c, st);
      const x = v128.load(c);
      const y = v128.load(c + st);
      const z = v128.load(c + 2 * st);
      const r = v128.load(c + 3 * st);
      const ri = f32x4.div(sp(1), r);
      const GY = sGY;
      // v = Σ ∂E/∂Y_lm ∇Y_lm, then its part across the edge, over r
      let vy = v128.load(GY, 16);
      let vz = v128.load(GY, 32);
      let vx = v128.load(GY, 48);
      const s3 = sp(1.7320508075688772);
      let w = f32x4.mul(s3, v128.load(GY, 64));
      vx = madd(w, y, vx);
      vy = madd(w, x, vy);
      w = f32x4.mul(s3, v128.load(GY, 80));
      vy = madd(w, z, vy);
      vz = madd(w, y, vz);
      vz = madd(f32x4.mul(sp(3), v128.load(GY, 96)), z, vz);
      w = f32x4.mul(s3, v128.load(GY, 112));
      vx = madd(w, z, vx);
      vz = madd(w, x, vz);
      w = f32x4.mul(s3, v128.load(GY, 128));
      vx = madd(w, x, vx);
      vy = f32x4.sub(vy, f32x4.mul(w, y));
      if (lmax === 3) {
        const xy = f32x4.mul(x, y);
        const xz = f32x4.mul(x, z);
        const yz = f32x4.mul(y, z);
        const z2 = f32x4.mul(z, z);
        const d = f32x4.sub(f32x4.mul(x, x), f32x4.mul(y, y));
        const d3 = f32x4.mul(sp(3), d);
        const z5 = madd(z2, sp(5), sp(-1));
        w = f32x4.mul(sp(0.7905694150420949), v128.load(GY, 144));
        vx = madd(f32x4.mul(sp(6), w), xy, vx);
        vy = madd(w, d3, vy);
        w = f32x4.mul(sp(3.872983346207417), v128.load(GY, 160));
        vx = madd(w, yz, vx);
        vy = madd(w, xz, vy);
        vz = madd(w, xy, vz);
        w = f32x4.mul(sp(0.6123724356957945), v128.load(GY, 176));
        vy = madd(w, z5, vy);
        vz = madd(f32x4.mul(sp(10), w), yz, vz);
        vz = madd(v128.load(GY, 192), madd(z2, sp(7.5), sp(-1.5)), vz);
        w = f32x4.mul(sp(0.6123724356957945), v128.load(GY, 208));
        vx = madd(w, z5, vx);
        vz = madd(f32x4.mul(sp(10), w), xz, vz);
        w = f32x4.mul(sp(1.9364916731037085), v128.load(GY, 224));
        vz = madd(w, d, vz);
        w = f32x4.add(w, w);
        vx = madd(w, xz, vx);
        vy = f32x4.sub(vy, f32x4.mul(w, yz));
        w = f32x4.mul(sp(0.7905694150420949), v128.load(GY, 240));
        vx = madd(w, d3, vx);
        vy = f32x4.sub(vy, f32x4.mul(f32x4.mul(sp(6), w), xy));
      }
      const along = madd(vx, x, madd(vy, y, f32x4.mul(vz, z)));
      const k = f32x4.sub(radial, f32x4.mul(along, ri));
      const fx = madd(k, x, f32x4.mul(vx, ri));
      const fy = madd(k, y, f32x4.mul(vy, ri));
      const fz = madd(k, z, f32x4.mul(vz, ri));
      const rx = f32x4.mul(r, x);
      const ry = f32x4.mul(r, y);
      const rz = f32x4.mul(r, z);
      vxx = madd(rx, fx, vxx);
      vyy = madd(ry, fy, vyy);
      vzz = madd(rz, fz, vzz);
      vxy = madd(rx, fy, vxy);
      vxz = madd(rx, fz, vxz);
      vyz = madd(ry, fz, vyz);
      largest = f32x4.max(largest, f32x4.max(f32x4.abs(fx), f32x4.max(f32x4.abs(fy), f32x4.abs(fz))));
      mine = i32x4.add(mine, scatter(fx, fy, fz, units, J + e, forces));
    }
    from = to;
  }
  const f = forces + ((<usize>i) << 4);
  v128.store(f, i32x4.add(v128.load(f), mine));
}

/** Takes the forces of four edges off their far sites; returns their sum, in fixed point. */
function scatter(fx: v128, fy: v128, fz: v128, units: v128, J: usize, forces: usize): v128 {
  const ix = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(fx, units)));
  const iy = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(fy, units)));
  const iz = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(fz, units)));
  const o = i32x4.splat(0);
  const p0 = v128.shuffle<f32>(ix, iy, 0, 4, 1, 5);
  const p1 = v128.shuffle<f32>(ix, iy, 2, 6, 3, 7);
  const q0 = v128.shuffle<f32>(iz, o, 0, 4, 1, 5);
  const q1 = v128.shuffle<f32>(iz, o, 2, 6, 3, 7);
  const e0 = v128.shuffle<f64>(p0, q0, 0, 2);
  const e1 = v128.shuffle<f64>(p0, q0, 1, 3);
  const e2 = v128.shuffle<f64>(p1, q1, 0, 2);
  const e3 = v128.shuffle<f64>(p1, q1, 1, 3);
  let f = forces + ((<usize>load<u32>(J)) << 4);
  v128.store(f, i32x4.sub(v128.load(f), e0));
  f = forces + ((<usize>load<u32>(J, 4)) << 4);
  v128.store(f, i32x4.sub(v128.load(f), e1));
  f = forces + ((<usize>load<u32>(J, 8)) << 4);
  v128.store(f, i32x4.sub(v128.load(f), e2));
  f = forces + ((<usize>load<u32>(J, 12)) << 4);
  v128.store(f, i32x4.sub(v128.load(f), e3));
  return i32x4.add(i32x4.add(e0, e1), i32x4.add(e2, e3));
}
