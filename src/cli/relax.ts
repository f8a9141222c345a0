import type { Command } from 'commander';
import { relax } from '../md/index.ts';
import { writeFrames } from '../node/structures.ts';
import { formatNumber } from '../report/index.ts';
import { cellVolume } from '../structure/index.ts';
import { domainOnly, openDomain, openUncertainty } from '../uncertainty/index.ts';
import { GPA } from '../units.ts';
import {
  addInputFlags,
  type InputFlags,
  inputOptions,
  openStructure,
  STRUCTURE,
  warnOfDirectForces,
  withModel,
} from './inputs.ts';
import { followed } from './progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session, usageError } from './session.ts';
import { parseCount, parsePositive, parsePressure, parseWhole } from './values.ts';

interface RelaxFlags extends CommonFlags, InputFlags {
  readonly cell?: boolean;
  readonly pressure?: number;
  readonly maxForce: number;
  readonly maxSteps: number;
  readonly frame?: number;
}

const HELP = `
Example:
  nearsight relax model.safetensors diamond:Si:5.43 --cell --out si.extxyz

Units: energy eV, forces eV/Å, stress and pressure GPa. Exit code 1 when it did not converge.`;

export function addRelax(program: Command): void {
  const command = program
    .command('relax')
    .summary('find the nearest minimum of the energy')
    .description('Moves the atoms, and with --cell the cell, to the nearest minimum of the energy (FIRE).')
    .argument('<model>', 'model file (.safetensors)')
    .argument('<structure>', STRUCTURE)
    .optionsGroup('Relaxation:')
    .option('--cell', 'relax the cell, too')
    .option('--pressure <GPa>', 'pressure from outside, with --cell; positive in compression', parsePressure)
    .option('--max-force <eV/Å>', 'done when no force is larger', parsePositive, 0.01)
    .option('--max-steps <n>', 'give up after so many steps', parseCount, 2000)
    .option('--frame <n>', 'which frame of the file, from 0', parseWhole);
  addInputFlags(command);
  addCommonFlags(command, 'write the relaxed structure: extended XYZ, or as the name of the file says')
    .addHelpText('after', HELP)
    .action((model: string, structure: string, flags: RelaxFlags) =>
      runCommand(flags, (session) => relaxCommand(session, model, structure, flags)),
    );
}

async function relaxCommand(session: Session, model: string, path: string, flags: RelaxFlags): Promise<number> {
  if (flags.pressure !== undefined && flags.cell !== true) {
    throw usageError('--pressure acts on the cell, which is not relaxed', 'add --cell');
  }
  const { structure: start } = await openStructure(path, flags.frame, inputOptions(flags));
  return withModel(model, flags.threads, async ({ file, potential }) => {
    warnOfDirectForces(session, potential, 'atoms come to rest where they vanish, not where the energy is lowest');
    const work = relax(start, potential, {
      maxForce: flags.maxForce,
      maxSteps: flags.maxSteps,
      cell: flags.cell === true,
      pressure: flags.pressure ?? 0,
      signal: session.signal,
    });
    const result = await followed(session.progress('relax'), work, ({ step, energy, maxForce }) => {
      const note = `${energy.toFixed(4)} eV, largest force ${maxForce.toExponential(1)} eV/Å`;
      return { done: step, total: flags.maxSteps, unit: 'steps', note };
    });
    const { structure, evaluation, converged, ...last } = result;
    const periodic = structure.pbc.every((repeats) => repeats);
    const volume = periodic ? cellVolume(structure.cell) : null;
    const stress = volume === null ? null : evaluation.strainGradient.map((g) => g / volume);
    if (flags.out !== undefined) {
      const labels = { energy: last.energy, forces: evaluation.forces, ...(stress !== null && { stress }) };
      const relaxed = { structure, labels: { ...labels, energy: evaluation.energy } };
      await writeFrames(flags.out, [relaxed]);
    }
    const caveats =
      openUncertainty(file, potential)?.of(structure) ?? domainOnly(openDomain(file.domain, potential), structure);
    const atoms = structure.numbers.length;
    const document = {
      converged,
      steps: last.step,
      energy_eV: evaluation.energy,
      energy_eV_per_atom: evaluation.energy / atoms,
      max_force_eV_per_A: last.maxForce,
      max_stress_GPa: stress === null ? null : Math.max(...stress.map(Math.abs)) / GPA,
      volume_A3: volume,
      energy_uncertainty_eV: caveats.energyPerAtom === null ? null : atoms * caveats.energyPerAtom.total,
      domain: caveats.domain?.sentence ?? null,
      cell_A: Array.from(structure.cell),
      out: flags.out ?? null,
    };
    session.print(document, describe(document, atoms));
    return converged ? 0 : 1;
  });
}

interface RelaxDocument {
  readonly converged: boolean;
  readonly steps: number;
  readonly energy_eV: number;
  readonly max_force_eV_per_A: number;
  readonly max_stress_GPa: number | null;
  readonly volume_A3: number | null;
  readonly energy_uncertainty_eV: number | null;
  readonly domain: string | null;
  readonly cell_A: readonly number[];
  readonly out: string | null;
}

function describe(result: RelaxDocument, atoms: number): string {
  const { energy_eV: energy, volume_A3: volume, cell_A: cell } = result;
  const lengths = [0, 3, 6].map((k) => Math.hypot(cell[k], cell[k + 1], cell[k + 2]).toFixed(4));
  const error = result.energy_uncertainty_eV;
  const sigma = error === null ? '' : `, σ ${formatNumber((1000 * error) / atoms)} meV/atom`;
  const lines = [
    `${result.converged ? 'converged' : 'NOT converged'} after ${result.steps} steps`,
    `energy         ${energy.toFixed(6)} eV (${(energy / atoms).toFixed(6)} eV/atom, ${atoms} atoms)${sigma}`,
    `largest force  ${formatNumber(result.max_force_eV_per_A)} eV/Å`,
  ];
  if (result.max_stress_GPa !== null) lines.push(`largest stress ${formatNumber(result.max_stress_GPa)} GPa`);
  if (volume !== null) lines.push(`cell           ${lengths.join(' × ')} Å, ${(volume / atoms).toFixed(4)} Å³/atom`);
  if (result.domain !== null) lines.push(result.domain);
  if (result.out !== null) lines.push(`written to     ${result.out}`);
  return lines.join('\n');
}
