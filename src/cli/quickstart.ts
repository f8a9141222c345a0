import { join } from 'node:path';
import type { Command } from 'commander';
import { formatError } from '../errors.ts';
import { type QuickstartResult, type QuickstartStep, quickstart } from '../node/quickstart.ts';
import { errorRow, groupRows } from '../node/report-parts.ts';
import type { SimulationResult } from '../node/simulate.ts';
import {
  formatChecks,
  formatErrorRows,
  formatNumber,
  formatTable,
  gradeOf,
  type PropertyReport,
  type SpeedSummary,
} from '../report/index.ts';
import { formatDuration, type Progress } from './progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, today } from './session.ts';
import { stageOf } from './train.ts';
import { parseDuration } from './values.ts';

interface QuickstartFlags extends CommonFlags {
  readonly time: number;
}

const DEFAULT_OUT = join('runs', 'quickstart');

const HELP = `
Example:
  nearsight quickstart --time 40s --out runs/quickstart

Data: 149 frames of silicon (8 and 16 atoms, PBE), labelled with energies, forces and stresses. What happens: the data
are inspected; a part is held out, and what in it has relatives in the rest is counted; a potential is trained; its
errors on held-out frames are measured, with and without relatives; it is put to every check; its equation of state,
elastic constants and stress–strain lines are compared with DFT; 512 atoms move for some picoseconds. A model file and
two pages, one about the model and one about the data, are left in the folder of --out.`;

export function addQuickstart(program: Command): void {
  const command = program
    .command('quickstart')
    .summary('the whole way on the silicon data that come with it, in two minutes')
    .description('From DFT data to a potential that can be trusted: everything once, on silicon.')
    .optionsGroup('Quickstart:')
    .option('--time <duration>', 'time for the training (default: 40s)', parseDuration, 40);
  addCommonFlags(command, 'folder for model, report and split data', DEFAULT_OUT)
    .addHelpText('after', HELP)
    .action((flags: QuickstartFlags) => runCommand(flags, (session) => quickstartCommand(session, flags)));
}

async function quickstartCommand(session: Session, flags: QuickstartFlags): Promise<undefined> {
  const { seed, threads, time: seconds, out = DEFAULT_OUT } = flags;
  const progress = createStages(session);
  const work = quickstart({ out, seconds, seed, threads, date: today(), signal: session.signal });
  const print = (text: string): void => {
    progress.end();
    if (flags.json !== true && text !== '') process.stdout.write(`${text}\n`);
  };
  print('nearsight quickstart: silicon, from DFT data to a potential that can be trusted\n');
  try {
    let next = await work.next();
    for (; !next.done; next = await work.next()) {
      const step = next.value;
      if (step.kind === 'progress') progress.update(step.stage, { done: step.done, total: step.total });
      else if (step.kind === 'training-progress') progress.update('training', stageOf(step.progress));
      else if (step.kind === 'skipped') {
        progress.end();
        session.warn(`${step.stage} left out: ${formatError(step.reason)}`);
      } else print(`${tell(step, session.colour)}\n`);
    }
    session.print(documentOf(next.value), farewell(next.value));
    return undefined;
  } finally {
    progress.end();
  }
}

interface Stages {
  update(stage: string, at: Parameters<Progress['update']>[0]): void;
  end(): void;
}

/** A progress line for each stage, one after the other. */
function createStages(session: Session): Stages {
  let present: { readonly name: string; readonly line: Progress } | null = null;
  return {
    update(name, at) {
      if (present?.name !== name) {
        present?.line.end();
        present = { name, line: session.progress(name) };
      }
      present.line.update(at);
    },
    end() {
      present?.line.end();
      present = null;
    },
  };
}

type Told = Exclude<QuickstartStep, { kind: 'progress' | 'training-progress' | 'skipped' }>;

/** A stage as a paragraph. */
function tell(step: Told, colour: boolean): string {
  switch (step.kind) {
    case 'data':
      return tellData(step);
    case 'training': {
      const { epochs, seconds, model } = step.result;
      const weights = formatNumber(model.model.parameters.length, { decimals: 0 });
      return `TRAINING  ${epochs} epochs in ${formatDuration(seconds)}; ${weights} weights, cutoff ${model.model.shape.cutoff} Å`;
    }
    case 'errors': {
      const strict = step.leakFree === null ? [] : [errorRow('no relatives', step.leakFree.overall)];
      const rows = [errorRow('all', step.test.overall), ...strict, ...groupRows(step.test)];
      return `ERRORS on held-out frames (E energy, F forces, S stress)\n\n${formatErrorRows(rows, { colour })}`;
    }
    case 'trust':
      return tellTrust(step);
    case 'checks': {
      const failed = step.checks.filter((check) => check.verdict === 'fail');
      const skipped = step.checks.filter((check) => check.verdict === 'skipped').length;
      const asked = step.checks.length - skipped;
      const head = `CHECKS    ${asked - failed.length} of ${asked} pass: symmetries, derivatives, cutoff and size, two and three atoms alone, atoms that move`;
      return failed.length === 0 ? head : `${head}\n\n${formatChecks(failed, { colour })}`;
    }
    case 'properties':
      return tellProperties(step.properties.report, colour);
    case 'dynamics':
      return tellDynamics(step.run, step.speed);
  }
}

