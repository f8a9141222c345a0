import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { FrontDocument } from '../node/pareto-file.ts';
import { choosePoint, DEFAULT_STOPS, openFront, type ParetoProgress, runPareto } from '../node/pareto-run.ts';
import { choiceSentence, formatNumber, formatTable, marksOf, type TextColumn } from '../report/index.ts';
import { ERROR_UNITS, errorOf, type Need } from '../training/front.ts';
import { addInputFlags } from './inputs.ts';
import { formatDuration } from './progress.ts';
import { addCommonFlags, runCommand, type Session, today, usageError } from './session.ts';
import { requestOf, stageOf, type TrainFlags } from './train.ts';
import { parseCount, parseDuration } from './values.ts';

interface ParetoFlags extends TrainFlags {
  readonly points?: number;
  readonly choose?: Need;
}

const DEFAULT_OUT = 'pareto';

const HELP = `
Examples:
  nearsight pareto config.yaml --out front --choose "stress; energy<=2"
  nearsight pareto front --choose "energy; force<=60; stress<=0.1"

The first command trains once with the weights of the configuration (as "nearsight train" does), then goes along a path
of other weights of energies, forces and stresses; each stop starts from its neighbour and takes a quarter of the epochs.
With 12 stops, a front takes about four times as long as the one training that --time or --epochs is for.

--choose names the error that shall be lowest and what the others may be at most, in meV/atom (energy), meV/Å (force) and
GPa (stress), as mean absolute errors on the validation frames; "knee" is the point from which any gain costs most. The
second command chooses again from a folder, without training. Unasked, the lowest stress error is taken with an energy
error of at most 1.25 times that of the first training; the knee where there are no stresses.

The folder gets default.safetensors, point-01.safetensors …, chosen.safetensors, pareto.json, pareto.html, pareto.svg.
Ctrl-C keeps what is finished; the same command with --resume goes on to the same bits. Exit code 1: no point meets the
need.`;

export function addPareto(program: Command): void {
  const command = program
    .command('pareto')
    .summary('trade errors of energies, forces and stresses for each other')
    .description('Trains a front of models with different weights in the loss, and chooses one by need.')
    .argument('<input...>', 'a YAML file as for "nearsight train", labelled frames, or the folder of a front')
    .optionsGroup('Front:')
    .option('--points <n>', `stops on the path of weights (default: ${DEFAULT_STOPS})`, parseStops)
    .option('--choose <need>', 'which one to take: "stress; energy<=2", or "knee"', parseNeed)
    .option('--resume', 'go on with a front that was interrupted')
    .optionsGroup('The training that it starts from:')
    .option('--time <duration>', 'how long that one may take here: 60s, 10min, 2h (default: 60s)', parseDuration)
    .option('--epochs <n>', 'instead of --time: passes through the data, the same everywhere', parseCount)
    .option('--val <file>', 'validate on these frames instead of a part of the data');
  addInputFlags(command, '--format');
  addCommonFlags(command, `folder of the front (default: ${DEFAULT_OUT})`)
    .addHelpText('after', HELP)
    .action((inputs: string[], flags: ParetoFlags, cli: Command) =>
      runCommand(flags, (session) => paretoCommand(session, inputs, flags, cli)),
    );
}

async function paretoCommand(
  session: Session,
  inputs: readonly string[],
  flags: ParetoFlags,
  cli: Command,
): Promise<number> {
  const given = (name: string): boolean => cli.getOptionValueSource(name) === 'cli';
  if (inputs.length === 1 && existsSync(join(inputs[0], 'pareto.json'))) {
    const [folder] = inputs;
    const wrong = ['out', 'points', 'resume', 'time', 'epochs', 'val'].find(given);
    if (wrong !== undefined) throw usageError(`${folder} is a front: --${wrong} has no meaning`, 'give --choose alone');
    const record = await openFront(folder);
    if (record.points.length <= record.stops) {
      session.warn(`the front is not finished: ${record.points.length - 1} of ${record.stops} stops`);
    }
    return report(
      session,
      folder,
      await choosePoint(folder, { ...record, need: flags.choose ?? record.need }, today()),
    );
  }
  const folder = flags.out ?? DEFAULT_OUT;
  const training = await requestOf(inputs, { ...flags, out: undefined }, given);
  const run = runPareto(
    {
      ...{ training, folder, stops: flags.points, need: flags.choose, date: today() },
      resume: flags.resume === true,
    },
    { signal: session.signal },
  );
  const progress = session.progress('pareto');
  let stop = -1;
  try {
    let next = await run.next();
    for (; next.done !== true; next = await run.next()) {
      const { note } = next.value;
      if (note !== undefined) session.say(note);
      if (next.value.stop > stop && next.value.epoch > 0) {
        stop = next.value.stop;
        session.say(stop === 0 ? 'training with the given weights' : `point ${stop} of ${next.value.stops}`);
      }
      progress.update(stageOfFront(next.value));
    }
    return report(session, folder, next.value);
  } finally {
    progress.end();
    if (session.signal.aborted) session.say('the same command with --resume goes on from the last finished point');
  }
}

