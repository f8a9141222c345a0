import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { NearsightError } from '../errors.ts';
import { errorRow, groupRows } from '../node/report-parts.ts';
import {
  checkpointPath,
  runTraining,
  type TrainRequest,
  type TrainRunProgress,
  type TrainRunResult,
} from '../node/train-run.ts';
import { formatErrorRows, formatNumber } from '../report/index.ts';
import { GPA } from '../units.ts';
import { addInputFlags, type InputFlags, inputOptions, keepInputs } from './inputs.ts';
import { formatDuration, type Stage } from './progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, usageError } from './session.ts';
import { calibratedDocument, describeCalibrated } from './train-calibrated.ts';
import { parseTrainConfig } from './train-config.ts';
import {
  parseCount,
  parseDuration,
  parseElements,
  parseFraction,
  parseNames,
  parsePositive,
  parseWhole,
} from './values.ts';

export interface TrainFlags extends CommonFlags, Omit<InputFlags, 'from'> {
  /** Format of the data; `from` is a model here. */
  readonly format?: string;
  readonly from?: string;
  readonly freeze?: string[];
  readonly referenceEnergies?: NonNullable<TrainRequest['referenceEnergies']>;
  readonly replay?: string[];
  readonly replayShare?: number;
  readonly grow?: string[];
  readonly adapter?: number;
  readonly level?: string;
  readonly time?: number;
  readonly epochs?: number;
  readonly val?: string;
  readonly committee?: number;
  readonly cutoff?: number;
  readonly resume?: boolean;
}

const DEFAULT_OUT = 'model.safetensors';

const HELP = `
Examples:
  nearsight train data.extxyz --time 5min --out si.safetensors
  nearsight train config.yaml

A tenth of the frames is held out for validation, neighbouring frames of trajectories and scans together; the weights
of the epoch with the lowest validation loss are kept. Everything can be said in a YAML file, with paths relative to
its folder; what is left out is chosen from the data. Flags on the command line have the last word.

  data: [bulk.extxyz, liquid.extxyz]
  validation: val.extxyz             # or a share to hold out: 0.1
  out: si.safetensors
  time: 10min                        # of training, on this machine; or epochs: 300
  seed: 1
  committee: 4                       # readout heads; their spread says where they disagree (1: no uncertainty)
  bootstrap: poisson                 # each head learns from a resample of the frames; or none
  repulsion: true                    # screened nuclear repulsion at short distances
  batch: 8                           # structures per step
  rate: 0.005                        # largest learning rate
  model: { cutoff: 5.0, onset: 3.5, radial: 8, lmax: 3, order: 3, channels: 8, hidden: [8, 8] }
  loss: { energy: 30, forces: 1, stress: 0.1, groups: { liquid: 0.5 } }   # per (eV/atom)², (eV/Å)², (eV/atom)²

Heads of models for solids are trained each for itself; those of molecules and of symmetry functions are made of one when
it is trained, and cost nothing. With --committee N these are trained, too: better uncertainties, larger errors in the
same time (3BPA, 600 K: 84 instead of 74 % in 90 % intervals, forces 84 instead of 76 meV/Å). Or say it yourself:
model: { sharedLayers: true }, or false.
With model: { directForces: true } forces come from a head of their own: half the cost, but no gradient of the energy.
Penalties loss: { netForce: 1, netTorque: 1 } hold down the force and the torque of a structure on itself.

Starting from a model, whose sizes and elements are kept and whose learning rate is lower:

  nearsight train new.extxyz --from old.safetensors --out tuned.safetensors                fine-tuning
  nearsight train new.extxyz --from old.safetensors --freeze descriptor --replay old.extxyz
  nearsight train with-Ge.extxyz --from si.safetensors --grow Ge --out sige.safetensors

  from: old.safetensors
  freeze: [descriptor]               # parts that stay: descriptor, readout, embedding, coefficients, w1, …
  replay: { data: old.extxyz, share: 0.5 }   # old frames mixed in against forgetting
  referenceEnergies: auto            # keep; refit; auto: anew where the labels clearly have another zero
  grow: { elements: Ge, adapter: 1 } # new elements; all that the old ones depend on stays to the last bit. An adapter
                                     # gives the new ones more freedom: 0, or up to the number of new elements

Several levels of theory: the model speaks one, the others help by what they share. Frames say theirs (level=… or
fidelity=…), or the configuration does:

  nearsight train gfn2.extxyz ccsdt.extxyz --level "CCSD(T)/cc-pVDZ"

  levels: { target: CCSD(T)/cc-pVDZ, files: { gfn2.extxyz: GFN2-xTB } }

Ctrl-C saves a checkpoint beside the model; the same command with --resume goes on from there to the same bits as a run
that was never interrupted.`;

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .summary('train a model on labelled frames')
    .description('Trains a model on energies (eV), forces (eV/Å) and, where there are any, stresses (eV/Å³).')
    .argument('<input...>', 'a YAML file with the settings, or labelled frames in any format that can be read')
    .optionsGroup('Training:')
    .option('--time <duration>', 'how long it may take here: 60s, 10min, 2h (default: 60s)', parseDuration)
    .option('--epochs <n>', 'instead of --time: passes through the data, the same everywhere', parseCount)
    .option('--val <file>', 'validate on these frames instead of a part of the data')
    .option('--committee <n>', 'readout heads, whose spread says where they disagree (default: 4)', parseCount)
    .option('--cutoff <Å>', 'how far an atom sees', parsePositive)
    .option('--resume', 'go on from the checkpoint of an interrupted run')
    .optionsGroup('Starting from a model, or from other levels of theory:')
    .option('--from <model>', 'start from this model: fine-tuning')
    .option('--freeze <parts>', 'parts of it that stay as they are: descriptor, readout, embedding, w1, …', parseNames)
    .option('--replay <files>', 'old data that are mixed in, so that the model does not forget them', parseNames)
    .option('--replay-share <x>', 'share of the old data in every epoch (default: 0.5)', parseFraction)
    .addOption(
      new Option(
        '--reference-energies <what>',
        'E0 of the elements: anew by least squares, or not (default: where the labels clearly have another zero)',
      ).choices(['auto', 'keep', 'refit']),
    )
    .option('--grow <elements>', 'learn these elements, and change nothing for the others: Ge', parseElements)
    .option('--adapter <rank>', 'more freedom for new elements: 0, or up to their number (default: 0)', parseWhole)
    .option('--level <name>', 'level of theory that the model shall speak, where the frames are of several');
  addInputFlags(command, '--format');
  addCommonFlags(command, `write the model here (default: ${DEFAULT_OUT})`)
    .addHelpText('after', HELP)
    .action((inputs: string[], flags: TrainFlags, cli: Command) =>
      runCommand(flags, (session) => trainCommand(session, inputs, flags, cli)),
    );
}

