import { type Command, Option } from 'commander';
import { symbolOf } from '../elements.ts';
import type { N2p2Units } from '../model/n2p2/index.ts';
import { writeModel } from '../node/model.ts';
import { importN2p2 } from '../node/n2p2.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session } from './session.ts';

/** What users may call the units: as for data files, or in full. */
const UNITS: Readonly<Record<string, N2p2Units>> = {
  atomic: 'atomic',
  metal: 'metal',
  'bohr-hartree': 'atomic',
  'angstrom-ev': 'metal',
};

interface ImportFlags extends CommonFlags {
  readonly out: string;
  readonly units?: string;
}

const HELP = `
Example:
  nearsight import H2O_RPBE-D3 --units atomic --out water.safetensors
  nearsight evaluate water.safetensors input.data --units atomic

The folder holds input.nn, scaling.data and weights.ZZZ.data; a folder of such folders nnp-1, nnp-2 … is a committee.
Units: atomic (bohr-hartree) or metal (angstrom-ev); not needed where comments in input.nn say "Length unit : Bohr" and
"Energy unit : Ha". What nearsight can't hold is refused, by file, line and keyword. More: docs/n2p2.md`;

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .summary('read a potential of n2p2 or RuNNer')
    .description('Makes a model file from a trained potential of n2p2 or RuNNer.')
    .argument('<folder>', 'folder of the potential')
    .addOption(new Option('--units <style>', 'units of the files').choices(Object.keys(UNITS)));
  addCommonFlags(command, 'the model file', 'model.safetensors')
    .addHelpText('after', HELP)
    .action((folder: string, flags: ImportFlags) =>
      runCommand(flags, (session) => importCommand(session, folder, flags)),
    );
}

async function importCommand(session: Session, folder: string, flags: ImportFlags): Promise<undefined> {
  const { out } = flags;
  const given = flags.units === undefined ? {} : { units: UNITS[flags.units] };
  const { file, units, files } = await importN2p2(folder, given);
  await writeModel(out, file);
  const { shape, elements } = file.model;
  const symbols = elements.map(symbolOf);
  const document = {
    model: out,
    format: 'n2p2',
    units,
    files,
    elements: symbols,
    functions: shape.functions.map((list) => list.length),
    cutoff_A: shape.cutoff,
    hidden: shape.hidden,
    members: shape.heads,
  };
  const lines = [
    `${out}: ${symbols.join(', ')}, symmetry functions up to ${shape.cutoff.toPrecision(4)} Å`,
    ...symbols.map(
      (symbol, s) =>
        `  ${symbol.padEnd(2)} ${document.functions[s]} functions, layers of ${shape.hidden.join(' and ')}`,
    ),
    ...(shape.heads > 1 ? [`  a committee of ${shape.heads}`] : []),
  ];
  session.print(document, lines.join('\n'));
}
