/** What one thread does of a job of a model of symmetry functions; records and jobs are laid out in simd/. */
import { clear } from './simd';
import { edgeCapacity, nAtoms, nSites, owner, species, useSystem } from './state';
import { backward } from './symmetry-backward';
import { cachedForces, cachedFunctions, cachedTangents, cacheReady, fillAtom, markReady } from './symmetry-cache';
import { gather, radialFactors, radialSums } from './symmetry-edges';
import { addForces, clearStrain, FORCE_LIMIT, storeStrain } from './symmetry-forces';
import { divideByDeviations, readout, readoutDual, scaleFunctions } from './symmetry-network';
import { nFunctions, nHeads, ROWS, sG, sGX, tX, useCentre, useRow, useScratch, useSymmetry } from './symmetry-state';
import { edgeVelocities, tangents } from './symmetry-tangent';
import { forwardPasses } from './symmetry-triplets';
import { foldForces, forceResiduals } from './train';

/** Bytes of scratch that a thread needs for systems with at most `capacity` edges per atom. */
export function symmetryScratchBytes(model: usize, capacity: usize, training: bool): f64 {
  useSymmetry(model);
  return useScratch(0, capacity, training);
}

// Behind the system record: atoms in blocks of ROWS of one species each, −1 where there is none; number of blocks.
let order: usize = 0;
let nBlocks: i32 = 0;
/** What is kept of the symmetry functions of a system for training, or 0; see symmetry-cache.ts. */
let cache: usize = 0;

function turnTo(system: usize): void {
  useSystem(system);
  order = load<u32>(system, 116);
  nBlocks = load<i32>(system, 120);
  cache = load<u32>(system, 124);
}

/** Atom in a row of a block, or −1. */
function atomAt(block: i32, row: usize): i32 {
  return load<i32>(order + ((<usize>block * ROWS + row) << 2));
}

/** Symmetry functions of a block into sG, with edges and triplets kept. */
function describe(block: i32): void {
  useCentre(load<u32>(species + ((<usize>atomAt(block, 0)) << 2)));
  const row = nFunctions << 3;
  clear(sG, ROWS * row);
  for (let a: usize = 0; a < ROWS; a++) {
    const i = atomAt(block, a);
    if (i < 0) break;
    useRow(a);
    gather(i);
    radialFactors();
    radialSums(sG + a * row);
    forwardPasses(sG + a * row);
  }
}

/** Energies f64 [ROWS], forces (added) and ∂E/∂ε (f32 [8]) of a block that `describe` and `scaleFunctions` have seen. */
function evaluateHead(block: i32, head: i32, energies: usize, forces: usize, scale: f32, strain: usize): void {
  readout(head, energies);
  clearStrain();
  for (let a: usize = 0; a < ROWS; a++) {
    const i = atomAt(block, a);
    if (i < 0) break;
    useRow(a);
    backward(sGX + ((a * nFunctions) << 2));
    addForces(i, forces, scale);
  }
  storeStrain(strain);
}

/** The same of a block that nobody has seen yet. */
function evaluateBlock(block: i32, head: i32, energies: usize, forces: usize, scale: f32, strain: usize): void {
  describe(block);
  scaleFunctions();
  evaluateHead(block, head, energies, forces, scale, strain);
}

/** Fills the cache of the system, unless that has been done. Two threads that do it at once write the same. */
function fillCache(): void {
  if (cacheReady(cache)) return;
  for (let b = 0; b < nBlocks; b++) {
    describe(b);
    for (let a: usize = 0; a < ROWS && atomAt(b, a) >= 0; a++) {
      useRow(a);
      fillAtom(cache, <usize>b * ROWS + a, a);
    }
  }
  markReady(cache);
}

/** `evaluateBlock` from the cache. */
function evaluateCached(block: i32, head: i32, energies: usize, forces: usize, scale: f32, strain: usize): void {
  describeCached(block);
  scaleFunctions();
  readout(head, energies);
  clearStrain();
  for (let a: usize = 0; a < ROWS; a++) {
    const i = atomAt(block, a);
    if (i < 0) break;
    cachedForces(cache, <usize>block * ROWS + a, sGX + ((a * nFunctions) << 2), i, forces, scale);
  }
  storeStrain(strain);
}

