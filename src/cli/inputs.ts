/** What commands are given on the command line, opened: models, structures, labelled frames. */
import type { Dataset, Frame } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import { type LoadedPotential, type ModelFile, potentialOf } from '../model/index.ts';
import { createEngine } from '../node/engine.ts';
import { readModel } from '../node/model.ts';
import { readDataset, readFrames } from '../node/structures.ts';
import { crystal, type Prototype, type Structure } from '../structure/index.ts';

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

/** How a STRUCTURE may be given, for help texts. */
export const STRUCTURE = 'extended XYZ file, or a crystal such as diamond:Si:5.43 (kind:element:a in Å)';

/**
 * One structure: a perfect crystal (`diamond:Si:5.43`, `rocksalt:Na:Cl:5.64`, `hcp:Mg:3.21:5.21`), or a frame of a file,
 * which must be named by its number where there are several.
 */
export async function openStructure(text: string, frame?: number): Promise<Frame> {
  const built = builtCrystal(text);
  if (built !== null) return { structure: built, labels: {}, group: '', info: {}, arrays: {}, line: 0, index: 0 };
  let only: Frame | null = null;
  for await (const found of readFrames(text)) {
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

/** Several files, one after another. */
export async function openDatasets(paths: readonly string[]): Promise<Dataset[]> {
  const datasets: Dataset[] = [];
  for (const path of paths) datasets.push(await readDataset(path));
  return datasets;
}

/** Files whose very bytes a model was trained (or validated) on. */
export function trainedOn({ provenance }: ModelFile, datasets: readonly Dataset[]): string[] {
  const known = new Set(provenance.dataset.map(({ sha256 }) => sha256));
  return datasets.filter(({ sha256 }) => known.has(sha256)).map(({ source }) => source);
}
