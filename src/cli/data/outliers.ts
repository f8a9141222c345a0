import type { Command } from 'commander';
import { type AnalysisProgress, analyseOutliers, describeOutlier, type OutlierAnalysis } from '../../curation/index.ts';
import type { Dataset, Frame, WritableFrame } from '../../data/index.ts';
import { createEngine } from '../../node/engine.ts';
import { writeFileAtomically } from '../../node/files.ts';
import { writeFrames } from '../../node/structures.ts';
import { formatNumber, formatTable } from '../../report/index.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from '../inputs.ts';
import { followed, type Stage } from '../progress.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session, usageError } from '../session.ts';

interface OutliersFlags extends CommonFlags, InputFlags {
  readonly drop?: string;
  readonly level: number;
}

export function addOutliers(data: Command): void {
  const command = data
    .command('outliers')
    .summary('labels that disagree with the rest, by their influence on a fit')
    .description(
      'Fits a linear model to all labels and finds energies, forces of frames and forces on single atoms that the other ' +
        'labels contradict beyond chance, with Cook’s distance of each: how much it moves the fit.',
    )
    .argument('<file>', DATA)
    .optionsGroup('Outliers:')
    .option('--drop <path>', 'write the frames without outliers here, and beside it what was dropped and why')
    .option(
      '--level <probability>',
      'that a clean set has any outlier of a kind',
      (text: string) => {
        const level = Number(text);
        if (level > 0 && level < 0.5) return level;
        throw usageError(`--level ${text} is no probability between 0 and 0.5`);
      },
      0.01,
    );
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText(
      'after',
      `
Example:
  nearsight data outliers data.extxyz --drop clean.extxyz     writes clean.extxyz, clean-dropped.extxyz and
                                                              clean-dropped.json

An outlier is a question, not a verdict: a wrong label, or the only frame of its kind. Look at it before it goes.`,
    )
    .action((file: string, flags: OutliersFlags) =>
      runCommand(flags, (session) => outliersCommand(session, file, flags)),
    );
}

async function outliersCommand(session: Session, path: string, flags: OutliersFlags): Promise<undefined> {
  const outputs = flags.drop === undefined ? null : outputsOf(flags.drop);
  keepInputs([path], [flags.out, ...Object.values(outputs ?? {})]);
  const [dataset] = await openDatasets(session, [path], flags);
  const { frames } = dataset;
  const analysis = await analysed(session, frames, flags);
  const outliers = analysis.outliers.map((outlier) => ({
    ...outlier,
    frame: frames[outlier.frame].index,
    group: frames[outlier.frame].group,
    reason: describeOutlier(outlier, frames[outlier.frame]),
  }));
  const dropped = new Set(analysis.outliers.map(({ frame }) => frame));
  const written = outputs === null ? null : await drop(dataset, analysis, outputs);
  const document = {
    source: dataset.source,
    frames: frames.length,
    outliers,
    frames_with_outliers: dropped.size,
    criteria: analysis.criteria,
    fit: {
      coefficients: analysis.parameters,
      labels: analysis.rows,
      rounds: analysis.rounds,
      residual_deviation: Math.sqrt(analysis.variance),
    },
    judged_by_nobody: analysis.alone.map((k) => frames[k].index),
    written,
    units: {
      residual: 'eV/atom for kind "energy", else eV/Å, root mean square over components',
      limit: 'as residual',
      label: 'eV for kind "energy", eV/Å for kind "atom"',
      expected: 'as label',
      cook: '',
      threshold: '',
      residual_deviation: 'in units of the weights: about a tenth of the usual force',
    },
  };
  await session.printAndSave(document, describe(dataset, analysis, written));
  return undefined;
}

async function analysed(session: Session, frames: readonly Frame[], flags: OutliersFlags): Promise<OutlierAnalysis> {
  const { seed, level } = flags;
  // One frame at a time is too small for threads.
  const work = analyseOutliers(frames, await createEngine(1), { seed, level, signal: session.signal });
  return followed(session.progress('outliers'), work, stageOfAnalysis);
}

/** Of the search for outliers, here and in the data report. */
export function stageOfAnalysis({ round, done, total }: AnalysisProgress): Stage {
  return { done, total, unit: 'frames', note: round === 0 ? 'derivatives' : `fit ${round}` };
}

interface Written {
  readonly kept: { readonly path: string; readonly frames: number };
  readonly dropped: { readonly path: string; readonly frames: number };
  readonly ledger: string;
}

