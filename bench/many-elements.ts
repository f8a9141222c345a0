/**
 * Accuracy on compounds of many elements: node scripts/run.mjs bench/many-elements.ts [--epochs 40] [--seeds 1] [--markdown]
 * [SET …]. A tenth of the compositions of each set is held out; models are trained on the rest with the default settings,
 * with the settings that few elements get, and with a component of the embedding for each element. Beside them: E0 alone
 * (with zero forces and stress). Data are read from ../shared/data/mptrj_slice. Prints one JSON document, or tables.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom, evaluateFrames, type Frame, potentialOf, symbolOf } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining, writeFrames } from 'nearsight/node';

const { shrunkReferenceEnergies } = (await import(
  new URL('dist/training/many-elements.js', PACKAGE_ROOT).href
)) as typeof import('../src/training/many-elements.ts');

const DATA = new URL('../shared/data/mptrj_slice/', PACKAGE_ROOT).pathname;
const SETS: readonly { name: string; widest: boolean }[] = [
  { name: 'mptrj-random-1k', widest: false },
  { name: 'mpf-alkali-TP', widest: true },
];
const GPA_PER_EV_A3 = 160.21766;

interface Row {
  readonly set: string;
  readonly model: string;
  readonly seed: number | null;
  readonly seconds: number | null;
  readonly weights: number;
  readonly energy_mae_meV_per_atom: number;
  readonly energy_rmse_meV_per_atom: number;
  readonly force_mae_meV_per_A: number;
  readonly stress_mae_GPa: number;
}

/** H2O and H4O2 are one composition. */
function compositionOf({ structure }: Frame): string {
  const counts = new Map<number, number>();
  for (const z of structure.numbers) counts.set(z, (counts.get(z) ?? 0) + 1);
  const common = [...counts.values()].reduce(function divisor(a: number, b: number): number {
    return b === 0 ? a : divisor(b, a % b);
  });
  const sorted = [...counts].sort(([p], [q]) => p - q);
  return sorted.map(([z, n]) => `${symbolOf(z)}${n / common}`).join('');
}

/** A tenth of the compositions apart; of these only frames whose elements all occur in the rest. */
function heldOut(frames: readonly Frame[]): { readonly train: Frame[]; readonly test: Frame[] } {
  const names = [...new Set(frames.map(compositionOf))].sort();
  const order = createRandom(7).permutation(names.length);
  const apart = new Set(Array.from(order.subarray(0, Math.round(names.length / 10)), (k) => names[k]));
  const train = frames.filter((frame) => !apart.has(compositionOf(frame)));
  const known = new Set(train.flatMap(({ structure }) => [...structure.numbers]));
  const test = frames.filter((f) => apart.has(compositionOf(f)) && f.structure.numbers.every((z) => known.has(z)));
  return { train, test };
}

function referenceOnly(set: string, train: readonly Frame[], test: readonly Frame[]): Row {
  const elements = [...new Set(train.flatMap(({ structure }) => [...structure.numbers]))].sort((p, q) => p - q);
  const counts = ({ structure }: Frame): Float64Array =>
    Float64Array.from(elements, (z) => structure.numbers.reduce((sum, other) => sum + (other === z ? 1 : 0), 0));
  const E0 = shrunkReferenceEnergies(
    train.map(counts),
    train.map(({ labels }) => labels.energy!),
    elements.length,
  );
  const energies = test.map((frame) => {
    const said = counts(frame).reduce((sum, n, s) => sum + n * E0[s], 0);
    return (said - frame.labels.energy!) / frame.structure.numbers.length;
  });
  const mean = (values: readonly number[]): number => values.reduce((p, q) => p + Math.abs(q), 0) / values.length;
  return {
    set,
    model: 'E0 alone',
    seed: null,
    seconds: null,
    weights: elements.length,
    energy_mae_meV_per_atom: 1000 * mean(energies),
    energy_rmse_meV_per_atom: 1000 * Math.sqrt(mean(energies.map((e) => e * e))),
    force_mae_meV_per_A: 1000 * mean(test.flatMap(({ labels }) => [...labels.forces!])),
    stress_mae_GPa: GPA_PER_EV_A3 * mean(test.flatMap(({ labels }) => [...labels.stress!])),
  };
}

