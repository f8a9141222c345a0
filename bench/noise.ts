/**
 * Does a model find out how noisy its force labels are? Gaussian noise of known size is added to mlearn's labels, a
 * model is trained on them as any user would, and what its file says is compared. Prints one JSON document.
 *   node scripts/run.mjs bench/noise.ts recovery [--sets Si,Li] [--noise 20,50,100] [--steps 5000] [--seed 1]
 *     [--no-drift] [--markdown]
 *   node scripts/run.mjs bench/noise.ts curve [--sets Li] [--noise 50] [--frames 20,40,80,160] [--seeds 3]
 *     [--steps 5000] [--markdown]
 * recovery: the noise is on the forces of half of the groups, training and held-out frames alike; a control is trained
 *   without it. --no-drift: net forces are taken off, as many programs do, and nothing shows the noise any more.
 * curve: noise on all forces, fewer and more training frames; errors on the official test frames, which have none.
 * Data are read from ../shared/data.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRandom,
  evaluateCommittee,
  type Frame,
  NearsightError,
  type NoiseRecord,
  openNoise,
  potentialOf,
  type QuantityNoise,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, type TrainRunResult, writeFrames } from 'nearsight/node';

const args = process.argv.slice(2);
const option = (name: string, fallback: string): string => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : args.splice(at, 2)[1];
};
const flag = (name: string): boolean => {
  const at = args.indexOf(name);
  if (at >= 0) args.splice(at, 1);
  return at >= 0;
};
const MARKDOWN = flag('--markdown');
const NO_DRIFT = flag('--no-drift');
const STEPS = Number(option('--steps', '5000'));
const BATCH = 8;
const NOISY = ['AIMD-NVT', 'Elastic'];

const read = async (file: string): Promise<readonly Frame[]> =>
  (await readDataset(new URL(`../shared/data/mlearn/${file}.extxyz.gz`, PACKAGE_ROOT).pathname)).frames;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The frames with noise of `sigma`, eV/Å, on the forces of some groups. */
function spoilt(frames: readonly Frame[], sigma: number, groups: readonly string[], seed: number): Frame[] {
  const random = createRandom(seed);
  return frames.map((frame) => {
    const { forces } = frame.labels;
    if (forces === undefined || !groups.includes(frame.group)) return frame;
    const noise = forces.map(() => sigma * random.normal());
    for (let a = 0; NO_DRIFT && a < 3; a++) {
      let net = 0;
      for (let c = a; c < noise.length; c += 3) net += (3 * noise[c]) / noise.length;
      for (let c = a; c < noise.length; c += 3) noise[c] -= net;
    }
    return { ...frame, labels: { ...frame.labels, forces: forces.map((f, c) => f + noise[c]) } };
  });
}

