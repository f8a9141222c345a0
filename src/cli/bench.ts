import type { Command } from 'commander';
import { type BenchReport, bench } from '../node/bench.ts';
import { formatNumber, formatTable } from '../report/index.ts';
import { followed } from './progress.ts';
import { addCommonFlags, type CommonFlags, OUT_DOCUMENT, runCommand, type Session } from './session.ts';
import { parseCount } from './values.ts';

interface BenchFlags extends CommonFlags {
  readonly million?: boolean;
  readonly rounds: number;
}

const HELP = `
Example:
  nearsight bench --json --out bench.json

Thermal silicon, default model for solids with random weights. The cases run in turns; times are medians in µs per atom
and step. Processor time counts all threads, so it suffers least on a busy machine. Ratios are taken within each round.
--threads has no effect here: each case names its own.`;

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .summary('how fast the engine is on this machine')
    .description(
      'Times evaluation at 1,000 … 100,000 atoms, training step, neighbour list and MD step on this machine.',
    )
    .optionsGroup('Benchmark:')
    .option('--million', 'evaluate a million atoms, too (1 GB of memory)')
    .option('--rounds <n>', 'how often each case is timed', parseCount, 9);
  addCommonFlags(command, OUT_DOCUMENT)
    .addHelpText('after', HELP)
    .action((flags: BenchFlags) => runCommand(flags, (session) => benchCommand(session, flags)));
}

async function benchCommand(session: Session, flags: BenchFlags): Promise<undefined> {
  const { seed, rounds, million = false } = flags;
  const work = bench({ seed, rounds, million, signal: session.signal });
  const result = await followed(session.progress('bench'), work, ({ id, ...stage }) => ({ ...stage, note: id }));
  await session.printAndSave(result, describe(result, session.colour));
  return undefined;
}

function describe({ cases, ratios, about, memory, machine }: BenchReport, colour: boolean): string {
  const table = formatTable(
    cases,
    [
      { header: 'case', cell: (c) => c.id },
      { header: 'kernel', cell: (c) => c.kernel },
      { header: 'threads', align: 'right', cell: (c) => String(c.threads) },
      { header: 'processor\nµs/atom', align: 'right', cell: (c) => formatNumber(c.us_per_atom) },
      { header: 'wall clock\nµs/atom', align: 'right', cell: (c) => formatNumber(c.wall_us_per_atom) },
    ],
    { colour },
  );
  const rows = Object.entries(ratios).map(([name, value]) => ({ name, value }));
  const meanings: Readonly<Record<string, string>> = about;
  return [
    table,
    '',
    formatTable(rows, [
      { header: 'ratio', cell: (row) => row.name },
      { header: '', align: 'right', cell: (row) => formatNumber(row.value) },
      { header: '', cell: (row) => meanings[row.name] },
    ]),
    '',
    `memory: ${memory.list_bytes_per_atom.toFixed(0)} bytes per atom for the neighbour list, ` +
      `${memory.engine_bytes_per_atom.toFixed(0)} for the engine; at most ${memory.process_peak_GB.toFixed(2)} GB in all`,
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, nearsight ${machine.nearsight}`,
  ].join('\n');
}
