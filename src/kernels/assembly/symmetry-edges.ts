/** Edges of an atom, lanes over edges: radial factors exp(−η (r − r_s)²) f(r), and radial functions from them. */
import { clear, madd, sp, total } from './simd';
import { first, neighbours, positions, species } from './state';
import {
  cutoff,
  cutoffKind,
  edgeBytes,
  eFactors,
  eHead,
  eInverse,
  eR,
  eSites,
  eSlopes,
  eX,
  eY,
  eZ,
  factors,
  nFactors,
  nRadial,
  nRings,
  nSpecies,
  radialList,
  rings,
  sAlong,
  sCut,
  sCutSlope,
  segmentAt,
  segmentCount,
  sRaw,
  width,
} from './symmetry-state';

/**
 * f of `bytes` distances and its slope, for one cutoff. Polynomials are minimax fits, good to 1e-8: of sin πz and
 * cos πz on [−½, ½], of tanh on [0, 1].
 */
export function cutoffs(r: usize, bytes: usize, rc: f32, inner: f32, F: usize, dF: usize): void {
  const one = sp(1);
  const none = sp(0);
  const inverse = sp(1 / (rc - inner));
  const from = sp(inner);
  if (cutoffKind === 1) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const x = f32x4.pmax(f32x4.sub(one, f32x4.mul(v128.load(r + i), inverse)), none);
      const x2 = f32x4.mul(x, x);
      let p = madd(sp(-0.0003271247641731534), x2, sp(0.002183550679075774));
      p = madd(p, x2, sp(-0.007768804284663949));
      p = madd(p, x2, sp(0.02135070565037603));
      p = madd(p, x2, sp(-0.053823944531854226));
      p = madd(p, x2, sp(0.13331165854468344));
      p = madd(p, x2, sp(-0.33333185760137385));
      p = madd(p, x2, sp(0.9999999705696596));
      const t = f32x4.mul(p, x);
      const t2 = f32x4.mul(t, t);
      v128.store(F + i, f32x4.mul(t2, t));
      v128.store(dF + i, f32x4.mul(f32x4.mul(f32x4.mul(t2, f32x4.sub(t2, one)), sp(3)), inverse));
    }
    return;
  }
  for (let i: usize = 0; i < bytes; i += 16) {
    const y = f32x4.pmin(f32x4.pmax(f32x4.mul(f32x4.sub(v128.load(r + i), from), inverse), none), one);
    if (cutoffKind === 2) {
      const y2 = f32x4.mul(y, y);
      const v = f32x4.sub(one, y);
      v128.store(F + i, madd(f32x4.mul(y2, y), madd(y, madd(y, sp(-6), sp(15)), sp(-10)), one));
      v128.store(dF + i, f32x4.mul(f32x4.mul(f32x4.mul(y2, f32x4.mul(v, v)), sp(-30)), inverse));
    } else {
      const z = f32x4.sub(y, sp(0.5));
      const z2 = f32x4.mul(z, z);
      let s = madd(sp(0.0772201197347589), z2, sp(-0.5980451695160388));
      s = madd(s, z2, sp(2.550031376525524));
      s = madd(s, z2, sp(-5.1677068788815195));
      s = f32x4.mul(madd(s, z2, sp(3.1415925800440263)), z);
      let c = madd(sp(-0.02439671419520112), z2, sp(0.2349375575993474));
      c = madd(c, z2, sp(-1.3352120564051726));
      c = madd(c, z2, sp(4.058709164322389));
      c = madd(c, z2, sp(-4.934802137227824));
      c = madd(c, z2, sp(1));
      // Exactly nothing from r_c on, and no slope beyond either end, whatever the rounding.
      const within = f32x4.lt(y, one);
      v128.store(F + i, v128.and(within, madd(s, sp(-0.5), sp(0.5))));
      const slope = f32x4.mul(f32x4.mul(c, sp(-1.5707963267948966)), inverse);
      v128.store(dF + i, v128.and(v128.and(within, f32x4.gt(y, none)), slope));
    }
  }
}

