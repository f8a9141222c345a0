/**
 * How far must an atom see? Prints one JSON document, or with --markdown tables.
 *   node scripts/run.mjs bench/locality.ts scan [--set Si] [--epochs 250] [--seeds 3] [--cutoffs 3,3.5,4,4.5,5,5.5,6,6.5,7]
 *     potentials trained with default settings and each cutoff, their force error on the official test frames, and what
 *     `data locality` says of the training frames; saturation has the same definition in both
 *   node scripts/run.mjs bench/locality.ts data [FILE …]     `data locality` on other sets
 * Data are read from ../shared/data.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DataLocality, evaluateFrames, localityFromData, potentialOf, saturationOf } from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, runTraining } from 'nearsight/node';

const args = process.argv.slice(2);
const option = <T extends string | number>(name: string, fallback: T): T => {
  const at = args.indexOf(name);
  if (at < 0) return fallback;
  const [, text] = args.splice(at, 2);
  return (typeof fallback === 'number' ? Number(text) : text) as T;
};
const flag = (name: string): boolean => {
  const at = args.indexOf(name);
  if (at >= 0) args.splice(at, 1);
  return at >= 0;
};
const DATA = new URL('../shared/data/', PACKAGE_ROOT).pathname;
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const standardError = (values: readonly number[]): number =>
  values.length < 2
    ? 0
    : Math.sqrt(values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / (values.length - 1) / values.length);
const milli = (value: number): string => (1000 * value).toFixed(1);

async function finished<T>(work: AsyncGenerator<unknown, T>): Promise<T> {
  let next = await work.next();
  while (next.done !== true) next = await work.next();
  return next.value;
}

async function fromData(path: string): Promise<DataLocality> {
  say(`${path}: data locality …`);
  return finished(localityFromData((await readDataset(path)).frames, await createEngine(1)));
}

/** Force error on the test frames, root mean square, eV/Å. */
async function trainedError(set: string, cutoff: number, epochs: number, seed: number): Promise<number> {
  say(`${set}: cutoff ${cutoff} Å, seed ${seed} …`);
  const out = join(tmpdir(), `nearsight-locality-${process.pid}.safetensors`);
  const data = [join(DATA, `mlearn/${set}_train.extxyz.gz`)];
  const { model } = await finished(runTraining({ data, out, epochs, settings: { seed, model: { cutoff } } }));
  const potential = potentialOf(model, await createEngine());
  const test = (await readDataset(join(DATA, `mlearn/${set}_test.extxyz.gz`))).frames;
  const { overall } = await finished(evaluateFrames(potential, test));
  potential.close();
  return (overall.force_rmse_meV_per_A ?? Number.NaN) / 1000;
}

async function scan(): Promise<[object, string]> {
  const set = option('--set', 'Si');
  const epochs = option('--epochs', 250);
  const seeds = Array.from({ length: option('--seeds', 3) }, (_, k) => k + 1);
  const radii = option('--cutoffs', '3,3.5,4,4.5,5,5.5,6,6.5,7').split(',').map(Number);
  const errors: number[][] = [];
  for (const cutoff of radii) {
    const own: number[] = [];
    for (const seed of seeds) own.push(await trainedError(set, cutoff, epochs, seed));
    errors.push(own);
  }
  const means = errors.map(mean);
  const best = means.indexOf(Math.min(...means));
  // Seeds share nothing but the frames: errors of a difference are those of both.
  const uncertainty = errors.map((own) => Math.hypot(standardError(own), standardError(errors[best])));
  const trained = saturationOf({ radii, errors: means, uncertainty });
  const data = await fromData(join(DATA, `mlearn/${set}_train.extxyz.gz`));
  const rows = radii.map((radius, k) => {
    const linear = data.radii.find((one) => one.radius === radius);
    const fitted = linear === undefined ? '–' : `${milli(linear.error)} ± ${milli(linear.uncertainty)}`;
    const spread = errors[k].length > 1 ? ` ± ${milli(standardError(errors[k]))}` : '';
    return `| ${radius} | ${milli(means[k])}${spread} | ${fitted} |`;
  });
  const table = [
    '| radius, Å | trained potentials, test frames, meV/Å | linear models, held-out frames, meV/Å |',
    '|---|---|---|',
    ...rows,
    `| *saturated at* | ${trained.radius} Å | ${data.cutoff} Å (${data.interval.join('–')}) |`,
  ];
  const document = {
    set,
    epochs,
    seeds,
    radii,
    errors_eV_per_A: errors,
    trained,
    data,
    apart_A: Math.abs(trained.radius - data.cutoff),
  };
  return [document, table.join('\n')];
}

const OTHERS = ['mlearn/Cu_train.extxyz.gz', 'mlearn/Mo_train.extxyz.gz', 'kcl/train_100.extxyz.gz'];

async function others(): Promise<[object, string]> {
  const files = args.length > 0 ? args : OTHERS.map((file) => join(DATA, file));
  const found: { file: string; data: DataLocality }[] = [];
  for (const file of files) found.push({ file, data: await fromData(file) });
  const rows = found.map(
    ({ file, data }) =>
      `| ${file.replace(DATA, '')} | ${data.cutoff} (${data.interval.join('–')}) | ${data.saturated ? 'yes' : 'no'} | ` +
      `${milli(data.lowest)} at ${data.lowestAt} Å | ${data.far.map(({ radius, error }) => `${milli(error)} (${radius})`).join(', ')} |`,
  );
  const head = [
    '| file | cutoff, Å | saturated | lowest error, meV/Å | with pair forces up to (Å), meV/Å |',
    '|---|---|---|---|---|',
  ];
  return [{ found }, [...head, ...rows].join('\n')];
}

const task = args.shift() ?? 'scan';
const markdown = flag('--markdown');
const tasks: Readonly<Record<string, () => Promise<[object, string]>>> = { scan, data: others };
const chosen = tasks[task];
if (chosen === undefined) {
  say(`no task "${task}": ${Object.keys(tasks).join(', ')}`);
  process.exit(2);
}
const [document, table] = await chosen();
process.stdout.write(markdown ? `${table}\n` : `${JSON.stringify(document, null, 2)}\n`);
process.exit(0);
