/** From the gradients of edges to forces in fixed point and ∂E/∂ε. */
import { madd, sp } from './simd';
import { edgeBytes, eSites, eX, eY, eZ, sGradient } from './symmetry-state';

// ∂E/∂ε of a block, rows x, y, z. Globals of this instance.
let strainX: v128 = i32x4.splat(0);
let strainY: v128 = i32x4.splat(0);
let strainZ: v128 = i32x4.splat(0);

export function clearStrain(): void {
  const none = sp(0);
  strainX = none;
  strainY = none;
  strainZ = none;
}

/** Stores xx yy zz yz | xz xy 0 0 of the block at `out` (f32 [8]). */
export function storeStrain(out: usize): void {
  store<f32>(out, f32x4.extract_lane(strainX, 0));
  store<f32>(out, f32x4.extract_lane(strainY, 1), 4);
  store<f32>(out, f32x4.extract_lane(strainZ, 2), 8);
  store<f32>(out, f32x4.extract_lane(strainY, 2), 12);
  store<f32>(out, f32x4.extract_lane(strainX, 2), 16);
  store<f32>(out, f32x4.extract_lane(strainX, 1), 20);
}

/** The largest that the fourth number of a force may become: then none of the other three has left 32 bits. */
export const FORCE_LIMIT: i32 = 32767;

/**
 * Takes the force of one edge, gradient g and vector at x, y, z, off its site and returns it, in fixed point (i32 [4],
 * `scale` units per eV/Å); and adds its share of ∂E/∂ε. The fourth number counts the sizes of what was added, in units
 * of 2^16 rounded up: sums may pass through overflow unharmed, as long as what comes out at the end fits.
 */
export function addEdgeForce(g: v128, x: usize, y: usize, z: usize, site: usize, forces: usize, scale: f32): v128 {
  strainX = madd(v128.load32_splat(x), g, strainX);
  strainY = madd(v128.load32_splat(y), g, strainY);
  strainZ = madd(v128.load32_splat(z), g, strainZ);
  const scaled = f32x4.mul(g, sp(scale));
  const size = f32x4.mul(f32x4.abs(scaled), sp(0.0000152587890625));
  const largest = max(max(f32x4.extract_lane(size, 0), f32x4.extract_lane(size, 1)), f32x4.extract_lane(size, 2));
  const count = min(i32x4.extract_lane(i32x4.trunc_sat_f32x4_s(sp(largest)), 0), FORCE_LIMIT) + 1;
  const f = i32x4.trunc_sat_f32x4_s(f32x4.nearest(scaled));
  const to = forces + (site << 4);
  v128.store(to, i32x4.sub(v128.load(to), i32x4.replace_lane(f, 3, -count)));
  return i32x4.replace_lane(f, 3, count);
}

/** Adds what an atom's edges gave to the atom itself. */
export function endForces(i: i32, mine: v128, forces: usize): void {
  const to = forces + ((<usize>i) << 4);
  v128.store(to, i32x4.add(v128.load(to), mine));
}

/** Adds −∂E/∂r of atom i's edges, from sGradient, to `forces`, i32 [M][4]. */
export function addForces(i: i32, forces: usize, scale: f32): void {
  const bytes = edgeBytes();
  let mine = i32x4.splat(0);
  for (let e: usize = 0; e < bytes; e += 4) {
    const site: usize = load<u32>(eSites + e);
    mine = i32x4.add(mine, addEdgeForce(v128.load(sGradient + (e << 2)), eX + e, eY + e, eZ + e, site, forces, scale));
  }
  endForces(i, mine, forces);
}
