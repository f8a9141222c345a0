/**
 * Leakage, measured where the truth is known: node scripts/run.mjs bench/leakage.ts [--model MODEL] [--epochs 300] [--large].
 * Prints one JSON document: recall of twins and trajectories in mlearn, false alarms, aspirin, what leaks through grouped
 * splits, both errors of a silicon potential (MODEL, or one trained here), and the time of the nearest-neighbour search
 * (--large: 100,000 × 100,000, too). Data are read from ../shared/data; sets that are not there are left out.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildNeighbourList,
  createRandom,
  createSimdKernel,
  type Dataset,
  evaluateFrames,
  type Frame,
  findLeakage,
  firewallSplit,
  type Kernel,
  type Leakage,
  naiveSplit,
  potentialOf,
  type Split,
  selectFrames,
  splitByGroup,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, readModel, runTraining } from 'nearsight/node';

const DATA = new URL('../shared/data/', PACKAGE_ROOT).pathname;
const file = (name: string): string => join(DATA, `${name}.extxyz.gz`);

async function result<T>(work: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

interface Timed<T> {
  readonly value: T;
  readonly wall_s: number;
  readonly cpu_s: number;
}

async function timed<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, wall_s: (performance.now() - began) / 1000, cpu_s: (user + system) / 1e6 };
}

/** All distances below 5 Å, Å, ascending. */
function distancesOf({ structure }: Frame): number[] {
  const list = buildNeighbourList(structure, 5);
  const { positions, cell } = list.builtFor;
  const found: number[] = [];
  const at = (s: number, k: number): number => {
    const [a, b, c] = list.shift.subarray(3 * s, 3 * s + 3);
    return positions[3 * list.owner[s] + k] + a * cell[k] + b * cell[3 + k] + c * cell[6 + k];
  };
  for (let i = 0; i < structure.numbers.length; i++) {
    for (const s of list.neighbours.subarray(list.first[i], list.first[i + 1])) {
      found.push(Math.hypot(at(s, 0) - at(i, 0), at(s, 1) - at(i, 1), at(s, 2) - at(i, 2)));
    }
  }
  return found.sort((p, q) => p - q);
}

/** Test frames with the distances of a training frame, and among them those that have its energy as well. */
function knownTwins(train: readonly Frame[], test: readonly Frame[]): { geometry: number[]; energy: number[] } {
  const known = train.map((frame) => ({ frame, distances: distancesOf(frame) }));
  const geometry: number[] = [];
  const energy: number[] = [];
  for (const [index, frame] of test.entries()) {
    const mine = distancesOf(frame);
    const atoms = frame.structure.numbers.length;
    const twins = known.filter(
      ({ distances }) => distances.length === mine.length && distances.every((r, k) => Math.abs(r - mine[k]) < 1e-4),
    );
    if (twins.length > 0) geometry.push(index);
    const close = (other: Frame): boolean => Math.abs(other.labels.energy! - frame.labels.energy!) < 1e-5 * atoms;
    if (twins.some((twin) => close(twin.frame))) energy.push(index);
  }
  return { geometry, energy };
}

const share = (found: readonly number[], known: readonly number[]): number =>
  known.length === 0 ? 1 : known.filter((k) => found.includes(k)).length / known.length;

const framesWith = ({ flagged }: Leakage, reason: string): number[] =>
  flagged.filter((frame) => frame.reason === reason).map(({ frame }) => frame);

async function mlearn(element: string, kernel: Kernel): Promise<object> {
  const train = await readDataset(file(`mlearn/${element}_train`));
  const test = await readDataset(file(`mlearn/${element}_test`));
  const { value: found, wall_s, cpu_s } = await timed(() => result(findLeakage(train, test, { kernel })));
  const known = knownTwins(train.frames, test.frames);
  const dynamics = test.frames.flatMap(({ group }, k) => (/AIMD|Vacancy/.test(group) ? [k] : []));
  const twins = framesWith(found, 'twin');
  const all = found.flagged.map(({ frame }) => frame);
  const true_ = new Set([...known.geometry, ...dynamics]);
  return {
    set: element,
    test_frames: test.frames.length,
    threshold: found.threshold.value,
    twins: { same_geometry: known.geometry.length, same_energy_too: known.energy.length, flagged: twins.length },
    twin_recall: share(twins, known.geometry),
    trajectory_frames: dynamics.length,
    trajectory_recall: share(all, dynamics),
    false_alarms: all.filter((frame) => !true_.has(frame)).length,
    leaked_fraction: found.fraction,
    wall_s,
    cpu_s,
  };
}

