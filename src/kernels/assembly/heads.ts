/**
 * From ∂E/∂D to forces of several heads at once. What one head does with lanes over edges
 * (forces.ts) is done here with lanes over heads, four of them, edge by edge: B, Y and the unit vector of an edge are
 * the same for all heads, and the four forces on a site stand side by side, so that nothing need be shuffled into place.
 */
import { edgesOf, strideOf } from './edges';
import { acrossX, acrossY, acrossZ, harmonicGradient, noteForce } from './forces';
import { madd, sp } from './simd';
import {
  BLOCK,
  bytesD,
  bytesGradients,
  edgeCapacity,
  harmonicsWith,
  lmax,
  nRadial,
  nSites,
  nSpecies,
  positions,
  sCount,
  sGH,
  sGradients,
  sGY,
  sJ,
  sSegments,
} from './state';

/** Heads that go together. */
export const LANES: usize = 4;

/** Bytes of the fixed-point forces of one site: x, y, z, each of four heads. */
export const SITE: usize = 48;

/** ∂E/∂D of one atom and species of four heads, f32 [lm][n_b][4 heads] at sGH. */
function interleave(slot: usize, kind: usize): void {
  const row = nRadial << 2;
  const base = sGradients + kind * bytesD;
  let to = sGH;
  for (let l: usize = 0; l <= <usize>lmax; l++) {
    const bytes: usize = (2 * l + 1) * row;
    const from: usize = base + BLOCK * l * l * row + slot * bytes;
    for (let i: usize = 0; i < bytes; i += 16) {
      const a = v128.load(from + i);
      const b = v128.load(from + i + bytesGradients);
      const c = v128.load(from + i + 2 * bytesGradients);
      const d = v128.load(from + i + 3 * bytesGradients);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
      v128.store(to, v128.shuffle<f64>(ab0, cd0, 1, 3), 16);
      v128.store(to, v128.shuffle<f64>(ab1, cd1, 0, 2), 32);
      v128.store(to, v128.shuffle<f64>(ab1, cd1, 1, 3), 48);
      to += 64;
    }
  }
}

/** ∂E/∂r of one edge from sGH: leaves ∂E/∂Y in sGY and returns ∂E/∂r along the edge. `c`: the edge's first number. */
function contract(c: usize, st: usize): v128 {
  const nb = nRadial;
  const cy0 = c + (4 + 2 * nb) * st;
  const row = nb << 4;
  let radial = sp(0);
  for (let b: usize = 0; b < nb; b += 4) {
    const pb = c + (4 + b) * st;
    const pd = pb + nb * st;
    const B0 = v128.load32_splat(pb);
    const B1 = v128.load32_splat(pb + st);
    const B2 = v128.load32_splat(pb + 2 * st);
    const B3 = v128.load32_splat(pb + 3 * st);
    let gp = sGH + (b << 4);
    let g0 = v128.load(gp);
    let g1 = v128.load(gp, 16);
    let g2 = v128.load(gp, 32);
    let g3 = v128.load(gp, 48);
    gp += row;
    let cy = cy0 + st;
    const gyEnd = sGY + (harmonicsWith(b) << 4);
    for (let gy = sGY + 16; gy < gyEnd; gy += 16) {
      const y = v128.load32_splat(cy);
      let s = v128.load(gp);
      let q = b ? madd(s, B0, v128.load(gy)) : f32x4.mul(s, B0);
      g0 = madd(s, y, g0);
      s = v128.load(gp, 16);
      let q1 = f32x4.mul(s, B1);
      g1 = madd(s, y, g1);
      s = v128.load(gp, 32);
      q = madd(s, B2, q);
      g2 = madd(s, y, g2);
      s = v128.load(gp, 48);
      q1 = madd(s, B3, q1);
      g3 = madd(s, y, g3);
      v128.store(gy, f32x4.add(q, q1));
      gp += row;
      cy += st;
    }
    radial = madd(
      g0,
      v128.load32_splat(pd),
      madd(
        g1,
        v128.load32_splat(pd + st),
        madd(g2, v128.load32_splat(pd + 2 * st), madd(g3, v128.load32_splat(pd + 3 * st), radial)),
      ),
    );
  }
  return radial;
}

