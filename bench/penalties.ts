/**
 * Forces from a head of their own, with and without penalties on net force and net torque, against forces that are a
 * gradient: on ethanol molecules and on bulk silicon. Prints one JSON document, or tables.
 *   node scripts/run.mjs bench/penalties.ts [ethanol] [silicon] [--seeds 5] [--epochs N] [--net-force W] [--net-torque W]
 *     [--ps 10] [--temperature 500] [--runs 3] [--threads N] [--markdown]
 *   node scripts/run.mjs bench/penalties.ts weights [ethanol] [silicon] [--epochs N]    validation errors over the weights
 * All variants of one seed have the same frames, first parameters, order of frames and epochs. Weights of the penalties
 * are chosen on validation frames, with a seed (0) that the table does not use: the largest one of the grid that costs
 * no more than 15 % in the forces, first that of the net force, then that of the torque beside it. Data are read from
 * ../shared/data.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildNeighbourList,
  conservedDrift,
  createRandom,
  crystal,
  EV_PER_U,
  evaluateFrames,
  type Frame,
  type ModelFile,
  massesOf,
  maxwellBoltzmann,
  NearsightError,
  type Potential,
  potentialOf,
  rattled,
  runMd,
  type Structure,
  startMd,
  supercell,
  velocityVerlet,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const args = process.argv.slice(2);
const option = (name: string, fallback: number): number => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
};
const flag = (name: string): boolean => {
  const at = args.indexOf(name);
  if (at >= 0) args.splice(at, 1);
  return at >= 0;
};
const asked = {
  seeds: option('--seeds', 5),
  epochs: option('--epochs', 0),
  netForce: option('--net-force', -1),
  netTorque: option('--net-torque', -1),
  ps: option('--ps', 10),
  temperature: option('--temperature', 500),
  runs: option('--runs', 3),
  threads: option('--threads', 0),
  markdown: flag('--markdown'),
};

const read = async (name: string): Promise<Frame[]> => [
  ...(await readDataset(new URL(`../shared/data/${name}.extxyz.gz`, PACKAGE_ROOT).pathname)).frames,
];

/** A set of data, how long it is trained on, and what dynamics it is put to. */
interface Task {
  readonly name: 'ethanol' | 'silicon';
  readonly train: readonly Frame[];
  readonly validation: readonly Frame[];
  readonly test: readonly Frame[];
  readonly epochs: number;
  /** Chosen by `weights`. */
  readonly netForce: number;
  readonly netTorque: number;
  /** Weights that `weights` tries: a net force of N independent errors asks for about N. */
  readonly grid: readonly number[];
  /** fs. */
  readonly timestep: number;
  starts(run: number): Structure;
  /** An atom farther from its nearest neighbour than this has left, Å; two nearer than the least have collapsed. */
  readonly apart: number;
  readonly least: number;
}

/** A run that leaves this range has failed, K. The silicon starts at rest, and settles at half the temperature. */
const BOUNDS = [asked.temperature / 5, 3 * asked.temperature] as const;
/** The drift is that of the first so many ps, or of what a run has before it fails. */
const DRIFT_PS = 1;
const A0 = 5.469;

async function taskOf(name: string): Promise<Task> {
  const random = createRandom(2024);
  const pick = (frames: readonly Frame[], from: number, to: number): Frame[] =>
    Array.from(random.permutation(frames.length).subarray(from, to), (k) => frames[k]);
  if (name === 'ethanol') {
    const mixed = pick(await read('ethanol_rmd17/train'), 0, 400);
    const test = pick(await read('ethanol_rmd17/test_MD'), 0, 400);
    return {
      name,
      train: mixed.slice(0, 300),
      validation: mixed.slice(300),
      test,
      epochs: asked.epochs || 80,
      netForce: 10,
      netTorque: 1,
      grid: [0.1, 1, 10, 100],
      timestep: 0.25,
      starts: (run) => test[run].structure,
      apart: 2,
      least: 0.6,
    };
  }
  const frames = pick(await read('mlearn/Si_train'), 0, 214);
  return {
    name: 'silicon',
    train: frames.slice(0, 190),
    validation: frames.slice(190),
    test: await read('mlearn/Si_test'),
    epochs: asked.epochs || 250,
    netForce: 1000,
    netTorque: 0,
    grid: [1, 10, 100, 1000],
    timestep: 1,
    starts: (run) => rattled(supercell(crystal('diamond', ['Si'], A0), [2, 2, 2]), 0.01, createRandom(run)),
    apart: 3.5,
    least: 1.6,
  };
}

