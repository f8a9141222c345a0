import { basename } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomically } from '../node/files.ts';
import { gatherReport } from '../node/report.ts';
import { gradeOf, gradeSentence, methodsDraft, renderReport, verdictSentence } from '../report/index.ts';
import { describeChecks } from './checks.ts';
import { addInputFlags, type InputFlags, keepInputs, openDatasets, withModel } from './inputs.ts';
import { followed } from './progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, today } from './session.ts';
import { parseTemperature } from './values.ts';

interface ReportFlags extends CommonFlags, InputFlags {
  readonly data: readonly string[];
  readonly train: readonly string[];
  readonly temperature: number;
  readonly name?: string;
  readonly purpose?: string;
  readonly level?: string;
  readonly methods?: string;
  readonly quick?: boolean;
}

const DEFAULT_OUT = 'report.html';

const HELP = `
Example:
  nearsight report model.safetensors --data test.extxyz --purpose "elastic constants of Si up to 900 K"

The report holds what the model file knows (learning curve, calibration, domain, settings, origin) and what is found out
now: errors, uncertainties and parity on the frames of --data, every check of "validate", a short NVE run after
equilibration, and the speed here. Training data that lie beside the model, beside the data or in the present folder are
found by name and content: then it also says what they hold, whether test frames have relatives among them, and what the
data doctor thinks of them. It begins with a grade from A to E and the reasons for it, and ends with the draft of a methods
section. It is one HTML file that needs nothing else. Exit code 1 when a check fails.`;

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .summary('the trust report: everything about a model on one page')
    .description('Writes the trust report of a model as one self-contained HTML file.')
    .argument('<model>', 'model file (.safetensors)')
    .optionsGroup('Report:')
    .option('--data <file...>', 'labelled frames that the model was not trained on', [])
    .option('--train <file...>', 'training data of the model, where they are not beside it or beside the data', [])
    .option('--purpose <text>', 'what the model is wanted for: it is held against the training data')
    .option('--level <text>', 'level of theory of the labels: functional, basis or cutoff energy, k-points, code')
    .option('--temperature <K>', 'of the molecular dynamics run', parseTemperature, 300)
    .option('--name <text>', 'name of the potential; the name of the file when absent')
    .option('--quick', 'leave out the checks that take long: locality, stability, relaxation, phonons')
    .option('--methods <file>', 'write the draft of a methods section as plain text, too');
  addInputFlags(command);
  addCommonFlags(command, 'write the report here', DEFAULT_OUT)
    .addHelpText('after', HELP)
    .action((model: string, flags: ReportFlags) =>
      runCommand(flags, (session) => reportCommand(session, model, flags)),
    );
}

async function reportCommand(session: Session, path: string, flags: ReportFlags): Promise<number> {
  const out = flags.out ?? DEFAULT_OUT;
  keepInputs([path, ...flags.data, ...flags.train], [out, flags.methods]);
  const datasets = await openDatasets(session, flags.data, flags);
  return withModel(path, flags.threads, async ({ file, potential }) => {
    const work = gatherReport({
      ...{ path, file, potential, data: datasets, train: flags.train },
      ...{ name: flags.name ?? basename(path, '.safetensors'), date: today() },
      ...{ purpose: flags.purpose, levelOfTheory: flags.level, temperature: flags.temperature },
      ...{ quick: flags.quick, seed: flags.seed, threads: flags.threads, signal: session.signal },
    });
    const { data, checks, warnings } = await followed(session.progress('report'), work, ({ stage, done, total }) => ({
      ...{ done, total, note: stage },
    }));
    for (const warning of warnings) session.warn(warning);
    session.signal.throwIfAborted();
    await writeFileAtomically(out, renderReport(data));
    if (flags.methods !== undefined) await writeFileAtomically(flags.methods, `${methodsDraft(data)}\n`);
    const failed = checks.filter((check) => check.verdict === 'fail').length;
    const grade = gradeOf(data)!;
    const verdict = verdictSentence(data);
    const document = { report: out, methods: flags.methods ?? null, verdict, grade, checks };
    const lines = [describeChecks(checks, session.colour), verdict, gradeSentence(grade), `report: ${out}`];
    session.print(document, lines.join('\n'));
    return failed === 0 ? 0 : 1;
  });
}
