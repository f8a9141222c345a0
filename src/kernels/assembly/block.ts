/** Blocks of 16 atoms through all steps of the model. */
import { densities, densityTangents } from './densities';
import { addVectorGradient, directForces, directStrain } from './direct';
import { readoutDirect, readoutGradient } from './direct-readout';
import { edgeForward } from './edges';
import { clearStrain, edgeBackward, storeStrain } from './forces';
import {
  invariants,
  invariantsBackward,
  invariantsBackwardDual,
  invariantsChain,
  invariantsDual,
  invariantsJacobian,
} from './generated/invariants';
import { edgesBackward, LANES, SITE } from './heads';
import { addOuter, addProduct, multiply, multiplyIn } from './matrix';
import { gMix, headGradient, readout, readoutDual, readoutHeads } from './readout';
import { clear } from './simd';
import {
  BLOCK,
  bytesD,
  bytesGradients,
  bytesJacobian,
  lmax,
  mix,
  mixT,
  nAtoms,
  nChannels,
  nDirect,
  nFeatures,
  nHeads,
  nLm,
  nRadial,
  nRadialHigh,
  nSites,
  nSpecies,
  order,
  sA,
  sD,
  sEdges,
  sGA,
  sGradients,
  sGX,
  sJacobian,
  sKinds,
  sPresent,
  species,
  sX,
  tA,
  tD,
  tGA,
  tGX,
  tX,
} from './state';

/** A = Σ_s D_s · mix_s, one matrix product per species and l for the whole block. */
function mixForward(D: usize, A: usize): void {
  const nb = nRadial;
  const K = nChannels;
  let add = false;
  for (let s: usize = 0; s < nSpecies; s++) {
    if (!load<i32>(sPresent + (s << 2))) continue;
    for (let l: usize = 0; l <= <usize>lmax; l++) {
      const row = BLOCK * l * l;
      const W = mix + (((s * <usize>(lmax + 1) + l) * nb * K) << 2);
      const depth = l === 3 ? nRadialHigh : nb;
      const from = D + s * bytesD + ((row * nb) << 2);
      multiplyIn(from, nb << 2, BLOCK * (2 * l + 1), depth, W, K, A + ((row * K) << 2), K << 2, add);
    }
    add = true;
  }
  if (!add) clear(A, (BLOCK * nLm * K) << 2);
}

/** ∂E/∂D_s = ∂E/∂A · mix_sᵀ. */
function mixBackward(GA: usize, D: usize): void {
  const nb = nRadial;
  const K = nChannels;
  for (let s: usize = 0; s < nSpecies; s++) {
    if (!load<i32>(sPresent + (s << 2))) continue;
    for (let l: usize = 0; l <= <usize>lmax; l++) {
      const row = BLOCK * l * l;
      const W = mixT + (((s * <usize>(lmax + 1) + l) * nb * K) << 2);
      multiply(GA + ((row * K) << 2), BLOCK * (2 * l + 1), K, W, nb, D + s * bytesD + ((row * nb) << 2), false);
    }
  }
}

/** ∂L/∂mix += Dᵀ Āt + Ḋᵀ Ā; of a direct force head, where nothing moves, Dᵀ Ā. */
function mixGradient(): void {
  const nb = nRadial;
  const K = nChannels;
  for (let s: usize = 0; s < nSpecies; s++) {
    if (!load<i32>(sPresent + (s << 2))) continue;
    for (let l: usize = 0; l <= <usize>lmax; l++) {
      const row = BLOCK * l * l;
      const from = s * bytesD + ((row * nb) << 2);
      const at = (row * K) << 2;
      const G = gMix + (((s * <usize>(lmax + 1) + l) * nb * K) << 2);
      if (nDirect) addProduct(sD + from, sGA + at, BLOCK * (2 * l + 1), nb, K, 1, G);
      else addOuter(sD + from, tD + from, BLOCK * (2 * l + 1), nb, tGA + at, sGA + at, K, G);
    }
  }
}

/** Densities of atoms [lo, hi), with their edges kept; rows without atoms or edges are zero. Notes their species. */
export function blockDensities(lo: i32, hi: i32): void {
  for (let s: usize = 0; s < nSpecies; s++) store<i32>(sPresent + (s << 2), 0);
  clear(sKinds, BLOCK << 2);
  for (let i = lo; i < hi; i++) store<i32>(sKinds + ((<usize>(i - lo)) << 2), load<i32>(species + ((<usize>i) << 2)));
  let cache = sEdges;
  for (let i = lo; i < hi; i++) {
    const slot: usize = <usize>(i - lo);
    cache = edgeForward(i, slot, cache);
    densities(slot);
  }
}

/** Invariants of the block in sX, from sD. */
export function blockFeatures(): void {
  mixForward(sD, sA);
  const stride = nChannels << 2;
  for (let a: usize = 0; a < BLOCK; a++) invariants(lmax, order, a, stride, sA, sX + ((a * nFeatures) << 2));
}