interface Variant {
  readonly name: string;
  readonly directForces: boolean;
  readonly netForce: number;
  readonly netTorque: number;
}

const finished = async <T>(work: AsyncGenerator<unknown, T>): Promise<T> => {
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
};

const engine = () => (asked.threads === 0 ? createEngine() : createEngine(asked.threads));

async function trained(task: Task, variant: Variant, seed: number) {
  const [data, validation] = ['train', 'validation'].map((part) =>
    join(tmpdir(), `nearsight-${process.pid}-${task.name}-${part}.extxyz`),
  );
  await writeFrames(data, task.train);
  await writeFrames(validation, task.validation);
  const { directForces, netForce, netTorque } = variant;
  const { model, seconds } = await finished(
    runTraining({
      data: [data],
      validation,
      out: join(tmpdir(), `nearsight-${process.pid}-${task.name}.safetensors`),
      epochs: task.epochs,
      ...(asked.threads > 0 && { threads: asked.threads }),
      settings: { seed, loss: { netForce, netTorque }, ...(directForces && { model: { directForces: true } }) },
    }),
  );
  return { model, potential: potentialOf(model, await engine()), seconds };
}

const norm = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));
const rms = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

/** |Σ F|, eV/Å, and |Σ (r − r̄) × F|, eV. */
function netOf({ positions }: Structure, forces: Float64Array): { force: number; torque: number } {
  const [centre, force, torque] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (let c = 0; c < positions.length; c++) centre[c % 3] += (3 * positions[c]) / positions.length;
  for (let i = 0; i < positions.length; i += 3) {
    for (let a = 0; a < 3; a++) {
      const [b, c] = [(a + 1) % 3, (a + 2) % 3];
      force[a] += forces[i + a];
      torque[a] += (positions[i + b] - centre[b]) * forces[i + c] - (positions[i + c] - centre[c]) * forces[i + b];
    }
  }
  return { force: norm(force), torque: norm(torque) };
}

/** Nothing repeats: a torque means something. */
const isIsolated = (frames: readonly Frame[]): boolean =>
  frames.every(({ structure }) => structure.pbc.every((repeats) => !repeats));

type Row = Record<string, number>;

/** Errors on labelled frames, and what the forces of a structure do to the whole of it. */
async function errorsOf(potential: Potential, frames: readonly Frame[]): Promise<Row> {
  const { overall } = await finished(evaluateFrames(potential, frames));
  const nets = frames.map(({ structure }) => netOf(structure, potential.evaluate(structure).forces));
  return {
    force_rmse_meV_per_A: overall.force_rmse_meV_per_A!,
    energy_rmse_meV_per_atom: overall.energy_rmse_meV_per_atom!,
    ...(overall.stress_rmse_GPa !== null && { stress_rmse_GPa: overall.stress_rmse_GPa }),
    net_force_meV_per_A: 1000 * rms(nets.map(({ force }) => force)),
    ...(isIsolated(frames) && { net_torque_meV: 1000 * rms(nets.map(({ torque }) => torque)) }),
  };
}

/** Largest distance of an atom from its nearest neighbour, Å; of a cluster, or of a cell wider than twice that. */
function farthest({ positions, cell, pbc }: Structure): number {
  let most = 0;
  for (let i = 0; i < positions.length; i += 3) {
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < positions.length; j += 3) {
      if (i === j) continue;
      let square = 0;
      for (let a = 0; a < 3; a++) {
        const d = positions[j + a] - positions[i + a];
        // Cells are cubes here.
        square += (pbc[a] ? d - cell[4 * a] * Math.round(d / cell[4 * a]) : d) ** 2;
      }
      least = Math.min(least, square);
    }
    most = Math.max(most, least);
  }
  return Math.sqrt(most);
}

