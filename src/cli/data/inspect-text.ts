/** An inspection for the terminal: verdicts first, then findings, then what is in the file. */
import type { Finding, Inspection, Range } from '../../curation/index.ts';
import type { Dataset } from '../../data/index.ts';
import { evidenceSentence, formatNumber, formatTable, verdictRows } from '../../report/index.ts';
import { GPA } from '../../units.ts';
import { sparkline } from '../sparkline.ts';

export function describeInspection({ frames }: Dataset, found: Inspection): string {
  const count = (n: number): string => formatNumber(n, { decimals: 0 });
  const parts = [
    [
      `${found.source}: ${count(found.frames)} frames, ${count(found.atoms)} atoms`,
      `elements  ${found.elements.map(({ symbol, atoms }) => `${symbol} (${count(atoms)} atoms)`).join(', ')}`,
      `labels    ${(['energy', 'forces', 'stress'] as const).map((name) => `${name} ${count(found.labelled[name])}`).join(', ')} of ${count(found.frames)}`,
    ].join('\n'),
    describeVerdicts(found),
    describeFindings(found.findings),
  ];
  const rows = quantities(frames, found);
  if (rows.length > 0) {
    const table = formatTable(rows, [
      { header: '', cell: (row) => row.name },
      { header: 'from', align: 'right', cell: (row) => formatNumber(row.range.min, { digits: row.digits }) },
      { header: 'to', align: 'right', cell: (row) => formatNumber(row.range.max, { digits: row.digits }) },
      { header: 'unit', cell: (row) => row.unit },
      { header: 'distribution', cell: (row) => row.plot },
    ]);
    parts.push(table);
  }
  if (found.groups.length > 1) parts.push(describeGroups(found));
  return parts.filter((part) => part !== '').join('\n\n');
}

export function describeFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'No complaints.';
  return findings
    .flatMap(({ severity, message, code, hint }) => [`${severity}: ${message} [${code}]`, `  hint: ${hint}`])
    .join('\n');
}

/** Groups beyond this are counted, not listed. */
const MOST_GROUPS = 20;

function describeGroups({ groups }: Inspection): string {
  const shown = groups.length > MOST_GROUPS ? groups.slice(0, MOST_GROUPS - 1) : groups;
  const table = formatTable(shown, [
    { header: 'group', cell: (group) => (group.name === '' ? '(no group)' : group.name) },
    { header: 'frames', align: 'right', cell: (group) => formatNumber(group.frames, { decimals: 0 }) },
    { header: 'atoms', align: 'right', cell: (group) => formatNumber(group.atoms, { decimals: 0 }) },
  ]);
  return shown.length === groups.length ? table : `${table}\n… and ${groups.length - shown.length} more groups`;
}

function describeVerdicts(found: Inspection): string {
  const rows = verdictRows(found);
  if (rows.length === 0) return '';
  const table = formatTable(rows, [
    { header: 'convention', cell: (row) => row.name },
    { header: 'verdict', cell: (row) => row.verdict },
    { header: 'odds', cell: (row) => row.odds },
  ]);
  return `${table}\n${evidenceSentence(found)}`;
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
  add('atoms per frame', '', found.atomsPerFrame, sparkline(frames.map(({ structure }) => structure.numbers.length)));
  const energies = frames.map(({ labels, structure }) => (labels.energy ?? Number.NaN) / structure.numbers.length);
  add('energy', 'eV/atom', found.energyPerAtom, sparkline(energies), 6);
  if (found.forces !== null) {
    const components = componentsOf(frames);
    const { rms, smallest, max } = found.forces;
    add(`force components (rms ${formatNumber(rms)})`, 'eV/Å', rangeOf(components), sparkline(components));
    add('largest force of a frame', 'eV/Å', { min: smallest, max, mean: max });
  }
  const pressures = frames.flatMap(({ labels: { stress } }) =>
    stress === undefined ? [] : [-(stress[0] + stress[4] + stress[8]) / 3 / GPA],
  );
  add('pressure', 'GPa', found.stress && inGPa(found.stress.pressure), sparkline(pressures));
  add('volume', 'Å³/atom', found.volumePerAtom);
  add('nearest neighbour', 'Å', found.nearest);
  return rows;
}

const inGPa = ({ min, max, mean }: Range): Range => ({ min: min / GPA, max: max / GPA, mean: mean / GPA });

/** All force components, of very large sets some of them. */
function componentsOf(frames: Dataset['frames']): number[] {
  let count = 0;
  for (const { labels } of frames) count += labels.forces?.length ?? 0;
  const stride = Math.ceil(count / MOST_DRAWN);
  const components: number[] = [];
  let k = 0;
  for (const { labels } of frames) {
    const { forces } = labels;
    if (forces === undefined) continue;
    for (let c = 0; c < forces.length; c++) if (k++ % stride === 0) components.push(forces[c]);
  }
  return components;
}

/** A line of text shows no more. */
const MOST_DRAWN = 100_000;

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
