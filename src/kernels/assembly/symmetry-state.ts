/**
 * Symmetry functions: what an instance works on. Records come from simd/symmetry-tables.ts, which lays them out; the
 * scratch of a thread holds ROWS atoms, since so many go through the network together.
 */

/** Atoms of one species that go through the network together. */
export const ROWS: usize = 4;
/** Bytes that 32 bits can address. */
const ADDRESSES: f64 = 4294967296;
/** Triplets that go through all steps together, in bytes of one array. */
export const CHUNK: usize = 256;

// The model record.
export let cutoff: f64 = 0;
export let nSpecies: usize = 0;
/** 0 cosine, 1 tanh³, 2 poly2. */
export let cutoffKind: i32 = 0;
/** 0 tanh, 1 softplus, 2 silu. */
export let activation: i32 = 0;
export let nHeads: usize = 0;
export let nHidden1: usize = 0;
export let nHidden2: usize = 0;
/** Largest number of functions of a centre, rounded up to a multiple of 4. */
export let widest: usize = 0;
let centres: usize = 0;
let mostFactors: usize = 0;
let mostSlots: usize = 0;
let mostProducts: usize = 0;
let mostGaussians: usize = 0;
let mostRings: usize = 0;
let mostPasses: usize = 0;
/** 16 byte shuffles that bring the lanes of a mask to the front. */
export let compaction: usize = 0;
/** [4]: of narrow and wide, element-resolved and weighted passes: bytes of a chunk, number of passes of a centre. */
let classes: usize = 0;

export function useSymmetry(m: usize): void {
  cutoff = load<f64>(m);
  nSpecies = load<u32>(m, 8);
  cutoffKind = load<i32>(m, 12);
  activation = load<i32>(m, 16);
  nHeads = load<u32>(m, 20);
  nHidden1 = load<u32>(m, 24);
  nHidden2 = load<u32>(m, 28);
  widest = load<u32>(m, 32);
  centres = load<u32>(m, 36);
  mostFactors = load<u32>(m, 40);
  mostSlots = load<u32>(m, 44);
  mostProducts = load<u32>(m, 48);
  mostGaussians = load<u32>(m, 52);
  mostRings = load<u32>(m, 56);
  mostPasses = load<u32>(m, 60);
  compaction = load<u32>(m, 64);
  classes = m + 68;
}

// The record of a centre's species.
/** Functions, rounded up to a multiple of 4; those beyond the real ones are zero and have no say. */
export let nFunctions: usize = 0;
/** Radial factors: 32 bytes each. */
export let nFactors: usize = 0;
export let factors: usize = 0;
/** Radial functions: factor, neighbour (−1: any), function; 12 bytes each. */
export let nRadial: usize = 0;
export let radialList: usize = 0;
/** Passes over triplets; see symmetry-triplets.ts. */
export let nPasses: usize = 0;
export let passes: usize = 0;
/** Squares of the cutoffs of passes, f32, ascending; the last is the cutoff of the model. */
export let nRings: usize = 0;
export let rings: usize = 0;
/** Centres f64 [F], then 1/deviations f32 [F]. */
export let scaling: usize = 0;
/** 32 bytes for each head. */
export let networks: usize = 0;
/** f64 [heads]. */
export let biases3: usize = 0;
/** For each species of neighbour: number (a multiple of 4) and list (−1 where it only fills up) of functions. */
export let touchLists: usize = 0;

export function useCentre(z: usize): void {
  const c = centres + (z << 6);
  nFunctions = load<u32>(c);
  nFactors = load<u32>(c, 4);
  factors = load<u32>(c, 8);
  nRadial = load<u32>(c, 12);
  radialList = load<u32>(c, 16);
  nPasses = load<u32>(c, 20);
  passes = load<u32>(c, 24);
  nRings = load<u32>(c, 28);
  rings = load<u32>(c, 32);
  scaling = load<u32>(c, 36);
  networks = load<u32>(c, 40);
  biases3 = load<u32>(c, 44);
  touchLists = load<u32>(c, 48);
}