async function alarms(train: string, test: string, kernel: Kernel): Promise<object> {
  const [a, b] = [await readDataset(file(train)), await readDataset(file(test))];
  const { value: found, wall_s, cpu_s } = await timed(() => result(findLeakage(a, b, { kernel })));
  const nearest = found.distances.reduce((least, d) => Math.min(least, d), Number.POSITIVE_INFINITY);
  const frames = b.frames.length;
  const { length: flagged } = found.flagged;
  return { train, test, frames, flagged, threshold: found.threshold.value, nearest, wall_s, cpu_s };
}

/** Mean difference of interatomic distances between two frames of one molecule, Å. */
function moleculeDifference(a: Frame, b: Frame): number {
  const [p, q] = [a.structure.positions, b.structure.positions];
  let sum = 0;
  let pairs = 0;
  for (let i = 0; i < p.length; i += 3) {
    for (let j = 0; j < i; j += 3, pairs++) {
      const length = (x: Float64Array): number => Math.hypot(x[i] - x[j], x[i + 1] - x[j + 1], x[i + 2] - x[j + 2]);
      sum += Math.abs(length(p) - length(q));
    }
  }
  return sum / pairs;
}

async function aspirin(kernel: Kernel): Promise<object> {
  const [train, test] = [await readDataset(file('md17_aspirin/train')), await readDataset(file('md17_aspirin/test'))];
  const { value: found, wall_s, cpu_s } = await timed(() => result(findLeakage(train, test, { kernel })));
  const least = test.frames.map((frame) =>
    train.frames.reduce((best, other) => Math.min(best, moleculeDifference(frame, other)), Number.POSITIVE_INFINITY),
  );
  const all = found.flagged.map(({ frame }) => frame);
  const within = (limit: number): number[] => [...least.keys()].filter((k) => least[k] < limit);
  const [twins, near] = [within(0.002), within(0.01)];
  return {
    threshold: found.threshold.value,
    flagged: all.length,
    near_twins_below_0_002_A: { known: twins.length, recall: share(all, twins) },
    below_0_01_A: { known: near.length, recall: share(all, near) },
    others_flagged: {
      frames: all.length - all.filter((k) => near.includes(k)).length,
      farthest_A: Math.max(...all.map((k) => least[k])),
    },
    wall_s,
    cpu_s,
  };
}

async function splits(element: string, kernel: Kernel): Promise<object> {
  const dataset = await readDataset(file(`mlearn/${element}_train`));
  const leaked = async (split: Split): Promise<object> => {
    const [train, test] = [split.train, split.heldOut].map((part): Dataset => selectFrames(dataset, part));
    const found = await result(findLeakage(train, test, { kernel }));
    return { held_out: test.frames.length, flagged: found.flagged.length };
  };
  const {
    value: apart,
    wall_s,
    cpu_s,
  } = await timed(() => result(firewallSplit(dataset, 0.1, { kernel, random: createRandom(1) })));
  return {
    set: element,
    frames: dataset.frames.length,
    components: new Set(apart.components).size,
    firewall: { ...(await leaked(apart)), wall_s, cpu_s },
    blocks: await leaked(splitByGroup(dataset, 0.1, createRandom(1))),
    naive: await leaked(naiveSplit(dataset, 0.1, createRandom(1))),
  };
}

