/**
 * Outliers by influence, on mlearn's silicon training set with labels spoilt on purpose. Prints one JSON document.
 *   node scripts/run.mjs bench/outliers.ts detection [--trials 20] [--share 0.01] [--set Si] [--kind forces/energy/atom/all]
 *   node scripts/run.mjs bench/outliers.ts potentials [--epochs 300] [--share 0.05] [--runs 5] [--ps 20] [--temperature 1500]
 *     [--no-repulsion] [--seed 1]
 *   node scripts/run.mjs bench/outliers.ts memory [--rows 100000]
 * Data are read from ../shared/data.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  analyseOutliers,
  createLinearModel,
  createRandom,
  createRowStore,
  crystal,
  evaluateFrames,
  type Frame,
  findOutliers,
  langevin,
  massesOf,
  maxwellBoltzmann,
  NearsightError,
  type Outlier,
  openLinearModel,
  type Potential,
  potentialOf,
  type Random,
  rattled,
  runMd,
  similarIn,
  startMd,
  supercell,
  usualWeights,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const args = process.argv.slice(2);
const option = <T extends string | number>(name: string, fallback: T): T => {
  const at = args.indexOf(name);
  if (at < 0) return fallback;
  const [, text] = args.splice(at, 2);
  return (typeof fallback === 'number' ? Number(text) : text) as T;
};
const read = async (file: string) =>
  (await readDataset(new URL(`../shared/data/mlearn/${file}.extxyz.gz`, PACKAGE_ROOT).pathname)).frames;
const size = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const rms = (values: Float64Array): number => size(values) / Math.sqrt(values.length);

/** Kinds of damage, as in the outliers that should be found. */
const KINDS = ['forces', 'energy', 'atom'] as const;
type Kind = (typeof KINDS)[number];
/** What was done to a frame; atom −1 where not one alone. */
interface Damage {
  readonly kind: Kind;
  readonly atom: number;
}

/** Less than this is no damage: forces that are pasted in must differ by it (rms), and a scaled force be thrice this. */
const LEAST_FORCE = 0.1;

/** The frame with spoilt labels, or null where the draw would change (next to) nothing. */
function spoilt(frames: readonly Frame[], k: number, kind: Kind, random: Random): [Frame, Damage] | null {
  const frame = frames[k];
  const { energy, forces } = frame.labels;
  const N = frame.structure.numbers.length;
  if (kind === 'energy') {
    const sign = random.below(2) === 0 ? -1 : 1;
    return [
      { ...frame, labels: { ...frame.labels, energy: energy! + sign * 0.3 * N } },
      { kind, atom: -1 },
    ];
  }
  if (kind === 'forces') {
    const donor = frames[random.below(frames.length)].labels.forces!;
    if (donor.length !== forces!.length || rms(donor.map((f, c) => f - forces![c])) < LEAST_FORCE) return null;
    return [
      { ...frame, labels: { ...frame.labels, forces: donor } },
      { kind, atom: -1 },
    ];
  }
  const atom = random.below(N);
  if (size(forces!.subarray(3 * atom, 3 * atom + 3)) < 3 * LEAST_FORCE) return null;
  const scaled = forces!.map((f, c) => (Math.floor(c / 3) === atom ? 10 * f : f));
  return [
    { ...frame, labels: { ...frame.labels, forces: scaled } },
    { kind, atom },
  ];
}

/** A set with `count` frames spoilt; kinds in turn. Draws that would change nothing are drawn again. */
function spoil(frames: readonly Frame[], count: number, kinds: readonly Kind[], random: Random) {
  const set = frames.slice();
  const damage = new Map<number, Damage>();
  while (damage.size < count) {
    const k = random.below(frames.length);
    if (damage.has(k)) continue;
    const found = spoilt(frames, k, kinds[damage.size % kinds.length], random);
    if (found === null) continue;
    set[k] = found[0];
    damage.set(k, found[1]);
  }
  return { set, damage };
}

