import type { Command } from 'commander';
import { compareDatasets, type Finding, fixDataset, type Inspection, inspectDataset } from '../../curation/index.ts';
import type { Dataset } from '../../data/index.ts';
import { createEngine } from '../../node/engine.ts';
import { writeFrames } from '../../node/structures.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from '../inputs.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session, usageError } from '../session.ts';
import { describeFindings, describeInspection } from './inspect-text.ts';

interface InspectFlags extends CommonFlags, InputFlags {
  readonly fix?: string;
}

export function addInspect(data: Command): void {
  const command = data
    .command('inspect')
    .summary('what is in a file, and what is wrong with it')
    .description(
      'Says which conventions the labels follow, what is wrong with them, and what is in the file: counts, elements, ' +
        'ranges, distributions.',
    )
    .argument('<file...>', DATA)
    .optionsGroup('Inspection:')
    .option('--fix <file>', 'write the data here with everything mended that is beyond doubt');
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText(
      'after',
      `
Examples:
  nearsight data inspect data.extxyz
  nearsight data inspect data.extxyz --fix mended.extxyz

Sign, unit and order are settled by the data themselves: the energies of similar frames must change by the work that
forces and stresses do, and stresses must fit a linear model of the forces. A verdict needs odds of 1000 to 1; where
the data do not give them, it says so. A unit that all labels share cannot be seen.
Exit code 1 when something is wrong with the data (severity "error"); with --fix, when something is left.`,
    )
    .action((files: string[], flags: InspectFlags) =>
      runCommand(flags, (session) => inspectCommand(session, files, flags)),
    );
}

async function inspectCommand(session: Session, paths: readonly string[], flags: InspectFlags): Promise<number> {
  if (flags.fix !== undefined && paths.length > 1) {
    throw usageError('--fix mends one file at a time', 'give one file, or leave --fix out');
  }
  keepInputs(paths, [flags.fix, flags.out]);
  const datasets = await openDatasets(session, paths, flags);
  const kernel = await createEngine(1);
  const files = datasets.map((dataset) => inspectDataset(dataset, kernel));
  const between = compareDatasets(datasets);
  const findings: (Finding & { readonly source: string })[] = [
    ...files.flatMap(({ source, findings: ofFile }) => ofFile.map((finding) => ({ source, ...finding }))),
    ...(between === null ? [] : [{ source: 'all files', ...between }]),
  ];
  const elements = new Map<string, number>();
  for (const { symbol, atoms } of files.flatMap((file) => file.elements)) {
    elements.set(symbol, (elements.get(symbol) ?? 0) + atoms);
  }
  const document = {
    frames: files.reduce((sum, file) => sum + file.frames, 0),
    atoms: files.reduce((sum, file) => sum + file.atoms, 0),
    elements: Object.fromEntries(elements),
    skipped: datasets.reduce((sum, { skipped = 0 }) => sum + skipped, 0),
    findings,
    files,
  };
  const text = datasets.map((dataset, k) => describeInspection(dataset, files[k]));
  if (between !== null) text.push(describeFindings([between]));
  const grave = findings.some(({ severity }) => severity === 'error');
  if (flags.fix === undefined) {
    await session.printAndSave(document, text.join('\n\n'));
    return grave ? 1 : 0;
  }
  const { fixed, left } = mended(datasets[0], files[0], (dataset) => inspectDataset(dataset, kernel));
  const frames = await writeFrames(flags.fix, fixed.dataset.frames, { warn: session.warn });
  const told = { out: flags.fix, frames, applied: fixed.applied, left: left.map(({ code }) => code) };
  text.push(describeFix(flags.fix, frames, { applied: fixed.applied, left }));
  await session.printAndSave({ ...document, fixed: told }, text.join('\n\n'));
  return left.length > 0 ? 1 : 0;
}

/** The mended data and the errors that are left in them. */
function mended(
  dataset: Dataset,
  inspection: Inspection,
  inspect: (dataset: Dataset) => Inspection,
): { fixed: ReturnType<typeof fixDataset>; left: readonly Finding[] } {
  const fixed = fixDataset(dataset, inspection);
  const after = fixed.applied.length === 0 ? inspection : inspect(fixed.dataset);
  return { fixed, left: after.findings.filter(({ severity }) => severity === 'error') };
}

function describeFix(
  out: string,
  frames: number,
  { applied, left }: { readonly applied: ReturnType<typeof fixDataset>['applied']; readonly left: readonly Finding[] },
): string {
  const lines = [`${out}: ${frames} frames`];
  if (applied.length === 0) lines.push('  nothing was changed: nothing is wrong that can be mended without doubt');
  for (const { codes, frames: changed, what } of applied) {
    lines.push(`  ${what} [${codes.join(', ')}]${changed.length === 0 ? '' : `, ${changed.length} frames`}`);
  }
  for (const { code, message } of left) lines.push(`  left as it was: ${message} [${code}]`);
  return lines.join('\n');
}