function stageOfFront(step: ParetoProgress): ReturnType<typeof stageOf> {
  const { stop, stops, epoch, epochs } = step;
  const phase = epoch === 0 ? 'planning' : 'training';
  const stage = stageOf({ ...step, phase, train: null });
  const note = stop === 0 ? 'first training' : `point ${stop} of ${stops}`;
  return { ...stage, done: epoch, total: epochs, note: [note, stage.note].filter((text) => text !== '').join('  ') };
}

function report(session: Session, folder: string, front: FrontDocument): number {
  const chosen = front.chosen === null ? null : join(folder, 'chosen.safetensors');
  const { format: _, ...rest } = front;
  session.print({ folder, ...rest, chosen_model: chosen }, describe(folder, front, session.colour));
  return chosen === null ? 1 : 0;
}

function describe(folder: string, front: FrontDocument, colour: boolean): string {
  type Point = FrontDocument['points'][number];
  const errors = front.objectives.map(
    (name): TextColumn<Point> => ({
      header: `${name} MAE\n${ERROR_UNITS[name]}`,
      align: 'right',
      cell: (point) => formatNumber(errorOf(point, name)),
    }),
  );
  const weights = front.objectives.map(
    (name): TextColumn<Point> => ({
      header: `weight\n${name}`,
      align: 'right',
      cell: (point) => formatNumber(point.weights[name], { digits: 2 }),
    }),
  );
  const table = formatTable(
    front.points,
    [
      { header: 'model', cell: ({ name }) => name },
      ...weights,
      ...errors,
      {
        header: '',
        cell: (point) => marksOf(front, point),
        tone: ({ name, dominated }) => (name === front.chosen ? 'good' : dominated ? 'quiet' : 'plain'),
      },
    ],
    { colour },
  );
  const free = front.points.filter(({ dominated }) => !dominated).length;
  const seconds = front.points.reduce((sum, point) => sum + point.seconds, 0);
  return [
    table,
    '',
    `${free} of ${front.points.length} models are not dominated; hypervolume ${formatNumber(front.hypervolume)} of the box of twice the default errors`,
    `${formatDuration(seconds)} in all, ${formatNumber(front.time_ratio)} times the first training; errors of ${front.validation.frames} validation frames, which chose: no test`,
    choiceSentence(front),
    front.chosen === null ? nearest(front) : `model: ${join(folder, 'chosen.safetensors')}`,
    `page: ${join(folder, 'pareto.html')}`,
  ].join('\n');
}

/** What there is, where it is not what was asked for. */
function nearest(front: FrontDocument): string {
  const lowest = front.objectives.map((name) => {
    const least = Math.min(...front.points.map((point) => errorOf(point, name)));
    return `${name} ${formatNumber(least)} ${ERROR_UNITS[name]}`;
  });
  return `The lowest errors, each of its own model: ${lowest.join(', ')}.`;
}

const NAMES = { energy: 'energy', force: 'forces', forces: 'forces', stress: 'stress' } as const;
const HOW = 'write it like "stress; energy<=2; force<=60": meV/atom, meV/Å, GPa; or "knee".';

/** `stress; energy<=2`: what shall be lowest, and limits of the others; or `knee`. */
export function parseNeed(text: string): Need {
  const parts = text.split(/[;,]/).map((part) => part.trim().toLowerCase());
  if (parts.length === 1 && parts[0] === 'knee') return 'knee';
  const [lowest, ...limits] = parts;
  if (!Object.hasOwn(NAMES, lowest)) throw new InvalidArgumentError(`"${lowest}" is no error: ${HOW}`);
  const entries = limits.map((limit) => {
    const [, name, value] = /^(\w+)\s*(?:<=|≤)\s*(\S+)$/.exec(limit) ?? [];
    if (name === undefined || !Object.hasOwn(NAMES, name)) throw new InvalidArgumentError(`"${limit}": ${HOW}`);
    if (!(Number(value) > 0)) throw new InvalidArgumentError(`"${value}" is no limit above zero: ${HOW}`);
    return [NAMES[name as keyof typeof NAMES], Number(value)] as const;
  });
  return { lowest: NAMES[lowest as keyof typeof NAMES], limits: Object.fromEntries(entries) };
}

function parseStops(text: string): number {
  const stops = parseCount(text);
  if (stops <= 99) return stops;
  throw new InvalidArgumentError('it must be at most 99.');
}
