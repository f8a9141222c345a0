import { basename } from 'node:path';
import type { Command } from 'commander';
import { inspectDataset, portraitOf } from '../../curation/index.ts';
import { createEngine } from '../../node/engine.ts';
import { writeFileAtomically } from '../../node/files.ts';
import { readDataset } from '../../node/structures.ts';
import { VERSION } from '../../node/version.ts';
import { renderDataReport } from '../../report/index.ts';
import { addInputFlags, DATA, type InputFlags, inputOptions, warnOfSkipped } from '../inputs.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, today } from '../session.ts';

interface ReportFlags extends CommonFlags, InputFlags {
  readonly name?: string;
}

const DEFAULT_OUT = 'data-report.html';

export function addDataReport(data: Command): void {
  const command = data
    .command('report')
    .summary('one page about a data set, to look at')
    .description(
      'Writes one self-contained HTML page: findings, energy against volume, forces, distances, composition, groups, a ' +
        'map of the atomic environments, and the frames that should be looked at, drawn.',
    )
    .argument('<file>', DATA)
    .optionsGroup('Report:')
    .option('--name <text>', 'name of the data set; the name of the file when absent');
  addInputFlags(command);
  addCommonFlags(command, 'write the page here', DEFAULT_OUT)
    .addHelpText(
      'after',
      `
Example:
  nearsight data report data.extxyz --out data-report.html`,
    )
    .action((file: string, flags: ReportFlags) => runCommand(flags, (session) => reportCommand(session, file, flags)));
}

async function reportCommand(session: Session, path: string, flags: ReportFlags): Promise<undefined> {
  const out = flags.out ?? DEFAULT_OUT;
  const dataset = await readDataset(path, inputOptions(flags));
  warnOfSkipped(session, [dataset]);
  const kernel = await createEngine(flags.threads);
  const portrait = portraitOf(dataset, inspectDataset(dataset), { kernel });
  const page = renderDataReport(portrait, {
    name: flags.name ?? basename(path),
    date: today(),
    generator: `nearsight ${VERSION}`,
  });
  await writeFileAtomically(out, page);
  const { findings, frames, atoms } = portrait.inspection;
  const document = { report: out, frames, atoms, findings: findings.length, flagged: portrait.flaggedCount };
  session.print(
    document,
    `${out}: ${frames} frames, ${findings.length} findings, ${portrait.flaggedCount} frames to look at`,
  );
  return undefined;
}
