/** How fast the engine is here. Cases run in turns, so that whatever else the machine does hits all of them alike. */
import { cpus } from 'node:os';
import type { Frame } from '../data/index.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { maxwellBoltzmann, startMd, velocityVerlet } from '../md/index.ts';
import { DEFAULT_ZBL_REACH, type LoadedPotential, type Model, type ModelFile, potentialOf } from '../model/index.ts';
import { createRandom } from '../random.ts';
import { buildNeighbourList, crystal, massesOf, rattled, type Structure, supercell } from '../structure/index.ts';
import { prepareFrames, type TrainingFrame } from '../training/prepare.ts';
import { DEFAULT_TRAINING, SOLID_MODEL } from '../training/settings.ts';
import { startModel } from '../training/start.ts';
import { type TrainingInput, train } from '../training/trainer.ts';
import { createEngine } from './engine.ts';
import { VERSION } from './version.ts';

export interface BenchOptions {
  readonly seed: number;
  /** Rounds; every case runs once in each. */
  readonly rounds: number;
  /** Also a million atoms. */
  readonly million: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface BenchCase {
  readonly id: string;
  readonly work: 'evaluate' | 'train' | 'neighbours' | 'md';
  readonly kernel: 'fast' | 'reference';
  readonly atoms: number;
  readonly threads: number;
  /** Processor time of the whole process, median over the rounds. */
  readonly us_per_atom: number;
  readonly wall_us_per_atom: number;
}

export interface BenchReport {
  readonly cases: readonly BenchCase[];
  readonly ratios: Readonly<Record<RatioName, number>>;
  /** What each ratio says. */
  readonly about: Readonly<Record<RatioName, string>>;
  /** Of the neighbour list, and of the engine with its results, for 100,000 atoms. */
  readonly memory: {
    readonly list_bytes_per_atom: number;
    readonly engine_bytes_per_atom: number;
    /** Most that the whole process ever held. */
    readonly process_peak_GB: number;
  };
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly nearsight: string };
  readonly rounds: number;
}

export interface BenchStep {
  readonly done: number;
  readonly total: number;
  readonly id: string;
}

/** Median over the rounds of the ratio within each round: [numerator, denominator, which time, meaning]. */
const RATIOS = {
  fast_over_reference: [
    'evaluate-216',
    'evaluate-216-reference',
    'cpu',
    'processor time, fast kernel / reference kernel',
  ],
  train_over_evaluate: ['train-8x64', 'evaluate-8x64', 'cpu', 'processor time, training step / evaluation'],
  md_over_evaluate: [
    'md-1000',
    'evaluate-1000',
    'cpu',
    'processor time, MD step (its list has a skin of 0.8 Å) / evaluation',
  ],
  neighbours_over_evaluate: [
    'neighbours-10000',
    'evaluate-10000',
    'cpu',
    'processor time, neighbour list / evaluation',
  ],
  heads_over_evaluate: [
    'evaluate-heads-10000',
    'evaluate-10000',
    'cpu',
    'processor time, each of the four heads by itself / their mean',
  ],
  size_100000_over_1000: ['evaluate-100000', 'evaluate-1000', 'cpu', 'processor time per atom, 100,000 / 1,000 atoms'],
  threads_2: ['evaluate-10000', 'evaluate-10000-threads-2', 'wall', 'speed-up by a second thread: 2 would be perfect'],
} as const;
type RatioName = keyof typeof RATIOS;

/** One case, ready to run: `run` does its work once. */
interface Task extends Omit<BenchCase, 'us_per_atom' | 'wall_us_per_atom'> {
  readonly run: () => unknown;
  /** Times that a run does the work for every atom; 1 when absent. */
  readonly steps?: number;
}

/** Work is repeated until a measurement takes about so long, ms. */
const LEAST_TIME = 40;

/** Pause before each measurement, ms. */
const SETTLE = 40;

/** More atoms than this are a case of their own. */
const HUGE = 500_000;

