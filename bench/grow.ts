/**
 * What a model that is there saves: learning curves of fine-tuning, of a new element, and of levels of theory. Prints
 * one JSON document, or a Markdown table with --markdown.
 *   node scripts/run.mjs bench/grow.ts metals [--metal W] [--seeds 3] [--base-epochs 150] [--steps 1200]
 *   node scripts/run.mjs bench/grow.ts molecules [--seeds 3] [--base-epochs 100] [--steps 1200]
 *   node scripts/run.mjs bench/grow.ts levels [--seeds 3] [--base-epochs 200] [--steps 1200]
 * each also with [--sizes 5,10,20,50]. Data are read from ../shared/data. Epochs and steps, not seconds: the ways must be treated alike. Nothing is held
 * out of the few frames of a curve: what is printed is measured on test frames that no training has seen.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRandom,
  type ErrorReport,
  evaluateFrames,
  type Frame,
  type ModelFile,
  potentialOf,
  type Random,
} from 'nearsight';
import {
  createEngine,
  PACKAGE_ROOT,
  readDataset,
  readModel,
  runTraining,
  type TrainRequest,
  writeFrames,
} from 'nearsight/node';

const args = process.argv.slice(2);
const option = <T extends string | number>(name: string, fallback: T): T => {
  const at = args.indexOf(name);
  if (at < 0) return fallback;
  const [, text] = args.splice(at, 2);
  return (typeof fallback === 'number' ? Number(text) : text) as T;
};
const markdown = args.includes('--markdown');
const SIZES = option('--sizes', '5,10,20,50').split(',').map(Number);
const SYMBOLS: Readonly<Record<string, number>> = { Nb: 41, Mo: 42, Ta: 73, W: 74 };

const folder = mkdtempSync(join(tmpdir(), 'nearsight-grow-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const read = async (name: string): Promise<readonly Frame[]> =>
  (await readDataset(new URL(`../shared/data/${name}`, PACKAGE_ROOT).pathname)).frames;

/** Trains, and gives the model back. */
async function trained(request: Omit<TrainRequest, 'out'>, out: string): Promise<string> {
  const run = runTraining({ holdOut: 0, ...request, out: path(out) });
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value.path;
  }
}

/** Epochs that make about so many steps of eight frames. */
const epochsFor = (steps: number, frames: number): number => Math.max(1, Math.round(steps / Math.ceil(frames / 8)));

const engine = await createEngine();

async function errorsOf(model: string | ModelFile, frames: readonly Frame[]): Promise<ErrorReport['overall']> {
  const potential = potentialOf(typeof model === 'string' ? await readModel(model) : model, engine);
  const run = evaluateFrames(potential, frames);
  for (;;) {
    const next = await run.next();
    if (next.done !== true) continue;
    potential.close();
    return next.value.overall;
  }
}

/** Spread of the energy errors about their mean, meV/atom: for a model that has another zero. */
async function shapeError(model: string, frames: readonly Frame[]): Promise<number> {
  const potential = potentialOf(await readModel(model), engine);
  const errors = frames.map(
    ({ structure, labels }) =>
      (1000 * (potential.evaluate(structure).energy - labels.energy!)) / structure.numbers.length,
  );
  potential.close();
  const mean = errors.reduce((p, q) => p + q, 0) / errors.length;
  return errors.reduce((sum, e) => sum + Math.abs(e - mean), 0) / errors.length;
}

/** Whether two models say the same of some frames, to the last bit. */
async function sameBits(one: string, other: string, frames: readonly Frame[]): Promise<boolean> {
  const [a, b] = await Promise.all(
    [one, other].map(async (model) => {
      const potential = potentialOf(await readModel(model), engine);
      const answers = frames.map(({ structure }) => {
        const { energy, forces, strainGradient } = potential.evaluate(structure);
        return [energy, ...forces, ...strainGradient];
      });
      potential.close();
      return answers.flat();
    }),
  );
  return a.every((x, k) => Object.is(x, b[k]));
}

/** One point of a curve. */
interface Row {
  readonly frames: number;
  readonly way: string;
  readonly seed: number;
  readonly [measure: string]: number | string | boolean;
}

const few = (frames: readonly Frame[], count: number, random: Random): Frame[] =>
  Array.from(random.permutation(frames.length).subarray(0, count), (k) => frames[k]);

const every = (frames: readonly Frame[], step: number): Frame[] => frames.filter((_, k) => k % step === 0);

const holds = ({ structure }: Frame, z: number): boolean => structure.numbers.includes(z);

