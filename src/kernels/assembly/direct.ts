/**
 * The direct force head: F_im = Σ_k φ_k A[1m,k] of each atom, which needs no pass over edges at all; the strain gradient
 * G = ½ Σ s_ij r_ij ⊗ r̂_ij, which does; and the way back from ∂L/∂F to φ and A. Nothing is written to another atom.
 */
import { edgesOf, strideOf } from './edges';
import { multiply } from './matrix';
import { madd, sp, totals } from './simd';
import {
  BLOCK,
  bytesD,
  lmax,
  mixT,
  nChannels,
  nRadial,
  nSpecies,
  sA,
  sCount,
  sD,
  sGA,
  sGPhi,
  sPhi,
  sPresent,
  sSegments,
} from './state';

/** The three rows of A with l = 1 of an atom of the block, in the order y, z, x. */
function vectorRows(A: usize, slot: usize): usize {
  return A + (((BLOCK + 3 * slot) * nChannels) << 2);
}

/** Forces of `count` atoms of the block, f32 [4] each at `forces`, from A and φ. */
export function directForces(count: usize, forces: usize): void {
  const row = nChannels << 2;
  for (let a: usize = 0; a < count; a++) {
    const A = vectorRows(sA, a);
    const phi = sPhi + a * row;
    let x = sp(0);
    let y = x;
    let z = x;
    for (let k: usize = 0; k < row; k += 16) {
      const p = v128.load(phi + k);
      y = madd(p, v128.load(A + k), y);
      z = madd(p, v128.load(A + row + k), z);
      x = madd(p, v128.load(A + 2 * row + k), x);
    }
    v128.store(forces + (a << 4), totals(x, y, z, sp(0)));
  }
}

/**
 * ∂E/∂ε of `count` atoms of the block as it would be for pair forces (f32 [8] at `out`: xx yy zz yz xz xy 0 0). The
 * radial weights u_b = Σ_k mix[s,1,b,k] φ_k of an atom take the place of the densities, which are not needed any more.
 */
export function directStrain(count: usize, out: usize): void {
  const nb = nRadial;
  const row = nb << 2;
  for (let s: usize = 0; s < nSpecies; s++) {
    if (!load<i32>(sPresent + (s << 2))) continue;
    const W = mixT + (((s * <usize>(lmax + 1) + 1) * nb * nChannels) << 2);
    multiply(sPhi, BLOCK, nChannels, W, nb, sD + s * bytesD, false);
  }
  let xx = sp(0);
  let yy = xx;
  let zz = xx;
  let yz = xx;
  let xz = xx;
  let xy = xx;
  for (let slot: usize = 0; slot < count; slot++) {
    const st = strideOf(slot);
    const cache = edgesOf(slot);
    const segments: usize = load<u32>(sCount + (slot << 4), 4);
    let from: usize = 0;
    for (let g: usize = 0; g < segments; g++) {
      const at = sSegments + ((slot * nSpecies + g) << 3);
      const u = sD + <usize>load<u32>(at) * bytesD + slot * row;
      const to: usize = load<u32>(at, 4);
      for (let e = from; e < to; e += 16) {
        const c = cache + e;
        let B = c + 4 * st;
        let s0 = sp(0);
        let s1 = s0;
        for (let b: usize = 0; b < row; b += 8) {
          s0 = madd(v128.load32_splat(u + b), v128.load(B), s0);
          s1 = madd(v128.load32_splat(u + b, 4), v128.load(B + st), s1);
          B += 2 * st;
        }
        const x = v128.load(c);
        const y = v128.load(c + st);
        const z = v128.load(c + 2 * st);
        const sr = f32x4.mul(f32x4.add(s0, s1), v128.load(c + 3 * st));
        const px = f32x4.mul(sr, x);
        const py = f32x4.mul(sr, y);
        xx = madd(px, x, xx);
        xy = madd(px, y, xy);
        xz = madd(px, z, xz);
        yy = madd(py, y, yy);
        yz = madd(py, z, yz);
        zz = madd(f32x4.mul(sr, z), z, zz);
      }
      from = to;
    }
  }
  const half = sp(0.5);
  v128.store(out, f32x4.mul(half, totals(xx, yy, zz, yz)));
  v128.store(out, f32x4.mul(half, totals(xz, xy, sp(0), sp(0))), 16);
}

/** ∂L/∂φ of the block (sGPhi) from ∂L/∂F of its `count` atoms, f32 [4] each at `seeds`; zero for the others. */
export function directBackward(count: usize, seeds: usize): void {
  const row = nChannels << 2;
  for (let a: usize = 0; a < BLOCK; a++) {
    const counts = a < count;
    const A = vectorRows(sA, a);
    const f = seeds + (a << 4);
    const x = counts ? v128.load32_splat(f) : sp(0);
    const y = counts ? v128.load32_splat(f, 4) : sp(0);
    const z = counts ? v128.load32_splat(f, 8) : sp(0);
    for (let k: usize = 0; k < row; k += 16) {
      const g = madd(y, v128.load(A + k), madd(z, v128.load(A + row + k), f32x4.mul(x, v128.load(A + 2 * row + k))));
      v128.store(sGPhi + a * row + k, g);
    }
  }
}

/** Adds ∂L/∂A that comes by way of the forces to what has come by way of the invariants (sGA). */
export function addVectorGradient(count: usize, seeds: usize): void {
  const row = nChannels << 2;
  for (let a: usize = 0; a < count; a++) {
    const G = vectorRows(sGA, a);
    const f = seeds + (a << 4);
    const x = v128.load32_splat(f);
    const y = v128.load32_splat(f, 4);
    const z = v128.load32_splat(f, 8);
    for (let k: usize = 0; k < row; k += 16) {
      const p = v128.load(sPhi + a * row + k);
      v128.store(G + k, madd(p, y, v128.load(G + k)));
      v128.store(G + row + k, madd(p, z, v128.load(G + row + k)));
      v128.store(G + 2 * row + k, madd(p, x, v128.load(G + 2 * row + k)));
    }
  }
}
