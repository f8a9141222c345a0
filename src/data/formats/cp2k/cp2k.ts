/**
 * CP2K, 2.6 to 2025: the main output (ENERGY, ENERGY_FORCE, MD, GEO_OPT, CELL_OPT) and the files beside it.
 *
 * Its units and signs: energies in Hartree; forces −∂E/∂r in Hartree/Bohr; stress in GPa or bar, positive in
 * compression (a third of its trace is the pressure), so ours is minus that; coordinates and cells in Å. With smearing
 * the energy is the free energy, which the forces belong to.
 *
 * An energy of the output with a geometry is a frame. The geometry is that of `PROJECT-pos-1.xyz` with the same energy
 * in its comment, else the one that the output printed before the energy; an energy with neither (trajectories may
 * keep every tenth step) is no frame. Forces come from `PROJECT-frc-1.xyz`, the output, or `PROJECT-*-1_0.xyz`; cells
 * from `PROJECT-1.cell`, else from the output, which has 3 decimals: print `&CELL` for more. The stress is that of the
 * output or of `*.stress_tensor`. `PROJECT-1.stress` is read for optimisations alone: of dynamics it holds the pressure
 * of the moving atoms too.
 */
import type { Place } from '../../../errors.ts';
import type { Structure } from '../../../structure/structure.ts';
import { HARTREE } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import { refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { refuseOrSkip } from '../format.ts';
import { HARTREE_PER_BOHR, noFrames, unconverged } from '../shared/quantum.ts';
import { frameOf } from '../shared/values.ts';
import { elementsOf, fromBar, readBlocks, readTable, readTracks, type Track } from './files.ts';
import { type Evaluation, type Output, readOutput } from './output.ts';

/** The output and what stood beside it. */
interface Run extends Output {
  readonly path: string;
  readonly project: string;
  readonly positions: Trajectory | null;
  readonly forces: Trajectory | null;
  /** By step, Å. */
  readonly cells: ReadonlyMap<number, Float64Array>;
  /** By step, eV/Å³. */
  readonly stresses: ReadonlyMap<number, Float64Array>;
}

/** A trajectory and how much of it has found its energy. */
interface Trajectory {
  readonly path: string;
  readonly tracks: readonly Track[];
  used: number;
}

/** @throws NearsightError with path, line, frame and field */
export function readCp2k(files: readonly InputFile[], options: FormatOptions): Frame[] {
  const run = runOf(files, options);
  const { path, evaluations, positions, forces } = run;
  if (evaluations.length === 0 && !run.cut) throw noFrames({ path }, 'line "ENERGY| Total FORCE_EVAL"');
  const frames: Frame[] = [];
  let count = 0;
  for (const evaluation of evaluations) {
    const track = take(positions, evaluation);
    const force = take(forces, evaluation);
    const place = { path, line: evaluation.line, frame: count };
    const structure = structureOf(run, evaluation, { track, place });
    if (structure === null) {
      // A trajectory may keep fewer steps than the output; without one, steps would be lost in silence.
      if (positions === null) throw missingPositions(run, place);
      continue;
    }
    count++;
    if (evaluation.unconverged) {
      refuseOrSkip(unconverged(place), options);
      continue;
    }
    frames.push(frameOf({ structure, labels: labelsOf(run, evaluation, { track, force }) }, place));
  }
  if (!run.cut) for (const trajectory of [positions, forces]) checkUsedUp(trajectory);
  return frames;
}

function nameOf(path: string): string {
  return path.replace(/^.*[/\\]/, '');
}

function runOf([main, ...companions]: readonly InputFile[], options: FormatOptions): Run {
  const output = readOutput(main, options);
  const named = (pattern: RegExp): InputFile | undefined => companions.find(({ path }) => pattern.test(path));
  const trajectory = (pattern: RegExp): Trajectory | null => {
    const file = named(pattern);
    return file === undefined ? null : { path: file.path, tracks: readTracks(file, options), used: 0 };
  };
  const cell = named(/-1\.cell$/);
  const stress = output.runType === 'MD' ? undefined : named(/-1\.stress$/);
  for (const kind of ['forces', 'stress'] as const) attachBlocks(output, companions, kind);
  return {
    ...output,
    ...{ path: main.path, project: projectOf(main), positions: trajectory(POSITIONS), forces: trajectory(FORCES) },
    cells: cell === undefined ? new Map() : readTable(cell),
    stresses:
      stress === undefined ? new Map() : new Map([...readTable(stress)].map(([step, bar]) => [step, fromBar(bar)])),
  };
}

const POSITIONS = /-pos-1\.xyz$/;
const FORCES = /-frc-1\.xyz$/;
/** What a print key with a FILENAME of its own makes: one file for each time it prints. */
const BLOCKS = { forces: /-1_\d+\.xyz$/, stress: /-1_\d+\.stress_tensor$/ } as const;

/** Hands the tables of separate files to the energies, one by one. */
function attachBlocks(output: Output, files: readonly InputFile[], kind: 'forces' | 'stress'): void {
  const chosen = files.filter(({ path }) => BLOCKS[kind].test(path));
  if (chosen.length === 0 || output.evaluations.some((evaluation) => evaluation[kind] !== undefined)) return;
  const blocks = chosen.flatMap((file) => readBlocks(file, kind));
  if (blocks.length !== output.evaluations.length) {
    throw refusal(
      'mismatched-companion',
      `${blocks.length} tables of ${kind} in ${chosen.length} files for ${output.evaluations.length} energies`,
      'keep in this folder only the files that belong to this output',
      { path: chosen[0].path, field: kind },
    );
  }
  for (const [k, evaluation] of output.evaluations.entries()) evaluation[kind] = blocks[k];
}

/** The next frame of a trajectory, if this is its energy. */
function take(trajectory: Trajectory | null, { energy }: Evaluation): Track | null {
  const track = trajectory?.tracks[trajectory.used];
  if (trajectory === null || track === undefined) return null;
  if (!(Math.abs(track.energy - energy) <= track.rounding + 1e-12 * Math.abs(energy))) return null;
  trajectory.used++;
  return track;
}

function checkUsedUp(trajectory: Trajectory | null): void {
  const left = trajectory?.tracks[trajectory.used];
  if (trajectory === null || left === undefined) return;
  throw refusal(
    'mismatched-companion',
    `the output has no energy of ${left.energy} Hartree after those of the frames before this one`,
    'give the outputs of all runs that wrote to this trajectory, one after another in one file, or the part of it that belongs to this run',
    { path: trajectory.path, line: left.line, frame: trajectory.used, field: 'energy' },
  );
}

function missingPositions(run: Run, place: Place): Error {
  const single = run.runType === '' || run.runType.startsWith('ENERGY');
  const companion = `${run.project}-pos-1.xyz`;
  return refusal(
    single ? 'missing-structure' : 'missing-companion',
    single ? 'the output has an energy, but no atomic coordinates' : `the output needs ${companion} beside it`,
    `print coordinates (PRINT_LEVEL MEDIUM), or put ${companion} into the same folder`,
    { ...place, field: 'positions' },
  );
}

function structureOf(
  run: Run,
  evaluation: Evaluation,
  { track, place }: { readonly track: Track | null; readonly place: Place & { readonly frame: number } },
): Structure | null {
  const { atoms } = evaluation;
  if (track === null && atoms === null) return null;
  const cell = cellOf(run, evaluation, { track, place });
  const { pbc } = run;
  if (track !== null && run.positions !== null) {
    const numbers = elementsOf(track, run.positions.path, run.positions.used - 1);
    return { numbers, positions: track.vectors, cell, pbc };
  }
  const { numbers, positions } = atoms!;
  return { numbers: Int32Array.from(numbers), positions: Float64Array.from(positions), cell, pbc };
}

function cellOf(
  { cells, variableCell, project }: Run,
  { cell, newCell }: Evaluation,
  { track, place }: { readonly track: Track | null; readonly place: Place },
): Float64Array {
  const known = track === null ? undefined : cells.get(track.step);
  if (known !== undefined) return known;
  if (cell !== null && (newCell || !variableCell)) return cell;
  const companion = `${project}-1.cell`;
  throw refusal(
    'missing-companion',
    `the cell of this frame is not in the output, and not in ${companion}`,
    `put ${companion} into the same folder (&MOTION &PRINT &CELL), or print the cell (PRINT_LEVEL MEDIUM)`,
    { ...place, field: 'cell' },
  );
}

function labelsOf(
  { stresses }: Run,
  evaluation: Evaluation,
  { track, force }: { readonly track: Track | null; readonly force: Track | null },
): Frame['labels'] {
  const forces = force?.vectors.map((value) => value * HARTREE_PER_BOHR) ?? evaluation.forces;
  const stress = evaluation.stress ?? (track === null ? undefined : stresses.get(track.step));
  return {
    energy: evaluation.energy * HARTREE,
    ...(forces === undefined ? {} : { forces }),
    ...(stress === undefined ? {} : { stress }),
  };
}

/** The part of an output in which its project is named. */
const HEAD = 256 * 1024;

/** The name that CP2K's files of this run begin with. */
function projectOf({ path, bytes }: InputFile): string {
  const head = new TextDecoder().decode(bytes.subarray(0, HEAD));
  return /GLOBAL\| Project name +(\S+) *\r?$/m.exec(head)?.[1] ?? nameOf(path).replace(/\.\w+$/, '');
}

function companionsOf(main: InputFile, listing: readonly string[]): readonly string[] {
  const project = projectOf(main);
  const single = ['-pos-1.xyz', '-frc-1.xyz', '-1.cell', '-1.stress'].map((end) => `${project}${end}`);
  const numbered = listing
    .filter((name) => name.startsWith(`${project}-`) && Object.values(BLOCKS).some((pattern) => pattern.test(name)))
    .sort((a, b) => numberIn(a) - numberIn(b));
  return [...single.filter((name) => listing.includes(name)), ...numbered];
}

function numberIn(name: string): number {
  return Number(/_(\d+)\.\w+$/.exec(name)?.[1] ?? 0);
}

export const CP2K: Format = {
  name: 'cp2k',
  title: 'CP2K output, with trajectory, force and cell files',
  names: /^cp2k.*\.(?:out|log)$/i,
  recognises: (head) => /^ CP2K\| version string:/m.test(head),
  companions: companionsOf,
  read: readCp2k,
};