interface Outputs {
  readonly kept: string;
  readonly dropped: string;
  readonly ledger: string;
}

function outputsOf(path: string): Outputs {
  const stem = path.replace(/(\.(ext)?xyz)?(\.gz)?$/i, '');
  return { kept: path, dropped: `${stem}-dropped.extxyz`, ledger: `${stem}-dropped.json` };
}

/** The kept frames, the dropped ones with their reasons, and a ledger. */
async function drop(
  { frames, source, sha256 }: Dataset,
  analysis: OutlierAnalysis,
  outputs: Outputs,
): Promise<Written> {
  const reasons = new Map<number, string[]>();
  for (const outlier of [...analysis.outliers].sort((a, b) => a.frame - b.frame)) {
    const reason = describeOutlier(outlier, frames[outlier.frame]);
    reasons.set(outlier.frame, [...(reasons.get(outlier.frame) ?? []), reason]);
  }
  const away: WritableFrame[] = Array.from(reasons, ([k, why]) => {
    const { index, info } = frames[k];
    return { ...frames[k], info: { ...info, dropped_from_frame: index, dropped_because: why.join('; ') } };
  });
  const written = {
    kept: { path: outputs.kept, frames: frames.length - away.length },
    dropped: { path: outputs.dropped, frames: away.length },
    ledger: outputs.ledger,
  };
  const ledger = {
    source,
    sha256,
    frames: frames.length,
    kept: written.kept.frames,
    criteria: analysis.criteria,
    dropped: Array.from(reasons, ([k, why]) => ({
      frame: frames[k].index,
      line: frames[k].line,
      group: frames[k].group,
      why,
      outliers: analysis.outliers
        .filter(({ frame }) => frame === k)
        .map((outlier) => ({ ...outlier, frame: frames[k].index })),
    })),
  };
  await writeFrames(
    outputs.kept,
    frames.filter((_, k) => !reasons.has(k)),
  );
  await writeFrames(written.dropped.path, away);
  await writeFileAtomically(written.ledger, `${JSON.stringify(ledger, null, 2)}\n`);
  return written;
}

function describe({ source, frames }: Dataset, analysis: OutlierAnalysis, written: Written | null): string {
  const { outliers, criteria, alone, parameters, rows } = analysis;
  const bad = new Set(outliers.map(({ frame }) => frame)).size;
  const level = criteria.map(({ level, tests }) => level * tests).find((value) => value > 0);
  const lines = [
    `${source}: ${frames.length} frames, ${bad} of them with outliers`,
    `A linear model with ${formatNumber(parameters, { decimals: 0 })} coefficients was fitted to ${formatNumber(rows, { decimals: 0 })} labels. An outlier is beyond what a clean set`,
    `reaches with a probability of ${formatNumber(level)} (for each kind; threshold of Cook’s distance in the last column).`,
  ];
  if (outliers.length > 0) {
    lines.push(
      '',
      formatTable(outliers, [
        { header: 'frame', align: 'right', cell: ({ frame }) => String(frames[frame].index) },
        { header: 'group', cell: ({ frame }) => frames[frame].group },
        { header: 'what', cell: ({ kind, atom }) => (atom === undefined ? kind : `atom ${atom}`) },
        { header: 'residual', align: 'right', cell: ({ residual }) => formatNumber(residual) },
        { header: 'usual up to', align: 'right', cell: ({ limit }) => formatNumber(limit) },
        { header: 'unit', cell: ({ kind }) => (kind === 'energy' ? 'eV/atom' : 'eV/Å') },
        { header: 'Cook’s D', align: 'right', cell: ({ cook }) => formatNumber(cook) },
        { header: 'threshold', align: 'right', cell: ({ threshold }) => formatNumber(threshold) },
      ]),
      '',
      ...outliers.map(
        (outlier) => `frame ${frames[outlier.frame].index}: ${describeOutlier(outlier, frames[outlier.frame])}`,
      ),
    );
  }
  if (alone.length > 0) {
    const names = alone.slice(0, 10).map((k) => frames[k].index);
    lines.push(
      '',
      `No other label has a say in some label of ${alone.length} frame${alone.length === 1 ? '' : 's'}: ${names.join(', ')}${alone.length > 10 ? ', …' : ''}.`,
    );
  }
  if (written !== null) {
    const { kept, dropped, ledger } = written;
    lines.push(
      '',
      `${kept.path}: ${kept.frames} frames`,
      `${dropped.path}: ${dropped.frames} frames, and why in ${ledger}`,
    );
  }
  return lines.join('\n');
}