/**
 * Energies (f32, at `energies`, room for 16), forces and ∂E/∂ε (f32 [8] at `strain`) of atoms [lo, hi).
 * head < 0: the mean over heads. Forces are added to the fixed-point ones of all sites; those of a direct force head,
 * f32 [N][4] eV/Å, are stored.
 */
export function evaluateBlock(
  lo: i32,
  hi: i32,
  head: i32,
  energies: usize,
  forces: usize,
  scale: f32,
  strain: usize,
): void {
  blockDensities(lo, hi);
  blockFeatures();
  if (nDirect) {
    const count = <usize>(hi - lo);
    readoutDirect(head, energies);
    directForces(count, forces + ((<usize>lo) << 4));
    directStrain(count, strain);
    return;
  }
  readout(head, energies);
  const stride = nChannels << 2;
  for (let a: usize = 0; a < BLOCK; a++)
    invariantsBackward(lmax, order, a, stride, sA, sGX + ((a * nFeatures) << 2), sGA);
  mixBackward(sGA, sD);
  clearStrain();
  for (let i = lo; i < hi; i++) edgeBackward(i, <usize>(i - lo), forces, scale);
  storeStrain(strain);
}

/**
 * The same of every head by itself. Energies f32 [16], `stride` bytes apart from head to head; forces of four heads
 * each, i32 [M][3][4], one after the other, from which ∂E/∂ε follows. Direct forces f32 [N][4] of one head after the
 * other, and ∂E/∂ε (f32 [8] at `strains`) half as far apart as energies. Densities and features are the same for all
 * heads, and so are the edges on the way back.
 */
export function evaluateBlockHeads(
  lo: i32,
  hi: i32,
  energies: usize,
  stride: usize,
  forces: usize,
  scale: f32,
  strains: usize,
): void {
  blockDensities(lo, hi);
  blockFeatures();
  if (nDirect) {
    const count = <usize>(hi - lo);
    for (let h: usize = 0; h < nHeads; h++) {
      readoutDirect(<i32>h, energies + h * stride);
      directForces(count, forces + ((h * <usize>nAtoms + <usize>lo) << 4));
      directStrain(count, strains + h * (stride >> 1));
    }
    return;
  }
  readoutHeads(energies, stride);
  const row = nChannels << 2;
  for (let a: usize = 0; a < BLOCK; a++) invariantsJacobian(lmax, order, a, row, sA, sJacobian + a * bytesJacobian);
  for (let from: usize = 0; from < nHeads; from += LANES) {
    const to = min(from + LANES, nHeads);
    for (let h = from; h < to; h++) {
      headGradient(h);
      for (let a: usize = 0; a < BLOCK; a++)
        invariantsChain(lmax, order, a, row, sJacobian + a * bytesJacobian, sGX + ((a * nFeatures) << 2), sGA);
      mixBackward(sGA, sGradients + (h - from) * bytesGradients);
    }
    // A lane without a head: nothing, rather than what happens to be there.
    for (let h = to; h < from + LANES; h++) clear(sGradients + (h - from) * bytesGradients, bytesGradients);
    const sites = forces + (from / LANES) * <usize>nSites * SITE;
    for (let i = lo; i < hi; i++) edgesBackward(i, <usize>(i - lo), sites, scale);
  }
}

/** Gradient of one head's loss over atoms [lo, hi), in dual numbers; see `readoutDual` and `densityTangents`. */
export function gradientBlock(lo: i32, hi: i32, head: usize, seed: f32, velocity: usize, strain: usize): void {
  blockDensities(lo, hi);
  for (let s: usize = 0; s < nSpecies; s++) if (load<i32>(sPresent + (s << 2))) clear(tD + s * bytesD, bytesD);
  for (let i = lo; i < hi; i++) densityTangents(i, <usize>(i - lo), velocity, strain);
  mixForward(sD, sA);
  mixForward(tD, tA);
  const stride = nChannels << 2;
  for (let a: usize = 0; a < BLOCK; a++) {
    const x = (a * nFeatures) << 2;
    invariantsDual(lmax, order, a, stride, sA, tA, sX + x, tX + x);
  }
  readoutDual(head, seed, <usize>(hi - lo));
  for (let a: usize = 0; a < BLOCK; a++) {
    const x = (a * nFeatures) << 2;
    invariantsBackwardDual(lmax, order, a, stride, sA, tA, sGX + x, tGX + x, sGA, tGA);
  }
  mixGradient();
}

/** The same for a direct force head; ∂L/∂F of all atoms at `seeds`, f32 [N][4]. See `readoutGradient`. */
export function directGradientBlock(lo: i32, hi: i32, head: usize, seed: f32, seeds: usize): void {
  const count = <usize>(hi - lo);
  const own = seeds + ((<usize>lo) << 4);
  blockDensities(lo, hi);
  blockFeatures();
  readoutGradient(head, seed, count, own);
  const stride = nChannels << 2;
  for (let a: usize = 0; a < BLOCK; a++)
    invariantsBackward(lmax, order, a, stride, sA, sGX + ((a * nFeatures) << 2), sGA);
  addVectorGradient(count, own);
  mixGradient();
}
