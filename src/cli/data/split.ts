import type { Command } from 'commander';
import { firewallSplit, type Leakage } from '../../curation/index.ts';
import { type Dataset, naiveSplit, type Split, selectFrames, splitByGroup } from '../../data/index.ts';
import { createEngine } from '../../node/engine.ts';
import { writeFrames } from '../../node/structures.ts';
import { createRandom } from '../../random.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from '../inputs.ts';
import { followed } from '../progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, usageError } from '../session.ts';
import { parseFraction } from '../values.ts';
import { leakageBetween } from './leakage.ts';

interface SplitFlags extends CommonFlags, InputFlags {
  readonly test: number;
  readonly blocks?: boolean;
  readonly naive?: boolean;
}

export function addSplit(data: Command): void {
  const command = data
    .command('split')
    .summary('hold frames out without leaking')
    .description(
      'Divides the frames of a file in two, so that no trajectory and no pair of twins is on both sides, and measures ' +
        'what leaks nevertheless.',
    )
    .argument('<file>', DATA)
    .optionsGroup('Split:')
    .option('--test <share>', 'how much to hold out', parseFraction, 0.1)
    .option('--blocks', 'blocks of neighbouring frames of every group instead: covers all groups, but leaks')
    .option('--naive', 'draw frames at random instead: errors will look better than they are');
  addCommonFlags(addInputFlags(command), 'beginning of the names of both files (default: as FILE)')
    .addHelpText(
      'after',
      `
Example:
  nearsight data split data.extxyz --test 0.1        writes data-train.extxyz and data-test.extxyz

Groups whose trajectories are too long to be held out whole stay in the training set; the output names them.`,
    )
    .action((file: string, flags: SplitFlags) => runCommand(flags, (session) => splitCommand(session, file, flags)));
}

async function splitCommand(session: Session, path: string, flags: SplitFlags): Promise<undefined> {
  if (flags.blocks && flags.naive) throw usageError('--blocks and --naive are two ways to split', 'give one of them');
  const stem = flags.out ?? path.replace(/(\.(ext)?xyz)?(\.gz)?$/i, '');
  const written = { train: `${stem}-train.extxyz`, test: `${stem}-test.extxyz` };
  keepInputs([path], Object.values(written));
  const [dataset] = await openDatasets(session, [path], flags);
  const { split, leakage } = await splitAsAsked(session, dataset, flags);
  const parts = { train: selectFrames(dataset, split.train), test: selectFrames(dataset, split.heldOut) };
  for (const part of ['train', 'test'] as const) await writeFrames(written[part], parts[part].frames);
  const document = {
    train: { path: written.train, frames: split.train.length },
    test: { path: written.test, frames: split.heldOut.length },
    left_out: split.gap?.length ?? 0,
    groups: split.groups,
    description: split.description,
    leakage: { threshold: leakage.threshold.value, flagged: leakage.flagged, fraction: leakage.fraction },
  };
  const lines = (['train', 'test'] as const).map((part) => `${written[part]}: ${parts[part].frames.length} frames`);
  session.print(document, [...lines, split.description, leakageSentence(leakage, parts.test)].join('\n'));
  return undefined;
}

async function splitAsAsked(
  session: Session,
  dataset: Dataset,
  flags: SplitFlags,
): Promise<{ readonly split: Split; readonly leakage: Leakage }> {
  const random = createRandom(flags.seed);
  if (flags.naive || flags.blocks) {
    const split = (flags.naive ? naiveSplit : splitByGroup)(dataset, flags.test, random);
    const [train, test] = [split.train, split.heldOut].map((part) => selectFrames(dataset, part));
    return { split, leakage: await leakageBetween(session, train, test) };
  }
  const work = firewallSplit(dataset, flags.test, { kernel: await createEngine(1), random, signal: session.signal });
  const split = await followed(session.progress('twins'), work, (step) => ({ ...step, unit: 'environments' }));
  return { split, leakage: split.leakage };
}

function leakageSentence({ flagged }: Leakage, test: Dataset): string {
  if (flagged.length === 0) return 'Measured: no held-out frame has a twin or its own trajectory in the training set.';
  const twins = flagged.filter(({ reason }) => reason === 'twin').length;
  return (
    `Measured: ${flagged.length} of ${test.frames.length} held-out frames leak (${twins} twins, ` +
    `${flagged.length - twins} of trajectories in the training set): errors will look better than they are.`
  );
}