/** Runs all cases in turns: thermal silicon in the diamond structure, default model with random weights. */
export async function* bench(options: BenchOptions): AsyncGenerator<BenchStep, BenchReport> {
  const { rounds, signal } = options;
  const bed = await prepareBed(options);
  const { tasks, memory, close } = bed;
  const total = tasks.length * (rounds + 1);
  let done = 0;
  const repeats: number[] = [];
  const times = tasks.map((): { cpu: number; wall: number }[] => []);
  try {
    for (const task of tasks) {
      signal?.throwIfAborted();
      if (task.atoms > HUGE) continue;
      // The first run compiles.
      await measure(task, 1);
      const { wall } = await measure(task, 1);
      repeats.push(Math.max(1, Math.ceil(LEAST_TIME / (wall * task.atoms * (task.steps ?? 1) * 1e-3))));
      yield { done: ++done, total, id: task.id };
    }
    for (let round = 0; round < rounds; round++) {
      for (const [k, task] of tasks.entries()) {
        // The huge case goes last of all: the garbage that it leaves would be collected at the others' expense.
        if (task.atoms > HUGE) continue;
        signal?.throwIfAborted();
        times[k].push(await measure(task, repeats[k]));
        yield { done: ++done, total, id: task.id };
      }
    }
    for (const [k, task] of tasks.entries()) {
      for (let round = 0; task.atoms > HUGE && round < rounds; round++) {
        signal?.throwIfAborted();
        times[k].push(await measure(task, 1));
        yield { done: ++done, total, id: task.id };
      }
    }
  } finally {
    close();
  }
  const cases = tasks.map(({ run: _run, steps: _steps, ...task }, k): BenchCase => {
    const of = (kind: 'cpu' | 'wall'): number => median(times[k].map((time) => time[kind]));
    return { ...task, us_per_atom: of('cpu'), wall_us_per_atom: of('wall') };
  });
  const ratio = (name: RatioName): number => {
    const [above, below, kind] = RATIOS[name];
    const of = (id: string): number[] => times[tasks.findIndex((task) => task.id === id)].map((time) => time[kind]);
    const lower = of(below);
    return median(of(above).map((time, round) => time / lower[round]));
  };
  const names = Object.keys(RATIOS) as RatioName[];
  return {
    cases,
    ratios: Object.fromEntries(names.map((name) => [name, ratio(name)])) as Record<RatioName, number>,
    about: Object.fromEntries(names.map((name) => [name, RATIOS[name][3]])) as Record<RatioName, string>,
    memory: { ...memory, process_peak_GB: process.resourceUsage().maxRSS / 1e6 },
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      node: process.versions.node,
      nearsight: VERSION,
    },
    rounds,
  };
}