// Scratch that all atoms share.
/** Symmetry functions, f64 [ROWS][F]. */
export let sG: usize = 0;
/** f32 [ROWS][F]: scaled ones; slopes ∂E/∂G; their tangents. */
export let sX: usize = 0;
export let sGX: usize = 0;
export let tX: usize = 0;
/** [ROWS][heads' hidden units]: layers of the network. */
export let sH1: usize = 0;
export let sD1: usize = 0;
export let sH2: usize = 0;
export let sD2: usize = 0;
export let sC1: usize = 0;
export let sC2: usize = 0;
export let tZ1: usize = 0;
export let tZ2: usize = 0;
export let tH1: usize = 0;
export let tH2: usize = 0;
export let sU: usize = 0;
export let tU: usize = 0;
export let sV: usize = 0;
export let tV: usize = 0;
/** Raw differences of an atom's edges. */
export let sRaw: usize = 0;
/** f, f′ and r of edges, or of a chunk. */
export let sCut: usize = 0;
export let sCutSlope: usize = 0;
export let sDistance: usize = 0;
/** Powers of a chunk, [slot][CHUNK]. */
export let sPowers: usize = 0;
/** Sums of a pass, f64 [Gaussian][power]. */
export let sProducts: usize = 0;
/** Coefficients of a pass, 16 bytes each, [Gaussian][power]. */
export let sCoefficients: usize = 0;
/** Addresses of a pass's radial factors. */
export let sRows: usize = 0;
/** What a chunk says of its triplets: by cos θ, by r_jk, for each Gaussian; then the records. */
export let sBend: usize = 0;
export let sStretch: usize = 0;
export let sShares: usize = 0;
export let sTriplets: usize = 0;
/** Per edge: position and factors; sums of what triplets say of them. */
export let sEdgeRecords: usize = 0;
export let sEdgeSums: usize = 0;
/** Per edge: ∂E/∂r along the edge from radial functions; the whole gradient, f32 [4]. */
export let sAlong: usize = 0;
export let sGradient: usize = 0;
/** Tangents: of the records of edges and of triplets; per edge its speed along itself; of w, and of cos θ times w. */
export let tEdgeRecords: usize = 0;
export let tTriplets: usize = 0;
export let tAlong: usize = 0;
export let tShares: usize = 0;
export let tBends: usize = 0;
/** Sums of a pass that come from the change of cos θ. */
export let tProducts: usize = 0;
/** Slopes or tangents of the functions that one species of neighbour has a say in. */
export let sTouched: usize = 0;
let slots: usize = 0;
let slotBytes: usize = 0;
/** Bytes of one array of edges. */
export let width: usize = 0;

let top: usize = 0;
function take(bytes: usize): usize {
  const at = top;
  top += (bytes + 15) & ~(<usize>15);
  return at;
}

/**
 * Bytes of chunks that an atom with so many edges may fill: a number that need not fit into 32 bits, as atoms in a
 * structure of wrong units have thousands of neighbours.
 */
function chunkBytes(capacity: usize): f64 {
  const pairs = Math.floor(0.5 * <f64>capacity * <f64>(capacity + 1));
  let bytes: f64 = 0;
  for (let c: usize = 0; c < 4; c++) {
    const size = <f64>load<u32>(classes + (c << 3));
    const count = <f64>load<u32>(classes + (c << 3), 4);
    // A chunk is closed when another vector might not fit; each pass that meets a triplet opens one.
    bytes += size * (Math.floor(pairs / <f64>((CHUNK >> 2) - 6)) + Math.min(count, pairs) + 1);
  }
  return bytes;
}

