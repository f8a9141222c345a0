import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Dataset, Frame, WritableFrame } from '../data/index.ts';
import { symbolOf } from '../elements.ts';
import type { ErrorReport, ErrorSummary, Prediction } from '../model/index.ts';
import type { Potential } from '../model/potential.ts';
import { evaluateDatasets } from '../node/evaluate.ts';
import { writeFileAtomically } from '../node/files.ts';
import { elementRows, errorRow, groupRows, parityOf } from '../node/report-parts.ts';
import { writeFrames } from '../node/structures.ts';
import { VERSION } from '../node/version.ts';
import { formatErrorRows, renderReport } from '../report/index.ts';
import { openAccount, openDomain, openUncertainty, type UncertaintyAccount } from '../uncertainty/index.ts';
import { describeUncertainty, uncertaintyDocument, withUncertainty } from './evaluate-uncertainty.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets, trainedOn, withModel } from './inputs.ts';
import { checkLeaks, type LeakCheck } from './leak-free.ts';
import { followed } from './progress.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session, today } from './session.ts';

interface EvaluateFlags extends CommonFlags, InputFlags {
  readonly plots?: string;
  readonly write?: string;
  readonly train?: string[];
  readonly leakage: boolean;
}

const HELP = `
Example:
  nearsight evaluate model.safetensors test.extxyz --plots plots --write predicted.extxyz

Errors are prediction minus label. Energies count per atom, forces and stresses per component (nine per stress).
Labels that a frame does not have count nowhere. --write keeps the labels of the file as they are and adds
predicted_energy (eV), predicted_stress (eV/Å³) and the columns predicted_forces (eV/Å); with a calibrated model also
energy_uncertainty (σ of the total energy, eV), force_uncertainty (σ of the force components of an atom, eV/Å) and
domain_distance (of the atom farthest from the training data, σ).

Frames that are in the training data already (twins, and frames of the same trajectory: see nearsight data leakage) make
errors look better than they are; then the errors without them stand beside. The training data are looked for beside the
model and the test data by their names and contents.`;

export function addEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .summary('errors of a model on labelled frames')
    .description('Compares a model with the labels of some frames: overall, per group and per element.')
    .argument('<model>', 'model file (.safetensors)')
    .argument('<data...>', DATA)
    .optionsGroup('Evaluation:')
    .option('--plots <folder>', 'draw parity plots into this folder (parity.html)')
    .option('--write <file>', 'write the frames with their predictions as extended XYZ')
    .option('--train <file...>', 'training data of the model, where they are not beside it or beside DATA')
    .option('--no-leakage', 'do not look for frames that are in the training data already');
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText('after', HELP)
    .action((model: string, data: string[], flags: EvaluateFlags) =>
      runCommand(flags, (session) => evaluateCommand(session, model, data, flags)),
    );
}

async function evaluateCommand(
  session: Session,
  model: string,
  data: readonly string[],
  flags: EvaluateFlags,
): Promise<undefined> {
  keepInputs([model, ...data, ...(flags.train ?? [])], [flags.out, flags.write]);
  const datasets = await openDatasets(session, data, flags);
  await withModel(model, flags.threads, async ({ file, potential }) => {
    const known = trainedOn(file, datasets);
    if (known.length > 0) session.warn(`the model was trained on ${known.join(', ')}: these errors are no test`);
    const predicted: WritableFrame[] = [];
    const uncertainty = openUncertainty(file, potential);
    const accountant = openAccount(uncertainty, uncertainty?.domain ?? openDomain(file.domain, potential));
    const keep = (frame: Frame, prediction: Prediction): void => {
      const caveats = accountant.add(frame);
      if (flags.write !== undefined) predicted.push(withUncertainty(withPrediction(frame, prediction), caveats));
    };
    const report = await errorsOf(session, potential, datasets, keep);
    // What the very training data leak is no question.
    const check =
      !flags.leakage || known.length === datasets.length
        ? null
        : await checkLeaks(session, { path: model, file }, datasets, flags.train ?? []);
    const rest = check?.rest ? await errorsOf(session, potential, check.rest) : null;
    if (flags.write !== undefined) await writeFrames(flags.write, predicted, { to: 'extxyz' });
    const plots = flags.plots === undefined ? null : join(flags.plots, 'parity.html');
    if (plots !== null) {
      await mkdir(flags.plots!, { recursive: true });
      await writeFileAtomically(plots, parityPage(model, file.model.elements, report));
    }
    const written = { plots, written: flags.write ?? null };
    const account = accountant.account();
    await session.printAndSave(
      { model, data, ...documentOf(report, account), ...(check === null ? {} : leakageKeys(check, rest)), ...written },
      describe(report, { written, check, rest, account }, session.colour),
    );
  });
  return undefined;
}