/** A metal that three others never met. */
async function metals(): Promise<object> {
  const metal = option('--metal', 'W');
  const [seeds, baseEpochs, steps] = [option('--seeds', 3), option('--base-epochs', 150), option('--steps', 1200)];
  const z = SYMBOLS[metal];
  const [all, test] = [await read('nbmotaw/train.extxyz.gz'), await read('nbmotaw/test_elemental_binary.extxyz.gz')];
  const without = every(
    all.filter((frame) => !holds(frame, z)),
    5,
  );
  const pool = all.filter((frame) => holds(frame, z));
  const [fresh, old] = [test.filter((frame) => holds(frame, z)), test.filter((frame) => !holds(frame, z))];
  await writeFrames(path('old.extxyz'), without);
  let began = performance.now();
  const base = await trained({ data: [path('old.extxyz')], epochs: baseEpochs }, 'base.safetensors');
  const baseSeconds = (performance.now() - began) / 1000;
  const baseErrors = await errorsOf(base, old);
  say(`base: ${without.length} frames, ${baseSeconds.toFixed(0)} s, old chemistry F ${baseErrors.force_mae_meV_per_A}`);
  const rows: Row[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = createRandom(seed);
    // Half of the frames are alloys, with each partner in turn; the others are of the metal alone, hot, strained or cut.
    const partners = Object.values(SYMBOLS).filter((other) => other !== z);
    const most = Math.max(...SIZES);
    const alloys = partners.map((other) =>
      few(
        pool.filter((frame) => holds(frame, other)),
        most,
        random,
      ),
    );
    const alone = few(
      pool.filter((f) => f.group !== 'Binary_SS'),
      most,
      random,
    );
    const drawn = [Array.from({ length: most }, (_, k) => alloys[k % 3][Math.floor(k / 3)]), alone];
    for (const frames of SIZES) {
      const chosen = [drawn[0].slice(0, Math.ceil(frames / 2)), drawn[1].slice(0, Math.floor(frames / 2))].flat();
      await writeFrames(path('new.extxyz'), chosen);
      const data = [path('new.extxyz')];
      const epochs = epochsFor(steps, frames);
      const settings = { seed };
      const grow = (adapter: number): TrainRequest['grow'] => ({ elements: [metal], adapter });
      const ways: Record<string, () => Promise<string>> = {
        'embedding only': () => trained({ data, epochs, settings, from: base, grow: grow(0) }, 'embedding.safetensors'),
        adapter: () => trained({ data, epochs, settings, from: base, grow: grow(1) }, 'adapter.safetensors'),
        'full fine-tuning': () =>
          trained({ data, epochs, settings, from: path('adapter.safetensors') }, 'full.safetensors'),
        'full, with replay': () =>
          trained(
            {
              ...{ data, settings, from: path('adapter.safetensors'), replay: { data: [path('old.extxyz')] } },
              epochs: epochsFor(steps, 2 * frames),
            },
            'replay.safetensors',
          ),
        'from scratch': () => trained({ data, epochs, settings }, 'scratch.safetensors'),
      };
      for (const [way, run] of Object.entries(ways)) {
        began = performance.now();
        const model = await run();
        const seconds = (performance.now() - began) / 1000;
        const e = await errorsOf(model, fresh);
        const known = await errorsOf(model, old);
        rows.push({
          ...{ frames, way, seed, seconds },
          energy_mae_meV_per_atom: e.energy_mae_meV_per_atom!,
          force_mae_meV_per_A: e.force_mae_meV_per_A!,
          stress_mae_GPa: e.stress_mae_GPa!,
          old_energy_mae_meV_per_atom: known.energy_mae_meV_per_atom!,
          old_force_mae_meV_per_A: known.force_mae_meV_per_A!,
          bit_identical: await sameBits(base, model, old.slice(0, 40)),
        });
        say(JSON.stringify(rows.at(-1)));
      }
    }
  }
  return {
    part: 'metals',
    metal,
    base: { frames: without.length, epochs: baseEpochs, seconds: baseSeconds, errors: baseErrors },
    steps,
    rows,
  };
}

/** A molecule of elements that are known from another one. */
async function molecules(): Promise<object> {
  const [seeds, baseEpochs, steps] = [option('--seeds', 3), option('--base-epochs', 100), option('--steps', 1200)];
  const [ethanol, ethanolTest] = [
    await read('ethanol_rmd17/train.extxyz.gz'),
    await read('ethanol_rmd17/test_MD.extxyz.gz'),
  ];
  const [methanol, methanolTest] = [
    await read('ethanol_rmd17/methanol_train.extxyz.gz'),
    await read('ethanol_rmd17/methanol_test.extxyz.gz'),
  ];
  const known = every(ethanol, 3);
  const old = every(ethanolTest, 5);
  await writeFrames(path('old.extxyz'), known);
  let began = performance.now();
  const base = await trained({ data: [path('old.extxyz')], epochs: baseEpochs }, 'base.safetensors');
  const baseSeconds = (performance.now() - began) / 1000;
  const baseErrors = await errorsOf(base, old);
  say(`base: ${known.length} frames, ${baseSeconds.toFixed(0)} s, ethanol F ${baseErrors.force_mae_meV_per_A}`);
  const unseen = await errorsOf(base, methanolTest);
  const rows: Row[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const drawn = few(methanol, Math.max(...SIZES), createRandom(seed));
    for (const frames of SIZES) {
      await writeFrames(path('new.extxyz'), drawn.slice(0, frames));
      const data = [path('new.extxyz')];
      const settings = { seed };
      const epochs = epochsFor(steps, frames);
      const replay = { data: [path('old.extxyz')] };
      const ways: Record<string, Omit<TrainRequest, 'out'>> = {
        'fine-tuning': { data, epochs, settings, from: base },
        'fine-tuning, descriptor frozen': { data, epochs, settings, from: base, freeze: ['descriptor'] },
        'fine-tuning with replay': { data, epochs: epochsFor(steps, 2 * frames), settings, from: base, replay },
        'from scratch': { data, epochs, settings },
      };
      for (const [way, request] of Object.entries(ways)) {
        began = performance.now();
        const model = await trained(request, 'tuned.safetensors');
        const seconds = (performance.now() - began) / 1000;
        const e = await errorsOf(model, methanolTest);
        const before = await errorsOf(model, old);
        rows.push({
          ...{ frames, way, seed, seconds },
          energy_mae_meV_per_atom: e.energy_mae_meV_per_atom!,
          force_mae_meV_per_A: e.force_mae_meV_per_A!,
          old_energy_spread_meV_per_atom: await shapeError(model, old),
          old_force_mae_meV_per_A: before.force_mae_meV_per_A!,
        });
        say(JSON.stringify(rows.at(-1)));
      }
    }
  }
  return {
    part: 'molecules',
    base: { frames: known.length, epochs: baseEpochs, seconds: baseSeconds, errors: baseErrors, unseen },
    steps,
    rows,
  };
}