type Settings = NonNullable<Parameters<typeof runTraining>[0]['settings']>;

async function trained(
  set: string,
  model: string,
  file: string,
  test: readonly Frame[],
  settings: Settings,
): Promise<Row> {
  const out = `${file}.safetensors`;
  const began = performance.now();
  const run = runTraining({ data: [file], out, epochs, settings });
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  const seconds = (performance.now() - began) / 1000;
  const potential = potentialOf(step.value.model, await createEngine());
  const evaluation = evaluateFrames(potential, test);
  let errors = await evaluation.next();
  while (errors.done !== true) errors = await evaluation.next();
  potential.close();
  await rm(out);
  const { overall } = errors.value;
  return {
    set,
    model,
    seed: settings.seed ?? 1,
    seconds,
    weights: step.value.model.model.parameters.length,
    energy_mae_meV_per_atom: overall.energy_mae_meV_per_atom!,
    energy_rmse_meV_per_atom: overall.energy_rmse_meV_per_atom!,
    force_mae_meV_per_A: overall.force_mae_meV_per_A!,
    stress_mae_GPa: overall.stress_mae_GPa!,
  };
}

async function measure({ name, widest }: (typeof SETS)[number]): Promise<Row[]> {
  const { frames } = await readDataset(join(DATA, `${name}.extxyz.gz`));
  const { train, test } = heldOut(frames);
  const elements = new Set(train.flatMap(({ structure }) => [...structure.numbers])).size;
  process.stderr.write(`${name}: ${train.length} frames of ${elements} elements, ${test.length} held out\n`);
  const file = join(tmpdir(), `nearsight-${name}-${process.pid}.extxyz`);
  await writeFrames(file, train);
  const rows = [referenceOnly(name, train, test)];
  const few: Settings = { loss: { energy: 30, frameCap: Number.MAX_VALUE }, optimiser: { weightDecay: 0.02 } };
  for (let seed = 1; seed <= seeds; seed++) {
    const add = async (model: string, settings: Settings): Promise<void> => {
      rows.push(await trained(name, model, file, test, { ...settings, seed }));
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
    };
    await add('default', {});
    if (widest) await add('a component for each element', { model: { embedding: elements } });
    await add('loss as for few elements', few);
  }
  await rm(file);
  return rows;
}

function markdown(rows: readonly Row[]): string {
  const head =
    '| set | model | seed | weights | energy MAE (RMSE), meV/atom | force MAE, meV/Å | stress MAE, GPa | s |';
  const lines = rows.map((r) => {
    const energy = `${r.energy_mae_meV_per_atom.toFixed(0)} (${r.energy_rmse_meV_per_atom.toFixed(0)})`;
    const rest = [r.force_mae_meV_per_A.toFixed(0), r.stress_mae_GPa.toFixed(2), r.seconds?.toFixed(0) ?? '–'];
    return `| ${[r.set, r.model, r.seed ?? '–', r.weights, energy, ...rest].join(' | ')} |`;
  });
  return [head, '|---|---|---|---|---|---|---|---|', ...lines].join('\n');
}

const args = process.argv.slice(2);
const option = (name: string, fallback: number): number => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
};
const epochs = option('--epochs', 40);
const seeds = option('--seeds', 1);
const asMarkdown = args.includes('--markdown');
const wanted = args.filter((arg) => arg !== '--markdown');
if (!existsSync(DATA)) {
  process.stderr.write('no ../shared/data/mptrj_slice beside the project: nothing to do\n');
  process.exit(0);
}
const rows: Row[] = [];
for (const set of SETS) if (wanted.length === 0 || wanted.includes(set.name)) rows.push(...(await measure(set)));
process.stdout.write(asMarkdown ? `${markdown(rows)}\n` : `${JSON.stringify({ epochs, rows }, null, 2)}\n`);
process.exit(0);