/** Lays the scratch out from `base`; returns the bytes that it needs, which may be more than there can be. */
export function useScratch(base: usize, capacity: usize, training: bool): f64 {
  top = base;
  width = capacity << 2;
  sG = take(ROWS * widest * 8);
  sX = take(ROWS * widest * 4);
  sGX = take(ROWS * widest * 4);
  sH1 = take(ROWS * nHidden1 * 4);
  sD1 = take(ROWS * nHidden1 * 4);
  sH2 = take(ROWS * nHidden2 * 4);
  sD2 = take(ROWS * nHidden2 * 4);
  sRaw = take(width);
  sCut = take(max(width, CHUNK));
  sCutSlope = take(max(width, CHUNK));
  sDistance = take(CHUNK);
  sPowers = take(mostSlots * CHUNK);
  sProducts = take(mostProducts * 8);
  sCoefficients = take(mostProducts * 16);
  sRows = take(mostGaussians * 8);
  sBend = take(CHUNK);
  sStretch = take(CHUNK);
  const records = (mostGaussians + 4) >> 2;
  sShares = take(4 * records * CHUNK);
  sTriplets = take(4 * records * CHUNK);
  sEdgeRecords = take(4 * width * (1 + records));
  sEdgeSums = take(4 * width * (1 + records));
  sAlong = take(width);
  sGradient = take(4 * width);
  if (training) {
    tX = take(ROWS * widest * 4);
    sTouched = take(widest * 4);
    sC1 = take(ROWS * nHidden1 * 4);
    sC2 = take(ROWS * nHidden2 * 4);
    tZ1 = take(ROWS * nHidden1 * 4);
    tZ2 = take(ROWS * nHidden2 * 4);
    tH1 = take(ROWS * nHidden1 * 4);
    tH2 = take(ROWS * nHidden2 * 4);
    sU = take(ROWS * nHidden2 * 4);
    tU = take(ROWS * nHidden2 * 4);
    sV = take(ROWS * nHidden1 * 4);
    tV = take(ROWS * nHidden1 * 4);
    tEdgeRecords = take(4 * width * (1 + records));
    tTriplets = take(4 * (1 + records) * CHUNK);
    tAlong = take(width);
    tShares = take(4 * records * CHUNK);
    tBends = take(4 * records * CHUNK);
    tProducts = take(mostProducts * 8);
  }
  const segments = min(nSpecies, capacity) * segmentBytes(mostRings);
  const edges = <f64>(6 + 2 * mostFactors) * <f64>(width + 16);
  const room = <f64>(64 + segments + 16 + mostPasses * 16 + 63) + edges + chunkBytes(capacity);
  slots = take(0);
  const needed = <f64>(slots - base) + <f64>ROWS * room;
  if (needed < ADDRESSES) slotBytes = <usize>room & ~(<usize>63);
  return needed;
}

/** Species, start, and the end of each ring, in bytes. */
function segmentBytes(ringCount: usize): usize {
  return (2 + ringCount) << 2;
}

// One atom's data: edges (structures of arrays, `width` bytes each) and triplets.
/** u32: bytes of an edge array in use; segments; passes done. */
export let eHead: usize = 0;
export let eSegments: usize = 0;
export let segmentStep: usize = 0;
/** Per pass done: its record, first chunk, number of chunks. */
export let eDone: usize = 0;
/** Sites that edges lead to. */
export let eSites: usize = 0;
/** Difference vectors, lengths and their inverses, Å. */
export let eX: usize = 0;
export let eY: usize = 0;
export let eZ: usize = 0;
export let eR: usize = 0;
export let eInverse: usize = 0;
/** Radial factors and their slopes, [factor][edge]. */
export let eFactors: usize = 0;
export let eSlopes: usize = 0;
export let eChunks: usize = 0;

/** Turns to the atom in this row of the block; its species has been chosen by `useCentre`. */
export function useRow(row: usize): void {
  top = slots + row * slotBytes;
  eHead = take(64);
  segmentStep = segmentBytes(nRings);
  eSegments = take(min(nSpecies, width >> 2) * segmentStep);
  eDone = take(nPasses * 16);
  eSites = take(width);
  eX = take(width);
  eY = take(width);
  eZ = take(width);
  eR = take(width);
  eInverse = take(width);
  eFactors = take(nFactors * width);
  eSlopes = take(nFactors * width);
  eChunks = top;
}

/** Bytes of an edge array of this atom that are in use. */
export function edgeBytes(): usize {
  return load<u32>(eHead);
}
export function segmentCount(): usize {
  return load<u32>(eHead, 4);
}
/** The record of this atom's segment n: species, start, end of each ring. */
export function segmentAt(n: usize): usize {
  return eSegments + n * segmentStep;
}
