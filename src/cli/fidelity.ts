import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Dataset, Frame } from '../data/index.ts';
import { symbolOf } from '../elements.ts';
import { createEngine } from '../node/engine.ts';
import { writeFrames } from '../node/structures.ts';
import { formatNumber, formatTable } from '../report/index.ts';
import {
  type FidelityAnalysis,
  type FidelityFit,
  type FidelityProgress,
  type FitErrors,
  fitFidelities,
  type LevelFrames,
  type LevelSummary,
  liftFrames,
} from '../training/fidelity/index.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from './inputs.ts';
import { followed, type Stage } from './progress.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session, usageError } from './session.ts';
import { parseCount, parsePositive } from './values.ts';

interface FidelityFlags extends CommonFlags, InputFlags {
  readonly target: string[];
  readonly low?: string[];
  readonly levelKey?: string;
  readonly targetLevel?: string;
  readonly cutoff?: number;
  readonly channels?: number;
  readonly separateNoise?: boolean;
  readonly write?: string;
}

const HELP = `
Examples:
  nearsight fidelity --target ccsdt.extxyz --low gfn2.extxyz --write lifted.extxyz
  nearsight fidelity --target all.extxyz --level-key level --target-level "CCSD(T)"
  nearsight train lifted.extxyz ccsdt.extxyz

A linear model is fitted to all labels at once: coefficients that the levels share, for each cheap level a smooth bias
and energies of its elements, and noise. How large each of them is, is estimated from the labels (restricted maximum
likelihood). Errors are those of frames of the target left out, so they say whether the cheap labels help.
--write lifts the labels of the cheap levels: their label less its bias, with standard errors (energy_std in eV,
forces_std in eV/Å).`;

export function addFidelity(program: Command): void {
  const command = program
    .command('fidelity')
    .summary('few good labels and many cheap ones, fitted together')
    .description('Says how the labels of levels of theory differ, whether the cheap ones help, and lifts them.')
    .optionsGroup('Levels of theory:')
    .requiredOption('--target <file...>', `frames of the level that counts; ${DATA}`)
    .option('--low <file...>', 'frames of cheaper levels; each file is a level')
    .option('--level-key <name>', 'the entry of a frame that names its level, instead of its file')
    .option('--target-level <name>', 'with --level-key: which level is the target (default: that of --target)')
    .option('--write <path>', 'write the frames of the cheap levels lifted to the target')
    .optionsGroup('Model:')
    .option('--cutoff <Å>', 'how far an atom sees (default: 4)', parsePositive)
    .option('--channels <n>', 'of the descriptor, a multiple of 4 (default: 24, fewer for many elements)', parseCount)
    .option('--separate-noise', 'the noise of a level has nothing to do with that of the others');
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText('after', HELP)
    .action((flags: FidelityFlags) => runCommand(flags, (session) => fidelityCommand(session, flags)));
}

async function fidelityCommand(session: Session, flags: FidelityFlags): Promise<undefined> {
  const { target, low = [], write, cutoff, channels, seed } = flags;
  if (channels !== undefined && channels % 4 !== 0) throw usageError(`--channels ${channels} is no multiple of 4`);
  keepInputs([...target, ...low], [flags.out, write]);
  const [good, cheap] = [await openDatasets(session, target, flags), await openDatasets(session, low, flags)];
  const levels = levelsOf(good, cheap, flags);
  const work = fitFidelities(levels, await createEngine(1), {
    descriptor: {
      seed,
      ...(cutoff !== undefined && { cutoff, onset: cutoff / 8 }),
      ...(channels !== undefined && { channels }),
    },
    ...(flags.separateNoise === true && { noiseSpread: Number.POSITIVE_INFINITY }),
    signal: session.signal,
  });
  const fit = await followed(session.progress('fidelity'), work, stageOf);
  try {
    const written = write === undefined ? null : await writeLifted(write, fit, flags.levelKey);
    const document = { ...documentOf(fit.analysis), written };
    await session.printAndSave(document, describe(fit.analysis, written));
  } finally {
    fit.problem.close();
  }
  return undefined;
}

