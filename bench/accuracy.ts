/**
 * Accuracy on public data sets after a training of SECONDS:
 * node scripts/run.mjs bench/accuracy.ts [--time 60] [--seed 1] [--threads n] [--descriptor density|symmetry] [SET …].
 * Prints one JSON document. Data are read from ../shared/data; sets that are not there are named and left out.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom, type ErrorReport, evaluateFrames, type Frame, potentialOf, splitByGroup } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const DATA = new URL('../shared/data/', PACKAGE_ROOT).pathname;

interface Task {
  readonly name: string;
  readonly train: string;
  /** Official test file; without one, a tenth of the training file is set apart, groups together. */
  readonly test?: string;
}

const TASKS: readonly Task[] = [
  { name: 'Si', train: 'mlearn/Si_train.extxyz.gz', test: 'mlearn/Si_test.extxyz.gz' },
  { name: 'Li', train: 'mlearn/Li_train.extxyz.gz', test: 'mlearn/Li_test.extxyz.gz' },
  { name: 'Cu', train: 'mlearn/Cu_train.extxyz.gz', test: 'mlearn/Cu_test.extxyz.gz' },
  { name: 'Ni', train: 'mlearn/Ni_train.extxyz.gz', test: 'mlearn/Ni_test.extxyz.gz' },
  { name: 'Ge', train: 'mlearn/Ge_train.extxyz.gz' },
  { name: 'Mo', train: 'mlearn/Mo_train.extxyz.gz' },
  { name: '3bpa', train: '3bpa/train_300K.extxyz.gz', test: '3bpa/test_300K.extxyz.gz' },
];

async function errors(potential: Parameters<typeof evaluateFrames>[0], frames: readonly Frame[]): Promise<ErrorReport> {
  const run = evaluateFrames(potential, frames);
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
  }
}

interface Manner {
  readonly seconds: number;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly descriptor: 'density' | 'symmetry';
}

async function measure(task: Task, { seconds, seed, threads, descriptor }: Manner): Promise<object> {
  let training = join(DATA, task.train);
  let test: readonly Frame[];
  if (task.test === undefined) {
    const all = await readDataset(training);
    const split = splitByGroup(all, 0.1, createRandom(7));
    test = Array.from(split.heldOut, (k) => all.frames[k]);
    training = join(tmpdir(), `nearsight-${task.name}-${process.pid}.extxyz`);
    await writeFrames(
      training,
      Array.from(split.train, (k) => all.frames[k]),
    );
  } else test = (await readDataset(join(DATA, task.test))).frames;
  const out = join(tmpdir(), `nearsight-${task.name}-${process.pid}.safetensors`);
  const run = runTraining({ data: [training], out, seconds, threads, settings: { seed, model: { descriptor } } });
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  const potential = potentialOf(step.value.model, await createEngine());
  const { overall, groups } = await errors(potential, test);
  potential.close();
  const { epochs, seconds: taken } = step.value;
  return {
    set: task.name,
    descriptor,
    seed,
    epochs,
    seconds: taken,
    test: task.test ?? 'held out here',
    overall,
    groups,
  };
}

const args = process.argv.slice(2);
const option = (name: string): string | undefined => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
};
const threads = option('--threads');
const manner: Manner = {
  seconds: Number(option('--time') ?? 60),
  seed: Number(option('--seed') ?? 1),
  threads: threads === undefined ? undefined : Number(threads),
  descriptor: option('--descriptor') === 'symmetry' ? 'symmetry' : 'density',
};
const results: object[] = [];
for (const task of TASKS) {
  if (args.length > 0 && !args.includes(task.name)) continue;
  if (!existsSync(join(DATA, task.train))) {
    process.stderr.write(`${task.name}: no ${task.train} beside the project, left out\n`);
    continue;
  }
  process.stderr.write(`${task.name} …\n`);
  results.push(await measure(task, manner));
}
process.stdout.write(`${JSON.stringify({ results }, null, 2)}\n`);
process.exit(0);
