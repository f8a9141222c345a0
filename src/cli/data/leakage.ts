import type { Command } from 'commander';
import { findLeakage, type Leakage } from '../../curation/index.ts';
import type { Dataset } from '../../data/index.ts';
import { createEngine } from '../../node/engine.ts';
import { formatNumber, formatTable } from '../../report/index.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from '../inputs.ts';
import { followed } from '../progress.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from '../session.ts';

interface LeakageFlags extends CommonFlags, InputFlags {}

export function addLeakage(data: Command): void {
  const command = data
    .command('leakage')
    .summary('test frames that the training set has seen')
    .description(
      'Finds test frames that are twins of training frames (same structure, however rotated, shifted, repeated or ' +
        'renumbered), or that come from the same trajectory. Errors on such frames say nothing of new structures.',
    )
    .argument('<train>', DATA)
    .argument('<test>', 'the frames that are to test a model');
  addCommonFlags(addInputFlags(command), OUT_DOCUMENT)
    .addHelpText(
      'after',
      `
Example:
  nearsight data leakage train.extxyz test.extxyz

Distances are Mahalanobis distances between atomic environments, root-mean-square over a frame; how near is too near
follows from the distances between unrelated training frames. Frames are counted from 0.`,
    )
    .action((train: string, test: string, flags: LeakageFlags) =>
      runCommand(flags, (session) => leakageCommand(session, [train, test], flags)),
    );
}

async function leakageCommand(
  session: Session,
  paths: readonly [string, string],
  flags: LeakageFlags,
): Promise<undefined> {
  keepInputs(paths, [flags.out]);
  const [train, test] = await openDatasets(session, paths, flags);
  const found = await leakageBetween(session, train, test);
  await session.printAndSave(leakageDocument(found, train, test), describeLeakage(found, train, test));
  return undefined;
}

/** The check with its progress shown. */
export async function leakageBetween(
  session: Session,
  train: Pick<Dataset, 'frames'>,
  test: Pick<Dataset, 'frames'>,
): Promise<Leakage> {
  const work = findLeakage(train, test, { kernel: await createEngine(1), signal: session.signal });
  return followed(session.progress('leakage'), work, (step) => ({ ...step, unit: 'environments' }));
}

/** Names are a contract with scripts. */
function leakageDocument(found: Leakage, train: Dataset, test: Dataset): object {
  const { threshold, flagged, fraction, environmentFraction, elements } = found;
  const { value, ...basis } = threshold;
  return {
    train: { source: train.source, frames: train.frames.length },
    test: { source: test.source, frames: test.frames.length },
    threshold: value,
    threshold_basis: basis,
    flagged,
    fraction,
    twins: flagged.filter(({ reason }) => reason === 'twin').length,
    environment_fraction: environmentFraction,
    elements,
    distances: Array.from(found.distances, (distance) => (Number.isFinite(distance) ? distance : null)),
    units: { distances: 'Mahalanobis, root-mean-square over the environments of a frame' },
  };
}

/** Pairs that the text names. */
const NAMED = 12;

function describeLeakage(found: Leakage, train: Dataset, test: Dataset): string {
  const { flagged } = found;
  const share = `${flagged.length} of ${test.frames.length} frames of ${test.source}`;
  const lines = [
    flagged.length === 0
      ? `Nothing leaks: none of the ${test.frames.length} frames of ${test.source} is in ${train.source} already.`
      : `${share} leak from ${train.source} (${(100 * found.fraction).toFixed(1)} %).`,
  ];
  if (flagged.length > 0) {
    lines.push(
      '',
      formatTable(countsOf(found, test), [
        { header: 'group', cell: (row) => (row.group === '' ? '(no group)' : row.group) },
        { header: 'frames', align: 'right', cell: (row) => String(row.frames) },
        { header: 'twins', align: 'right', cell: (row) => String(row.twin) },
        { header: 'same trajectory', align: 'right', cell: (row) => String(row.trajectory) },
      ]),
    );
  }
  lines.push('', nearestPairs(found, test), '', thresholdSentence(found));
  return lines.join('\n');
}

interface GroupCounts {
  readonly group: string;
  frames: number;
  twin: number;
  trajectory: number;
}

function countsOf({ flagged }: Leakage, test: Dataset): GroupCounts[] {
  const groups = new Map<string, GroupCounts>();
  for (const { group } of test.frames) {
    const counts = groups.get(group) ?? { group, frames: 0, twin: 0, trajectory: 0 };
    counts.frames++;
    groups.set(group, counts);
  }
  for (const { group, reason } of flagged) groups.get(group)![reason]++;
  return [...groups.values()];
}

/** The nearest test frames, flagged or not. */
function nearestPairs(found: Leakage, test: Dataset): string {
  const reasons = new Map(found.flagged.map(({ frame, reason }) => [frame, reason]));
  const order = Array.from(found.distances.keys()).sort((p, q) => found.distances[p] - found.distances[q]);
  return formatTable(order.slice(0, NAMED), [
    { header: 'test frame', align: 'right', cell: (frame) => String(frame) },
    { header: 'group', cell: (frame) => test.frames[frame].group },
    { header: 'nearest training frame', align: 'right', cell: (frame) => formatFrame(found.nearest[frame]) },
    { header: 'distance', align: 'right', cell: (frame) => formatNumber(found.distances[frame]) },
    { header: '', cell: (frame) => reasons.get(frame) ?? '' },
  ]);
}

const formatFrame = (index: number): string => (index < 0 ? '–' : String(index));

function thresholdSentence({ threshold }: Leakage): string {
  const { value, resolution, chance, median, frames } = threshold;
  const moved = `a copy that was changed by 0.001 Å is ${formatNumber(resolution)} away`;
  if (chance === null || median === null) {
    return `Twins are nearer than ${formatNumber(value)}: ${moved}; too few unrelated training frames (${frames}) to say more.`;
  }
  return (
    `Twins are nearer than ${formatNumber(value)}: unrelated training frames are ${formatNumber(median)} apart (median of ` +
    `${frames}), so that one in a hundred such test sets has a frame nearer than ${formatNumber(chance)} by chance; ${moved}.`
  );
}
