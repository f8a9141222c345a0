import type { Command } from 'commander';
import { NearsightError } from '../../errors.ts';
import { readFrames, writeFrames } from '../../node/structures.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from '../session.ts';

interface ConvertFlags extends CommonFlags {
  readonly from?: string;
  readonly to?: string;
}

/** Formats by name, and the ends of file names that stand for them. */
const FORMATS: Readonly<Record<string, RegExp>> = { extxyz: /\.(ext)?xyz(\.gz)?$/i };

export function addConvert(data: Command): void {
  const command = data
    .command('convert')
    .summary('from one format to another')
    .description('Reads frames in one format and writes them in another; so far extended XYZ, plain or .gz.')
    .argument('<in>', 'what to read')
    .argument('<out>', 'what to write')
    .optionsGroup('Formats:')
    .option('--from <format>', 'extxyz; by the name of the file when absent')
    .option('--to <format>', 'extxyz; by the name of the file when absent');
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText(
      'after',
      `
Example:
  nearsight data convert frames.xyz frames.extxyz.gz

Labels get the names energy, forces and stress, whatever they were called; everything else stays as it was.`,
    )
    .action((from: string, to: string, flags: ConvertFlags) =>
      runCommand(flags, (session) => convertCommand(session, from, to, flags)),
    );
}

async function convertCommand(session: Session, from: string, to: string, flags: ConvertFlags): Promise<undefined> {
  checkFormat(from, flags.from);
  checkFormat(to, flags.to);
  const frames = await writeFrames(to, readFrames(from));
  await session.printAndSave({ frames, out: to }, `${to}: ${frames} frames`);
  return undefined;
}

function checkFormat(path: string, format: string | undefined): void {
  const known = Object.keys(FORMATS);
  if (format === undefined ? known.some((name) => FORMATS[name].test(path)) : known.includes(format)) return;
  const what = format === undefined ? 'the name of the file does not tell its format' : `unknown format "${format}"`;
  throw new NearsightError('unknown-format', what, {
    hint: `say it with --from or --to; known are ${known.join(', ')}`,
    place: { path },
  });
}
