import { type Command, Option } from 'commander';
import { allFormats, formatToWrite } from '../../data/formats/choose.ts';
import type { Format } from '../../data/formats/format.ts';
import { NearsightError } from '../../errors.ts';
import { readFrames, writeFrames } from '../../node/structures.ts';
import { formatTable } from '../../report/index.ts';
import {
  addInputFlags,
  formatName,
  type InputFlags,
  inputOptions,
  keepInputs,
  UNIT_STYLES,
  warnOfSkipped,
} from '../inputs.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from '../session.ts';

interface ConvertFlags extends CommonFlags, InputFlags {
  readonly to?: string;
  readonly toUnits?: InputFlags['units'];
}

export function addConvert(data: Command): void {
  const command = data
    .command('convert')
    .summary('from one format to another')
    .description('Reads frames in one format and writes them in another; energies, forces and stresses go along.')
    .argument('<in>', 'file or folder to read, plain or .gz')
    .argument('<out>', 'file to write (.gz packs it), or folder for formats of several files')
    .optionsGroup('Formats:')
    .option('--to <format>', 'format of the output; by the name of the file when absent', formatName('write'))
    .addOption(new Option('--to-units <style>', 'units of outputs that do not name theirs').choices(UNIT_STYLES));
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText('after', () => `\n${help()}`)
    .action((from: string, to: string, flags: ConvertFlags) =>
      runCommand(flags, (session) => convertCommand(session, from, to, flags)),
    );
}

function help(): string {
  const labels = ({ labels = [], write }: Format): string =>
    write === undefined ? '' : labels.length === 0 ? 'structures only' : labels.join(', ');
  const table = formatTable(allFormats(), [
    { header: 'format', cell: ({ name }) => name },
    { header: 'what it is', cell: ({ title, folder }) => (folder ? `${title} (folder)` : title) },
    { header: 'read', cell: ({ read }) => (read === undefined ? '' : 'yes') },
    { header: 'write', cell: ({ write }) => (write === undefined ? '' : 'yes') },
    { header: 'labels written', cell: labels },
  ]);
  return `Examples:
  nearsight data convert OUTCAR frames.extxyz
  nearsight data convert runs/md.out.gz frames.extxyz --from qe-text --unconverged skip
  nearsight data convert frames.extxyz system --to deepmd

Formats:
${table}

Units and signs are settled on the way: extended XYZ holds Å, eV, eV/Å and eV/Å³ (positive in tension). Labels get the
names energy, forces and stress, whatever they were called.`;
}

async function convertCommand(session: Session, from: string, to: string, flags: ConvertFlags): Promise<undefined> {
  const target = flags.to ?? formatToWrite(to)?.name;
  if (target === undefined) {
    const known = allFormats().flatMap(({ name, write }) => (write === undefined ? [] : [name]));
    throw new NearsightError('unknown-format', 'the name of the file does not tell in which format to write it', {
      hint: `say it with --to; known are ${known.join(', ')}`,
      place: { path: to },
    });
  }
  keepInputs([from], [to, flags.out]);
  let skipped = 0;
  const input = { ...inputOptions(flags), onSkip: () => skipped++ };
  const output = { to: target, elements: flags.elements, units: flags.toUnits, warn: session.warn };
  const frames = await writeFrames(to, readFrames(from, input), output);
  warnOfSkipped(session, [{ source: from, skipped }]);
  await session.printAndSave({ frames, skipped, out: to, format: target }, `${to}: ${frames} frames`);
  return undefined;
}
