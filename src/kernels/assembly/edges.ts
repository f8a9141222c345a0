/**
 * Everything per edge, lanes over edges. Edge arrays are structures of arrays per atom: ux uy uz r | B[n_b] |
 * B'[n_b] | Y[lm], each `stride` bytes long and padded with edges exactly at the cutoff, where B and B' vanish.
 */
import { clear, madd, sp } from './simd';
import {
  bytesD,
  cutoff,
  edgeCapacity,
  first,
  lmax,
  nDirect,
  neighbours,
  nPerEdge,
  nRadial,
  nSpecies,
  onset,
  positions,
  sCount,
  sD,
  sJ,
  sPresent,
  species,
  sRaw,
  sSegments,
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

/** B_b of four edges without their slopes, which direct forces have no use for; s is the switching function. */
function storeRadial(s: v128, t: v128, c0: usize, st: usize): void {
  const t2 = f32x4.add(t, t);
  let c = c0;
  let Ta = sp(1);
  let Tb = t;
  for (let b: usize = 0; b < nRadial; b += 2) {
    v128.store(c, f32x4.mul(s, Ta));
    c += st;
    v128.store(c, f32x4.mul(s, Tb));
    c += st;
    Ta = f32x4.sub(f32x4.mul(t2, Tb), Ta);
    Tb = f32x4.sub(f32x4.mul(t2, Ta), Tb);
  }
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
    if (nDirect) {
      storeRadial(s, t, c + 4 * st, st);
      storeHarmonics(x, y, z, c + (4 + 2 * nb) * st, st);
      continue;
    }
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
