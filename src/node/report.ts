/** Everything that the trust report says of a model, found out. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findLeakage, inspectDataset, type Leakage } from '../curation/index.ts';
import type { Dataset } from '../data/index.ts';
import { symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { LoadedPotential, ModelFile } from '../model/index.ts';
import { type Finding, type ReportData, scopeOf } from '../report/index.ts';
import { openDomain } from '../uncertainty/index.ts';
import { allChecks, type CheckResult } from '../validation/index.ts';
import { createEngine } from './engine.ts';
import { evaluateDatasets } from './evaluate.ts';
import { dynamicsPlan, exploded, survived } from './report-dynamics.ts';
import { errorsOf } from './report-errors.ts';
import { localityReport } from './report-locality.ts';
import { cardOf, dataSummary, dynamicsOf, learningOf, measureSpeed, parityOf, speciesOf } from './report-parts.ts';
import { type ReportStep, staged } from './report-step.ts';
import { domainOf, methodOf, uncertaintyOf } from './report-trust.ts';
import { simulate } from './simulate.ts';
import { findTrainingData, namedTrainingData, takesMinutes, unflagged } from './training-data.ts';
import { checkModel, heatOf, knownMinimum, lowestEnergy, representatives, stableCrystal } from './trust.ts';
import { VERSION } from './version.ts';

export interface ReportRequest {
  /** Path of the model file, and what was read from it. */
  readonly path: string;
  readonly file: ModelFile;
  readonly potential: LoadedPotential;
  /** Labelled frames; those that the model was trained on count as no test. */
  readonly data: readonly Dataset[];
  /** Training data of the model; looked for beside the model and the data when empty. */
  readonly train: readonly string[];
  readonly name: string;
  readonly date: string;
  readonly purpose?: string | undefined;
  readonly levelOfTheory?: string | undefined;
  /** Of the molecular dynamics run, K. */
  readonly temperature: number;
  readonly seed: number;
  readonly threads: number;
  /** Leaves out the checks that take long. */
  readonly quick?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReportResult {
  readonly data: ReportData;
  readonly checks: readonly CheckResult[];
  /** What was left out or must be known of it. */
  readonly warnings: readonly string[];
}

/** The data doctor looks at no more atoms than this: it would take minutes. */
const MOST_DOCTORED = 500_000;

/**
 * Errors, uncertainties, domain, checks, dynamics and speed of a model, what its training data hold where they are
 * found, and what its file says.
 * @throws NearsightError `not-training-data`, `structures-needed`, what the evaluation throws; the signal's reason
 */
export async function* gatherReport(request: ReportRequest): AsyncGenerator<ReportStep, ReportResult> {
  const { file, potential, data, signal } = request;
  const training = await trainingOf(request);
  const known = trainedOn(file, data);
  const tested = known.length > 0 ? [] : data;
  const frames = data.flatMap((dataset) => dataset.frames);
  const found =
    data.length === 0 ? null : yield* staged('errors', evaluateDatasets(potential, data, signal), framesDone);
  const leaks = yield* leakageOf(tested, training);
  const rest = leaks === null ? null : unflagged(tested, leaks);
  const strict =
    rest === null
      ? null
      : yield* staged('errors without relatives', evaluateDatasets(potential, rest, signal), framesDone);
  yield { stage: 'uncertainty', done: 0, total: 1 };
  const uncertainty = await uncertaintyOf(file, potential, tested.length > 0 ? frames : [], signal);
  const domain = openDomain(file.domain, potential);
  const structures = frames.length > 0 ? representatives(frames) : [stableCrystal(potential)];
  const trained = training?.flatMap((dataset) => dataset.frames) ?? null;
  const kernel = await createEngine(1);
  const minimum = knownMinimum([...(trained ?? []), ...frames]);
  const checks = yield* staged(
    'checks',
    checkModel(potential, structures, {
      ...{ seed: request.seed, signal, kernel, ...heatOf(trained ?? frames) },
      ...(minimum !== null && { minimum }),
      ...(tested.length > 0 && { labelled: frames }),
      ...(request.quick === true && { checks: allChecks.filter(({ slow }) => slow !== true) }),
    }),
    (step) => step,
  );
  const plan = dynamicsPlan(request, frames.length > 0 ? lowestEnergy(frames).structure : structures[0]);
  const run = yield* survived(simulate(plan));
  signal?.throwIfAborted();
  const results = run instanceof NearsightError ? [...checks, exploded(run, request.temperature)] : checks;
  const learning = learningOf(file);
  const species = speciesOf(file.model);
  const locality = await localityReport(potential, minimum ?? (frames.length === 0 ? structures[0] : null), checks);
  const report: ReportData = {
    schema: 1,
    name: request.name,
    elements: file.model.elements.map(symbolOf),
    date: request.date,
    generator: `nearsight ${VERSION}`,
    speed: measureSpeed(potential, plan.structure, request.threads),
    ...dataOf(request, training, await doctored(training)),
    ...(learning && { learning }),
    errors: errorsOf(file, {
      ...{ test: tested.length > 0 ? found : null, strict, leaks },
      labelled: tested.length > 0 ? tested : (training ?? []),
    }),
    ...(found !== null && { parity: parityOf(known.length > 0 ? { train: found } : { test: found }) }),
    checks: results,
    ...(!(run instanceof NearsightError) && { dynamics: dynamicsOf(run, 'NVE', request.temperature) }),
    ...(species && { species }),
    card: cardOf(file, {
      sha256: createHash('sha256')
        .update(await readFile(request.path))
        .digest('hex'),
    }),
    ...(request.purpose !== undefined && { purpose: request.purpose }),
    ...(trained !== null && { scope: scopeOf(trained, { sources: sourcesOf(file) }) }),
    ...(uncertainty !== null && { uncertainty }),
    ...(domain !== null && { domain: domainOf(domain, data, trained === null ? null : { frames: trained, kernel }) }),
    locality,
    method: methodOf(file, request.levelOfTheory === undefined ? {} : { levelOfTheory: request.levelOfTheory }),
  };
  return { data: report, checks: results, warnings: warningsOf(request, { known, training, leaks, tested }) };
}