async function trainCommand(
  session: Session,
  inputs: readonly string[],
  flags: TrainFlags,
  cli: Command,
): Promise<undefined> {
  const request = await requestOf(inputs, flags, (name) => cli.getOptionValueSource(name) === 'cli');
  const { data, validation: apart, replay, from } = request;
  const read = [...data, apart, ...(replay?.data ?? []), from].filter((path) => path !== undefined);
  keepInputs([...read, ...inputs], [request.out]);
  const work = runTraining(request, { signal: session.signal });
  const progress = session.progress('train');
  let result: TrainRunResult;
  try {
    let next = await work.next();
    let begun = false;
    for (; !next.done; next = await work.next()) {
      const { phase, epoch, epochs, note } = next.value;
      if (note !== undefined) session.say(note);
      if (phase === 'training' && !begun) session.say(`training: epoch ${epoch} of ${epochs}`);
      begun ||= phase === 'training';
      progress.update(stageOf(next.value));
    }
    result = next.value;
  } finally {
    progress.end();
    const checkpoint = checkpointPath(request.out);
    if (session.signal.aborted && existsSync(checkpoint)) {
      session.say(`saved ${checkpoint}; the same command with --resume goes on from there`);
    }
  }
  const { model, train, validation } = result;
  const document = {
    model: result.path,
    epochs: result.epochs,
    seconds: result.seconds,
    train: { ...train.overall, groups: train.groups },
    validation: validation === null ? null : { ...validation.overall, groups: validation.groups },
    ...(result.replay !== null && {
      replay: { before: result.replay.before.overall, after: result.replay.after.overall },
    }),
    split: result.split,
    weights: model.model.parameters.length,
    calibrated: calibratedDocument(result),
  };
  session.print(document, describe(result, session.colour));
  return undefined;
}

