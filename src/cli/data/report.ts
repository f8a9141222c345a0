import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatError } from '../../errors.ts';
import { studyData } from '../../node/data-report.ts';
import { createEngine } from '../../node/engine.ts';
import { writeFileAtomically } from '../../node/files.ts';
import { VERSION } from '../../node/version.ts';
import { formatNumber, renderDataReport } from '../../report/index.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from '../inputs.ts';
import { followed } from '../progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, today } from '../session.ts';
import { stageOfAnalysis } from './outliers.ts';

interface ReportFlags extends CommonFlags, InputFlags {
  readonly name?: string;
  readonly influence: boolean;
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
    .option('--name <text>', 'name of the data set; the name of the file when absent')
    .option('--no-influence', 'leave the search for outliers out: quicker for large sets');
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
  keepInputs([path], [out]);
  const [dataset] = await openDatasets(session, [path], flags);
  const work = studyData(dataset, await createEngine(1), { influence: flags.influence, signal: session.signal });
  const { portrait, outliers, refusal } = await followed(session.progress('influence'), work, stageOfAnalysis);
  if (refusal !== null) session.warn(`the page does not show influence: ${formatError(refusal)}`);
  const page = renderDataReport(portrait, {
    name: flags.name ?? basename(path),
    date: today(),
    generator: `nearsight ${VERSION}`,
  });
  await writeFileAtomically(out, page);
  const { findings, frames, atoms } = portrait.inspection;
  const document = {
    ...{ report: out, frames, atoms, findings: findings.length },
    outliers: outliers?.outliers.length ?? null,
    flagged: portrait.flaggedCount,
  };
  const text = `${out}: ${count(frames, 'frame')}, ${count(findings.length, 'finding')}, ${count(portrait.flaggedCount, 'frame')} to look at`;
  session.print(document, text);
  return undefined;
}

const count = (n: number, noun: string): string => `${formatNumber(n, { decimals: 0 })} ${noun}${n === 1 ? '' : 's'}`;