/** µs per atom of processor and wall-clock time, once the caches hold this case's data. */
async function measure(task: Task, repeats: number): Promise<{ cpu: number; wall: number }> {
  if (repeats > 1) await task.run();
  // The garbage of the case before is collected by other threads, whose time would count as this one's.
  await new Promise<void>((resolve) => setTimeout(resolve, SETTLE));
  const before = process.cpuUsage();
  const began = performance.now();
  for (let n = 0; n < repeats; n++) await task.run();
  const wall = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  const evaluations = repeats * task.atoms * (task.steps ?? 1);
  return { cpu: (user + system) / evaluations, wall: (1000 * wall) / evaluations };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

interface Bed {
  readonly tasks: readonly Task[];
  readonly memory: Omit<BenchReport['memory'], 'process_peak_GB'>;
  readonly close: () => void;
}

async function prepareBed(options: BenchOptions): Promise<Bed> {
  const { seed, million } = options;
  const one = await createEngine(1);
  const two = await createEngine(2);
  const file = benchModel(one, seed);
  const fast = potentialOf(file, one);
  const parallel = potentialOf(file, two);
  const reference = potentialOf(file, createReferenceKernel());
  const si = (atoms: keyof typeof REPEATS): Structure => thermalSilicon(REPEATS[atoms], seed);
  const evaluate = (id: string, potential: LoadedPotential, structure: Structure, more: Partial<Task> = {}): Task => {
    const list = buildNeighbourList(structure, potential.cutoff);
    const atoms = structure.numbers.length;
    return { ...FAST, id, work: 'evaluate', atoms, run: () => potential.evaluate(structure, list), ...more };
  };
  const large = measureMemory(fast, si(100_000));
  const small = Array.from({ length: 8 }, (_, k) => thermalSilicon([2, 2, 2], seed + k));
  const smallLists = small.map((structure) => buildNeighbourList(structure, fast.cutoff));
  const middle = si(10_000);
  const middleList = buildNeighbourList(middle, fast.cutoff);
  const tasks: Task[] = [
    evaluate('evaluate-1000', fast, si(1000)),
    evaluate('evaluate-10000', fast, middle),
    evaluate('evaluate-10000-threads-2', parallel, middle, { threads: 2 }),
    evaluate('evaluate-heads-10000', fast, middle, { run: () => fast.evaluateMembers(middle, middleList) }),
    evaluate('evaluate-100000', fast, large.structure),
    evaluate('evaluate-216', fast, si(216)),
    evaluate('evaluate-216-reference', reference, si(216), { kernel: 'reference' }),
    {
      ...FAST,
      id: 'evaluate-8x64',
      work: 'evaluate',
      atoms: 512,
      run: () => small.map((structure, k) => fast.evaluate(structure, smallLists[k])),
    },
    { ...FAST, id: 'train-8x64', work: 'train', atoms: 512, run: trainingStep(one, small, seed) },
    {
      ...FAST,
      id: 'neighbours-10000',
      work: 'neighbours',
      atoms: 10_000,
      run: () => buildNeighbourList(middle, fast.cutoff),
    },
    { ...FAST, id: 'md-1000', work: 'md', atoms: 1000, steps: MD_STEPS, run: mdSteps(fast, si(1000), seed) },
  ];
  if (million) tasks.push(evaluate('evaluate-1000000', fast, si(1_000_000)));
  const close = (): void => {
    for (const potential of [fast, parallel, reference]) potential.close();
  };
  return { tasks, memory: large.memory, close };
}

const FAST = { kernel: 'fast', threads: 1 } as const;

/** Conventional cells along each axis, 8 atoms each. */
const REPEATS = {
  216: [3, 3, 3],
  1000: [5, 5, 5],
  10000: [25, 10, 5],
  100000: [50, 25, 10],
  1000000: [50, 50, 50],
} as const;

/** Standard deviation of a coordinate of silicon at 300 K, Å. */
const THERMAL = 0.08;

function thermalSilicon(repeats: readonly [number, number, number], seed: number): Structure {
  return rattled(supercell(crystal('diamond', ['Si'], 5.43), repeats), THERMAL, createRandom(seed));
}

/** The default model for solids before its first training step, with forces that hardly move an atom. */
function benchModel(kernel: Kernel, seed: number): ModelFile {
  const input = trainingInput(kernel, [thermalSilicon([3, 3, 3], seed)], seed);
  const start = startModel(input, createRandom(seed));
  const model = { ...start, statistics: { ...start.statistics, scale: 0.001 } } as Model;
  const nothing = { train: 0, validation: 0 };
  return {
    model,
    parts: { repulsion: { kind: 'zbl', ...DEFAULT_ZBL_REACH } },
    settings: {},
    provenance: {
      nearsightVersion: VERSION,
      dataset: [],
      split: { description: 'not trained', ...nothing },
      seed,
      epochs: 0,
      errors: { train: null, validation: null },
    },
    calibration: null,
    validation: null,
    domain: null,
    noise: null,
  };
}

function trainingInput(kernel: Kernel, structures: readonly Structure[], seed: number): TrainingInput {
  const settings = { ...DEFAULT_TRAINING, model: SOLID_MODEL, epochs: 1_000_000, batch: structures.length, seed };
  return { kernel, elements: [14], train: labelled(structures, settings.model.cutoff), validation: [], settings };
}

/** Labels of zeros cost as much to learn as any. */
function labelled(structures: readonly Structure[], cutoff: number): TrainingFrame[] {
  const frames = structures.map((structure, index): Frame => {
    const labels = { energy: 0, forces: new Float64Array(structure.positions.length), stress: new Float64Array(9) };
    return { structure, labels, group: '', info: {}, arrays: {}, line: 0, index };
  });
  return prepareFrames(frames, [14], cutoff, { source: 'bench', use: { energy: true, forces: true, stress: true } });
}

/** Each call is one epoch of one step. */
function trainingStep(kernel: Kernel, structures: readonly Structure[], seed: number): () => Promise<unknown> {
  const run = train(trainingInput(kernel, structures, seed));
  return () => run.next();
}

const MD_STEPS = 20;

/**
 * Some steps there, the next time the same steps back: the atoms stay near their lattice sites, as in a crystal, where
 * the neighbour list (which reaches farther than the cutoff) lasts for a hundred steps and costs next to nothing.
 */
function mdSteps(potential: LoadedPotential, structure: Structure, seed: number): () => void {
  const velocities = maxwellBoltzmann(massesOf(structure), 300, createRandom(seed));
  const state = startMd(structure, potential, { velocities });
  const integrator = velocityVerlet(1);
  return () => {
    for (let step = 0; step < MD_STEPS; step++) integrator.step(state, potential);
    for (let c = 0; c < state.velocities.length; c++) state.velocities[c] *= -1;
  };
}

/** What the list takes by count, and what the engine takes by how much the process grows. */
function measureMemory(
  potential: LoadedPotential,
  structure: Structure,
): { readonly structure: Structure; readonly memory: Bed['memory'] } {
  const atoms = structure.numbers.length;
  const { first, neighbours, owner, shift } = buildNeighbourList(structure, potential.cutoff);
  const list = [first, neighbours, owner, shift].reduce((sum, array) => sum + array.byteLength, 0);
  const before = process.memoryUsage.rss();
  potential.evaluate(structure);
  const engine = Math.max(0, process.memoryUsage.rss() - before);
  return { structure, memory: { list_bytes_per_atom: list / atoms, engine_bytes_per_atom: engine / atoms } };
}