/** Dynamics without a thermostat until it fails, or for `--ps`. */
async function dynamics(potential: Potential, task: Task, run: number): Promise<Row & { failed: number }> {
  const structure = task.starts(run);
  const masses = massesOf(structure);
  const velocities = maxwellBoltzmann(masses, asked.temperature, createRandom(run), { exact: true });
  const samples: { time: number; conservedEnergy: number; temperature: number }[] = [];
  let centre = 0;
  let failed = 0;
  try {
    const md = runMd(startMd(structure, potential, { velocities }), potential, {
      integrator: velocityVerlet(task.timestep),
      steps: Math.round((1000 * asked.ps) / task.timestep),
      every: 10,
      maximumTemperature: BOUNDS[1],
      minimumDistance: task.least,
    });
    for await (const { time, conservedEnergy, temperature, state } of md) {
      samples.push({ time, conservedEnergy, temperature });
      if (time <= 1000 * DRIFT_PS) centre = centreEnergy(state.velocities, masses);
      if (temperature >= BOUNDS[0] && farthest(state.structure) <= task.apart) continue;
      failed = 1;
      break;
    }
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    failed = 1;
  }
  const window = samples.filter(({ time }) => time <= 1000 * DRIFT_PS);
  const { drift_meV_per_atom_per_ps: drift } = conservedDrift(window, masses.length);
  return {
    nve_drift_meV_per_atom_per_ps: Math.abs(drift),
    centre_energy_meV: 1000 * centre,
    lifetime_ps: samples.at(-1)!.time / 1000,
    failed,
  };
}

/** Kinetic energy of the centre of mass, eV; zero at the start. */
function centreEnergy(velocities: Float64Array, masses: Float64Array): number {
  const momentum = [0, 0, 0];
  velocities.forEach((v, c) => {
    momentum[c % 3] += masses[Math.floor(c / 3)] * v;
  });
  const total = masses.reduce((sum, m) => sum + m, 0);
  return norm(momentum) ** 2 / EV_PER_U / 2 / total;
}

const meanRow = (rows: readonly Row[]): Row =>
  Object.fromEntries(Object.keys(rows[0]).map((key) => [key, mean(rows.map((row) => row[key]))]));
const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const standardError = (values: readonly number[]): number =>
  rms(values.map((v) => v - mean(values))) / Math.sqrt(Math.max(1, values.length - 1));

interface Summary {
  readonly mean: number;
  /** Of the mean. */
  readonly error: number;
}
const summaryOf = (values: readonly number[]): Summary => ({ mean: mean(values), error: standardError(values) });

/** Time of an evaluation of both kinds, µs per atom, in turns on one thread, with the neighbour list at hand. */
async function cost(task: Task, models: readonly ModelFile[]): Promise<number[]> {
  const one = await createEngine(1);
  const potentials = models.map((model) => potentialOf(model, one));
  const structure =
    task.name === 'ethanol' ? task.test[0].structure : supercell(crystal('diamond', ['Si'], A0), [6, 6, 6]);
  const atoms = structure.numbers.length;
  const list = buildNeighbourList(structure, potentials[0].cutoff);
  const repeats = Math.ceil(2000 / atoms);
  const best = potentials.map(() => Number.POSITIVE_INFINITY);
  for (let turn = 0; turn < 40; turn++) {
    for (const [k, potential] of potentials.entries()) {
      const began = performance.now();
      for (let n = 0; n < repeats; n++) potential.evaluate(structure, list);
      best[k] = Math.min(best[k], (1000 * (performance.now() - began)) / repeats / atoms);
    }
  }
  for (const potential of potentials) potential.close();
  return best;
}

async function measure(task: Task) {
  const [netForce, netTorque] = [
    asked.netForce < 0 ? task.netForce : asked.netForce,
    asked.netTorque < 0 ? task.netTorque : asked.netTorque,
  ];
  const variants: Variant[] = [
    { name: 'direct', directForces: true, netForce: 0, netTorque: 0 },
    { name: 'direct, net force', directForces: true, netForce, netTorque: 0 },
    ...(netTorque > 0 ? [{ name: 'direct, net force and torque', directForces: true, netForce, netTorque }] : []),
    { name: 'gradient', directForces: false, netForce: 0, netTorque: 0 },
  ];
  const table = variants.map(({ name }) => ({ name, rows: [] as Row[] }));
  const models: ModelFile[] = [];
  for (let seed = 1; seed <= asked.seeds; seed++) {
    for (const [k, variant] of variants.entries()) {
      const { model, potential, seconds } = await trained(task, variant, seed);
      if (seed === 1) models.push(model);
      const errors = await errorsOf(potential, task.test);
      const runs: Row[] = [];
      for (let run = 1; run <= asked.runs; run++) runs.push(await dynamics(potential, task, run));
      potential.close();
      const row = { ...errors, ...meanRow(runs), training_s: seconds };
      table[k].rows.push(row);
      process.stderr.write(`${task.name}, seed ${seed}, ${variant.name}: ${JSON.stringify(row)}\n`);
    }
  }
  const summary = table.map(({ name, rows }) => ({ name, values: overSeeds(rows) }));
  const paired = table.slice(1).map(({ name, rows }) => ({
    name: `${name} − direct`,
    values: overSeeds(rows.map((row, n) => difference(row, table[0].rows[n]))),
  }));
  const costs = await cost(task, [models[0], models[models.length - 1]]);
  return {
    task: task.name,
    frames: { train: task.train.length, validation: task.validation.length, test: task.test.length },
    epochs: task.epochs,
    net_force_weight: netForce,
    net_torque_weight: netTorque,
    evaluation_us_per_atom: { direct: costs[0], gradient: costs[1] },
    labels: labelNets(task.test),
    summary,
    paired,
    runs: table,
  };
}

