/**
 * Threads that share one memory and work on one job at a time: fork and join by atomics, no messages.
 * The main thread works too. Jobs are split dynamically, by an atomic counter; the kernels see to it that results
 * do not depend on who did what.
 */

/** What the compiled kernels export; see assembly/index.ts. */
export interface KernelExports {
  readonly CONSTANT_BYTES: WebAssembly.Global;
  storeConstants(at: number): void;
  scratchBytes(model: number, capacity: number, training: boolean): number;
  trainingBytes(sites: number, atoms: number): number;
  evaluateShare(
    model: number,
    system: number,
    head: number,
    scratch: number,
    counter: number,
    energies: number,
    strains: number,
    forces: number,
    scale: number,
  ): number;
  collectForces(system: number, forces: number, threads: number, stride: number, unit: number, out: number): void;
  evaluateHeadsShare(
    model: number,
    system: number,
    scratch: number,
    counter: number,
    energies: number,
    strains: number,
    forces: number,
    scale: number,
  ): number;
  collectHeads(system: number, forces: number, threads: number, stride: number, unit: number, out: number): void;
  features(model: number, system: number, scratch: number, out: number): void;
  densitiesOf(model: number, system: number, scratch: number, from: number, to: number, out: number): void;
  trainShare(
    model: number,
    terms: number,
    count: number,
    scratch: number,
    buffers: number,
    counter: number,
    gradients: number,
    slotBytes: number,
    mixLength: number,
    errors: number,
    scale: number,
  ): void;
  sumSlots(slots: number, stride: number, count: number): void;
  symmetryScratchBytes(model: number, capacity: number, training: boolean): number;
  symmetryTrainingBytes(sites: number): number;
  symmetryShare(
    model: number,
    system: number,
    head: number,
    scratch: number,
    counter: number,
    energies: number,
    strains: number,
    forces: number,
    scale: number,
  ): void;
  symmetryHeadsShare(
    model: number,
    system: number,
    scratch: number,
    counter: number,
    energies: number,
    strains: number,
    forces: number,
    scale: number,
  ): void;
  /** 0 or 1. */
  forcesFit(forces: number, atoms: number): number;
  symmetryFeatures(model: number, system: number, scratch: number, out: number, stride: number): void;
  symmetryTrainShare(
    model: number,
    terms: number,
    count: number,
    scratch: number,
    buffers: number,
    counter: number,
    gradients: number,
    slotBytes: number,
    errors: number,
    scale: number,
  ): void;
  nearestPoints(
    queries: number,
    count: number,
    points: number,
    groups: number,
    dimension: number,
    queryLabels: number,
    pointLabels: number,
    best: number,
    index: number,
    base: number,
    tile: number,
  ): void;
  soapBytes(rows: number, columns: number): number;
  soapShare(
    records: number,
    count: number,
    work: number,
    counter: number,
    c1: number,
    c2: number,
    d1: number,
    d2: number,
    mode: number,
  ): void;
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  const abort = (): never => {
    throw new Error('the kernel stopped');
  };
  return new WebAssembly.Instance(module, { env: { memory, abort } }).exports as unknown as KernelExports;
}

/** Bytes of the control block: words that all threads watch, then the job's numbers. */
export const CONTROL_BYTES = 1024;
// Words (i32) of the control block.
/** Counts jobs; the low byte says how many threads take part, so that both change at once. */
const JOB = 0;
const REGISTERED = 1;
const DONE = 2;
const COUNTER = 3;
const KIND = 4;
const FAILED = 5;
/** Job arguments, f64 from this byte on; results of each thread, f64 from RESULTS on. */
const ARGUMENTS = 64;
const RESULTS = 512;
const MAX_THREADS = 60;

const EVALUATE = 1;
const TRAIN = 2;
const SOAP = 3;
const STOP = 4;
const SYMMETRY = 5;
const SYMMETRY_TRAIN = 6;
const HEADS = 7;
const SYMMETRY_HEADS = 8;

/** How many times a thread looks before it goes to sleep: some 20–50 µs, about what waking up costs. */
const LOOKS = 2000;

/** Waits until a word differs from `old`; returns the new value. */
function awaitChange(words: Int32Array, index: number, old: number): number {
  for (let look = 0; look < LOOKS; look++) {
    const value = Atomics.load(words, index);
    if (value !== old) return value;
  }
  for (;;) {
    Atomics.wait(words, index, old);
    const value = Atomics.load(words, index);
    if (value !== old) return value;
  }
}

export interface EvaluateJob {
  readonly kind: 'evaluate';
  readonly model: number;
  readonly system: number;
  readonly head: number;
  readonly scratch: number;
  readonly scratchStride: number;
  readonly energies: number;
  readonly strains: number;
  readonly forces: number;
  readonly forcesStride: number;
  readonly scale: number;
}

/** An evaluation of every head by itself. */
export interface HeadsJob extends Omit<EvaluateJob, 'kind' | 'head'> {
  readonly kind: 'heads';
}

export interface TrainJob {
  readonly kind: 'train';
  readonly model: number;
  readonly terms: number;
  readonly count: number;
  readonly scratch: number;
  readonly scratchStride: number;
  readonly buffers: number;
  readonly buffersStride: number;
  readonly gradients: number;
  readonly slotBytes: number;
  readonly mixLength: number;
  readonly errors: number;
  readonly scale: number;
}

export interface SoapJob {
  readonly kind: 'soap';
  readonly records: number;
  readonly count: number;
  readonly work: number;
  readonly workStride: number;
  readonly c1: number;
  readonly c2: number;
  readonly d1: number;
  readonly d2: number;
  readonly mode: number;
}

