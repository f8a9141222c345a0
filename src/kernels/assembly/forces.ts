/** From ∂E/∂D back to forces and strain gradient; lanes over edges. */
import { edgesOf, strideOf } from './edges';
import { copyTo, madd, sp, totals } from './simd';
import {
  BLOCK,
  bytesD,
  edgeCapacity,
  harmonicsWith,
  lmax,
  nRadial,
  nSpecies,
  sCount,
  sD,
  sG,
  sGY,
  sJ,
  sSegments,
} from './state';

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
/** Notes the components of some edge forces. */
export function noteForce(fx: v128, fy: v128, fz: v128): void {
  largest = f32x4.max(largest, f32x4.max(f32x4.abs(fx), f32x4.max(f32x4.abs(fy), f32x4.abs(fz))));
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

/** v = Σ ∂E/∂Y_lm ∇Y_lm from sGY, for unit vectors (x, y, z); what points along the edge is still in it. */
export let acrossX: v128 = i32x4.splat(0);
export let acrossY: v128 = i32x4.splat(0);
export let acrossZ: v128 = i32x4.splat(0);

/** Sets the three above. */
export function harmonicGradient(x: v128, y: v128, z: v128): void {
  const GY = sGY;
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
  acrossX = vx;
  acrossY = vy;
  acrossZ = vz;
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
      harmonicGradient(x, y, z);
      const vx = acrossX;
      const vy = acrossY;
      const vz = acrossZ;
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
      noteForce(fx, fy, fz);
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
