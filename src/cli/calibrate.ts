import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Dataset } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import { writeModel } from '../node/model.ts';
import { calibrationOf } from '../node/train-trust.ts';
import { formatNumber, formatTable } from '../report/index.ts';
import {
  type Calibration,
  decodeCalibration,
  encodeCalibration,
  intervalFactor,
  LEAST_FRAMES,
  type QuantityCalibration,
} from '../uncertainty/index.ts';
import { GPA } from '../units.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets, trainedOn, withModel } from './inputs.ts';
import { checkLeaks } from './leak-free.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session } from './session.ts';

interface CalibrateFlags extends CommonFlags, InputFlags {
  readonly out: string;
  readonly train?: string[];
  readonly leakage: boolean;
}

const HELP = `
Example:
  nearsight calibrate model.safetensors unseen.extxyz --out calibrated.safetensors

A training calibrates by itself, on its validation frames. This is for models that came without (older ones, imported
ones), and for frames that are more like what the model is to be used for. These must not be training frames: there,
errors are small whatever the model knows. At least ${LEAST_FRAMES.forces} frames, for energies and stresses ${LEAST_FRAMES.energy}; better 50.
More: docs/theory/uncertainty.md`;

export function addCalibrate(program: Command): void {
  const command = program
    .command('calibrate')
    .summary('make the uncertainties of a model mean something')
    .description('Calibrates the spread of the heads of a model on labelled frames that it was not trained on.')
    .argument('<model>', 'model file (.safetensors) with several heads')
    .argument('<data...>', DATA)
    .optionsGroup('Calibration:')
    .option('--train <file...>', 'training data of the model, where they are not beside it or beside DATA')
    .option('--no-leakage', 'do not look for frames that are in the training data already');
  addInputFlags(command);
  addCommonFlags(command, 'the calibrated model', 'calibrated.safetensors')
    .addHelpText('after', HELP)
    .action((model: string, data: string[], flags: CalibrateFlags) =>
      runCommand(flags, (session) => calibrateCommand(session, model, data, flags)),
    );
}

async function calibrateCommand(
  session: Session,
  path: string,
  data: readonly string[],
  flags: CalibrateFlags,
): Promise<undefined> {
  keepInputs([path, ...data, ...(flags.train ?? [])], [flags.out]);
  const datasets = await openDatasets(session, data, flags);
  await withModel(path, flags.threads, async ({ file, potential }) => {
    const known = trainedOn(file, datasets);
    if (known.length > 0) {
      throw new NearsightError('trained-on', `the model was trained on ${known.join(', ')}`, {
        hint: 'calibrate on frames that it has not seen; some frames of the same kind can be held out before a training',
        place: { path: known[0] },
      });
    }
    if (potential.members < 2) {
      throw new NearsightError('one-head', 'the model has one head: there is no spread that could be calibrated', {
        hint: 'train with --committee 4',
        place: { path },
      });
    }
    const { frames, how } = await unseen(session, { path, file }, datasets, flags);
    const calibration = await calibrationOf(file, potential, {
      ...{ heldOut: frames, train: [] },
      how: `${frames.length} frames of ${datasets.map(({ source }) => basename(source)).join(', ')}, given afterwards; ${how}`,
    });
    if (calibration === null) {
      throw new NearsightError('too-few-frames', `${frames.length} frames say too little to calibrate on`, {
        hint: `give at least ${LEAST_FRAMES.forces} frames with forces that symmetry does not fix, or ${LEAST_FRAMES.energy} with energies`,
        place: { path: data[0] },
      });
    }
    warnOfLosses(session, decodeCalibration(file.calibration), calibration);
    await writeModel(flags.out, { ...file, calibration: encodeCalibration(calibration) });
    session.print({ model: flags.out, calibration }, `${describeCalibration(calibration)}\nwritten to ${flags.out}`);
  });
  return undefined;
}

/** What the model could say before, and these frames do not tell, is gone. */
function warnOfLosses(session: Session, before: Calibration | null, after: Calibration): void {
  const lost = (['energy', 'forces', 'stress'] as const).filter((name) => before?.[name] && after[name] === null);
  if (lost.length === 0) return;
  session.warn(`these frames say too little of ${lost.join(' and ')}: not calibrated any more in what is written`);
}

/** The frames that are not in the training data, as far as can be told. */
async function unseen(
  session: Session,
  model: Parameters<typeof checkLeaks>[1],
  datasets: readonly Dataset[],
  { leakage, train }: CalibrateFlags,
): Promise<{ frames: Dataset['frames']; how: string }> {
  const all = datasets.flatMap(({ frames }) => frames);
  if (!leakage) return { frames: all, how: 'nobody looked whether some are in the training data.' };
  const check = await checkLeaks(session, model, datasets, train ?? []);
  if (check.leakage === null) {
    session.warn(`not compared with the training data: ${check.advice}`);
    return { frames: all, how: 'the training data were not there to compare with.' };
  }
  const { flagged } = check.leakage;
  if (flagged.length === 0) return { frames: all, how: 'none of them is in the training data.' };
  if (check.rest === null) {
    throw new NearsightError('trained-on', `all ${all.length} frames are in the training data already`, {
      hint: 'calibrate on frames that the model has not seen',
    });
  }
  session.warn(`${flagged.length} of ${all.length} frames are in the training data already: left out`);
  return { frames: check.rest.flatMap(({ frames }) => frames), how: 'what is in the training data was left out.' };
}

/** A table of the laws, for a person. */
export function describeCalibration(calibration: Calibration): string {
  const rows = [
    { name: 'energy', unit: 'meV/atom', factor: 1000, law: calibration.energy },
    { name: 'forces', unit: 'meV/Å', factor: 1000, law: calibration.forces },
    { name: 'stress', unit: 'GPa', factor: 1 / GPA, law: calibration.stress },
  ].flatMap(({ law, ...row }) => (law === null ? [] : [{ ...row, law }]));
  const { frames, atoms } = calibration.heldOut;
  const interval = ({ law }: { law: QuantityCalibration }): string => formatNumber(intervalFactor(law, 0.9));
  return [
    formatTable(rows, [
      { header: '', cell: ({ name }) => name },
      { header: 'unit', cell: ({ unit }) => unit },
      { header: 'σ/spread', align: 'right', cell: ({ law }) => formatNumber(law.scale) },
      { header: 'floor', align: 'right', cell: ({ law, factor }) => formatNumber(law.floor * factor) },
      { header: '90 % in\nσ', align: 'right', cell: interval },
      { header: 'typical\nσ', align: 'right', cell: ({ law, factor }) => formatNumber(law.metrics.sharpness * factor) },
      { header: 'RMS\nerror', align: 'right', cell: ({ law, factor }) => formatNumber(law.metrics.rmse * factor) },
    ]),
    `calibrated on ${frames} frames, ${atoms} atoms`,
  ].join('\n');
}
