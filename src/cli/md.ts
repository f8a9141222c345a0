import type { Command } from 'commander';
import { Option } from 'commander';
import type { AtomArray, WritableFrame } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import type { MdSample } from '../md/index.ts';
import { type Moment, type SimulationResult, simulate, usualTimestep } from '../node/simulate.ts';
import { writeFrames } from '../node/structures.ts';
import { formatNumber, formatTable } from '../report/index.ts';
import { cellVolume, copyStructure, type Structure, supercell } from '../structure/index.ts';
import { openDomain, openUncertainty } from '../uncertainty/index.ts';
import { withUncertainty } from './evaluate-uncertainty.ts';
import {
  addInputFlags,
  type InputFlags,
  inputOptions,
  openStructure,
  STRUCTURE,
  warnOfDirectForces,
  withModel,
} from './inputs.ts';
import {
  describeWatch,
  type UncertaintySummary,
  type UncertaintyWatch,
  watchDocument,
  watchUncertainty,
} from './md-uncertainty.ts';
import type { Progress } from './progress.ts';
import { addCommonFlags, type CommonFlags, runCommand, type Session } from './session.ts';
import {
  parseCount,
  parsePositive,
  parseSupercell,
  parseTemperature,
  parseTime,
  parseTimestep,
  parseWhole,
} from './values.ts';

interface MdFlags extends CommonFlags, InputFlags {
  readonly ensemble: 'nve' | 'nvt';
  readonly temperature: number;
  readonly time: number;
  readonly timestep?: number;
  readonly equilibrate: number;
  readonly friction: number;
  readonly supercell?: [number, number, number];
  readonly every?: number;
  readonly frame?: number;
  readonly guard?: boolean;
}

const HELP = `
Example:
  nearsight md model.safetensors diamond:Si:5.47 --supercell 4x4x4 --temperature 300 --time 10ps \\
    --equilibrate 2ps --out trajectory.extxyz.gz

Starting from a crystal at rest, half of the heat of the initial velocities goes into potential energy: without
--equilibrate, an NVE run settles at about half the temperature.
The trajectory holds energy (eV), forces (eV/Å), stress (eV/Å³), velocities (Å/fs), time_fs and temperature_K. It
appears under its name when it is whole, also after Ctrl-C or when the simulation explodes.
With a calibrated model, up to 200 of its frames also hold force_uncertainty (σ of the force components of an atom, eV/Å)
and domain_distance (of the atom farthest from the training data, σ).`;

export function addMd(program: Command): void {
  const command = program
    .command('md')
    .summary('molecular dynamics')
    .description('Molecular dynamics: NVE (velocity Verlet) or NVT (Langevin).')
    .argument('<model>', 'model file (.safetensors)')
    .argument('<structure>', STRUCTURE)
    .optionsGroup('Simulation:')
    .addOption(new Option('--ensemble <name>', 'what is held constant').choices(['nve', 'nvt']).default('nve'))
    .requiredOption('--temperature <K>', 'of the initial velocities and of the thermostat', parseTemperature)
    .requiredOption('--time <time>', 'how long to simulate: 10ps, 1ns', parseTime)
    .option('--timestep <fs>', 'default: 1 fs, 0.5 with atoms lighter than 10 u, 0.25 with hydrogen', parseTimestep)
    .option('--equilibrate <time>', 'NVT before the run, not counted in its averages', parseTime, 0)
    .option('--friction <1/fs>', 'of the Langevin thermostat', parsePositive, 0.01)
    .option('--supercell <AxBxC>', 'repeat the cell first', parseSupercell)
    .option('--every <n>', 'steps between the frames of the trajectory; default: some 200 frames', parseCount)
    .option('--guard', 'end the run when atoms are outside the training domain: exit code 1')
    .option('--frame <n>', 'which frame of the file, from 0', parseWhole);
  addInputFlags(command);
  addCommonFlags(command, 'write the trajectory as extended XYZ (.gz packs it)')
    .addHelpText('after', HELP)
    .action((model: string, structure: string, flags: MdFlags) =>
      runCommand(flags, (session) => mdCommand(session, model, structure, flags)),
    );
}