function tellData({ study, split, leakage }: Extract<Told, { kind: 'data' }>): string {
  const { inspection, outliers } = study;
  const complaints = inspection.findings.filter((finding) => finding.severity !== 'note');
  const verdicts = Object.values(inspection.verdicts);
  const settled = verdicts.filter(({ verdict }) => verdict === 'ok').length;
  const related = leakage.flagged.length;
  const facts = [
    `${inspection.frames} frames, ${formatNumber(inspection.atoms, { decimals: 0 })} atoms, ${inspection.groups.length} groups, PBE`,
    `units, signs and order of the labels: ${settled} of ${verdicts.length} conventions confirmed by the data themselves`,
    ...complaints.map((finding) => `${finding.severity}: ${finding.message}`),
    outliers === null
      ? 'labels were not searched for outliers'
      : `${outliers.outliers.length || 'no'} labels contradict the others`,
    `${split.train.frames.length} frames for training, ${split.validation.frames.length} for validation, ${split.test.frames.length} held out for the test; neighbours in a series stay together`,
    related === 0
      ? 'no test frame is a relative of a training frame'
      : `${related} test frames have relatives in training (the same run, sites or strain): errors stand below with and without them`,
  ];
  return facts.map((fact, k) => `${k === 0 ? 'DATA      ' : '          '}${fact}`).join('\n');
}

function tellTrust({ uncertainty, domain }: Extract<Told, { kind: 'trust' }>): string {
  const lines: string[] = [];
  const metrics = uncertainty?.forces?.given?.metrics;
  const held = metrics?.coverage.find(({ stated }) => stated === 0.9)?.observed;
  if (uncertainty === null) lines.push('the model says nothing of its errors');
  else if (!uncertainty.calibrated) lines.push('too few frames to calibrate what the model says of its errors');
  else if (metrics !== undefined && held !== undefined) {
    const share = formatNumber(100 * held, { decimals: 1 });
    const rank = formatNumber(metrics.spearman, { digits: 2 });
    lines.push(
      `${uncertainty.estimator}, calibrated: 90 % intervals hold ${share} % of the held-out force components; rank correlation with the error ${rank}`,
    );
  }
  if (domain !== null) {
    const { atoms, atomsOutside } = domain;
    lines.push(
      `${atomsOutside === 0 ? 'all' : atoms - atomsOutside} of ${atoms} held-out atoms are inside the training domain`,
    );
  }
  return lines.map((line, k) => `${k === 0 ? 'TRUST     ' : '          '}${line}`).join('\n');
}

function tellProperties({ table = [] }: PropertyReport, colour: boolean): string {
  const show = (value: number | undefined): string => formatNumber(value, { digits: 4 });
  const text = formatTable(
    table,
    [
      { header: '', cell: (row) => row.name },
      { header: 'potential', align: 'right', cell: (row) => show(row.value) },
      { header: 'PBE', align: 'right', cell: (row) => show(row.reference) },
      { header: 'experiment', align: 'right', cell: (row) => show(row.experiment) },
      { header: 'unit', cell: (row) => row.unit },
    ],
    { colour },
  );
  return `PROPERTIES (PBE: from the same strained cells)\n\n${text}`;
}

function tellDynamics(run: SimulationResult, speed: SpeedSummary): string {
  const drift =
    run.drift === null
      ? ''
      : `; energy drifts by ${formatNumber(run.drift.drift_meV_per_atom_per_ps, { digits: 1 })} meV/atom/ps`;
  const faster = Number((speed.timesFasterThanDft ?? Number.NaN).toPrecision(2));
  return [
    `DYNAMICS  ${run.atoms} atoms, ${formatNumber(run.last.time / 1000, { trim: true })} ps without thermostat at ${run.temperature.toFixed(0)} ± ${run.temperatureDeviation.toFixed(0)} K${drift}`,
    `SPEED     ${formatNumber(speed.microsecondsPerAtom)} µs per atom on one core: ${formatNumber(faster, { digits: 2 })} times faster than the DFT (per atom)`,
  ].join('\n');
}

function documentOf({ files, test, leakFree, checks, report, seconds }: QuickstartResult): object {
  const count = (verdict: string): number => checks.filter((check) => check.verdict === verdict).length;
  return {
    model: files.model,
    report: files.report,
    data_report: files.dataReport,
    data: { train: files.train, validation: files.validation, test: files.test },
    test: { ...test.overall, groups: test.groups },
    leak_free: leakFree?.overall ?? null,
    grade: gradeOf(report)?.letter ?? null,
    checks: { passed: count('pass'), failed: count('fail'), skipped: count('skipped') },
    properties: report.properties?.table ?? [],
    drift_meV_per_atom_per_ps: report.dynamics?.driftMeVPerAtomPerPs ?? null,
    us_per_atom_on_one_core: report.speed?.microsecondsPerAtom ?? null,
    times_faster_than_dft: report.speed?.timesFasterThanDft ?? null,
    seconds,
  };
}

function farewell({ files, report, seconds }: QuickstartResult): string {
  const grade = gradeOf(report);
  return `${grade === undefined ? '' : `GRADE     ${grade.letter}: ${grade.meaning}; the report says why\n`}MODEL     ${files.model}
REPORT    ${files.report}  (open it in a browser)
DATA      ${files.dataReport}  (what is in the data, on a page of its own)

All of it took ${formatDuration(seconds)}. What to try next:
  npx nearsight md ${files.model} diamond:Si:5.47 --supercell 6x6x6 --temperature 1200 --time 5ps --equilibrate 1ps
  npx nearsight relax ${files.model} diamond:Si:5.3 --cell
  npx nearsight data inspect YOUR.extxyz
  npx nearsight train YOUR.extxyz --time 10min --out model.safetensors`;
}