async function trained(frames: readonly Frame[], seed: number): Promise<TrainRunResult> {
  const folder = await mkdtemp(join(tmpdir(), 'nearsight-noise-'));
  try {
    const data = join(folder, 'data.extxyz');
    await writeFrames(data, frames);
    const epochs = Math.max(1, Math.round(STEPS / Math.max(1, Math.round((0.9 * frames.length) / BATCH))));
    const run = runTraining({
      data: [data],
      out: join(folder, 'model.safetensors'),
      epochs,
      settings: { seed, batch: BATCH },
    });
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function learnedBy({ model }: TrainRunResult): Promise<NoiseRecord & { readonly forces: QuantityNoise }> {
  const potential = potentialOf(model, await createEngine());
  const record = openNoise(model.noise, potential)?.record;
  potential.close();
  if (record === undefined || record.forces === null) throw new NearsightError('no-noise', 'the model knows no noise');
  return { ...record, forces: record.forces };
}

const meV = (x: number): number => Math.round(1e4 * x) / 10;

interface Recovered {
  readonly set: string;
  readonly added_meV_per_A: number;
  readonly group: string;
  readonly frames: number;
  readonly noisy: boolean;
  /** σ_a without and with the noise. */
  readonly control_meV_per_A: number;
  readonly aleatoric_meV_per_A: number;
  /** √(σ_a² − σ_0²). */
  readonly excess_meV_per_A: number;
  readonly witness_meV_per_A: number | null;
  readonly witness_error_meV_per_A: number | null;
  /** ν_g, of both together. */
  readonly shown_meV_per_A: number;
  /** The floor is larger than the noise: σ_a alone says little of it. */
  readonly hidden: boolean;
}

async function recovery(sets: readonly string[], sizes: readonly number[], seed: number): Promise<Recovered[]> {
  const rows: Recovered[] = [];
  for (const set of sets) {
    const frames = await read(`${set}_train`);
    const control = await learnedBy(await trained(frames, seed));
    for (const size of sizes) {
      const result = await trained(spoilt(frames, size / 1000, NOISY, 100 + seed), seed);
      const found = await learnedBy(result);
      say(`${set} ${size} meV/Å: ${Math.round(result.seconds)} s`);
      for (const [g, group] of found.groups.entries()) {
        const own = found.forces.groups[g];
        const before = control.forces.groups[control.groups.indexOf(group)].sigma;
        rows.push({
          ...{ set, added_meV_per_A: size, group, frames: own.train + own.heldOut, noisy: NOISY.includes(group) },
          control_meV_per_A: meV(before),
          aleatoric_meV_per_A: meV(own.sigma),
          excess_meV_per_A: meV(Math.sqrt(Math.max(0, own.sigma ** 2 - before ** 2))),
          witness_meV_per_A: own.witness === null ? null : meV(own.witness.sigma),
          witness_error_meV_per_A: own.witness === null ? null : meV(own.witness.error),
          shown_meV_per_A: meV(own.white),
          hidden: before > size / 1000,
        });
      }
    }
  }
  return rows;
}

interface CurvePoint {
  readonly set: string;
  readonly added_meV_per_A: number;
  readonly frames: number;
  readonly seed: number;
  /** On the test frames: true error, and s · u. */
  readonly error_meV_per_A: number;
  readonly epistemic_meV_per_A: number;
  readonly aleatoric_meV_per_A: number;
  readonly shown_meV_per_A: number;
}

async function curve(set: string, size: number, counts: readonly number[], seeds: number): Promise<CurvePoint[]> {
  const clean = await read(`${set}_train`);
  const test = await read(`${set}_test`);
  const all = [...new Set(clean.map(({ group }) => group))];
  const points: CurvePoint[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    // The smaller sets are parts of the larger ones.
    const order = createRandom(10 + seed).permutation(clean.length);
    const frames = spoilt(clean, size / 1000, all, 100 + seed);
    for (const count of counts) {
      const some = Array.from(order.slice(0, count).sort(), (k) => frames[k]);
      const result = await trained(some, seed);
      const { forces } = await learnedBy(result);
      const potential = potentialOf(result.model, await createEngine());
      let [squares, spreads, components] = [0, 0, 0];
      for (const { structure, labels } of test) {
        const { mean, spread } = evaluateCommittee(potential, structure);
        for (const [c, f] of labels.forces!.entries()) {
          squares += (mean.forces[c] - f) ** 2;
          spreads += (forces.scale * spread.forces[c]) ** 2;
          components++;
        }
      }
      potential.close();
      say(`${set} ${size} meV/Å, ${count} frames, seed ${seed}: ${Math.round(result.seconds)} s`);
      points.push({
        ...{ set, added_meV_per_A: size, frames: count, seed },
        error_meV_per_A: meV(Math.sqrt(squares / components)),
        epistemic_meV_per_A: meV(Math.sqrt(spreads / components)),
        aleatoric_meV_per_A: meV(forces.whole.sigma),
        shown_meV_per_A: meV(forces.whole.white),
      });
    }
  }
  return points;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const recoveryTable = (rows: readonly Recovered[]): string =>
  table(
    ['set', 'added', 'group', 'frames', 'σ_0 (control)', 'σ_a', '√(σ_a² − σ_0²)', 'net forces', 'ν'],
    rows.map((row) => [
      ...[row.set, row.noisy ? row.added_meV_per_A : '–', row.group, row.frames],
      ...[
        row.control_meV_per_A,
        row.aleatoric_meV_per_A,
        `${row.excess_meV_per_A}${row.noisy && row.hidden ? ' (hidden)' : ''}`,
      ],
      row.witness_meV_per_A === null ? 'none' : `${row.witness_meV_per_A} ± ${row.witness_error_meV_per_A}`,
      row.shown_meV_per_A,
    ]),
  );

/** Means over the seeds. */
function curveTable(points: readonly CurvePoint[]): string {
  const counts = [...new Set(points.map(({ frames }) => frames))];
  const mean = (frames: number, of: (point: CurvePoint) => number): number => {
    const own = points.filter((point) => point.frames === frames);
    return Math.round((10 * own.reduce((sum, point) => sum + of(point), 0)) / own.length) / 10;
  };
  return table(
    ['frames', 'error on clean test labels', 'epistemic s·u', 'aleatoric σ_a', 'shown ν'],
    counts.map((n) => [
      n,
      mean(n, (p) => p.error_meV_per_A),
      mean(n, (p) => p.epistemic_meV_per_A),
      mean(n, (p) => p.aleatoric_meV_per_A),
      mean(n, (p) => p.shown_meV_per_A),
    ]),
  );
}

const list = (text: string): number[] => text.split(',').map(Number);
const about = { unit: 'meV/Å', steps: STEPS, drift_removed: NO_DRIFT };
const task = args.shift();
if (task === 'recovery') {
  const sets = option('--sets', 'Si,Li').split(',');
  const rows = await recovery(sets, list(option('--noise', '20,50,100')), Number(option('--seed', '1')));
  console.log(MARKDOWN ? recoveryTable(rows) : JSON.stringify({ task, ...about, noisy: NOISY, rows }, null, 1));
} else if (task === 'curve') {
  const [set] = option('--sets', 'Li').split(',');
  const counts = list(option('--frames', '20,40,80,160'));
  const points = await curve(set, Number(option('--noise', '50')), counts, Number(option('--seeds', '3')));
  console.log(MARKDOWN ? curveTable(points) : JSON.stringify({ task, ...about, points }, null, 1));
} else {
  say('usage: node scripts/run.mjs bench/noise.ts recovery|curve [options]');
  process.exitCode = 2;
}
