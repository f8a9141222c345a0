import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Dataset } from '../data/index.ts';
import { symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { ErrorReport } from '../model/index.ts';
import { evaluateDatasets } from '../node/evaluate.ts';
import { writeFileAtomically } from '../node/files.ts';
import {
  cardOf,
  dataSummary,
  dynamicsOf,
  elementRows,
  errorRow,
  groupRows,
  learningOf,
  measureSpeed,
  parityOf,
  speciesOf,
} from '../node/report-parts.ts';
import { simulate } from '../node/simulate.ts';
import { checkModel, enlarged, lowestEnergy, representatives, stableCrystal } from '../node/trust.ts';
import { VERSION } from '../node/version.ts';
import { type ReportData, renderReport, verdictSentence } from '../report/index.ts';
import type { Structure } from '../structure/index.ts';
import type { CheckResult } from '../validation/index.ts';
import { describeChecks } from './checks.ts';
import { addInputFlags, type InputFlags, type OpenModel, openDatasets, trainedOn, withModel } from './inputs.ts';
import type { Progress } from './progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, today } from './session.ts';
import { parseTemperature } from './values.ts';

interface ReportFlags extends CommonFlags, InputFlags {
  readonly data: readonly string[];
  readonly temperature: number;
  readonly name?: string;
}

const DEFAULT_OUT = 'report.html';

const HELP = `
Example:
  nearsight report model.safetensors --data test.extxyz --out report.html

The report holds what the model file knows (learning curve, errors, settings, origin) and what is found out now: errors
and parity on the frames of --data, every check of "validate", a short NVE run after equilibration, and the speed here.
It is one HTML file that needs nothing else. Exit code 1 when a check fails.`;

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .summary('the trust report: everything about a model on one page')
    .description('Writes the trust report of a model as one self-contained HTML file.')
    .argument('<model>', 'model file (.safetensors)')
    .optionsGroup('Report:')
    .option('--data <file...>', 'labelled frames that the model was not trained on', [])
    .option('--temperature <K>', 'of the molecular dynamics run', parseTemperature, 300)
    .option('--name <text>', 'name of the potential; the name of the file when absent');
  addInputFlags(command);
  addCommonFlags(command, 'write the report here', DEFAULT_OUT)
    .addHelpText('after', HELP)
    .action((model: string, flags: ReportFlags) =>
      runCommand(flags, (session) => reportCommand(session, model, flags)),
    );
}

async function reportCommand(session: Session, path: string, flags: ReportFlags): Promise<number> {
  const out = flags.out ?? DEFAULT_OUT;
  return withModel(path, flags.threads, async (model) => {
    const progress = session.progress('report');
    const { data, checks } = await gather(model, flags, {
      name: flags.name ?? basename(path, '.safetensors'),
      session,
      progress,
    });
    progress.end();
    session.signal.throwIfAborted();
    await writeFileAtomically(out, renderReport(data));
    const failed = checks.filter((check) => check.verdict === 'fail').length;
    const document = { report: out, verdict: verdictSentence(data), checks };
    session.print(document, [describeChecks(checks, session.colour), document.verdict, `report: ${out}`].join('\n'));
    return failed === 0 ? 0 : 1;
  });
}

