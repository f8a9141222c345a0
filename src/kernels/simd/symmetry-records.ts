/** A model of symmetry functions in the engine's memory: the records that assembly/symmetry-state.ts reads. */
import { NearsightError } from '../../errors.ts';
import { type SymmetryShape, symmetryLayout } from '../symmetry.ts';
import type { Heap } from './memory.ts';
import { type CentreTables, centreTables, type PowerStep, type TripletPass } from './symmetry-tables.ts';

const MODEL_RECORD = 128;
const CENTRE_RECORD = 64;
const FACTOR_RECORD = 32;
const PASS_RECORD = 80;
const NETWORK_RECORD = 32;
/** Triplets in a chunk; see assembly/symmetry-state.ts. */
const CHUNK_BYTES = 256;

const CUTOFF_KINDS = { cosine: 0, tanh3: 1, poly2: 2 } as const;
const ACTIVATIONS = { tanh: 0, softplus: 1, silu: 2 } as const;

/** Above this, (1 + cos θ)^ζ might leave single precision. */
const LARGEST_ZETA = 120;

const fours = (n: number): number => Math.ceil(n / 4) * 4;

/** Where the weights of one network stand in the heap, each padded to multiples of 4. */
interface NetworkRecord {
  readonly w1: number;
  readonly w1T: number;
  readonly b1: number;
  readonly w2: number;
  readonly w2T: number;
  readonly b2: number;
  readonly w3: number;
  /** Bytes before this network's gradients in a slot. */
  readonly gradient: number;
}

export interface SymmetryRecords {
  readonly model: number;
  /** Bytes of the gradients of all networks, as the kernel writes them. */
  readonly slotBytes: number;
  /** Row length of what is kept of symmetry functions. */
  readonly widest: number;
  /** [centre][neighbour]: functions that a neighbour has a say in, rounded up to a multiple of 4. */
  readonly touched: readonly (readonly number[])[];
  setWeights(weights: Float64Array): void;
  /** Adds gradients as the kernel wrote them to those of the flat weights. */
  addGradient(slot: number, gradient: Float64Array): void;
}

/** Writes everything but the weights; refuses what single precision can't do: NearsightError `symmetry-power`. */
export function createRecords(heap: Heap, shape: SymmetryShape): SymmetryRecords {
  for (const { zeta } of shape.functions.flat().filter((f) => f.kind !== 'radial')) {
    if (zeta <= LARGEST_ZETA) continue;
    throw new NearsightError('symmetry-power', `the fast kernel can't raise to the power ζ = ${zeta}`, {
      hint: `ζ is at most ${LARGEST_ZETA} there; the reference kernel takes any`,
    });
  }
  const { species: S, heads, functions } = shape;
  const [H1, H2] = shape.hidden.map(fours);
  const tables = functions.map((list) => centreTables(shape, list));
  const model = heap.allocate(MODEL_RECORD);
  const centres = heap.allocate(CENTRE_RECORD * S);
  const networks: NetworkRecord[][] = [];
  const scalings: number[] = [];
  const biases: number[] = [];
  let slotBytes = 0;
  for (const [z, list] of functions.entries()) {
    const F = fours(list.length);
    scalings.push(heap.allocate(12 * F));
    biases.push(heap.allocate(8 * heads));
    const record = heap.allocate(NETWORK_RECORD * heads);
    networks.push(
      Array.from({ length: heads }, (_, head) => {
        const room = (n: number): number => heap.allocate(4 * n);
        const w = [room(F * H1), room(F * H1), room(H1), room(H1 * H2), room(H1 * H2), room(H2), room(H2)];
        heap.i32(record + NETWORK_RECORD * head, 8).set([...w, slotBytes]);
        const gradient = slotBytes;
        slotBytes += 4 * (F * H1 + H1 + H1 * H2 + H2 + H2 + 4);
        return { w1: w[0], w1T: w[1], b1: w[2], w2: w[3], w2T: w[4], b2: w[5], w3: w[6], gradient };
      }),
    );
    writeCentre(heap, shape, tables[z], {
      at: centres + CENTRE_RECORD * z,
      rest: [scalings[z], record, biases[z]],
      functions: F,
    });
  }
  writeModel(heap, shape, tables, { model, centres, hidden: [H1, H2] });
  const store: WeightStore = { heap, shape, scalings, biases, networks };
  return {
    model,
    slotBytes: Math.ceil(slotBytes / 64) * 64,
    widest: Math.max(...functions.map(({ length }) => fours(length))),
    touched: tables.map(({ touched }) => touched.map(({ length }) => fours(length))),
    setWeights: (weights) => setWeights(store, weights),
    addGradient: (slot, gradient) => addGradient(store, slot, gradient),
  };
}