function finished<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const next = work.next();
    if (next.done === true) return next.value;
  }
}

async function finishedAsync<T>(work: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

async function detection(): Promise<object> {
  const [name, trials, share] = [option('--set', 'Si'), option('--trials', 20), option('--share', 0.01)];
  const frames = await read(`${name}_train`);
  const structures = frames.map(({ structure }) => structure);
  const began = performance.now();
  const whole = await finishedAsync(analyseOutliers(frames, await createEngine(1)));
  const seconds = (performance.now() - began) / 1000;
  // Rows do not depend on labels: all trials share them.
  const kernel = await createEngine(1);
  const store = createRowStore(openLinearModel(createLinearModel(structures, kernel), kernel), structures, 2 ** 30);
  const similar = similarIn(frames, store);
  const count = Math.max(2, Math.round(share * frames.length));
  const asked = option('--kind', '');
  const chosen = [...KINDS, 'all' as const].filter((kind) => asked === '' || kind === asked);
  const results = chosen.map((kind) => {
    const total = { found: 0, missed: 0, false: 0, named: 0 };
    const mistakes: object[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const kinds = kind === 'all' ? KINDS : [kind];
      const { set, damage } = spoil(frames, kind === 'all' ? 3 * count : count, kinds, createRandom(1000 + trial));
      const { outliers } = finished(findOutliers(set, store, { weights: usualWeights(set), similar }));
      const named = new Map<number, Outlier[]>();
      for (const outlier of outliers) named.set(outlier.frame, [...(named.get(outlier.frame) ?? []), outlier]);
      for (const [k, { kind: done, atom }] of damage) {
        const verdicts = named.get(k) ?? [];
        if (verdicts.length === 0) total.missed++;
        else total.found++;
        const exact = verdicts.length === 1 && verdicts[0].kind === done && (atom < 0 || verdicts[0].atom === atom);
        if (exact) total.named++;
        else mistakes.push({ trial, frame: k, group: frames[k].group, done, atom, verdicts: verdicts.map(short) });
      }
      for (const [k, verdicts] of named) {
        if (damage.has(k)) continue;
        total.false++;
        mistakes.push({ trial, frame: k, group: frames[k].group, done: 'nothing', verdicts: verdicts.map(short) });
      }
    }
    const spoiltFrames = total.found + total.missed;
    process.stderr.write(`${kind}: ${JSON.stringify(total)}\n`);
    return {
      kind,
      frames_spoilt_per_trial: spoiltFrames / trials,
      trials,
      recall: total.found / spoiltFrames,
      precision: total.found / (total.found + total.false),
      named_exactly: total.named / spoiltFrames,
      mistakes,
    };
  });
  const clean = whole.outliers.map(short);
  return { set: name, frames: frames.length, rows: whole.rows, seconds, clean, results };
}

const short = ({ kind, atom, residual, limit, frame }: Outlier) =>
  `${frame}: ${kind}${atom === undefined ? '' : ` ${atom}`} ${residual.toPrecision(3)} > ${limit.toPrecision(3)}`;

/** Dynamics before the run fails, ps; `limit` when it does not. */
async function stability(
  potential: Potential,
  seed: number,
  { limit, temperature }: { readonly limit: number; readonly temperature: number },
): Promise<{ ps: number; why: string }> {
  const structure = supercell(crystal('diamond', ['Si'], 5.47), [2, 2, 2]);
  const random = createRandom(seed);
  const velocities = maxwellBoltzmann(massesOf(structure), temperature, random);
  const integrator = langevin(1, { temperature, friction: 0.01, random });
  let ps = 0;
  try {
    const run = runMd(startMd(structure, potential, { velocities }), potential, {
      ...{ integrator, steps: limit * 1000, every: 10, maximumTemperature: 3 * temperature, minimumDistance: 1.2 },
    });
    let least = Number.POSITIVE_INFINITY;
    for await (const sample of run) {
      ps = sample.time / 1000;
      const energy = sample.potentialEnergy / structure.numbers.length;
      if (ps < 0.01) least = energy;
      // Colder than the crystal at rest by 0.5 eV/atom, or 3 eV/atom above it: no silicon.
      if (energy < least - 0.5 || energy > least + 3) return { ps, why: `energy ${energy.toFixed(2)} eV/atom` };
    }
    return { ps: limit, why: '' };
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    return { ps, why: error.message };
  }
}

async function potentials(): Promise<object> {
  const [epochs, share, runs] = [option('--epochs', 300), option('--share', 0.05), option('--runs', 5)];
  const [limit, temperature, seed] = [option('--ps', 20), option('--temperature', 1500), option('--seed', 1)];
  const repulsion = !args.includes('--no-repulsion');
  const [frames, test] = [await read('Si_train'), await read('Si_test')];
  const count = Math.max(3, Math.round(share * frames.length));
  const { set, damage } = spoil(frames, count, KINDS, createRandom(seed));
  const { outliers } = await finishedAsync(analyseOutliers(set, await createEngine(1)));
  const dropped = new Set(outliers.map(({ frame }) => frame));
  const sets = { corrupted: set, cleaned: set.filter((_, k) => !dropped.has(k)), clean: frames };
  const results: object[] = [];
  for (const [name, training] of Object.entries(sets)) {
    const [path, out] = ['extxyz', 'safetensors'].map((end) =>
      join(tmpdir(), `nearsight-${process.pid}-${name}.${end}`),
    );
    await writeFrames(path, training);
    // Epochs, not seconds: the sets must be treated alike.
    const { model } = await finishedAsync(runTraining({ data: [path], out, epochs, repulsion, settings: { seed } }));
    const potential = potentialOf(model, await createEngine());
    const { overall } = await finishedAsync(evaluateFrames(potential, test));
    const dynamics: { ps: number; why: string }[] = [];
    for (let run = 0; run < runs; run++) dynamics.push(await stability(potential, run + 1, { limit, temperature }));
    potential.close();
    process.stderr.write(`${name}: ${JSON.stringify({ overall, dynamics: dynamics.map(({ ps }) => ps) })}\n`);
    results.push({ set: name, frames: training.length, overall, dynamics });
  }
  const right = [...dropped].filter((k) => damage.has(k)).length;
  return {
    seed,
    epochs,
    repulsion,
    temperature_K: temperature,
    spoilt: count,
    dropped: dropped.size,
    dropped_rightly: right,
    limit_ps: limit,
    results,
  };
}

async function memory(): Promise<object> {
  const wanted = option('--rows', 100_000);
  const source = await read('Si_train');
  const random = createRandom(1);
  const frames: Frame[] = [];
  let rows = 0;
  for (let k = 0; rows < wanted; k++) {
    const frame = source[k % source.length];
    rows += frame.structure.positions.length;
    frames.push({ ...frame, structure: rattled(frame.structure, 1e-3, random) });
  }
  const before = process.resourceUsage().maxRSS / 1024;
  const began = performance.now();
  const { outliers } = await finishedAsync(analyseOutliers(frames, await createEngine(1)));
  return {
    frames: frames.length,
    force_rows: rows,
    seconds: (performance.now() - began) / 1000,
    outliers: outliers.length,
    before_MiB: before,
    peak_MiB: process.resourceUsage().maxRSS / 1024,
    hat_matrix_MiB: (8 * rows * rows) / 2 ** 20,
  };
}

const parts = { detection, potentials, memory };
const part = parts[(args[0] ?? 'detection') as keyof typeof parts];
if (part === undefined) throw new Error(`no part is called "${args[0]}"; there are ${Object.keys(parts).join(', ')}`);
process.stdout.write(`${JSON.stringify(await part(), null, 2)}\n`);
process.exit(0);
