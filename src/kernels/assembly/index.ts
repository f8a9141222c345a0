/**
 * Exports: what one thread does of a job. Jobs, systems and models are records in the shared memory, laid out in
 * simd/; nothing here is static, since each instance would write statics anew.
 */
import { blockDensities, blockFeatures, evaluateBlock, evaluateBlockHeads } from './block';
import { clearLargest, largestForce } from './forces';
import { LANES, SITE, virialOf } from './heads';
import { soapDirection } from './soap';
import {
  BLOCK,
  bytesD,
  edgeCapacity,
  nAtoms,
  nDirect,
  nFeatures,
  nHeads,
  nLm,
  nRadial,
  nSites,
  nSpecies,
  owner,
  rowOf,
  sD,
  sPresent,
  sX,
  useAllRadial,
  useModel,
  useScratch,
  useSystem,
} from './state';
import { foldForces, trainStructure } from './train';

export { CONSTANT_BYTES, storeConstants } from './generated/invariants';
export { nearestPoints } from './nearest';
export { soapBytes } from './soap';
export {
  forcesFit,
  symmetryFeatures,
  symmetryHeadsShare,
  symmetryScratchBytes,
  symmetryShare,
  symmetryTrainingBytes,
  symmetryTrainShare,
} from './symmetry';
export { trainingBytes } from './train';

/** Bytes of scratch that a thread needs for systems with at most `capacity` edges per atom. */
export function scratchBytes(model: usize, capacity: usize, training: bool): usize {
  useModel(model);
  return useScratch(0, capacity, training);
}

/**
 * This thread's share of an evaluation: chunks of atoms from the counter at `counter`. Energies f32 at `energies`
 * (padded to a multiple of 16), ∂E/∂ε of each block f32 [8] at `strains`, forces i32 [M][4] of this thread; direct forces f32 [N][4] of all threads.
 * Returns the largest component of an edge force, eV/Å.
 */
export function evaluateShare(
  model: usize,
  system: usize,
  head: i32,
  scratch: usize,
  counter: usize,
  energies: usize,
  strains: usize,
  forces: usize,
  scale: f32,
): f32 {
  useModel(model);
  useSystem(system);
  useScratch(scratch, edgeCapacity, false);
  if (!nDirect) memory.fill(forces, 0, (<usize>nSites) << 4);
  clearLargest();
  const chunk: i32 = 4 * <i32>BLOCK;
  for (;;) {
    const from = atomic.add<i32>(counter, chunk);
    if (from >= nAtoms) break;
    const to = min(from + chunk, nAtoms);
    for (let lo = from; lo < to; lo += <i32>BLOCK) {
      const at = (<usize>lo) << 2;
      // 32 bytes of strain for each block of 16 atoms: 2 bytes an atom
      evaluateBlock(lo, min(lo + <i32>BLOCK, nAtoms), head, energies + at, forces, scale, strains + ((<usize>lo) << 1));
    }
  }
  return largestForce();
}

/**
 * The same of every head by itself: energies f32 [heads][N] (each padded to a multiple of 16), forces i32
 * [groups of four heads][M][3][4] of this thread; direct forces f32 [heads][N][4] of all threads, and only with them
 * ∂E/∂ε f32 [heads][blocks][8].
 */
export function evaluateHeadsShare(
  model: usize,
  system: usize,
  scratch: usize,
  counter: usize,
  energies: usize,
  strains: usize,
  forces: usize,
  scale: f32,
): f32 {
  useModel(model);
  useSystem(system);
  useScratch(scratch, edgeCapacity, false);
  const groups = (nHeads + LANES - 1) / LANES;
  const blocks = (<usize>nAtoms + BLOCK - 1) / BLOCK;
  if (!nDirect) memory.fill(forces, 0, groups * <usize>nSites * SITE);
  clearLargest();
  const chunk: i32 = 4 * <i32>BLOCK;
  for (;;) {
    const from = atomic.add<i32>(counter, chunk);
    if (from >= nAtoms) break;
    const to = min(from + chunk, nAtoms);
    for (let lo = from; lo < to; lo += <i32>BLOCK) {
      const at = (<usize>lo) << 2;
      evaluateBlockHeads(
        lo,
        min(lo + <i32>BLOCK, nAtoms),
        energies + at,
        blocks * BLOCK * 4,
        forces,
        scale,
        strains + (at >> 1),
      );
    }
  }
  return largestForce();
}

/**
 * Forces of all threads added up, of four heads. Buffers (i32 [M][3][4]) are `stride` bytes apart. At `out` f64 [4][3N],
 * images folded back; behind them ∂E/∂ε = −Σ r ⊗ F over all sites, images where they are: f64 [4][9].
 */
export function collectHeads(system: usize, forces: usize, threads: i32, stride: usize, unit: f64, out: usize): void {
  useSystem(system);
  for (let t: usize = 1; t < <usize>threads; t++) {
    const other = forces + t * stride;
    for (let i: usize = 0, end = <usize>nSites * SITE; i < end; i += 16)
      v128.store(forces + i, i32x4.add(v128.load(forces + i), v128.load(other + i)));
  }
  const length: usize = (<usize>nAtoms * 3) << 3;
  for (let h: usize = 0; h < LANES; h++) virialOf(forces + (h << 2), unit, out + LANES * length + h * 72);
  for (let s: usize = nAtoms; s < <usize>nSites; s++) {
    const f = forces + <usize>load<u32>(owner + (s << 2)) * SITE;
    for (let i: usize = 0; i < SITE; i += 16)
      v128.store(f + i, i32x4.add(v128.load(f + i), v128.load(forces + s * SITE + i)));
  }
  for (let c: usize = 0; c < length; c += 8) {
    const f = forces + (c << 1);
    store<f64>(out + c, <f64>load<i32>(f) * unit);
    store<f64>(out + length + c, <f64>load<i32>(f, 4) * unit);
    store<f64>(out + 2 * length + c, <f64>load<i32>(f, 8) * unit);
    store<f64>(out + 3 * length + c, <f64>load<i32>(f, 12) * unit);
  }
}

