/**
 * What estimators of uncertainty are worth, all of them calibrated and judged on the same frames: heads of one model,
 * four separate models, and single-model distances. Prints one JSON document, or Markdown tables with --markdown.
 *   node scripts/run.mjs bench/uncertainty.ts [--time 40] [--seeds 1] [--heads-only] [--made] [--keep FOLDER] [Si Ge Mo 3BPA]
 * Data are read from ../shared/data: mlearn (Ge and Mo have no test set: 15 % are split off, seed 7) and 3BPA (300 K
 * training; every tenth frame of the tests at 300 K and 600 K). A tenth of the training frames is held out to calibrate
 * on, with the seed of the training. Test frames only judge. --heads-only leaves the separate models out;
 * --made takes heads as a training makes them that nobody asked for a committee: for molecules they are made from one. Coverage counts labels that symmetry does not fix;
 * "all" counts every label.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CalibrationMetrics,
  calibrate,
  collectResiduals,
  committeeJudge,
  coverage,
  createRandom,
  estimatorJudge,
  type Frame,
  intervalFactor,
  type Judge,
  judgeFrames,
  type LoadedPotential,
  lastLayerEstimator,
  type ModelFile,
  mahalanobisEstimator,
  metricsOf,
  modelsCommittee,
  nearestEstimator,
  openDomain,
  openUncertainty,
  type Potential,
  potentialOf,
  scores,
  sigmaOf,
  splitByGroup,
} from 'nearsight';
import { createEngine, PACKAGE_ROOT, readDataset, readModel, runTraining, writeFrames } from 'nearsight/node';

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
const seconds = Number(option('--time', '40'));
const seeds = Number(option('--seeds', '1'));
const kept = option('--keep', '');
const headsOnly = flag('--heads-only');
const made = flag('--made');
const markdown = flag('--markdown');
const SETS = args.length > 0 ? args : ['Si', 'Ge', 'Mo', '3BPA'];
const MEMBERS = 4;

const folder = kept === '' ? mkdtempSync(join(tmpdir(), 'nearsight-uncertainty-')) : kept;
mkdirSync(folder, { recursive: true });
process.on('exit', () => {
  if (kept === '') rmSync(folder, { recursive: true, force: true });
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const read = async (name: string): Promise<readonly Frame[]> =>
  (await readDataset(new URL(`../shared/data/${name}`, PACKAGE_ROOT).pathname)).frames;

interface Task {
  readonly train: readonly Frame[];
  readonly tests: Readonly<Record<string, readonly Frame[]>>;
}

function parted(frames: readonly Frame[], fraction: number, seed: number): readonly Frame[][] {
  const { train, heldOut } = splitByGroup({ frames }, fraction, createRandom(seed));
  return [train, heldOut].map((part) => Array.from(part, (k) => frames[k]));
}

async function taskOf(set: string): Promise<Task> {
  if (set === '3BPA') {
    const [train, t300, t600] = await Promise.all(
      ['train_300K', 'test_300K', 'test_600K'].map((name) => read(`3bpa/${name}.extxyz.gz`)),
    );
    const tenth = (frames: readonly Frame[]): Frame[] => frames.filter((_, k) => k % 10 === 0);
    return { train, tests: { '300 K': tenth(t300), '600 K': tenth(t600) } };
  }
  const all = await read(`mlearn/${set}_train.extxyz.gz`);
  if (set !== 'Ge' && set !== 'Mo') return { train: all, tests: { test: await read(`mlearn/${set}_test.extxyz.gz`) } };
  const [train, test] = parted(all, 0.15, 7);
  return { train, tests: { test } };
}

const engine = await createEngine();

/** One trained model; a file that is there already is taken as it is. */
async function trained(name: string, data: readonly Frame[][], seed: number, heads: number): Promise<ModelFile> {
  const path = join(folder, `${name}.safetensors`);
  if (!existsSync(path)) {
    const files = ['train', 'validation'].map((part) => join(folder, `${name}-${part}.extxyz`));
    for (const [k, file] of files.entries()) await writeFrames(file, data[k]);
    const settings = { seed, ...(!(made && heads === MEMBERS) && { model: { heads } }) };
    const run = runTraining({ data: [files[0]], validation: files[1], out: path, seconds, settings });
    for (let next = await run.next(); next.done !== true; next = await run.next());
  }
  say(`${name}: trained`);
  return readModel(path);
}

interface Row {
  readonly set: string;
  readonly seed: number;
  readonly estimator: string;
  readonly test: string;
  readonly frames: number;
  /** Training frames that the calibration of forces took in. */
  readonly calibratedOn: { readonly heldOut: number; readonly train: number };
  /** Share of all labels in the 90 % interval, those that symmetry fixes included. */
  readonly coverage90OfAll: number;
  readonly forces: CalibrationMetrics;
  readonly energy: CalibrationMetrics | null;
  /** Time over that of one plain evaluation by the first model. */
  readonly cost: number;
}

/** Least time of three passes over some frames, ms. */
function timeOf(work: (frame: Frame) => void, frames: readonly Frame[]): number {
  const passes = [0, 1, 2, 3].map(() => {
    const began = performance.now();
    for (const frame of frames) work(frame);
    return performance.now() - began;
  });
  return Math.min(...passes);
}

interface Context {
  readonly set: string;
  readonly seed: number;
  readonly parts: readonly Frame[][];
  readonly tests: Task['tests'];
  readonly plain: Potential;
}