async function gather(
  { file, potential }: OpenModel,
  flags: ReportFlags,
  to: { readonly name: string; readonly session: Session; readonly progress: Progress },
): Promise<{ readonly data: ReportData; readonly checks: readonly CheckResult[] }> {
  const { session, progress } = to;
  const { signal } = session;
  const { errors } = file.provenance;
  const datasets = await openDatasets(session, flags.data, flags);
  const frames = datasets.flatMap((dataset) => dataset.frames);
  const structures = frames.length > 0 ? representatives(frames) : [stableCrystal(potential)];
  const start = enlarged(frames.length > 0 ? lowestEnergy(frames).structure : structures[0]);
  const found = await evaluated(potential, datasets, { signal, progress });
  // Frames that were trained on prove nothing.
  const known = trainedOn(file, datasets);
  if (known.length > 0) session.warn(`the model was trained on ${known.join(', ')}: these errors are no test`);
  const test = known.length > 0 ? null : found;
  const checks = await last(checkModel(potential, structures, { seed: flags.seed, signal }), (step) =>
    progress.update({ ...step, note: 'checks' }),
  );
  const run = await survived(
    last(simulate(dynamics(potential, start, flags, signal)), ({ sample, steps, phase }) =>
      progress.update({ done: sample.step, total: steps, unit: 'steps', note: phase }),
    ),
  );
  const results = run instanceof NearsightError ? [...checks, exploded(run, flags.temperature)] : checks;
  const learning = learningOf(file);
  const species = speciesOf(file.model);
  const data: ReportData = {
    schema: 1,
    name: to.name,
    elements: file.model.elements.map(symbolOf),
    date: today(),
    generator: `nearsight ${VERSION}`,
    speed: measureSpeed(potential, start, flags.threads),
    ...(datasets.length > 0 && { data: dataSummary(joined(datasets), { split: file.provenance.split.description }) }),
    ...(learning && { learning }),
    errors: {
      ...(errors.train !== null && { train: errorRow('training', errors.train) }),
      ...(errors.validation !== null && { validation: errorRow('validation', errors.validation) }),
      ...(test !== null
        ? { test: errorRow('held-out', test.overall), groups: groupRows(test), elements: elementRows(test) }
        : errors.test !== undefined && { test: errorRow('held-out', errors.test) }),
    },
    ...(found !== null && { parity: parityOf(test === null ? { train: found } : { test: found }) }),
    checks: results,
    ...(!(run instanceof NearsightError) && { dynamics: dynamicsOf(run, 'NVE', flags.temperature) }),
    ...(species && { species }),
    card: cardOf(file),
  };
  return { data, checks: results };
}

/** What came of a simulation; one that exploded is a finding about the potential, not the end of the report. */
async function survived<Result>(work: Promise<Result>): Promise<Result | NearsightError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NearsightError && ['md-exploded', 'atoms-too-close'].includes(error.code)) return error;
    throw error;
  }
}

/** The failed check that an exploded simulation stands for. */
function exploded({ message }: NearsightError, temperature: number): CheckResult {
  return {
    id: 'dynamics',
    group: 'dynamics',
    question: `Do the atoms stay together through six picoseconds from ${temperature} K?`,
    unit: 'explosions',
    value: 1,
    limit: 0,
    limitReason: 'a simulation that explodes says nothing of the material',
    source: 'the simulation of this report',
    verdict: 'fail',
    reason: message,
  };
}

async function evaluated(
  potential: OpenModel['potential'],
  datasets: readonly Dataset[],
  to: { readonly signal: AbortSignal; readonly progress: Progress },
): Promise<ErrorReport | null> {
  if (datasets.length === 0) return null;
  return last(evaluateDatasets(potential, datasets, to.signal), ({ done, of }) =>
    to.progress.update({ done, total: of, unit: 'frames', note: 'errors' }),
  );
}

const joined = (datasets: readonly Dataset[]): Dataset => ({
  frames: datasets.flatMap((dataset) => dataset.frames),
  source: datasets.map((dataset) => dataset.source).join(', '),
  sha256: datasets.length === 1 ? datasets[0].sha256 : '',
});

/** A picosecond to equilibrate, five to look. */
function dynamics(
  potential: OpenModel['potential'],
  structure: Structure,
  flags: ReportFlags,
  signal: AbortSignal,
): Parameters<typeof simulate>[0] {
  const { temperature, seed } = flags;
  const shared = { structure, potential, temperature, seed, signal };
  return { ...shared, ensemble: 'nve', time: 5000, equilibration: 1000, every: 10 };
}

/** The result of long work, each step of which is told. */
async function last<Step, Result>(work: AsyncGenerator<Step, Result>, tell: (step: Step) => void): Promise<Result> {
  let next = await work.next();
  for (; !next.done; next = await work.next()) tell(next.value);
  return next.value;
}
