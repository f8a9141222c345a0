/** What commands are given on the command line, opened: models, structures, labelled frames. */
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Dataset, type Frame, formatNamed } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import { type LoadedPotential, type ModelFile, potentialOf } from '../model/index.ts';
import { createEngine } from '../node/engine.ts';
import { readModel } from '../node/model.ts';
import { type InputOptions, readDataset, readFrames } from '../node/structures.ts';
import { crystal, type Prototype, type Structure } from '../structure/index.ts';
import { type Session, usageError } from './session.ts';
import { parseElements } from './values.ts';

export interface OpenModel {
  readonly file: ModelFile;
  readonly potential: LoadedPotential;
}

/** Runs `work` with the potential of a model file, and gives its memory and threads back afterwards. */
export async function withModel<T>(path: string, threads: number, work: (model: OpenModel) => Promise<T>): Promise<T> {
  const file = await readModel(path);
  const potential = potentialOf(file, await createEngine(threads));
  try {
    return await work({ file, potential });
  } finally {
    potential.close();
  }
}

/** Says that forces are no gradient, where what is asked for is read as if they were. */
export function warnOfDirectForces(session: Pick<Session, 'warn'>, potential: LoadedPotential, so: string): void {
  if (potential.conservative !== false) return;
  session.warn(`the forces of this model come from a head of their own and are no gradient of its energy: ${so}`);
}

/** How DATA may be given, for help texts. */
export const DATA = 'labelled frames: extended XYZ or any format of "nearsight data convert --help"';

/** What a file may not say of itself. */
export interface InputFlags {
  readonly from?: string;
  readonly units?: NonNullable<InputOptions['units']>;
  readonly elements?: string[];
  readonly unconverged?: NonNullable<InputOptions['unconverged']>;
}

/** As in `FormatOptions.units`. */
export const UNIT_STYLES: readonly NonNullable<InputOptions['units']>[] = ['metal', 'real', 'electron', 'atomic', 'si'];

/** The name of a format that can be read or written; any other is wrong usage. */
export const formatName =
  (task: 'read' | 'write') =>
  (text: string): string => {
    try {
      return formatNamed(text, task, '').name;
    } catch (error) {
      if (!(error instanceof NearsightError)) throw error;
      throw new InvalidArgumentError(`${error.message}; ${error.hint}.`);
    }
  };

/**
 * Adds --from, --units, --elements and --unconverged, in a group of their own.
 * @param format name of the first one, where a command uses --from for something else
 */
export function addInputFlags(command: Command, format: '--from' | '--format' = '--from'): Command {
  return command
    .optionsGroup('Files that do not say everything:')
    .option(
      `${format} <format>`,
      'format of the input; by the name of the file and its contents when absent',
      formatName('read'),
    )
    .addOption(
      new Option('--units <style>', 'units of files that do not name theirs (LAMMPS, n2p2)').choices(UNIT_STYLES),
    )
    .option('--elements <list>', 'elements of the atom types of files that number them: Si,O', parseElements)
    .addOption(
      new Option('--unconverged <what>', 'calculations that did not converge (default: refuse)').choices([
        'refuse',
        'skip',
      ]),
    );
}

/** The flags of `addInputFlags`, as readers want them. */
export function inputOptions({ from, units, elements, unconverged }: InputFlags): InputOptions {
  return {
    ...(from !== undefined && { from }),
    ...(units !== undefined && { units }),
    ...(elements !== undefined && { elements }),
    ...(unconverged !== undefined && { unconverged }),
  };
}

/**
 * Refuses, before anything is read, to write over what is read.
 * @throws NearsightError `usage` where an output is one of the inputs, under whatever name
 */
export function keepInputs(inputs: readonly string[], outputs: readonly (string | undefined)[]): void {
  const read = new Map(inputs.map((path) => [realPath(path), path]));
  for (const path of outputs) {
    const input = path === undefined ? undefined : read.get(realPath(path));
    if (input === undefined) continue;
    throw usageError(`${path} would overwrite the input ${input}`, 'give what is to be written another name');
  }
}

/** Of a file that does not exist the absolute path. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Says how many frames were left out. */
export function warnOfSkipped(
  session: Pick<Session, 'warn'>,
  datasets: readonly Pick<Dataset, 'source' | 'skipped'>[],
): void {
  for (const { source, skipped = 0 } of datasets) {
    if (skipped > 0)
      session.warn(`${source}: skipped ${skipped} frame${skipped === 1 ? '' : 's'} that did not converge`);
  }
}

/** How a STRUCTURE may be given, for help texts. */
export const STRUCTURE =
  'file in any format that can be read, or a crystal such as diamond:Si:5.43 (kind:element:a in Å)';

/**
 * One structure: a perfect crystal (`diamond:Si:5.43`, `rocksalt:Na:Cl:5.64`, `hcp:Mg:3.21:5.21`), or a frame of a file,
 * which must be named by its number where there are several.
 */
export async function openStructure(text: string, frame?: number, options: InputOptions = {}): Promise<Frame> {
  const built = builtCrystal(text);
  if (built !== null) return { structure: built, labels: {}, group: '', info: {}, arrays: {}, line: 0, index: 0 };
  let only: Frame | null = null;
  for await (const found of readFrames(text, options)) {
    if (frame === undefined && only !== null) {
      throw new NearsightError('several-frames', 'the file has more than one frame', {
        hint: 'say which one with --frame; they are numbered from 0',
        place: { path: text },
      });
    }
    if (frame === undefined || found.index === frame) only = found;
    if (found.index === frame) break;
  }
  if (only !== null) return only;
  throw new NearsightError('no-such-frame', `the file has no frame ${frame}`, {
    hint: 'frames are numbered from 0; nearsight data inspect FILE says how many there are',
    place: { path: text },
  });
}

/** kind:element…:a or kind:element…:a:c, or null for what is a path. */
function builtCrystal(text: string): Structure | null {
  const match = /^([a-z]+):([A-Z][a-z]?(?::[A-Z][a-z]?)*):([\d.]+)(?::([\d.]+))?$/.exec(text);
  if (match === null) return null;
  const [, kind, elements, a, c] = match;
  return crystal(kind as Prototype, elements.split(':'), Number(a), c === undefined ? undefined : Number(c));
}

/** Several files, one after another, read as the flags say; skipped frames are warned of. */
export async function openDatasets(
  session: Pick<Session, 'warn'>,
  paths: readonly string[],
  flags: InputFlags,
): Promise<Dataset[]> {
  const datasets: Dataset[] = [];
  for (const path of paths) datasets.push(await readDataset(path, inputOptions(flags)));
  warnOfSkipped(session, datasets);
  return datasets;
}

/** Files whose very bytes a model was trained (or validated) on. */
export function trainedOn({ provenance }: ModelFile, datasets: readonly Dataset[]): string[] {
  const known = new Set(provenance.dataset.map(({ sha256 }) => sha256));
  return datasets.filter(({ sha256 }) => known.has(sha256)).map(({ source }) => source);
}