/**
 * weight · exp(−η (r − s)²) f and its slope by r. `exponent` is −η log₂e. The exponential is 2^n · 2^p with n the
 * nearest integer, got by adding 1.5·2²³ so that n stands in the low bits of the sum, and a minimax polynomial for 2^p
 * on [−½, ½]; below 2^−120 it is cut off, so that no denormal is ever produced.
 */
export function gaussians(
  r: usize,
  bytes: usize,
  gaussian: usize,
  weight: f32,
  F: usize,
  dF: usize,
  value: usize,
  slope: usize,
): void {
  const k = v128.load32_splat(gaussian);
  const shift = v128.load32_splat(gaussian, 4);
  const twice = v128.load32_splat(gaussian, 8);
  const w = sp(weight);
  for (let i: usize = 0; i < bytes; i += 16) {
    const d = f32x4.sub(v128.load(r + i), shift);
    // `power2`, written out: as a call it costs silicon 2 µs an atom.
    const t = f32x4.pmax(f32x4.mul(f32x4.mul(d, d), k), sp(-120));
    const m = f32x4.add(t, sp(12582912));
    const f = f32x4.sub(t, f32x4.sub(m, sp(12582912)));
    let p = madd(sp(0.0001535336203209695), f, sp(0.0013398874650660253));
    p = madd(p, f, sp(0.009618437359119183));
    p = madd(p, f, sp(0.055503324705354726));
    p = madd(p, f, sp(0.2402264791360068));
    p = madd(p, f, sp(0.6931472028553377));
    p = madd(p, f, sp(1));
    const e = f32x4.mul(i32x4.add(p, i32x4.shl(m, 23)), w);
    const v = f32x4.mul(e, v128.load(F + i));
    v128.store(value + i, v);
    v128.store(slope + i, f32x4.sub(f32x4.mul(e, v128.load(dF + i)), f32x4.mul(f32x4.mul(twice, d), v)));
  }
}

/** Stores the edges of one ring of a segment, differences taken in double precision; returns the end. */
function gatherRing(i: i32, from: usize, to: usize, low: f32, high: f32, n0: usize): usize {
  const all = positions;
  const p = all + ((<usize>i) << 5);
  const px = load<f64>(p);
  const py = load<f64>(p, 8);
  const pz = load<f64>(p, 16);
  const x = eX;
  const y = eY;
  const z = eZ;
  const raw = sRaw;
  const J = eSites;
  let n = n0;
  for (let q = from; q < to; q += 4) {
    const j: usize = load<u32>(q);
    const pj = all + (j << 5);
    const dx = <f32>(load<f64>(pj) - px);
    const dy = <f32>(load<f64>(pj, 8) - py);
    const dz = <f32>(load<f64>(pj, 16) - pz);
    const r2 = dx * dx + dy * dy + dz * dz;
    store<f32>(x + n, dx);
    store<f32>(y + n, dy);
    store<f32>(z + n, dz);
    store<f32>(raw + n, r2);
    store<i32>(J + n, <i32>j);
    n += select<usize>(4, 0, r2 < high && r2 >= low);
  }
  return n;
}

/**
 * Edges of atom i within the cutoff, in segments of one species each, inner rings first, so that those within the
 * cutoff of a pass stand together. Segments are padded to a multiple of four with edges exactly at the cutoff.
 */