/** What the configuration says, overruled by what stands on the command line. */
export async function requestOf(
  inputs: readonly string[],
  flags: TrainFlags,
  given: (name: string) => boolean,
): Promise<TrainRequest> {
  if (flags.time !== undefined && flags.epochs !== undefined) {
    throw usageError('--time and --epochs exclude each other', 'give one of them');
  }
  const configs = inputs.filter((path) => /\.ya?ml$/i.test(path));
  if (configs.length > 0 && inputs.length > 1) {
    throw usageError('a configuration stands alone', 'name the data in it: data: [a.extxyz, b.extxyz]');
  }
  const config = configs.length === 0 ? {} : parseTrainConfig(await readText(configs[0]), configs[0]);
  const data = configs.length === 0 ? inputs : (config.data ?? []);
  if (data.length === 0) {
    throw new NearsightError('bad-config', 'the configuration names no data', {
      hint: 'add a line such as "data: train.extxyz"',
      place: { path: configs[0] },
    });
  }
  // One of the two on the command line replaces whichever the file has.
  const length =
    flags.time === undefined && flags.epochs === undefined
      ? { seconds: config.seconds, epochs: config.epochs }
      : { seconds: flags.time, epochs: flags.epochs };
  const shape = {
    ...config.settings?.model,
    ...(flags.committee !== undefined && { heads: flags.committee }),
    ...(flags.cutoff !== undefined && { cutoff: flags.cutoff }),
  };
  const seed = given('seed') ? flags.seed : (config.settings?.seed ?? flags.seed);
  return {
    ...config,
    ...length,
    data,
    input: { ...config.input, ...inputOptions({ ...flags, from: flags.format }) },
    ...transferOf(flags, config),
    validation: flags.val ?? config.validation,
    out: flags.out ?? config.out ?? DEFAULT_OUT,
    settings: { ...config.settings, seed, model: shape },
    threads: given('threads') ? flags.threads : (config.threads ?? flags.threads),
    resume: flags.resume === true,
  };
}

/** What concerns a model to start from, and levels of theory. */
function transferOf(
  flags: TrainFlags,
  config: Partial<TrainRequest>,
): Pick<TrainRequest, 'from' | 'freeze' | 'referenceEnergies' | 'replay' | 'grow' | 'levels'> {
  const { replay = config.replay?.data, replayShare = config.replay?.share } = flags;
  const { grow = config.grow?.elements, adapter = config.grow?.adapter } = flags;
  if (replay === undefined && replayShare !== undefined) {
    throw usageError('--replay-share without --replay', 'name the old data: --replay old.extxyz');
  }
  if (grow === undefined && adapter !== undefined) {
    throw usageError('--adapter without --grow', 'name the new elements: --grow Ge');
  }
  const target = flags.level ?? config.levels?.target;
  return {
    from: flags.from ?? config.from,
    freeze: flags.freeze ?? config.freeze,
    referenceEnergies: flags.referenceEnergies ?? config.referenceEnergies,
    ...(replay !== undefined && { replay: { data: replay, share: replayShare } }),
    ...(grow !== undefined && { grow: { elements: grow, adapter } }),
    ...(target !== undefined && { levels: { target, files: config.levels?.files } }),
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NearsightError('unreadable-file', 'the configuration cannot be read', {
      hint: 'check the spelling, the folder you are in and the permissions',
      place: { path },
      cause,
    });
  }
}

/** A training as a stage of the progress line. */
export function stageOf({ phase, epoch, epochs, secondsLeft, train, validation }: TrainRunProgress): Stage {
  if (phase !== 'training') return { done: epoch, total: epochs, note: phase };
  const parts = (['validation', 'train'] as const).map((name) => {
    const errors = name === 'train' ? train : validation;
    if (errors === null) return '';
    const numbers = [
      Number.isFinite(errors.energy) ? `E ${formatNumber(1000 * errors.energy)} meV/atom` : '',
      Number.isFinite(errors.forces) ? `F ${formatNumber(1000 * errors.forces)} meV/Å` : '',
      Number.isFinite(errors.stress) ? `S ${formatNumber(errors.stress / GPA)} GPa` : '',
    ].filter((text) => text !== '');
    return `${numbers.join(', ')} (${name} RMSE)`;
  });
  return {
    done: epoch,
    total: epochs,
    unit: 'epochs',
    ...(Number.isFinite(secondsLeft) && { secondsLeft }),
    note: parts.find((text) => text !== '') ?? '',
  };
}

function describe(result: TrainRunResult, colour: boolean): string {
  const { train, validation, epochs, seconds, path, model } = result;
  const rows = [errorRow('training', train.overall)];
  if (validation !== null) {
    const groups = groupRows(validation);
    rows.push(errorRow('validation', validation.overall));
    if (groups.length > 1) rows.push(...groups.map((row) => ({ ...row, name: `  ${row.name}` })));
  }
  if (result.replay !== null) {
    rows.push(errorRow('old data, before', result.replay.before.overall));
    rows.push(errorRow('old data, now', result.replay.after.overall));
  }
  const { shape, parameters } = model.model;
  const { grown } = model.provenance;
  return [
    formatErrorRows(rows, { colour }),
    '',
    `${epochs} epochs in ${formatDuration(seconds)}, ${formatNumber(parameters.length, { decimals: 0 })} weights, cutoff ${shape.cutoff} Å`,
    `model: ${path}`,
    grown === undefined
      ? ''
      : `grown by ${grown.elements.join(', ')}: structures of the old elements get the same bits as before`,
    validation === null ? 'Nothing was held out: these errors say nothing about other structures.' : '',
    describeCalibrated(result),
  ]
    .filter((line, k) => k < 4 || line !== '')
    .join('\n');
}