function stageOf({ phase, done, total }: FidelityProgress): Stage {
  return { done, total, unit: phase === 'rows' ? 'frames' : 'fits', note: phase === 'rows' ? 'derivatives' : 'fits' };
}

/** The target first, then the others in the order in which they come. */
function levelsOf(good: readonly Dataset[], cheap: readonly Dataset[], flags: FidelityFlags): LevelFrames[] {
  const { levelKey, targetLevel } = flags;
  if (levelKey === undefined) {
    if (targetLevel !== undefined) throw usageError('--target-level needs --level-key');
    if (cheap.length === 0)
      throw usageError('--low is missing', 'name the files of the cheaper levels, or --level-key');
    return [
      { name: good.map(({ source }) => basename(source)).join(' + '), frames: good.flatMap(({ frames }) => frames) },
      ...cheap.map(({ source, frames }) => ({ name: basename(source), frames })),
    ];
  }
  const name = ({ info }: Frame, source: string): string => {
    const value = info[levelKey];
    if (value !== undefined) return String(value);
    throw usageError(`${source} has a frame without the entry "${levelKey}"`, 'name the entry that every frame has');
  };
  const levels = new Map<string, Frame[]>();
  for (const { source, frames } of [...good, ...cheap]) {
    for (const frame of frames) {
      const level = name(frame, source);
      levels.set(level, [...(levels.get(level) ?? []), frame]);
    }
  }
  const named = new Set(good.flatMap(({ source, frames }) => frames.map((frame) => name(frame, source))));
  const target = targetLevel ?? (named.size === 1 ? [...named][0] : undefined);
  if (target === undefined || !levels.has(target)) {
    const known = `the levels are ${[...levels.keys()].join(', ')}`;
    throw usageError(
      target === undefined ? 'the files of --target hold several levels' : `there is no level "${target}"`,
      `say which is the target with --target-level; ${known}`,
    );
  }
  return [target, ...[...levels.keys()].filter((level) => level !== target)].map((level) => ({
    name: level,
    frames: levels.get(level) ?? [],
  }));
}

interface Written {
  readonly path: string;
  readonly frames: number;
  /** Frames whose composition the target's energies do not determine: lifted forces, no energy. */
  readonly without_energy: number;
}

async function writeLifted(path: string, fit: FidelityFit, key: string | undefined): Promise<Written> {
  let without = 0;
  function* frames(): ReturnType<typeof liftFrames> {
    for (const frame of liftFrames(fit, key)) {
      if (frame.labels?.energy === undefined) without++;
      yield frame;
    }
  }
  const count = await writeFrames(path, frames());
  return { path, frames: count, without_energy: without };
}

/** Names are a contract with scripts. */
function documentOf({ elements, features, levels, errors, verdicts, converged }: FidelityAnalysis): object {
  return {
    target: levels[0].name,
    elements: elements.map(symbolOf),
    features,
    converged,
    levels,
    errors,
    verdicts,
    units: {
      noise: 'eV/atom for kind "energy", eV/Å for "forces", eV/Å³ for "stress"; root of the variance',
      species: 'eV, over the target',
      'bias.energy': 'eV/atom, root mean square',
      'bias.forces': 'eV/Å, root mean square',
      'trained, leftOut': 'root mean squares: energy in eV/atom, forces in eV/Å',
      'alone, combined': 'eV/atom for kind "energy", eV/Å for "forces"',
      'weight, worth, effective, spread, significance, noiseLogError, spreadLogError': '',
    },
  };
}

const NAMES: Readonly<Record<FitErrors['fit'], string>> = {
  target: 'target alone',
  level: 'alone, energies shifted',
  combined: 'all levels',
  lifted: 'label lifted',
};

