import type { Command } from 'commander';
import { type Inspection, inspectDataset, type Range } from '../../curation/index.ts';
import type { Dataset } from '../../data/index.ts';
import { formatNumber, formatTable } from '../../report/index.ts';
import { GPA } from '../../units.ts';
import { addInputFlags, DATA, type InputFlags, inputOptions, openDatasets, warnOfSkipped } from '../inputs.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from '../session.ts';
import { sparkline } from '../sparkline.ts';

type InspectFlags = CommonFlags & InputFlags;

export function addInspect(data: Command): void {
  const command = data
    .command('inspect')
    .summary('what is in a file, and what is wrong with it')
    .description(
      'Counts, elements, ranges and distributions; missing labels, duplicates, outliers; whether energies, forces and ' +
        'stresses agree in unit and sign.',
    )
    .argument('<file...>', DATA);
  addInputFlags(command);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText(
      'after',
      `
Example:
  nearsight data inspect data.extxyz

Whether the stress has the right sign and unit is settled by the data themselves: the energies of similar cells must
change by the work that the stresses do. Exit code 1 when something is wrong with the data (severity "error").`,
    )
    .action((files: string[], flags: InspectFlags) =>
      runCommand(flags, (session) => inspectCommand(session, files, flags)),
    );
}

async function inspectCommand(session: Session, paths: readonly string[], flags: InspectFlags): Promise<number> {
  const datasets = await openDatasets(paths, inputOptions(flags));
  warnOfSkipped(session, datasets);
  const files = datasets.map((dataset) => inspectDataset(dataset));
  const findings = files.flatMap(({ source, findings }) => findings.map((finding) => ({ source, ...finding })));
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
  const text = datasets.map((dataset, k) => describe(dataset, files[k])).join('\n\n');
  await session.printAndSave(document, text);
  return findings.some((finding) => finding.severity === 'error') ? 1 : 0;
}

function describe({ frames }: Dataset, found: Inspection): string {
  const lines = [
    `${found.source}: ${found.frames} frames, ${found.atoms} atoms`,
    `elements  ${found.elements.map(({ symbol, atoms }) => `${symbol} (${atoms} atoms)`).join(', ')}`,
    `labels    ${(['energy', 'forces', 'stress'] as const).map((name) => `${name} ${found.labelled[name]}`).join(', ')} of ${found.frames}`,
  ];
  const rows = quantities(frames, found);
  if (rows.length > 0) {
    lines.push(
      '',
      formatTable(rows, [
        { header: '', cell: (row) => row.name },
        { header: 'from', align: 'right', cell: (row) => formatNumber(row.range.min, { digits: row.digits }) },
        { header: 'to', align: 'right', cell: (row) => formatNumber(row.range.max, { digits: row.digits }) },
        { header: 'unit', cell: (row) => row.unit },
        { header: 'distribution', cell: (row) => row.plot },
      ]),
    );
  }
  if (found.groups.length > 1) {
    lines.push(
      '',
      formatTable(found.groups, [
        { header: 'group', cell: (group) => (group.name === '' ? '(no group)' : group.name) },
        { header: 'frames', align: 'right', cell: (group) => formatNumber(group.frames, { decimals: 0 }) },
        { header: 'atoms', align: 'right', cell: (group) => formatNumber(group.atoms, { decimals: 0 }) },
      ]),
    );
  }
  lines.push('', stressSentence(found));
  if (found.findings.length === 0) lines.push('No complaints.');
  for (const { severity, message, code, hint } of found.findings) {
    lines.push(`${severity}: ${message} [${code}]`, `  hint: ${hint}`);
  }
  return lines.join('\n');
}

interface Quantity {
  readonly name: string;
  readonly unit: string;
  readonly range: Range;
  readonly digits: number;
  readonly plot: string;
}

function quantities(frames: Dataset['frames'], found: Inspection): Quantity[] {
  const rows: Quantity[] = [];
  const add = (name: string, unit: string, range: Range | null, plot = '', digits = 4): void => {
    if (range !== null) rows.push({ name, unit, range, digits, plot });
  };
  const periodic = frames.filter(({ labels }) => labels.stress !== undefined);
  add('atoms per frame', '', found.atomsPerFrame, sparkline(frames.map(({ structure }) => structure.numbers.length)));
  const energies = frames.map(({ labels, structure }) => (labels.energy ?? Number.NaN) / structure.numbers.length);
  add('energy', 'eV/atom', found.energyPerAtom, sparkline(energies), 6);
  if (found.forces !== null) {
    const components = frames.flatMap(({ labels }) => Array.from(labels.forces ?? []));
    const { rms, max } = found.forces;
    add(`force components (rms ${formatNumber(rms)})`, 'eV/Å', rangeOf(components), sparkline(components));
    add('largest force', 'eV/Å', { min: max, max, mean: max });
  }
  const pressures = periodic.map(({ labels: { stress } }) => -(stress![0] + stress![4] + stress![8]) / 3 / GPA);
  add('pressure', 'GPa', found.stress && inGPa(found.stress.pressure), sparkline(pressures));
  add('volume', 'Å³/atom', found.volumePerAtom);
  add('nearest neighbour', 'Å', found.nearest);
  return rows;
}

const inGPa = ({ min, max, mean }: Range): Range => ({ min: min / GPA, max: max / GPA, mean: mean / GPA });

function rangeOf(values: readonly number[]): Range {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  return { min, max, mean: sum / values.length };
}

function stressSentence({ stressCheck, labelled }: Inspection): string {
  if (labelled.stress === 0) return 'No frame has a stress.';
  const { verdict, slope, slopeError, pairs } = stressCheck;
  const measured = `${formatNumber(slope)} ± ${formatNumber(slopeError, { digits: 1 })} times the work of the stresses, ${pairs} pairs of cells`;
  const sentences: Readonly<Record<typeof verdict, string>> = {
    consistent: `Energies and stresses agree in unit and sign (energies change by ${measured}).`,
    opposite: `Energies and stresses disagree in sign (energies change by ${measured}).`,
    scaled: `Energies and stresses disagree in size (energies change by ${measured}).`,
    'cannot-tell': 'Whether energies and stresses agree cannot be told from these frames: too few of similar cells.',
  };
  return sentences[verdict];
}