async function bothErrors(model: string | undefined, epochs: number, kernel: Kernel): Promise<object> {
  const [train, test] = [await readDataset(file('mlearn/Si_train')), await readDataset(file('mlearn/Si_test'))];
  const out = join(tmpdir(), `nearsight-leakage-${process.pid}.safetensors`);
  if (model === undefined) await result(runTraining({ data: [file('mlearn/Si_train')], out, epochs }));
  const potential = potentialOf(await readModel(model ?? out), await createEngine());
  const found = await result(findLeakage(train, test, { kernel }));
  const out_ = new Set(found.flagged.map(({ frame }) => frame));
  const errors = async (frames: readonly Frame[]): Promise<object> => {
    const { overall } = await result(evaluateFrames(potential, frames));
    const { energy_mae_meV_per_atom, energy_rmse_meV_per_atom, force_mae_meV_per_A, force_rmse_meV_per_A } = overall;
    const count = overall.frames;
    return {
      frames: count,
      energy_mae_meV_per_atom,
      energy_rmse_meV_per_atom,
      force_mae_meV_per_A,
      force_rmse_meV_per_A,
    };
  };
  const naive = await errors(test.frames);
  const leakFree = await errors(test.frames.filter((_, k) => !out_.has(k)));
  potential.close();
  return { model: model ?? `trained here, ${epochs} epochs`, naive, leak_free: leakFree };
}

/** Points that spread over about `rank` directions of 72, as environments do. */
function cloud(count: number, dimension: number, rank: number, seed: number): Float32Array {
  const random = createRandom(seed);
  const mixing = createRandom(1);
  const axes = new Float64Array(rank * dimension).map(() => mixing.normal() / Math.sqrt(rank));
  const points = new Float32Array(count * dimension);
  const z = new Float64Array(rank);
  for (let i = 0; i < count; i++) {
    for (let r = 0; r < rank; r++) z[r] = random.normal();
    for (let k = 0; k < dimension; k++) {
      let x = 0.3 * random.normal();
      for (let r = 0; r < rank; r++) x += z[r] * axes[r * dimension + k];
      points[i * dimension + k] = x;
    }
  }
  return points;
}

async function search(count: number, kernel: Kernel): Promise<object> {
  const dimension = 72;
  const [queries, points] = [cloud(count, dimension, 12, 2), cloud(count, dimension, 12, 3)];
  const { wall_s, cpu_s } = await timed(() => kernel.nearest({ dimension, queries, points }));
  return { queries: count, points: count, dimension, threads: 1, wall_s, cpu_s };
}

const args = process.argv.slice(2);
const option = (name: string): string | undefined => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
};
const present = (...names: readonly string[]): boolean => names.every((name) => existsSync(file(name)));
const say = (text: string): boolean => process.stderr.write(`${text} …\n`);
const kernel = await createSimdKernel();

const report: Record<string, unknown> = {};
say('search');
report.search = [await search(20_000, kernel), ...(args.includes('--large') ? [await search(100_000, kernel)] : [])];
if (present('mlearn/Si_test')) {
  report.mlearn = [];
  report.splits = [];
  for (const element of ['Si', 'Li', 'Ni', 'Cu']) {
    say(`${element}: recall`);
    (report.mlearn as object[]).push(await mlearn(element, kernel));
  }
  for (const element of ['Si', 'Li', 'Ni', 'Cu', 'Mo', 'Ge']) {
    say(`${element}: splits`);
    (report.splits as object[]).push(await splits(element, kernel));
  }
}
say('false alarms');
report.false_alarms = [];
for (const [train, test] of [
  ['3bpa/train_300K', '3bpa/test_300K'],
  ['3bpa/train_300K', '3bpa/test_600K'],
  ['mlearn/Si_train', 'silicon_gap/si_testing'],
  ['silicon_gap/si_testing', 'mlearn/Si_train'],
  ['md17_aspirin/train', '3bpa/test_300K'],
] as const) {
  if (present(train, test)) (report.false_alarms as object[]).push(await alarms(train, test, kernel));
}
if (present('md17_aspirin/test')) {
  say('aspirin');
  report.md17_aspirin = await aspirin(kernel);
}
if (present('mlearn/Si_test')) {
  say('both errors of a silicon potential');
  report.silicon_errors = await bothErrors(option('--model'), Number(option('--epochs') ?? 300), kernel);
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exit(0);