/** Forces of all threads added up and folded back: f64 [3N] at `out`. Buffers are `stride` bytes apart. */
export function collectForces(system: usize, forces: usize, threads: i32, stride: usize, unit: f64, out: usize): void {
  useSystem(system);
  const sites = load<i32>(system, 4);
  for (let t: usize = 1; t < <usize>threads; t++) {
    const other = forces + t * stride;
    for (let i: usize = 0, end = (<usize>sites) << 4; i < end; i += 16)
      v128.store(forces + i, i32x4.add(v128.load(forces + i), v128.load(other + i)));
  }
  foldForces(forces, nAtoms, sites, load<u32>(system, 16));
  for (let i: usize = 0; i < <usize>nAtoms; i++) {
    const f = forces + (i << 4);
    const o = out + i * 24;
    store<f64>(o, <f64>load<i32>(f) * unit);
    store<f64>(o, <f64>load<i32>(f, 4) * unit, 8);
    store<f64>(o, <f64>load<i32>(f, 8) * unit, 16);
  }
}

/** Invariants of all atoms, f32 [N][F] at `out`. */
export function features(model: usize, system: usize, scratch: usize, out: usize): void {
  useModel(model);
  useSystem(system);
  useScratch(scratch, edgeCapacity, false);
  for (let lo = 0; lo < nAtoms; lo += <i32>BLOCK) {
    const hi = min(lo + <i32>BLOCK, nAtoms);
    blockDensities(lo, hi);
    blockFeatures();
    const row = nFeatures << 2;
    memory.copy(out + <usize>lo * row, sX, <usize>(hi - lo) * row);
  }
}

/** Density projections of atoms [from, to), f32 [to − from][S][lm][n_b] at `out`. */
export function densitiesOf(model: usize, system: usize, scratch: usize, from: i32, to: i32, out: usize): void {
  useModel(model);
  useAllRadial();
  useSystem(system);
  useScratch(scratch, edgeCapacity, false);
  const row = nRadial << 2;
  let o = out;
  for (let lo = from; lo < to; lo += <i32>BLOCK) {
    const hi = min(lo + <i32>BLOCK, to);
    blockDensities(lo, hi);
    for (let a: usize = 0; a < <usize>(hi - lo); a++) {
      for (let s: usize = 0; s < nSpecies; s++) {
        for (let lm: usize = 0; lm < nLm; lm++) {
          if (load<i32>(sPresent + (s << 2))) memory.copy(o, sD + s * bytesD + rowOf(lm, a) * row, row);
          else memory.fill(o, 0, row);
          o += row;
        }
      }
    }
  }
}

/**
 * This thread's share of a training step: terms from the counter. A term is 56 bytes: u32 system, u32 head,
 * f64 wE, wF, wS, wN, wT, u32 ok (written). Gradient slots are `slotBytes` apart and must be zero.
 */
export function trainShare(
  model: usize,
  terms: usize,
  count: i32,
  scratch: usize,
  buffers: usize,
  counter: usize,
  gradients: usize,
  slotBytes: usize,
  mixLength: usize,
  errors: usize,
  scale: f32,
): void {
  useModel(model);
  for (;;) {
    const k = atomic.add<i32>(counter, 1);
    if (k >= count) break;
    const term = terms + <usize>k * 56;
    const system: usize = load<u32>(term);
    const gradient = gradients + <usize>k * slotBytes;
    memory.fill(gradient, 0, slotBytes);
    useScratch(scratch, load<u32>(system, 28), true);
    const ok = trainStructure(
      system,
      load<u32>(term, 4),
      load<f64>(term, 8),
      load<f64>(term, 16),
      load<f64>(term, 24),
      load<f64>(term, 32),
      load<f64>(term, 40),
      buffers,
      gradient,
      mixLength,
      errors + <usize>k * 40,
      scale,
    );
    store<u32>(term, ok ? 1 : 0, 48);
  }
}

/** The first of `count` arrays of f32, `stride` bytes apart, becomes their sum, in order. */
export function sumSlots(slots: usize, stride: usize, count: i32): void {
  for (let i: usize = 0; i < stride; i += 16) {
    let s = v128.load(slots + i);
    for (let k: usize = 1; k < <usize>count; k++) s = f32x4.add(s, v128.load(slots + k * stride + i));
    v128.store(slots + i, s);
  }
}

/** This thread's share of an optimiser step: matrices from the counter; records of 48 bytes (see soap.ts). */
export function soapShare(
  records: usize,
  count: i32,
  work: usize,
  counter: usize,
  c1: f32,
  c2: f32,
  d1: f32,
  d2: f32,
  mode: i32,
): void {
  for (;;) {
    const k = atomic.add<i32>(counter, 1);
    if (k >= count) break;
    soapDirection(records + <usize>k * 48, work, c1, c2, d1, d2, mode);
  }
}