/** Symmetry functions of a block into sG, from the cache. */
function describeCached(block: i32): void {
  useCentre(load<u32>(species + ((<usize>atomAt(block, 0)) << 2)));
  clear(sG, (ROWS * nFunctions) << 3);
  for (let a: usize = 0; a < ROWS && atomAt(block, a) >= 0; a++) cachedFunctions(cache, <usize>block * ROWS + a, a);
}

/**
 * This thread's share of an evaluation: blocks from the counter. Energies f64 and ∂E/∂ε f32 [8] of each block, at
 * `energies` and `strains`; forces i32 [M][4] of this thread, the fourth as `addForces` says.
 */
export function symmetryShare(
  model: usize,
  system: usize,
  head: i32,
  scratch: usize,
  counter: usize,
  energies: usize,
  strains: usize,
  forces: usize,
  scale: f32,
): void {
  useSymmetry(model);
  turnTo(system);
  useScratch(scratch, edgeCapacity, false);
  memory.fill(forces, 0, (<usize>nSites) << 4);
  for (;;) {
    const from = atomic.add<i32>(counter, 4);
    if (from >= nBlocks) break;
    for (let b = from, to = min(from + 4, nBlocks); b < to; b++) {
      const at = (<usize>b) << 5;
      evaluateBlock(b, head, energies + at, forces, scale, strains + at);
    }
  }
}

/**
 * The same of every head by itself: energies f64 [heads][blocks][ROWS], ∂E/∂ε f32 [heads][blocks][8], forces i32
 * [heads][M][4] of this thread. Symmetry functions are the same for all heads.
 */
export function symmetryHeadsShare(
  model: usize,
  system: usize,
  scratch: usize,
  counter: usize,
  energies: usize,
  strains: usize,
  forces: usize,
  scale: f32,
): void {
  useSymmetry(model);
  turnTo(system);
  useScratch(scratch, edgeCapacity, false);
  const sites: usize = (<usize>nSites) << 4;
  const blocks: usize = (<usize>nBlocks) << 5;
  memory.fill(forces, 0, nHeads * sites);
  for (;;) {
    const from = atomic.add<i32>(counter, 4);
    if (from >= nBlocks) break;
    for (let b = from, to = min(from + 4, nBlocks); b < to; b++) {
      const at = (<usize>b) << 5;
      describe(b);
      scaleFunctions();
      for (let h: usize = 0; h < nHeads; h++)
        evaluateHead(b, <i32>h, energies + h * blocks + at, forces + h * sites, scale, strains + h * blocks + at);
    }
  }
}

/** Whether the sums of forces of the atoms, images folded back, are within 32 bits. */
export function forcesFit(forces: usize, atoms: i32): bool {
  let most = 0;
  for (let i: usize = 0; i < <usize>atoms; i++) most = max(most, load<i32>(forces + (i << 4), 12));
  return most < FORCE_LIMIT;
}

/** Symmetry functions of all atoms, f64 [N][stride] at `out`, which must be zero. */
export function symmetryFeatures(model: usize, system: usize, scratch: usize, out: usize, stride: usize): void {
  useSymmetry(model);
  turnTo(system);
  useScratch(scratch, edgeCapacity, false);
  for (let b = 0; b < nBlocks; b++) {
    describe(b);
    for (let a: usize = 0; a < ROWS; a++) {
      const i = atomAt(b, a);
      if (i < 0) break;
      memory.copy(out + ((<usize>i * stride) << 3), sG + ((a * nFunctions) << 3), min(stride, nFunctions) << 3);
    }
  }
}

/**
 * The training buffers of a thread: site forces i32 [M][4], site velocities f32 [M][4], energies f64 and ∂E/∂ε f32 [8]
 * of a block, G f64 [9], velocity gradient f32 [12].
 */
export function symmetryTrainingBytes(sites: i32): usize {
  return ((<usize>sites) << 5) + 32 + 32 + 80 + 48;
}

/**
 * This thread's share of a training step: terms from the counter. A term is 48 bytes: u32 system, u32 head,
 * f64 wE, wF, wS, u32 ok (written). Gradient slots are `slotBytes` apart.
 */