/** The model file as it is: heads with the aleatoric part that the training learned, and its own calibration. */
function rowsOfFile(file: ModelFile, potential: LoadedPotential, { set, seed, tests, plain }: Context): Row[] {
  const uncertainty = openUncertainty(file, potential);
  const law = uncertainty?.calibration.forces;
  if (!uncertainty || !law) return [];
  return Object.entries(tests).map(([test, frames]) => {
    const collector = collectResiduals();
    for (const frame of frames) {
      const { judged, noise } = uncertainty.of(frame.structure, { group: frame.group });
      collector.add(frame, judged, noise);
    }
    const { forces, energy } = collector.residuals();
    const some = frames.slice(0, 20);
    return {
      ...{ set, seed, estimator: 'model file', test, frames: frames.length, calibratedOn: law.frames },
      cost: timeOf((f) => uncertainty.of(f.structure), some) / timeOf((f) => plain.evaluate(f.structure), some),
      coverage90OfAll: coverage(scores(forces!.errors, sigmaOf(law, forces!)), intervalFactor(law, 0.9)!),
      forces: metricsOf(forces!, law)!,
      energy: energy && uncertainty.calibration.energy && metricsOf(energy, uncertainty.calibration.energy),
    };
  });
}

async function rowsOf(
  judge: Judge,
  estimator: string,
  {
    set,
    seed,
    parts,
    tests,
    plain,
  }: {
    readonly set: string;
    readonly seed: number;
    readonly parts: readonly Frame[][];
    readonly tests: Task['tests'];
    readonly plain: Potential;
  },
): Promise<Row[]> {
  const residuals = { train: await judgeFrames(judge, parts[0]), heldOut: await judgeFrames(judge, parts[1]) };
  const calibration = calibrate(judge.name, residuals, {
    frames: parts[1].length,
    atoms: 0,
    groups: [],
    how: 'split of the bench',
  });
  const law = calibration?.forces;
  if (!law) return [];
  const rows: Row[] = [];
  for (const [test, frames] of Object.entries(tests)) {
    const { forces, energy } = await judgeFrames(judge, frames);
    const some = frames.slice(0, 20);
    const cost = timeOf((f) => judge.judge(f.structure), some) / timeOf((f) => plain.evaluate(f.structure), some);
    rows.push({
      ...{ set, seed, estimator, test, frames: frames.length, calibratedOn: law.frames, cost },
      coverage90OfAll: coverage(scores(forces!.errors, sigmaOf(law, forces!)), intervalFactor(law, 0.9)!),
      forces: metricsOf(forces!, law)!,
      energy: calibration.energy === null || energy === null ? null : metricsOf(energy, calibration.energy),
    });
  }
  return rows;
}

/** All rows of one set and seed. */
async function measured(set: string, seed: number): Promise<Row[]> {
  const { train, tests } = await taskOf(set);
  const parts = parted(train, 0.1, seed);
  const name = `${set}-${seed}`;
  const file = await trained(`${name}-heads`, parts, seed, MEMBERS);
  const heads = potentialOf(file, engine);
  const context = { ...{ set, seed, parts, tests }, plain: heads };
  const rows = await rowsOf(committeeJudge(heads, 'heads'), `${MEMBERS} heads`, context);
  rows.push(...rowsOfFile(file, heads, context));
  const domain = openDomain(file.domain, heads);
  const layer = lastLayerEstimator(file, engine, parts[0]);
  const distances = domain === null ? [] : [mahalanobisEstimator(domain), nearestEstimator(domain)];
  for (const estimator of [...distances, ...(layer === null ? [] : [layer])]) {
    rows.push(...(await rowsOf(estimatorJudge(heads, estimator), estimator.name, context)));
  }
  layer?.close();
  if (!headsOnly) {
    const models: LoadedPotential[] = [];
    for (let k = 0; k < MEMBERS; k++)
      models.push(potentialOf(await trained(`${name}-model${k}`, parts, 1000 * seed + k, 1), engine));
    const judge = committeeJudge(modelsCommittee(models), 'models');
    rows.push(...(await rowsOf(judge, `${MEMBERS} models`, { ...context, plain: models[0] })));
    for (const model of models) model.close();
  }
  heads.close();
  return rows;
}

const rows: Row[] = [];
for (const set of SETS) for (let seed = 1; seed <= seeds; seed++) rows.push(...(await measured(set, seed)));
if (markdown) process.stdout.write(`${tableOf(rows)}\n`);
else process.stdout.write(`${JSON.stringify({ seconds, seeds, rows }, null, 2)}\n`);
process.exit(0);

function tableOf(all: readonly Row[]): string {
  const head =
    '| set | test | estimator | F RMSE | σ | 50 % | 90 % | 95 % | all 90 % | area | normal | Spearman | free | worst tenth | CRPS | NLL | ENCE | cost |';
  const percent = (share: number | undefined): string => (share === undefined ? '–' : (100 * share).toFixed(1));
  const lines = all.map(({ set, seed, test, estimator, forces: f, coverage90OfAll, cost }) => {
    const held = (stated: number): string => percent(f.coverage.find((c) => c.stated === stated)?.observed);
    const milli = (value: number): string => (1000 * value).toFixed(1);
    const cells = [
      `${set}${seeds > 1 ? ` ${seed}` : ''}`,
      test,
      estimator,
      milli(f.rmse),
      milli(f.sharpness),
      ...[held(0.5), held(0.9), held(0.95), percent(coverage90OfAll)],
      f.miscalibrationArea.toFixed(3),
      f.normalMiscalibrationArea.toFixed(3),
      `${f.spearman.toFixed(3)} ± ${f.spearmanError.toFixed(3)}`,
      f.spearmanFree.toFixed(3),
      percent(f.recallWorstTenth),
      milli(f.crps),
      f.nll.toFixed(2),
      f.ence.toFixed(2),
      cost.toFixed(2),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [head, `|${' --- |'.repeat(18)}`, ...lines].join('\n');
}
