import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  parsePlan,
  type Refusal,
  runPlan,
  type SamplingResult,
  type SamplingStep,
  type SamplingTools,
} from '../../curation/index.ts';
import type { WritableFrame } from '../../data/index.ts';
import { createEngine } from '../../node/engine.ts';
import { readChunks, writeFileAtomically } from '../../node/files.ts';
import { writeFrames } from '../../node/structures.ts';
import { createSymmetry } from '../../node/symmetry.ts';
import { VERSION } from '../../node/version.ts';
import { formatNumber, formatTable, renderCoverage } from '../../report/index.ts';
import {
  addInputFlags,
  type InputFlags,
  inputOptions,
  keepInputs,
  openStructure,
  STRUCTURE,
  withModel,
} from '../inputs.ts';
import { followed, type Stage } from '../progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, today, usageError } from '../session.ts';
import { parseWhole } from '../values.ts';

interface SampleFlags extends CommonFlags, InputFlags {
  readonly frame?: number;
  readonly potential?: string;
  readonly figure?: string;
}

const HELP = `
Example:
  nearsight data sample diamond:Si:5.43 plan.yaml --out to-label.extxyz --figure coverage.html

with plan.yaml such as
  budget: 100
  parts:
    - { kind: hydrostatic, strain: [-0.06, 0.06], count: 9 }
    - { kind: shear, strain: [0, 0.08], count: 5, each: { kind: rattle, width: 0.02 } }
    - { kind: rattle, supercell: 2, temperature: [300, 900], debye: 640, count: 20 }
    - { kind: vacancy, supercell: 2 }
    - { kind: surface, largest: 1, layers: 6 }
Kinds of parts: as-is, hydrostatic, uniaxial, shear, rattle, harmonic, dynamics, vacancy, interstitial, substitution,
surface, alloy. docs/sampling-plans.md explains each of them.

The structures have a group (config_type), an id and what they were made with, and no labels. The same structure, plan,
seed and version give the same bits. Structures with absurdly short contacts are drawn again or refused, and counted.`;

export function addSample(data: Command): void {
  const command = data
    .command('sample')
    .summary('make structures that are worth labelling')
    .description('Makes structures from a plan: strains, temperatures, defects, surfaces, alloys; thinned to a budget.')
    .argument('<structure>', STRUCTURE)
    .argument('<plan>', 'sampling plan (YAML)')
    .optionsGroup('Sampling:')
    .option('--potential <model>', 'model file for dynamics and harmonic parts, instead of the one of the plan')
    .option('--figure <html>', 'what the structures cover, as a page: environments, volumes, distances')
    .option('--frame <n>', 'which frame of the file, from 0', parseWhole);
  addInputFlags(command);
  addCommonFlags(command, 'write the structures as extended XYZ (.gz packs them)')
    .addHelpText('after', HELP)
    .action((structure: string, plan: string, flags: SampleFlags, self: Command) => {
      if (flags.out === undefined) throw usageError('--out is missing', 'say where to write the structures');
      const asked = self.getOptionValueSource('seed') === 'cli' ? flags.seed : null;
      return runCommand(flags, (session) => sampleCommand(session, { structure, plan, asked, flags }));
    });
}

interface Request {
  readonly structure: string;
  readonly plan: string;
  /** Seed of the command line, which overrides that of the plan. */
  readonly asked: number | null;
  readonly flags: SampleFlags;
}

async function sampleCommand(session: Session, request: Request): Promise<undefined> {
  const { flags } = request;
  keepInputs([request.structure, request.plan], [flags.out, flags.figure]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(request.plan)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const plan = parsePlan(bytes.toString('utf8'), request.plan);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const { structure } = await openStructure(request.structure, flags.frame, inputOptions(flags));
  const seed = request.asked ?? plan.seed ?? flags.seed;
  const model =
    flags.potential ?? (plan.potential === null ? undefined : resolve(dirname(request.plan), plan.potential));
  const kernel = await createEngine(flags.threads);
  const tools: SamplingTools = {
    ...{ symmetry: await createSymmetry(), kernel, seed, plan: hash.slice(0, 16), signal: session.signal },
  };
  const run = (more: Partial<SamplingTools> = {}): Promise<SamplingResult> =>
    followed(session.progress('sample'), runPlan(structure, plan, { ...tools, ...more }), stageOf);
  const result =
    model === undefined ? await run() : await withModel(model, flags.threads, ({ potential }) => run({ potential }));
  const out = flags.out ?? '';
  const frames = await writeFrames(out, result.samples satisfies readonly WritableFrame[]);
  if (flags.figure !== undefined)
    await writeFigure(flags.figure, `${request.structure}, ${basename(request.plan)}`, result);
  report(session, { out, figure: flags.figure ?? null, frames, seed, hash }, result);
  return undefined;
}

function stageOf({ made, part, parts, note }: SamplingStep): Stage {
  return { done: part, total: parts, note: `${made} structures  ${note}` };
}

async function writeFigure(path: string, name: string, result: SamplingResult): Promise<void> {
  const page = renderCoverage(result.coverage, {
    ...{ name, date: today(), generator: `nearsight ${VERSION}` },
    refused: reasons(result.refused),
  });
  await writeFileAtomically(path, page);
}

/** Refusals of one group for one reason, with the first message of them. */
function reasons(refused: readonly Refusal[]): { group: string; code: string; message: string; count: number }[] {
  const found = new Map<string, { group: string; code: string; message: string; count: number }>();
  for (const { group, code, message } of refused) {
    const key = `${group} ${code}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { group, code, message, count: 1 });
    else known.count++;
  }
  return [...found.values()];
}

interface Written {
  readonly out: string;
  readonly figure: string | null;
  readonly frames: number;
  readonly seed: number;
  readonly hash: string;
}

function report(session: Session, written: Written, result: SamplingResult): void {
  const { out, figure, frames, seed, hash } = written;
  const { made, redrawn, copies, coverage, refused } = result;
  const summary = reasons(refused);
  for (const { group, count, message } of summary) {
    session.warn(`${count === 1 ? 'one structure' : `${count} structures`} of ${group} refused: ${message}`);
  }
  const groups = coverage.groups.map(({ volumes_A3_per_atom: volumes, ...group }) => ({
    ...group,
    volume_A3_per_atom: volumes.length === 0 ? null : { min: Math.min(...volumes), max: Math.max(...volumes) },
  }));
  const text = formatTable(groups, [
    { header: 'group', cell: ({ name }) => name },
    { header: 'made', align: 'right', cell: (group) => String(group.made) },
    { header: 'kept', align: 'right', cell: ({ kept }) => String(kept) },
    { header: 'atoms', align: 'right', cell: ({ atoms }) => String(atoms) },
    {
      header: 'volume\nÅ³/atom',
      align: 'right',
      cell: ({ volume_A3_per_atom: volume }) =>
        volume === null ? '' : [...new Set([volume.min, volume.max].map((v) => formatNumber(v)))].join(' … '),
    },
  ]);
  const lines = [
    text,
    '',
    `${out}: ${frames} structures${frames < made ? ` of ${made} that were made` : ''}` +
      (copies > 0 ? `; ${copies} made twice, taken once` : '') +
      (redrawn > 0 ? `; ${redrawn} draws with short contacts replaced` : ''),
  ];
  if (figure !== null) lines.push(`${figure}: what they cover`);
  session.print(
    { frames, out, figure, made, redrawn, copies, refused, seed, plan: hash, groups, coverage },
    lines.join('\n'),
  );
}
