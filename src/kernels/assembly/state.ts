/**
 * What a kernel instance works on: the model, and this thread's scratch. Globals are per instance (one instance
 * per thread), and are set from records in the shared memory at the start of each task.
 */

import { DERIVATIVES } from './generated/invariants';

/** Atoms that go through all steps together, while their data is in cache. */
export const BLOCK: usize = 16;

// The model record; byte offsets are those of `MODEL_RECORD` in simd/kernel.ts.
export let cutoff: f64 = 0;
export let onset: f64 = 0;
export let nSpecies: usize = 0;
export let nRadial: usize = 0;
export let lmax: i32 = 0;
export let order: i32 = 0;
export let nChannels: usize = 0;
export let nHidden1: usize = 0;
export let nHidden2: usize = 0;
export let nHeads: usize = 0;
export let nFeatures: usize = 0;
export let mix: usize = 0;
export let mixT: usize = 0;
export let w1: usize = 0;
export let w1T: usize = 0;
export let w2: usize = 0;
export let w2T: usize = 0;
export let b1: usize = 0;
export let b2: usize = 0;
export let w3: usize = 0;
export let skip: usize = 0;
export let b3: usize = 0;
// All heads side by side, for their mean: w1 [F][heads·H1] and its transpose, b1 [S][heads·H1], b2 [S][heads·H2], and
// the means of skip [F] and b3 [S].
export let allW1: usize = 0;
export let allW1T: usize = 0;
export let allB1: usize = 0;
export let allB2: usize = 0;
export let meanSkip: usize = 0;
export let meanB3: usize = 0;
/** Table of coefficients of the invariants. */
export let constants: usize = 0;
/** Radial functions that the l = 3 harmonics are used with: those beyond have no weight in the mix. */
export let nRadialHigh: usize = 0;
/** 1 where forces come from a head of their own; then its weights: wF [heads][H2][K], transposed, bF [heads][S][K]. */
export let nDirect: i32 = 0;
export let wF: usize = 0;
export let wFT: usize = 0;
export let bF: usize = 0;
/** For the mean over heads: all wF one below the other [heads·H2][K] and the mean of bF [S][K], over their number. */
export let meanWF: usize = 0;
export let meanBF: usize = 0;
/** (lmax + 1)². */
export let nLm: usize = 0;
/** Numbers kept per edge: unit vector, r, B, B', Y. */
export let nPerEdge: usize = 0;

export function useModel(m: usize): void {
  cutoff = load<f64>(m);
  onset = load<f64>(m, 8);
  nSpecies = load<u32>(m, 16);
  nRadial = load<u32>(m, 20);
  lmax = load<i32>(m, 24);
  order = load<i32>(m, 28);
  nChannels = load<u32>(m, 32);
  nHidden1 = load<u32>(m, 36);
  nHidden2 = load<u32>(m, 40);
  nHeads = load<u32>(m, 44);
  nFeatures = load<u32>(m, 48);
  mix = load<u32>(m, 52);
  mixT = load<u32>(m, 56);
  w1 = load<u32>(m, 60);
  w1T = load<u32>(m, 64);
  w2 = load<u32>(m, 68);
  w2T = load<u32>(m, 72);
  b1 = load<u32>(m, 76);
  b2 = load<u32>(m, 80);
  w3 = load<u32>(m, 84);
  skip = load<u32>(m, 88);
  b3 = load<u32>(m, 92);
  allW1 = load<u32>(m, 96);
  allW1T = load<u32>(m, 100);
  allB1 = load<u32>(m, 104);
  allB2 = load<u32>(m, 108);
  meanSkip = load<u32>(m, 112);
  meanB3 = load<u32>(m, 116);
  constants = load<u32>(m, 120);
  nRadialHigh = load<u32>(m, 124);
  nDirect = load<i32>(m, 128);
  wF = load<u32>(m, 132);
  wFT = load<u32>(m, 136);
  bF = load<u32>(m, 140);
  meanWF = load<u32>(m, 144);
  meanBF = load<u32>(m, 148);
  nLm = <usize>((lmax + 1) * (lmax + 1));
  nPerEdge = 4 + 2 * nRadial + nLm;
}

/** For densities that do not yet know what they will be used with. */
export function useAllRadial(): void {
  nRadialHigh = nRadial;
}

/** Harmonics that radial function b is used with. */
export function harmonicsWith(b: usize): usize {
  return lmax === 3 && b >= nRadialHigh ? 9 : nLm;
}

// The system record; byte offsets are those of `SYSTEM_RECORD` in simd/system.ts.
export let nAtoms: i32 = 0;
export let nSites: i32 = 0;
/** f64 [M][4]. */
export let positions: usize = 0;
/** i32 [M]. */
export let species: usize = 0;
/** i32 [M]. */
export let owner: usize = 0;
/** i32 [N+1]. */
export let first: usize = 0;
/** i32 [P], for each atom sorted by the species of the site. */
export let neighbours: usize = 0;
/** Largest number of edges of an atom, padding included. */
export let edgeCapacity: usize = 0;

export function useSystem(s: usize): void {
  nAtoms = load<i32>(s);
  nSites = load<i32>(s, 4);
  positions = load<u32>(s, 8);
  species = load<u32>(s, 12);
  owner = load<u32>(s, 16);
  first = load<u32>(s, 20);
  neighbours = load<u32>(s, 24);
  edgeCapacity = load<u32>(s, 28);
}