async function mdCommand(session: Session, model: string, path: string, flags: MdFlags): Promise<number> {
  const { structure: cell } = await openStructure(path, flags.frame, inputOptions(flags));
  const structure = flags.supercell === undefined ? cell : supercell(cell, flags.supercell);
  const timestep = flags.timestep ?? usualTimestep(structure);
  const steps = Math.round(flags.time / timestep);
  const fine = Math.max(1, Math.floor(steps / 200));
  const every = flags.every ?? fine;
  return withModel(model, flags.threads, async ({ file, potential }) => {
    const uncertainty = openUncertainty(file, potential);
    const domain = uncertainty?.domain ?? openDomain(file.domain, potential);
    if (flags.guard === true && domain === null) throw noGuard(model);
    const watch = watchUncertainty({ uncertainty, domain }, steps, flags.guard === true ? 'guard' : 'watch');
    const guard = new AbortController();
    warnOfDirectForces(session, potential, 'dynamics conserve neither energy nor momentum');
    const work = simulate({
      structure,
      potential,
      ensemble: flags.ensemble,
      temperature: flags.temperature,
      time: flags.time,
      timestep,
      equilibration: flags.equilibrate,
      friction: flags.friction,
      seed: flags.seed,
      every: flags.out === undefined ? fine : divisor(every, fine),
      signal: AbortSignal.any([session.signal, guard.signal]),
    });
    const outcome: Outcome = {};
    const leave = flags.guard === true ? () => guard.abort() : () => {};
    const frames = follow(work, { ...{ every, outcome, watch, leave }, progress: session.progress('md') });
    let written = 0;
    if (flags.out !== undefined) written = await writeFrames(flags.out, frames, { to: 'extxyz' });
    else for await (const _ of frames);
    if (outcome.error !== undefined) {
      if (written > 0) session.warn(`${flags.out} holds the ${written} frames up to there`);
      throw outcome.error;
    }
    const guarded = guard.signal.aborted;
    const direct = potential.conservative === false;
    report(session, flags, outcome.result!, { direct, frames: written, watched: watch.summary(), guarded });
    return guarded ? 1 : 0;
  });
}

function noGuard(model: string): NearsightError {
  return new NearsightError('no-domain', 'the model does not know its training domain: there is nothing to guard', {
    hint: 'train it with this version of nearsight, or leave --guard out',
    place: { path: model },
  });
}

/** How a simulation ended: with a result, or with an error that must not cost the trajectory. */
interface Outcome {
  result?: SimulationResult;
  error?: NearsightError;
}

/** The frames of the trajectory, as the simulation goes on. */
async function* follow(
  work: ReturnType<typeof simulate>,
  to: {
    readonly every: number;
    readonly progress: Progress;
    readonly outcome: Outcome;
    readonly watch: UncertaintyWatch;
    /** Ends the run. */
    readonly leave: () => void;
  },
): AsyncGenerator<WritableFrame, void> {
  try {
    let next = await work.next();
    for (; !next.done; next = await work.next()) {
      const { phase, sample, steps } = next.value;
      const note = `${sample.temperature.toFixed(0)} K${phase === 'run' ? '' : ', equilibration'}`;
      to.progress.update({ done: sample.step, total: steps, unit: 'steps', note });
      if (phase !== 'run') continue;
      const last = sample.step === steps;
      if (sample.step % to.every !== 0 && !last) continue;
      const caveats = to.watch.look(sample, last);
      if (caveats?.domain?.inside === false) to.leave();
      yield withUncertainty(frameOf(sample), caveats);
    }
    to.outcome.result = next.value;
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    to.outcome.error = error;
  } finally {
    to.progress.end();
  }
}

function frameOf({ step, time, temperature, pressure, state }: MdSample): WritableFrame {
  const structure = copyStructure(state.structure);
  const { energy, forces } = state.evaluation;
  const velocities: AtomArray = { type: 'R', columns: 3, values: state.velocities.slice() };
  return {
    structure,
    labels: {
      energy,
      forces: forces.slice(),
      ...(pressure !== null && stressOf(structure, state.evaluation.strainGradient)),
    },
    info: { step, time_fs: time, temperature_K: temperature },
    arrays: { velocities },
  };
}

