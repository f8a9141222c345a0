import type { Command } from 'commander';
import { Option } from 'commander';
import { readModel } from '../node/model.ts';
import { exportN2p2 } from '../node/n2p2.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, usageError } from './session.ts';

interface ExportFlags extends CommonFlags {
  readonly to: 'n2p2';
  readonly withoutRepulsion?: boolean;
}

const HELP = `
Example:
  nearsight export model.safetensors --to n2p2 --out si-nnp

n2p2 (also pair_style hdnnp of LAMMPS): a new folder with input.nn, scaling.data and weights.ZZZ.data, in Å and eV, with
all digits; of a committee one such folder for each member, nnp-1, nnp-2 … It has a place for models of symmetry
functions with tanh or softplus, and for no repulsion. More: docs/n2p2.md`;

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .summary('write a model for another program')
    .description('Writes a model in the format of another program.')
    .argument('<model>', 'model file (.safetensors)')
    .addOption(new Option('--to <format>', 'the format').choices(['n2p2']).makeOptionMandatory())
    .option('--without-repulsion', 'leave out a repulsion that the format has no place for');
  addCommonFlags(command, 'the new folder')
    .addHelpText('after', HELP)
    .action((model: string, flags: ExportFlags) =>
      runCommand(flags, (session) => exportCommand(session, model, flags)),
    );
}

async function exportCommand(session: Session, model: string, flags: ExportFlags): Promise<undefined> {
  const { out, to, withoutRepulsion = false } = flags;
  if (out === undefined) throw usageError('a folder to write is missing', 'name it with --out');
  const file = await readModel(model);
  const files = await exportN2p2(file, out, { withoutRepulsion });
  if (withoutRepulsion && file.parts.repulsion !== null) {
    const { outer, scale } = file.parts.repulsion;
    const reach = scale === 'angstrom' ? `${outer} Å` : `${outer} sums of covalent radii`;
    session.warn(`the ZBL repulsion below ${reach} is left out: energies and forces there differ from the model's`);
  }
  const document = { format: to, out, files, repulsion_left_out: withoutRepulsion && file.parts.repulsion !== null };
  session.print(document, [`${out}: ${files.length} files`, ...files.map((name) => `  ${name}`)].join('\n'));
}