export function gather(i: i32): void {
  const row = first + ((<usize>i) << 2);
  let q = neighbours + ((<usize>load<i32>(row)) << 2);
  const end = neighbours + ((<usize>load<i32>(row, 4)) << 2);
  let n: usize = 0;
  let segment: usize = 0;
  while (q < end) {
    let stop = end;
    let kind = 0;
    if (nSpecies > 1) {
      kind = load<i32>(species + (load<u32>(q) << 2));
      stop = q + 4;
      while (stop < end && load<i32>(species + (load<u32>(stop) << 2)) === kind) stop += 4;
    }
    const at = segmentAt(segment);
    const start = n;
    store<i32>(at, kind);
    store<u32>(at, <u32>start, 4);
    let low: f32 = -1;
    for (let k: usize = 0; k < nRings << 2; k += 4) {
      const high = load<f32>(rings + k);
      n = gatherRing(i, q, stop, low, high, n);
      store<u32>(at + k, <u32>n, 8);
      low = high;
    }
    q = stop;
    if (n === start) continue;
    while (n & 15) {
      store<f32>(eX + n, <f32>cutoff);
      store<f32>(eY + n, 0);
      store<f32>(eZ + n, 0);
      store<f32>(sRaw + n, <f32>(cutoff * cutoff));
      store<i32>(eSites + n, i);
      n += 4;
    }
    segment++;
  }
  store<u32>(eHead, <u32>n);
  store<u32>(eHead, <u32>segment, 4);
  const one = sp(1);
  for (let e: usize = 0; e < n; e += 16) {
    const r = f32x4.sqrt(v128.load(sRaw + e));
    v128.store(eR + e, r);
    v128.store(eInverse + e, f32x4.div(one, r));
  }
}

/** Bytes from the start of segment n to its padded end. */
function segmentEnd(at: usize): usize {
  return (<usize>load<u32>(at + ((nRings - 1) << 2), 8) + 15) & ~(<usize>15);
}

/** Radial factors and their slopes, each only for the species that it is needed for. */
export function radialFactors(): void {
  for (let n: usize = 0, count = segmentCount(); n < count; n++) {
    const at = segmentAt(n);
    const kind: usize = load<u32>(at);
    const start: usize = load<u32>(at, 4);
    const bytes = segmentEnd(at) - start;
    let rc: f32 = 0;
    for (let u: usize = 0; u < nFactors; u++) {
      const factor = factors + (u << 5);
      const weight = load<f32>(<usize>load<u32>(factor, 20) + (kind << 2));
      // Not a number: not needed.
      if (!(abs(weight) < Infinity)) continue;
      const own = load<f32>(factor, 12);
      if (own !== rc) cutoffs(eR + start, bytes, own, load<f32>(factor, 16), sCut, sCutSlope);
      rc = own;
      const to = u * width + start;
      gaussians(eR + start, bytes, factor, weight, sCut, sCutSlope, eFactors + to, eSlopes + to);
    }
  }
}

/** Sums of radial functions over their edges, into f64 [F] at G. */
export function radialSums(G: usize): void {
  const count = segmentCount();
  for (let n: usize = 0; n < nRadial; n++) {
    const entry = radialList + n * 12;
    const row = eFactors + <usize>load<u32>(entry) * width;
    const wanted = load<i32>(entry, 4);
    let sum = sp(0);
    for (let k: usize = 0; k < count; k++) {
      const at = segmentAt(k);
      if (wanted >= 0 && load<i32>(at) !== wanted) continue;
      const end = segmentEnd(at);
      for (let e: usize = load<u32>(at, 4); e < end; e += 16) sum = f32x4.add(sum, v128.load(row + e));
    }
    store<f64>(G + ((<usize>load<u32>(entry, 8)) << 3), <f64>total(sum));
  }
}

/** Adds slope · ∂G/∂r of one radial function to sAlong. */
export function addRadial(entry: usize, slope: v128): void {
  const row = eSlopes + <usize>load<u32>(entry) * width;
  const wanted = load<i32>(entry, 4);
  for (let k: usize = 0, count = segmentCount(); k < count; k++) {
    const at = segmentAt(k);
    if (wanted >= 0 && load<i32>(at) !== wanted) continue;
    const end = segmentEnd(at);
    for (let e: usize = load<u32>(at, 4); e < end; e += 16)
      v128.store(sAlong + e, madd(slope, v128.load(row + e), v128.load(sAlong + e)));
  }
}

/** Σ_f g_f ∂G_f/∂r of radial functions, for each edge, into sAlong; g f32 [F]. */
export function radialBackward(g: usize): void {
  clear(sAlong, edgeBytes());
  for (let n: usize = 0; n < nRadial; n++) {
    const entry = radialList + n * 12;
    addRadial(entry, v128.load32_splat(g + ((<usize>load<u32>(entry, 8)) << 2)));
  }
}