/** Few labels of a high level of theory beside many of a low one. */
async function levels(): Promise<object> {
  const [seeds, baseEpochs, steps] = [option('--seeds', 3), option('--base-epochs', 200), option('--steps', 1200)];
  const low = await read('own/molecules-mf/water-gfn2.extxyz');
  const high = await read('own/molecules-mf/water-ccsdt.extxyz');
  await writeFrames(path('low.extxyz'), low);
  const base = await trained({ data: [path('low.extxyz')], epochs: baseEpochs }, 'low.safetensors');
  const target = 'CCSD(T)/cc-pVDZ';
  const rows: Row[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const order = few(high, high.length, createRandom(seed));
    for (const frames of SIZES.filter((size) => size <= 20)) {
      await writeFrames(path('high.extxyz'), order.slice(0, frames));
      // The same test for every size.
      const test = order.slice(20);
      const data = [path('high.extxyz')];
      const settings = { seed };
      const epochs = epochsFor(steps, frames);
      const ways: Record<string, Omit<TrainRequest, 'out'>> = {
        'target alone': { data, epochs, settings },
        'low level, energies shifted': {
          data,
          epochs: 1,
          settings: { ...settings, rate: 1e-12 },
          from: base,
          referenceEnergies: 'refit',
        },
        'fine-tuning of the low level': { data, epochs, settings, from: base },
        'shared trunk': { data: [...data, path('low.extxyz')], settings, epochs: baseEpochs, levels: { target } },
      };
      for (const [way, request] of Object.entries(ways)) {
        const began = performance.now();
        const model = await trained(request, 'level.safetensors');
        const seconds = (performance.now() - began) / 1000;
        const e = await errorsOf(model, test);
        rows.push({
          ...{ frames, way, seed, seconds },
          energy_mae_meV_per_atom: e.energy_mae_meV_per_atom!,
          force_mae_meV_per_A: e.force_mae_meV_per_A!,
        });
        say(JSON.stringify(rows.at(-1)));
      }
    }
  }
  return { part: 'levels', low: low.length, high: high.length, target, steps, rows };
}

/** So many significant digits, and never an exponent. */
const plain = (value: number, digits: number): string => String(Number(value.toPrecision(digits)));

/** Means over seeds, with their standard error where there are several. */
function table({ rows }: { rows: readonly Row[] }): string {
  const measures = Object.keys(rows[0]).filter((key) => !['frames', 'way', 'seed'].includes(key));
  const lines = [`| frames | way | ${measures.join(' | ')} |`, `|---|---|${measures.map(() => '---|').join('')}`];
  for (const frames of new Set(rows.map((row) => row.frames))) {
    for (const way of new Set(rows.map((row) => row.way))) {
      const same = rows.filter((row) => row.frames === frames && row.way === way);
      const cells = measures.map((measure) => {
        const values = same.map((row) => row[measure]);
        if (values.every((value) => typeof value === 'boolean')) return values.every(Boolean) ? 'yes' : 'no';
        const numbers = values.map(Number);
        const mean = numbers.reduce((p, q) => p + q, 0) / numbers.length;
        const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, numbers.length - 1);
        const error = Math.sqrt(variance / numbers.length);
        if (!Number.isFinite(mean)) return '–';
        return numbers.length > 1 ? `${plain(mean, 3)} ± ${plain(error, 1)}` : plain(mean, 3);
      });
      lines.push(`| ${frames} | ${way} | ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

const parts = { metals, molecules, levels };
const part = parts[(args[0] ?? 'metals') as keyof typeof parts];
if (part === undefined) throw new Error(`no part is called "${args[0]}"; there are ${Object.keys(parts).join(', ')}`);
const result = await part();
process.stdout.write(
  markdown ? `${table(result as { rows: readonly Row[] })}\n` : `${JSON.stringify(result, null, 2)}\n`,
);
process.exit(0);