// Scratch of this thread: addresses.
/** Densities D (later ∂E/∂D), [species][row][n_b]; row = 16 l² + atom (2l + 1) + m. */
export let sD: usize = 0;
/** Bytes of D of one species. */
export let bytesD: usize = 0;
export let sA: usize = 0;
export let sGA: usize = 0;
export let sX: usize = 0;
export let sGX: usize = 0;
export let sH1: usize = 0;
export let sD1: usize = 0;
export let sH2: usize = 0;
export let sD2: usize = 0;
/** ∂E/∂D of one atom and species in one piece, [lm][n_b]. */
export let sG: usize = 0;
/** The same of four heads, [lm][n_b][4], and where it comes from: ∂E/∂D of each of them as in sD. */
export let sGH: usize = 0;
export let sGradients: usize = 0;
/** Bytes of the densities of all species. */
export let bytesGradients: usize = 0;
/** ∂x/∂A of the atoms of the block, [atom][K/4][DERIVATIVES][4]. */
export let sJacobian: usize = 0;
/** Bytes of it of one atom. */
export let bytesJacobian: usize = 0;
/** One vector per lm. */
export let sGY: usize = 0;
/** Per atom: bytes of one edge array, number of segments, address of its edges. */
export let sCount: usize = 0;
/** Per atom and segment: species, end in bytes. */
export let sSegments: usize = 0;
/** Far site of each edge, [atom][capacity]. */
export let sJ: usize = 0;
/** Species of the atoms of the block, i32 [16]. */
export let sKinds: usize = 0;
/** Which species the block has edges to, i32 [S]. */
export let sPresent: usize = 0;
/** dx, dy, dz, r² of one atom's edges. */
export let sRaw: usize = 0;
/** Edge arrays, [atom][nPerEdge][edges of the atom]. */
export let sEdges: usize = 0;
// Tangents and second derivatives, for training only.
export let tD: usize = 0;
export let tA: usize = 0;
export let tGA: usize = 0;
export let tX: usize = 0;
export let tGX: usize = 0;
export let tZ1: usize = 0;
export let tH1: usize = 0;
export let sC1: usize = 0;
export let tZ2: usize = 0;
export let tH2: usize = 0;
export let sC2: usize = 0;
export let sU: usize = 0;
export let tU: usize = 0;
export let sV: usize = 0;
export let tV: usize = 0;
export let tEdges: usize = 0;
// Of a direct force head only: φ, and ∂L/∂φ.
export let sPhi: usize = 0;
export let sGPhi: usize = 0;

let top: usize = 0;
function take(bytes: usize): usize {
  const at = top;
  top += (bytes + 15) & ~(<usize>15);
  return at;
}

/** Lays the scratch out from `base`; returns the bytes that it needs. */
export function useScratch(base: usize, capacity: usize, training: bool): usize {
  top = base;
  const rows = BLOCK * nLm;
  bytesD = rows * nRadial * 4;
  sD = take(nSpecies * bytesD);
  sA = take(rows * nChannels * 4);
  sGA = take(rows * nChannels * 4);
  sX = take(BLOCK * nFeatures * 4);
  sGX = take(BLOCK * nFeatures * 4);
  sH1 = take(BLOCK * nHeads * nHidden1 * 4);
  sD1 = take(BLOCK * nHeads * nHidden1 * 4);
  sH2 = take(BLOCK * nHeads * nHidden2 * 4);
  sD2 = take(BLOCK * nHeads * nHidden2 * 4);
  sG = take(nLm * nRadial * 4);
  // Also the spare target of `project`: one number per radial function.
  sGY = take(max(nLm * 16, nRadial * 4));
  sCount = take(BLOCK * 16);
  sSegments = take(BLOCK * nSpecies * 8);
  sKinds = take(BLOCK * 4);
  sPresent = take(nSpecies * 4);
  sJ = take(BLOCK * capacity * 4);
  sRaw = take(4 * capacity * 4);
  sEdges = take(BLOCK * capacity * nPerEdge * 4);
  if (training) {
    tD = take(nSpecies * bytesD);
    tA = take(rows * nChannels * 4);
    tGA = take(rows * nChannels * 4);
    tX = take(BLOCK * nFeatures * 4);
    tGX = take(BLOCK * nFeatures * 4);
    tZ1 = take(BLOCK * nHidden1 * 4);
    tH1 = take(BLOCK * nHidden1 * 4);
    sC1 = take(BLOCK * nHidden1 * 4);
    tZ2 = take(BLOCK * nHidden2 * 4);
    tH2 = take(BLOCK * nHidden2 * 4);
    sC2 = take(BLOCK * nHidden2 * 4);
    sU = take(BLOCK * nHidden2 * 4);
    tU = take(BLOCK * nHidden2 * 4);
    sV = take(BLOCK * nHidden1 * 4);
    tV = take(BLOCK * nHidden1 * 4);
    tEdges = take(capacity * (nRadial + nLm) * 4);
  }
  // Several heads at once: evaluation only, and only where forces are a gradient.
  bytesGradients = nSpecies * bytesD;
  if (!training && nHeads > 1 && !nDirect) {
    sGH = take(nLm * nRadial * 16);
    sGradients = take(4 * bytesGradients);
    bytesJacobian = DERIVATIVES * nChannels * 4;
    sJacobian = take(BLOCK * bytesJacobian);
  }
  if (nDirect) {
    sPhi = take(BLOCK * nChannels * 4);
    sGPhi = take(BLOCK * nChannels * 4);
  }
  return top - base;
}

/** Row of (lm, atom of the block) in D and A. */
export function rowOf(lm: usize, atom: usize): usize {
  const l: usize = lm > 8 ? 3 : lm > 3 ? 2 : lm > 0 ? 1 : 0;
  return BLOCK * l * l + atom * (2 * l + 1) + lm - l * l;
}