const sourcesOf = ({ provenance }: ModelFile): string[] => provenance.dataset.map(({ source }) => source);
const framesDone = ({ done, of }: { readonly done: number; readonly of: number }): Omit<ReportStep, 'stage'> => ({
  done,
  total: of,
});

/** Files whose very bytes the model was trained (or validated) on. */
function trainedOn({ provenance }: ModelFile, datasets: readonly Dataset[]): string[] {
  const known = new Set(provenance.dataset.map(({ sha256 }) => sha256));
  return datasets.filter(({ sha256 }) => known.has(sha256)).map(({ source }) => source);
}

async function trainingOf({ file, path, data, train }: ReportRequest): Promise<Dataset[] | null> {
  if (train.length > 0) return namedTrainingData(file, train);
  const folders = [path, ...data.map(({ source }) => source)].map((one) => dirname(one));
  return findTrainingData(file, [...folders, '.']);
}

async function* leakageOf(
  tested: readonly Dataset[],
  training: readonly Dataset[] | null,
): AsyncGenerator<ReportStep, Leakage | null> {
  const train = training?.flatMap((dataset) => dataset.frames) ?? [];
  const test = tested.flatMap((dataset) => dataset.frames);
  if (train.length === 0 || test.length === 0 || takesMinutes(train, test)) return null;
  const search = findLeakage({ frames: train }, { frames: test }, { kernel: await createEngine(1) });
  return yield* staged('leakage', search, (step) => step);
}

/** Of the training data where they are at hand, else of the given frames. */
function dataOf(
  { file, data, levelOfTheory }: ReportRequest,
  training: readonly Dataset[] | null,
  findings: Finding[] | null,
): Pick<ReportData, 'data'> {
  const shown = training ?? data;
  if (shown.length === 0) return {};
  const more = {
    ...(training !== null && { split: file.provenance.split.description }),
    ...(levelOfTheory !== undefined && { levelOfTheory }),
    ...(findings !== null && { findings }),
  };
  return { data: dataSummary(joined(shown), more) };
}

/** What the data doctor says of the training data; null where nobody has them, or they are too many. */
async function doctored(training: readonly Dataset[] | null): Promise<Finding[] | null> {
  if (training === null) return null;
  const dataset = joined(training);
  const atoms = dataset.frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  if (atoms > MOST_DOCTORED) return null;
  const { findings } = inspectDataset(dataset, await createEngine(1));
  return findings.map(({ code, severity, frame, message }) => ({
    code,
    severity: severity === 'note' ? 'info' : severity,
    message,
    ...(frame !== null && { frame }),
  }));
}

const joined = (datasets: readonly Dataset[]): Dataset => ({
  frames: datasets.flatMap((dataset) => dataset.frames),
  source: datasets.map((dataset) => dataset.source).join(', '),
  sha256: datasets.length === 1 ? datasets[0].sha256 : '',
});

function warningsOf(
  { path, quick }: ReportRequest,
  found: {
    readonly known: readonly string[];
    readonly training: readonly Dataset[] | null;
    readonly leaks: Leakage | null;
    readonly tested: readonly Dataset[];
  },
): string[] {
  const { known, training, leaks, tested } = found;
  const warnings: string[] = [];
  if (known.length > 0) warnings.push(`the model was trained on ${known.join(', ')}: these errors are no test`);
  if (training === null) {
    warnings.push(`the training data of ${path} were not found: name them with --train for scope, leakage and doctor`);
  } else if (leaks === null && tested.length > 0) {
    warnings.push('leakage was not looked for: with so many atoms it takes minutes; see nearsight data leakage');
  }
  if (quick === true) warnings.push(`without the checks that take long: ${SLOW.join(', ')}`);
  return warnings;
}

const SLOW = allChecks.filter(({ slow }) => slow === true).map(({ id }) => id);