async function errorsOf(
  session: Session,
  potential: Potential,
  datasets: readonly Dataset[],
  keep?: (frame: Frame, prediction: Prediction) => void,
): Promise<ErrorReport> {
  const work = evaluateDatasets(potential, datasets, session.signal);
  return followed(session.progress('evaluate'), work, ({ done, of, frame, prediction }) => {
    keep?.(frame, prediction);
    return { done, total: of, unit: 'frames' };
  });
}

/** The frame as it was, and what the potential says of it under names of its own. */
function withPrediction(frame: Frame, { energy, forces, stress }: Prediction): WritableFrame {
  return {
    ...frame,
    info: {
      ...frame.info,
      predicted_energy: energy,
      ...(stress === null ? {} : { predicted_stress: Array.from(stress) }),
    },
    arrays: { ...frame.arrays, predicted_forces: { type: 'R', columns: 3, values: forces } },
  };
}

function parityPage(model: string, elements: readonly number[], report: ErrorReport): string {
  return renderReport({
    schema: 1,
    name: model,
    elements: elements.map(symbolOf),
    date: today(),
    generator: `nearsight ${VERSION}`,
    errors: {
      test: errorRow('given frames', report.overall),
      groups: groupRows(report),
      elements: elementRows(report),
    },
    parity: parityOf({ test: report }),
  });
}

/** Names are a contract with scripts. */
function documentOf(report: ErrorReport, account: UncertaintyAccount): object {
  const { overall, groups, elements, unlabelled, worst } = report;
  return {
    ...errorKeys(overall),
    frames: overall.frames,
    atoms: overall.atoms,
    groups,
    elements,
    unlabelled_frames: unlabelled,
    worst,
    uncertainty: uncertaintyDocument(account),
  };
}

function errorKeys(overall: ErrorSummary): object {
  const names = Object.keys(overall).filter((key) => /_(mae|rmse|max)_/.test(key)) as (keyof ErrorSummary)[];
  return Object.fromEntries(names.map((name) => [name, overall[name]]));
}

/** `leak_free` holds the errors without flagged frames; absent where nothing was flagged, null where all were. */
function leakageKeys({ leakage, advice }: LeakCheck, rest: ErrorReport | null): object {
  if (leakage === null) return { leakage: { checked: false, flagged: null, fraction: null, advice } };
  const { flagged, fraction, threshold } = leakage;
  const found = { leakage: { checked: true, threshold: threshold.value, flagged, fraction } };
  if (flagged.length === 0) return found;
  const { frames, atoms } = rest?.overall ?? {};
  return { ...found, leak_free: rest === null ? null : { ...errorKeys(rest.overall), frames, atoms } };
}

interface Told {
  readonly written: { readonly plots: string | null; readonly written: string | null };
  readonly check: LeakCheck | null;
  /** Errors on the frames that are not in the training data, where some are. */
  readonly rest: ErrorReport | null;
  readonly account: UncertaintyAccount;
}

function describe(report: ErrorReport, { written, check, rest, account }: Told, colour: boolean): string {
  const groups = groupRows(report);
  const elements = elementRows(report);
  const overall = [errorRow('all', report.overall), ...(rest === null ? [] : [errorRow('leak-free', rest.overall)])];
  const lines = [formatErrorRows([...overall, ...(groups.length > 1 ? groups : [])], { colour })];
  if (check !== null) lines.push('', leakageSentence(check, report.overall.frames));
  if (elements.length > 1) lines.push('', 'forces by element', formatErrorRows(elements, { colour }));
  const absent = Object.entries(report.unlabelled).filter(([, frames]) => frames > 0);
  for (const [label, frames] of absent) lines.push('', `${frames} of ${report.overall.frames} frames have no ${label}`);
  const [worst] = report.worst.forces;
  if (worst !== undefined) {
    const error = worst.force_max_meV_per_A!.toFixed(0);
    lines.push('', `largest force error: ${error} meV/Å, frame ${worst.frame} (line ${worst.line})`);
  }
  lines.push('', describeUncertainty(account));
  if (written.plots !== null) lines.push(`parity plots: ${written.plots}`);
  if (written.written !== null) lines.push(`predictions: ${written.written}`);
  return lines.join('\n');
}

function leakageSentence({ leakage, advice }: LeakCheck, frames: number): string {
  if (leakage === null) return `leakage not checked: ${advice}`;
  const { flagged } = leakage;
  if (flagged.length === 0) return 'no leakage: no frame is in the training data already';
  const twins = flagged.filter(({ reason }) => reason === 'twin').length;
  const found = `leakage: ${flagged.length} of ${frames} frames are in the training data already`;
  const kinds = `${twins} twins, ${flagged.length - twins} from the same trajectories`;
  return flagged.length === frames
    ? `${found} (${kinds}): these errors are no test`
    : `${found} (${kinds}); the errors without them are those named leak-free`;
}
