import type { Command } from 'commander';
import { type DataLocality, localityFromData } from '../../curation/index.ts';
import type { Dataset } from '../../data/index.ts';
import { createEngine } from '../../node/engine.ts';
import { writeFileAtomically } from '../../node/files.ts';
import { figure, formatNumber, formatTable } from '../../report/index.ts';
import { addInputFlags, DATA, type InputFlags, keepInputs, openDatasets } from '../inputs.ts';
import { followed } from '../progress.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from '../session.ts';
import { parseCount } from '../values.ts';

interface LocalityFlags extends CommonFlags, InputFlags {
  readonly atoms: number;
  readonly figure?: string;
}

export function addLocality(data: Command): void {
  const command = data
    .command('locality')
    .summary('how far must an atom see? the cutoff that the forces ask for')
    .description(
      'Fits linear models that see spheres of growing radius to a part of the frames, and tests their forces on the ' +
        'rest: where the error stops to fall is the cutoff that a potential needs. Says so when it does not stop.',
    )
    .argument('<file>', DATA)
    .optionsGroup('Locality:')
    .option('--figure <path>', 'draw the errors against the radius here (.svg)')
    .option(
      '--atoms <n>',
      'thin the frames to about so many atoms; more take longer and know better',
      parseCount,
      6000,
    );
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText(
      'after',
      `
Example:
  nearsight data locality data.extxyz --figure locality.svg     takes a minute

The cutoff is the smallest radius whose error is the lowest one to within 5 % or its standard error. How it compares with
scans of trained potentials is in docs/theory/locality.md.`,
    )
    .action((file: string, flags: LocalityFlags) =>
      runCommand(flags, (session) => localityCommand(session, file, flags)),
    );
}

async function localityCommand(session: Session, path: string, flags: LocalityFlags): Promise<undefined> {
  keepInputs([path], [flags.out, flags.figure]);
  const [dataset] = await openDatasets(session, [path], flags);
  const { seed, atoms } = flags;
  // One frame at a time is too small for threads.
  const work = localityFromData(dataset.frames, await createEngine(1), { seed, atoms, signal: session.signal });
  const found = await followed(session.progress('locality'), work, ({ done, total, radius }) => ({
    ...{ done, total, unit: 'radii', note: `${radius} Å` },
  }));
  if (flags.figure !== undefined) await writeFileAtomically(flags.figure, drawn(dataset, found));
  await session.printAndSave(documentOf(dataset, found, flags.figure), describe(dataset, found));
  return undefined;
}

/** Names are a contract with scripts. */
function documentOf({ source, frames }: Dataset, found: DataLocality, figure: string | undefined): object {
  return {
    source,
    frames: frames.length,
    used: { frames: found.frames, atoms: found.atoms },
    cutoff_A: found.cutoff,
    interval_A: found.interval,
    saturated: found.saturated,
    lowest_force_error_eV_per_A: found.lowest,
    lowest_at_A: found.lowestAt,
    force_eV_per_A: found.force,
    half_cell_A: found.halfCell,
    radii: found.radii.map(({ radius, error, uncertainty, outside }) => ({
      radius_A: radius,
      force_error_eV_per_A: error,
      uncertainty_eV_per_A: uncertainty,
      outside_eV_per_A: outside,
    })),
    verdict: found.verdict,
    figure: figure ?? null,
  };
}

function describe({ source }: Dataset, found: DataLocality): string {
  const milli = (value: number): string => formatNumber(1000 * value, { digits: 3 });
  return [
    `${source}: ${found.frames} frames with ${found.atoms} atoms were used; forces are ${milli(found.force)} meV/Å.`,
    '',
    formatTable(found.radii, [
      { header: 'radius\nÅ', align: 'right', cell: ({ radius }) => radius.toFixed(1) },
      { header: 'held-out error\nmeV/Å', align: 'right', cell: ({ error }) => milli(error) },
      { header: '±\nmeV/Å', align: 'right', cell: ({ uncertainty }) => milli(uncertainty) },
      { header: 'from outside\nmeV/Å', align: 'right', cell: ({ outside }) => milli(outside) },
      { header: '', cell: ({ radius }) => (radius === found.cutoff ? '← cutoff' : '') },
    ]),
    '',
    found.verdict,
  ].join('\n');
}

function drawn({ source }: Dataset, { radii, cutoff, saturated }: DataLocality): string {
  const x = radii.map(({ radius }) => radius);
  const y = radii.map(({ error }) => 1000 * error);
  const at = radii.findIndex(({ radius }) => radius === cutoff);
  return figure({
    title: `How far must an atom see? ${source.replace(/^.*\//, '')}`,
    x: { label: 'Radius of the sphere that is seen (Å)' },
    y: { label: 'Held-out force error (meV/Å)', log: true },
    series: [
      { name: 'linear models', x, y, error: radii.map(({ uncertainty }) => 1000 * uncertainty) },
      { name: saturated ? `cutoff: ${cutoff} Å` : `at least ${cutoff} Å`, mark: 'dots', x: [cutoff], y: [y[at]] },
    ],
  });
}