function writeModel(
  heap: Heap,
  shape: SymmetryShape,
  tables: readonly CentreTables[],
  at: { readonly model: number; readonly centres: number; readonly hidden: readonly number[] },
): void {
  const passes = tables.flatMap((table) => table.passes);
  const most = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);
  const compaction = heap.allocate(256);
  const shuffles = new Uint8Array(heap.memory.buffer, compaction, 256).fill(255);
  for (let mask = 0; mask < 16; mask++) {
    const lanes = [0, 1, 2, 3].filter((lane) => (mask >> lane) & 1);
    for (const [n, lane] of lanes.entries()) {
      for (let byte = 0; byte < 4; byte++) shuffles[16 * mask + 4 * n + byte] = 4 * lane + byte;
    }
  }
  heap.f64(at.model, 1)[0] = shape.cutoff;
  heap
    .i32(at.model + 8, 15)
    .set([
      shape.species,
      CUTOFF_KINDS[shape.cutoffKind],
      ACTIVATIONS[shape.activation],
      shape.heads,
      ...at.hidden,
      most(shape.functions.map(({ length }) => fours(length))),
      at.centres,
      most(tables.map(({ factors }) => factors.length)),
      most(passes.map(({ slots }) => slots)) || 3,
      most(passes.map((pass) => pass.gaussians.length * fours(pass.powers.length))),
      most(passes.map(({ gaussians }) => gaussians.length)),
      most(tables.map(({ rings }) => rings.length)),
      most(tables.map((table) => table.passes.length)),
      compaction,
    ]);
  // Pairs of edges are met once by each class of passes.
  const classes = [0, 1, 2, 3].flatMap((n) => {
    const own = (pass: TripletPass): boolean => pass.wide === n > 1 && pass.pair[0] < 0 === (n % 2 === 1);
    const counts = tables.map((table) => table.passes.filter(own).length);
    return [most(passes.filter(own).map(chunkBytes)), most(counts)];
  });
  heap.i32(at.model + 68, 8).set(classes);
}

/** Bytes of a chunk of a pass; see assembly/symmetry-triplets.ts. */
function chunkBytes({ wide, gaussians }: TripletPass): number {
  return 16 + 2 * CHUNK_BYTES + (4 + (wide ? 1 : 3) * gaussians.length) * CHUNK_BYTES;
}

function writeCentre(
  heap: Heap,
  shape: SymmetryShape,
  { factors, sums, passes, rings, touched }: CentreTables,
  to: { readonly at: number; readonly rest: readonly number[]; readonly functions: number },
): void {
  const factorAt = heap.allocate(FACTOR_RECORD * factors.length);
  for (const [u, factor] of factors.entries()) {
    const weights = heap.allocate(4 * shape.species);
    heap.f32(weights, shape.species).set(factor.weights);
    writeGaussian(heap, shape, factorAt + FACTOR_RECORD * u, factor);
    heap.i32(factorAt + FACTOR_RECORD * u + 20, 1)[0] = weights;
  }
  const sumAt = heap.allocate(12 * sums.length);
  heap.i32(sumAt, 3 * sums.length).set(sums.flatMap(({ factor, neighbour, to: f }) => [factor, neighbour, f]));
  const ringAt = heap.allocate(4 * rings.length);
  heap.f32(ringAt, rings.length).set(rings.map((rc) => rc * rc));
  const passAt = heap.allocate(PASS_RECORD * passes.length);
  for (const [n, pass] of passes.entries()) {
    writePass(heap, shape, { at: passAt + PASS_RECORD * n, pass, factors, ring: rings.indexOf(pass.cutoff) });
  }
  const lists = [sums.length, sumAt, passes.length, passAt, rings.length, ringAt];
  const touchAt = heap.allocate(8 * touched.length);
  for (const [s, list] of touched.entries()) {
    const count = fours(list.length);
    const at = heap.allocate(4 * count);
    heap.i32(at, count).fill(-1).set(list);
    heap.i32(touchAt + 8 * s, 2).set([count, at]);
  }
  heap.i32(to.at, 13).set([to.functions, factors.length, factorAt, ...lists, ...to.rest, touchAt]);
}

/** f32 −η log₂e, r_s, 2η, r_c, r_in. */
function writeGaussian(
  heap: Heap,
  { inner }: SymmetryShape,
  at: number,
  { eta, shift, cutoff }: CentreTables['factors'][number],
): void {
  heap.f32(at, 5).set([-eta * Math.LOG2E, shift, 2 * eta, cutoff, inner * cutoff]);
}