export function symmetryTrainShare(
  model: usize,
  terms: usize,
  count: i32,
  scratch: usize,
  buffers: usize,
  counter: usize,
  gradients: usize,
  slotBytes: usize,
  errors: usize,
  scale: f32,
): void {
  useSymmetry(model);
  for (;;) {
    const k = atomic.add<i32>(counter, 1);
    if (k >= count) break;
    const term = terms + <usize>k * 48;
    const slot = gradients + <usize>k * slotBytes;
    memory.fill(slot, 0, slotBytes);
    turnTo(load<u32>(term));
    useScratch(scratch, edgeCapacity, true);
    const ok = trainStructure(load<u32>(term), term, buffers, slot, errors + <usize>k * 24, scale);
    store<u32>(term, ok ? 1 : 0, 32);
  }
}

/** Adds ∂E/∂ε of a block (xx yy zz yz xz xy) to the nine components of G. */
function addStrain(strain: usize, G: usize): void {
  for (let c: usize = 0; c < 9; c++) {
    const a = c / 3;
    const b = c % 3;
    const voigt: usize = a === b ? a : 6 - a - b;
    store<f64>(G + (c << 3), load<f64>(G + (c << 3)) + <f64>load<f32>(strain + (voigt << 2)));
  }
}

/**
 * Adds the gradient of one loss term to `slot` (f32) and writes its residuals to `errors` (f64 [3]: E − E*,
 * Σ (F − F*)², Σ (G − G*)²). Labels behind the system record as in train.ts. Returns false when the forces do not fit
 * into fixed point.
 */
function trainStructure(system: usize, term: usize, buffers: usize, slot: usize, errors: usize, scale: f32): bool {
  const head: usize = load<u32>(term, 4);
  const forces = buffers;
  const velocity = forces + ((<usize>nSites) << 4);
  const energies = velocity + ((<usize>nSites) << 4);
  const strain = energies + 32;
  const G = strain + 32;
  const rate = G + 80;
  memory.fill(forces, 0, (<usize>nSites) << 4);
  memory.fill(G, 0, 72);
  if (cache) fillCache();
  let E: f64 = 0;
  for (let b = 0; b < nBlocks; b++) {
    if (cache) evaluateCached(b, <i32>head, energies, forces, scale, strain);
    else evaluateBlock(b, <i32>head, energies, forces, scale, strain);
    for (let a: usize = 0; a < ROWS && atomAt(b, a) >= 0; a++) E += load<f64>(energies + (a << 3));
    addStrain(strain, G);
  }
  foldForces(forces, nAtoms, nSites, owner);
  if (!forcesFit(forces, nAtoms)) return false;
  const dE = E - load<f64>(system, 32);
  const factor = <f32>(-2 * load<f64>(term, 16));
  store<f64>(errors, dE);
  store<f64>(errors, forceResiduals(forces, load<u32>(system, 112), velocity, 1.0 / <f64>scale, factor), 8);
  for (let s = nAtoms; s < nSites; s++)
    v128.store(
      velocity + ((<usize>s) << 4),
      v128.load(velocity + ((<usize>load<i32>(owner + ((<usize>s) << 2))) << 4)),
    );
  // ∂L/∂G contracted: the energy's change along r' = (2 wS (G − G*)) · r
  const twice = 2 * load<f64>(term, 24);
  let squares: f64 = 0;
  for (let c: usize = 0; c < 9; c++) {
    const error = load<f64>(G + (c << 3)) - load<f64>(system + 40 + (c << 3));
    squares += error * error;
    store<f32>(rate + (c << 2), <f32>(twice * error));
  }
  store<f64>(errors, squares, 16);

  const seed = <f32>(2 * load<f64>(term, 8) * dE);
  for (let b = 0; b < nBlocks; b++) {
    if (cache) describeCached(b);
    else describe(b);
    const row = nFunctions << 2;
    clear(tX, ROWS * row);
    let count: usize = 0;
    for (; count < ROWS && atomAt(b, count) >= 0; count++) {
      if (cache) {
        const place = <usize>b * ROWS + count;
        cachedTangents(cache, place, atomAt(b, count), velocity, rate, tX + count * row);
        continue;
      }
      useRow(count);
      edgeVelocities(atomAt(b, count), velocity, rate);
      tangents(tX + count * row);
    }
    scaleFunctions();
    divideByDeviations(tX);
    readoutDual(head, seed, count, slot);
  }
  return true;
}