/** An evaluation of symmetry functions. */
export interface SymmetryJob extends Omit<EvaluateJob, 'kind'> {
  readonly kind: 'symmetry';
}

/** The same of every head by itself. */
export interface SymmetryHeadsJob extends Omit<HeadsJob, 'kind'> {
  readonly kind: 'symmetry-heads';
}

/** A training step of symmetry functions. */
export interface SymmetryTrainJob extends Omit<TrainJob, 'kind' | 'mixLength'> {
  readonly kind: 'symmetry-train';
}

export type Job = EvaluateJob | HeadsJob | TrainJob | SoapJob | SymmetryJob | SymmetryHeadsJob | SymmetryTrainJob;

const KINDS = {
  evaluate: EVALUATE,
  heads: HEADS,
  train: TRAIN,
  soap: SOAP,
  symmetry: SYMMETRY,
  'symmetry-heads': SYMMETRY_HEADS,
  'symmetry-train': SYMMETRY_TRAIN,
} as const;

/** The numbers of a job, in the order in which `work` takes them apart. */
function encode(job: Job): number[] {
  const { kind: _, ...numbers } = job;
  return Object.values(numbers);
}

/** Thread `me`'s share of the job in the control block. */
function work(kernels: KernelExports, control: number, words: Int32Array, me: number): void {
  const [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11] = new Float64Array(words.buffer, control + ARGUMENTS, 12);
  const counter = control + 4 * COUNTER;
  if (words[KIND] === EVALUATE) {
    const largest = kernels.evaluateShare(p0, p1, p2, p3 + me * p4, counter, p5, p6, p7 + me * p8, p9);
    new Float64Array(words.buffer, control + RESULTS, MAX_THREADS)[me] = largest;
  } else if (words[KIND] === HEADS) {
    const largest = kernels.evaluateHeadsShare(p0, p1, p2 + me * p3, counter, p4, p5, p6 + me * p7, p8);
    new Float64Array(words.buffer, control + RESULTS, MAX_THREADS)[me] = largest;
  } else if (words[KIND] === TRAIN) {
    kernels.trainShare(p0, p1, p2, p3 + me * p4, p5 + me * p6, counter, p7, p8, p9, p10, p11);
  } else if (words[KIND] === SYMMETRY) {
    kernels.symmetryShare(p0, p1, p2, p3 + me * p4, counter, p5, p6, p7 + me * p8, p9);
  } else if (words[KIND] === SYMMETRY_HEADS) {
    kernels.symmetryHeadsShare(p0, p1, p2 + me * p3, counter, p4, p5, p6 + me * p7, p8);
  } else if (words[KIND] === SYMMETRY_TRAIN) {
    kernels.symmetryTrainShare(p0, p1, p2, p3 + me * p4, p5 + me * p6, counter, p7, p8, p9, p10);
  } else {
    kernels.soapShare(p0, p1, p2 + me * p3, counter, p4, p5, p6, p7, p8);
  }
}

/** The life of a helper thread: registers, then takes part in every job until it is told to stop. */
export function serve(module: WebAssembly.Module, memory: WebAssembly.Memory, control: number): void {
  const kernels = instantiate(module, memory);
  const words = new Int32Array(memory.buffer, control, ARGUMENTS / 4);
  let seen = Atomics.load(words, JOB);
  const me = Atomics.add(words, REGISTERED, 1) + 1;
  if (words[KIND] === STOP) return;
  for (;;) {
    seen = awaitChange(words, JOB, seen);
    if (words[KIND] === STOP) return;
    if (me >= (seen & 0xff)) continue;
    try {
      work(kernels, control, words, me);
    } catch {
      Atomics.store(words, FAILED, 1);
    }
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
  }
}

export interface Crew {
  /** Threads that can take part right now, this one included. */
  ready(): number;
  /** Does a job with all ready threads, at most `limit`; returns how many took part and the largest edge force. */
  run(job: Job, limit: number): { threads: number; largest: number };
  stop(): void;
}

/** The main thread's side; helpers call `serve` with the same module, memory and control block. */
export function createCrew(kernels: KernelExports, memory: WebAssembly.Memory, control: number): Crew {
  const words = new Int32Array(memory.buffer, control, ARGUMENTS / 4);
  const results = new Float64Array(memory.buffer, control + RESULTS, MAX_THREADS);
  let generation = 0;
  const begin = (threads: number): void => {
    generation = (generation + 1) & 0x7fffff;
    Atomics.store(words, JOB, (generation << 8) | threads);
    Atomics.notify(words, JOB);
  };
  return {
    ready: () => 1 + Atomics.load(words, REGISTERED),
    run(job, limit) {
      const threads = Math.min(1 + Atomics.load(words, REGISTERED), limit, MAX_THREADS);
      words[KIND] = KINDS[job.kind];
      words[DONE] = 0;
      words[COUNTER] = 0;
      new Float64Array(memory.buffer, control + ARGUMENTS, 12).set(encode(job));
      // The order of the numbers in a job is part of the protocol.
      results.fill(0);
      if (threads > 1) begin(threads);
      work(kernels, control, words, 0);
      for (let done = Atomics.load(words, DONE); done < threads - 1; ) done = awaitChange(words, DONE, done);
      if (words[FAILED] !== 0) throw new Error('a kernel thread failed');
      return { threads, largest: results.reduce((p, q) => Math.max(p, q), 0) };
    },
    stop() {
      words[KIND] = STOP;
      begin(0xff);
    },
  };
}