/** A force in fixed point. */
function fixed(f: v128, units: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f, units)));
}

/**
 * Forces of the edges of atom i, for four heads: added to `forces` (i32 [M][3][4 heads], fixed point).
 * `scale`: units per eV/Å.
 */
export function edgesBackward(i: i32, slot: usize, forces: usize, scale: f32): void {
  const st = strideOf(slot);
  const cache = edgesOf(slot);
  const J = sJ + slot * (edgeCapacity << 2);
  const segments = load<u32>(sCount + (slot << 4), 4);
  const units = sp(scale);
  let mineX = i32x4.splat(0);
  let mineY = mineX;
  let mineZ = mineX;
  let from: usize = 0;
  for (let g: usize = 0; g < <usize>segments; g++) {
    const at = sSegments + ((slot * nSpecies + g) << 3);
    const to: usize = load<u32>(at, 4);
    interleave(slot, load<u32>(at));
    for (let e = from; e < to; e += 4) {
      const c = cache + e;
      const radial = contract(c, st);
      const x = v128.load32_splat(c);
      const y = v128.load32_splat(c + st);
      const z = v128.load32_splat(c + 2 * st);
      const ri = f32x4.div(sp(1), v128.load32_splat(c + 3 * st));
      harmonicGradient(x, y, z);
      const vx = acrossX;
      const vy = acrossY;
      const vz = acrossZ;
      const along = madd(vx, x, madd(vy, y, f32x4.mul(vz, z)));
      const k = f32x4.sub(radial, f32x4.mul(along, ri));
      const fx = madd(k, x, f32x4.mul(vx, ri));
      const fy = madd(k, y, f32x4.mul(vy, ri));
      const fz = madd(k, z, f32x4.mul(vz, ri));
      noteForce(fx, fy, fz);
      const ix = fixed(fx, units);
      const iy = fixed(fy, units);
      const iz = fixed(fz, units);
      mineX = i32x4.add(mineX, ix);
      mineY = i32x4.add(mineY, iy);
      mineZ = i32x4.add(mineZ, iz);
      const f = forces + <usize>load<u32>(J + e) * SITE;
      v128.store(f, i32x4.sub(v128.load(f), ix));
      v128.store(f, i32x4.sub(v128.load(f, 16), iy), 16);
      v128.store(f, i32x4.sub(v128.load(f, 32), iz), 32);
    }
    from = to;
  }
  const f = forces + <usize>i * SITE;
  v128.store(f, i32x4.add(v128.load(f), mineX));
  v128.store(f, i32x4.add(v128.load(f, 16), mineY), 16);
  v128.store(f, i32x4.add(v128.load(f, 32), mineZ), 32);
}

/**
 * ∂E/∂ε = −Σ r ⊗ F of one head over all sites, f64 [9] at `out`, symmetric; `forces` points at the head's first number.
 * The forces on all sites add up to nothing, so that it does not matter where r starts.
 */
export function virialOf(forces: usize, unit: f64, out: usize): void {
  let xx: f64 = 0;
  let yy: f64 = 0;
  let zz: f64 = 0;
  let yz: f64 = 0;
  let xz: f64 = 0;
  let xy: f64 = 0;
  for (let s: usize = 0; s < <usize>nSites; s++) {
    const r = positions + (s << 5);
    const f = forces + s * SITE;
    const y = load<f64>(r, 8);
    const z = load<f64>(r, 16);
    const fx = -unit * <f64>load<i32>(f);
    const fy = -unit * <f64>load<i32>(f, 16);
    const fz = -unit * <f64>load<i32>(f, 32);
    xx += load<f64>(r) * fx;
    yy += y * fy;
    zz += z * fz;
    yz += y * fz;
    xz += z * fx;
    xy += y * fx;
  }
  store<f64>(out, xx);
  store<f64>(out, xy, 8);
  store<f64>(out, xz, 16);
  store<f64>(out, xy, 24);
  store<f64>(out, yy, 32);
  store<f64>(out, yz, 40);
  store<f64>(out, xz, 48);
  store<f64>(out, yz, 56);
  store<f64>(out, zz, 64);
}