function writePass(
  heap: Heap,
  shape: SymmetryShape,
  to: { at: number; pass: TripletPass; factors: CentreTables['factors']; ring: number },
): void {
  const { pass, factors } = to;
  const nH = pass.gaussians.length;
  const nQ = fours(pass.powers.length);
  const gaussianAt = heap.allocate(FACTOR_RECORD * nH);
  for (const [h, u] of pass.gaussians.entries()) {
    writeGaussian(heap, shape, gaussianAt + FACTOR_RECORD * h, factors[u]);
    heap.i32(gaussianAt + FACTOR_RECORD * h + 24, 1)[0] = u;
  }
  // Columns that only fill up are powers of 0 that no function asks for.
  const powerAt = heap.allocate(16 * nQ);
  const [mapAt, normAt] = [heap.allocate(4 * nH * nQ), heap.allocate(4 * nH * nQ)];
  heap.i32(mapAt, nH * nQ).fill(-1);
  for (const [q, { lambda, zeta, value, below }] of pass.powers.entries()) {
    heap.i32(powerAt + 16 * q, 2).set([value, below].map((slot) => slot * CHUNK_BYTES));
    heap.f32(powerAt + 16 * q + 8, 2).set([zeta * lambda, lambda]);
    for (let h = 0; h < nH; h++) {
      heap.i32(mapAt, nH * nQ)[h * nQ + q] = pass.to[h][q];
      heap.f32(normAt, nH * nQ)[h * nQ + q] = 2 ** (1 - zeta);
    }
  }
  const [forwardAt, backwardAt] = [writeSteps(heap, pass.forwardSteps), writeSteps(heap, pass.backwardSteps)];
  const plus = pass.powers.filter(({ lambda }) => lambda === 1).length;
  heap.i32(to.at, 4).set([...pass.pair, pass.wide ? 1 : 0, to.ring]);
  heap.f32(to.at + 16, 1)[0] = pass.cutoff ** 2;
  const steps = [pass.forwardSteps.length, forwardAt, pass.backwardSteps.length, backwardAt];
  heap.i32(to.at + 20, 11).set([nH, gaussianAt, nQ, powerAt, ...steps, mapAt, normAt, chunkBytes(pass)]);
  heap.i32(to.at + 64, 2).set([plus, pass.powers.length]);
}

function writeSteps(heap: Heap, steps: readonly PowerStep[]): number {
  const at = heap.allocate(16 * steps.length);
  for (const [n, step] of steps.entries()) {
    const record = at + 16 * n;
    const result = step.result * CHUNK_BYTES;
    if (step.kind === 'product') {
      heap.i32(record, 4).set([0, result, step.a * CHUNK_BYTES, step.b * CHUNK_BYTES]);
    } else {
      heap.i32(record, 3).set([1, result, step.base * CHUNK_BYTES]);
      heap.f32(record + 12, 1)[0] = step.exponent;
    }
  }
  return at;
}

interface WeightStore {
  readonly heap: Heap;
  readonly shape: SymmetryShape;
  readonly scalings: readonly number[];
  readonly biases: readonly number[];
  /** [S][heads]. */
  readonly networks: readonly (readonly NetworkRecord[])[];
}

function setWeights({ heap, shape, scalings, biases, networks }: WeightStore, weights: Float64Array): void {
  const layout = symmetryLayout(shape);
  const [H1, H2] = shape.hidden;
  for (const [z, { length: F }] of shape.functions.entries()) {
    const { centre, deviation } = layout.scaling[z];
    heap.f64(scalings[z], F).set(weights.subarray(centre, centre + F));
    heap.f32(scalings[z] + 8 * fours(F), F).set(weights.subarray(deviation, deviation + F).map((d) => 1 / d));
    for (const [head, to] of networks[z].entries()) {
      const from = layout.networks[head][z];
      copyMatrix(heap, weights, from.w1, [F, H1], [to.w1, to.w1T]);
      heap.f32(to.b1, H1).set(weights.subarray(from.b1, from.b1 + H1));
      copyMatrix(heap, weights, from.w2, [H1, H2], [to.w2, to.w2T]);
      heap.f32(to.b2, H2).set(weights.subarray(from.b2, from.b2 + H2));
      heap.f32(to.w3, H2).set(weights.subarray(from.w3, from.w3 + H2));
      heap.f64(biases[z], shape.heads)[head] = weights[from.b3];
    }
  }
}

/** A matrix and its transpose, padded; what pads stays zero. */
function copyMatrix(
  heap: Heap,
  weights: Float64Array,
  from: number,
  [rows, columns]: readonly [number, number],
  [plain, transposed]: readonly [number, number],
): void {
  const [R, C] = [fours(rows), fours(columns)];
  const to = heap.f32(plain, R * C);
  const turned = heap.f32(transposed, R * C);
  for (let r = 0, i = from; r < rows; r++) {
    for (let c = 0; c < columns; c++, i++) {
      to[r * C + c] = weights[i];
      turned[c * R + r] = weights[i];
    }
  }
}

function addGradient({ heap, shape, networks }: WeightStore, slot: number, gradient: Float64Array): void {
  const layout = symmetryLayout(shape);
  const [H1, H2] = shape.hidden;
  const [P1, P2] = [fours(H1), fours(H2)];
  for (const [z, { length: F }] of shape.functions.entries()) {
    for (const [head, { gradient: start }] of networks[z].entries()) {
      const to = layout.networks[head][z];
      let at = slot + start;
      const add = (offset: number, rows: number, columns: number, [R, C]: readonly [number, number]): void => {
        const from = heap.f32(at, R * C);
        for (let r = 0, i = offset; r < rows; r++) for (let c = 0; c < columns; c++) gradient[i++] += from[r * C + c];
        at += 4 * R * C;
      };
      add(to.w1, F, H1, [fours(F), P1]);
      add(to.b1, 1, H1, [1, P1]);
      add(to.w2, H1, H2, [P1, P2]);
      add(to.b2, 1, H2, [1, P2]);
      add(to.w3, 1, H2, [1, P2]);
      add(to.b3, 1, 1, [1, 4]);
    }
  }
}