/** What the labels themselves have of net force and torque: no model should be asked for less. */
function labelNets(frames: readonly Frame[]): Row {
  const nets = frames.map(({ structure, labels }) => netOf(structure, labels.forces!));
  return {
    net_force_meV_per_A: 1000 * rms(nets.map(({ force }) => force)),
    ...(isIsolated(frames) && { net_torque_meV: 1000 * rms(nets.map(({ torque }) => torque)) }),
  };
}

const overSeeds = (rows: readonly Row[]): Record<string, Summary> =>
  Object.fromEntries(Object.keys(rows[0]).map((key) => [key, summaryOf(rows.map((row) => row[key]))]));
const difference = (a: Row, b: Row): Row => Object.fromEntries(Object.keys(a).map((key) => [key, a[key] - b[key]]));

/** What a penalty may cost in force error on validation frames. */
const ALLOWED = 1.15;

/** The largest weight that the forces can bear, first of the net force, then of the torque. */
async function chooseWeights(task: Task): Promise<object> {
  const tried: object[] = [];
  const row = async (netForce: number, netTorque: number): Promise<Row> => {
    const { potential } = await trained(task, { name: '', directForces: true, netForce, netTorque }, 0);
    const errors = await errorsOf(potential, task.validation);
    potential.close();
    tried.push({ netForce, netTorque, ...errors });
    process.stderr.write(`${task.name}: ${JSON.stringify(tried.at(-1))}\n`);
    return errors;
  };
  const free = (await row(0, 0)).force_rmse_meV_per_A;
  const largest = async (at: (weight: number) => Promise<Row>): Promise<number> => {
    let chosen = 0;
    for (const weight of task.grid) {
      if ((await at(weight)).force_rmse_meV_per_A <= ALLOWED * free) chosen = weight;
    }
    return chosen;
  };
  const netForce = await largest((weight) => row(weight, 0));
  const netTorque = task.name === 'ethanol' ? await largest((weight) => row(netForce, weight)) : 0;
  return { task: task.name, chosen: { netForce, netTorque }, tried };
}

type Measured = Awaited<ReturnType<typeof measure>>;

/** So many significant digits, and never an exponent. */
const plain = (value: number, digits: number): string => String(Number(value.toPrecision(digits)));

/** Rows of the summary and of the paired differences, as Markdown. */
function markdown(result: Measured): string {
  const show = ({ mean: m, error }: Summary): string => `${plain(m, 3)} ± ${plain(error, 1)}`;
  const keys = Object.keys(result.summary[0].values);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = [...result.summary, ...result.paired].map(({ name, values }) =>
    line([name, ...keys.map((key) => show(values[key]))]),
  );
  const { direct, gradient } = result.evaluation_us_per_atom;
  return [
    `### ${result.task}: ${asked.seeds} seeds, ${result.epochs} epochs, netForce ${result.net_force_weight}, netTorque ${result.net_torque_weight}`,
    '',
    line(['', ...keys]),
    line(['---', ...keys.map(() => '---')]),
    ...rows,
    '',
    `Evaluation: direct ${direct.toFixed(2)}, gradient ${gradient.toFixed(2)} µs/atom. Labels: ${JSON.stringify(result.labels)}`,
  ].join('\n');
}

const choosing = args[0] === 'weights';
const names = args.filter((name) => name === 'ethanol' || name === 'silicon');
const tasks = await Promise.all((names.length === 0 ? ['ethanol', 'silicon'] : names).map(taskOf));
const results = [];
for (const task of tasks) results.push(choosing ? await chooseWeights(task) : await measure(task));
if (asked.markdown && !choosing) process.stdout.write(`${(results as Measured[]).map(markdown).join('\n\n')}\n`);
else process.stdout.write(`${JSON.stringify({ ...asked, bounds_K: BOUNDS, results }, null, 2)}\n`);
process.exit(0);
