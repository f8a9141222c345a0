import type { Command } from 'commander';
import { naiveSplit, selectFrames, splitByGroup } from '../../data/index.ts';
import { readDataset, writeFrames } from '../../node/structures.ts';
import { createRandom } from '../../random.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session } from '../session.ts';
import { parseFraction } from '../values.ts';

interface SplitFlags extends CommonFlags {
  readonly test: number;
  readonly naive?: boolean;
}

export function addSplit(data: Command): void {
  const command = data
    .command('split')
    .summary('hold frames out without leaking')
    .description('Divides the frames of a file in two, neighbouring frames of trajectories and scans together.')
    .argument('<file>', 'labelled frames, extended XYZ')
    .optionsGroup('Split:')
    .option('--test <share>', 'how much to hold out', parseFraction, 0.1)
    .option('--naive', 'draw frames at random instead: errors will look better than they are');
  addCommonFlags(command, 'beginning of the names of both files (default: as FILE)')
    .addHelpText(
      'after',
      `
Example:
  nearsight data split data.extxyz --test 0.1        writes data-train.extxyz and data-test.extxyz`,
    )
    .action((file: string, flags: SplitFlags) => runCommand(flags, (session) => splitCommand(session, file, flags)));
}

async function splitCommand(session: Session, path: string, flags: SplitFlags): Promise<undefined> {
  const dataset = await readDataset(path);
  const split = (flags.naive ? naiveSplit : splitByGroup)(dataset, flags.test, createRandom(flags.seed));
  const stem = flags.out ?? path.replace(/(\.(ext)?xyz)?(\.gz)?$/i, '');
  const parts = { train: split.train, test: split.heldOut };
  const written = { train: `${stem}-train.extxyz`, test: `${stem}-test.extxyz` };
  for (const part of ['train', 'test'] as const) {
    await writeFrames(written[part], selectFrames(dataset, parts[part]).frames);
  }
  const document = {
    train: { path: written.train, frames: parts.train.length },
    test: { path: written.test, frames: parts.test.length },
    groups: split.groups,
    description: split.description,
  };
  const lines = (['train', 'test'] as const).map((part) => `${written[part]}: ${parts[part].length} frames`);
  session.print(document, [...lines, split.description].join('\n'));
  return undefined;
}