/** Only where there is a pressure. */
function stressOf(structure: Structure, strainGradient: Float64Array): { stress: Float64Array } {
  const volume = cellVolume(structure.cell);
  return { stress: strainGradient.map((g) => g / volume) };
}

/** The largest divisor of `n` that is not above `most`. */
function divisor(n: number, most: number): number {
  for (let d = Math.min(n, most); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

interface Watched {
  /** Of the trajectory. */
  readonly frames: number;
  readonly watched: UncertaintySummary;
  /** Whether forces come from a head of their own: then there is no pressure. */
  readonly direct: boolean;
  /** Whether the guard ended the run. */
  readonly guarded: boolean;
}

function report(
  session: Session,
  flags: MdFlags,
  result: SimulationResult,
  { frames, watched, guarded, direct }: Watched,
): void {
  const { atoms, steps, seconds, drift, temperature, temperatureDeviation, pressure, moments, last } = result;
  const document = {
    ensemble: flags.ensemble,
    atoms,
    steps,
    timestep_fs: result.timestep,
    time_fs: last.time,
    drift_meV_per_atom_per_ps: drift?.drift_meV_per_atom_per_ps ?? null,
    drift_uncertainty_meV_per_atom_per_ps: drift?.uncertainty_meV_per_atom_per_ps ?? null,
    temperature_K: temperature,
    temperature_deviation_K: temperatureDeviation,
    pressure_GPa: pressure,
    energy_eV: moments[moments.length - 1].potentialEnergy,
    atom_steps_per_second: (atoms * steps) / seconds,
    seconds,
    ...watchDocument(watched),
    interrupted: session.signal.aborted,
    ended_by_guard: guarded,
    trajectory: flags.out ?? null,
    frames,
  };
  const lines = [
    formatMoments(moments, atoms),
    '',
    `${flags.ensemble.toUpperCase()}, ${atoms} atoms, ${steps} steps of ${result.timestep} fs in ${seconds.toFixed(1)} s: ` +
      `${formatNumber(document.atom_steps_per_second, { digits: 2 })} atom-steps/s`,
    `second half: ${temperature.toFixed(1)} ± ${temperatureDeviation.toFixed(1)} K` +
      (pressure === null ? '' : `, ${formatNumber(pressure)} GPa`) +
      (direct ? ', no pressure: the forces of this model are no gradient' : ''),
  ];
  if (drift !== null) {
    const value = formatNumber(drift.drift_meV_per_atom_per_ps, { digits: 2 });
    const error = formatNumber(drift.uncertainty_meV_per_atom_per_ps, { digits: 2 });
    lines.push(`drift of the conserved energy: ${value} ± ${error} meV/atom/ps`);
  }
  lines.push(...describeWatch(watched));
  if (guarded) {
    lines.push(`ended by --guard after ${formatNumber(last.time)} of ${formatNumber(flags.time)} fs`);
  }
  if (flags.out !== undefined) lines.push(`${frames} frames in ${flags.out}`);
  session.print(document, lines.join('\n'));
}

/** About ten moments of the run. */
function formatMoments(moments: readonly Moment[], atoms: number): string {
  const stride = Math.max(1, Math.floor((moments.length - 1) / 10));
  const shown = moments.filter((_, k) => k % stride === 0);
  const start = moments[0].conservedEnergy;
  return formatTable(shown, [
    { header: 'time\nps', align: 'right', cell: (m) => (m.time / 1000).toFixed(3) },
    { header: 'temperature\nK', align: 'right', cell: (m) => m.temperature.toFixed(1) },
    { header: 'pressure\nGPa', align: 'right', cell: (m) => (m.pressure === null ? '' : m.pressure.toFixed(3)) },
    { header: 'potential energy\neV/atom', align: 'right', cell: (m) => (m.potentialEnergy / atoms).toFixed(5) },
    {
      header: 'change of conserved\nenergy, meV/atom',
      align: 'right',
      cell: (m) => ((1000 * (m.conservedEnergy - start)) / atoms).toFixed(4),
    },
  ]);
}