const milli = (value: number | null): string => formatNumber(value === null ? null : 1000 * value);
const UNIT = { energy: 'meV/atom', forces: 'meV/Å', stress: 'meV/Å³' } as const;

function describe(analysis: FidelityAnalysis, written: Written | null): string {
  const { levels, errors, features, converged } = analysis;
  const [target] = levels;
  const labels = levels.flatMap((level) => level.kinds.map((kind) => ({ level, kind })));
  const lines = [
    `target ${target.name}: ${target.frames} frames; ${levels
      .slice(1)
      .map(({ name, frames }) => `${name}: ${frames} frames`)
      .join('; ')}`,
    `A linear model with ${features} coefficients for each level, fitted to all labels.`,
    '',
    formatTable(labels, [
      { header: 'level', cell: ({ level }) => level.name },
      { header: 'labels', cell: ({ kind }) => `${kind.labels} ${kind.kind}` },
      { header: 'noise', align: 'right', cell: ({ kind }) => `${milli(kind.noise)} ${UNIT[kind.kind]}` },
      { header: 'determine', align: 'right', cell: ({ kind }) => formatNumber(kind.effective, { decimals: 0 }) },
      { header: 'weight', align: 'right', cell: ({ kind }) => formatNumber(kind.weight) },
      { header: 'bias unknown', align: 'right', cell: ({ kind }) => formatNumber(kind.worth) },
    ]),
    'determine: so many coefficients; weight: of one label beside one of the target, and what it would be if nothing',
    'were known of the bias',
    '',
    ...levels.slice(1).map((level) => describeBias(level, analysis)),
    '',
    'Errors on frames of the target (root mean squares; left out: fitted without the labels of the frame):',
    formatTable(errors, [
      { header: 'fit', cell: ({ fit, level }) => (level === undefined ? NAMES[fit] : `${level} ${NAMES[fit]}`) },
      { header: 'frames', align: 'right', cell: ({ frames }) => String(frames) },
      { header: 'coefficients', align: 'right', cell: (row) => formatNumber(row.effective, { decimals: 0 }) },
      { header: 'energy, fitted', align: 'right', cell: ({ trained }) => milli(trained.energy) },
      { header: 'left out', align: 'right', cell: ({ leftOut }) => milli(leftOut.energy) },
      { header: 'meV/atom  forces, fitted', align: 'right', cell: ({ trained }) => milli(trained.forces) },
      { header: 'left out', align: 'right', cell: ({ leftOut }) => `${milli(leftOut.forces)} meV/Å` },
    ]),
    '',
    ...analysis.verdicts.map(
      ({ kind, verdict, alone, combined, significance }) =>
        `${kind}: ${VERDICTS[verdict]} (${milli(alone)} → ${milli(combined)} ${UNIT[kind]} on frames left out; ${formatNumber(significance)} standard errors)`,
    ),
  ];
  if (!converged) lines.push('The search for the variances did not come to an end: take them with care.');
  if (written !== null) {
    lines.push('', `${written.path}: ${written.frames} frames lifted to ${target.name}`);
    if (written.without_energy > 0) {
      lines.push(`${written.without_energy} of them have no energy: the target has no labels of such compositions`);
    }
  }
  return lines.join('\n');
}

const VERDICTS = {
  help: 'the cheap labels help',
  unclear: 'whether the cheap labels help cannot be told',
  hurt: 'the cheap labels hurt',
} as const;

function describeBias({ name, bias }: LevelSummary, { elements }: FidelityAnalysis): string {
  if (bias === null) return '';
  const species = elements.map((z, s) => `${symbolOf(z)} ${formatNumber(bias.species[s])} eV`).join(', ');
  return [
    `bias of ${name}: energies of elements ${species}${bias.speciesKnown ? '' : ' (smallest; the compositions do not tell them apart)'};`,
    `  smooth part ${milli(bias.energy)} meV/atom and ${milli(bias.forces)} meV/Å (root mean square; its forces are ${milli(bias.forceLabels)} meV/Å)`,
  ].join('\n');
}
