/** Potentials of n2p2 and RuNNer in folders: input.nn, scaling.data and weights.ZZZ.data. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { InputFile } from '../data/index.ts';
import type { ModelFile, SymmetryModel } from '../model/index.ts';
import {
  committeeOf,
  memberFolder,
  type N2p2Potential,
  type N2p2Units,
  n2p2Elements,
  readN2p2,
  type WriteN2p2Options,
  weightsName,
  writeN2p2,
} from '../model/n2p2/index.ts';
import { readChunks, writeFolderAtomically } from './files.ts';
import { VERSION } from './version.ts';

/** One file that was read. */
export interface ImportedFile {
  /** Relative to the folder, with slashes. */
  readonly path: string;
  /** Hex. */
  readonly sha256: string;
}

export interface N2p2Import {
  readonly file: ModelFile & { readonly model: SymmetryModel };
  readonly units: N2p2Units;
  readonly files: readonly ImportedFile[];
}

/**
 * The potential in a folder as a model file; a folder of `nnp-1`, `nnp-2` … is a committee. What was read stands in the
 * settings of the file, under `imported`; of the data behind the potential nearsight knows nothing.
 * @throws NearsightError what `readChunks`, `readN2p2` and `committeeOf` throw
 */
export async function importN2p2(folder: string, options: { readonly units?: N2p2Units } = {}): Promise<N2p2Import> {
  const files: ImportedFile[] = [];
  const members: N2p2Potential[] = [];
  for (const member of await memberFolders(folder)) members.push(await readMember(folder, member, options, files));
  const [{ units }] = members;
  const imported = { format: 'n2p2', units, files: files.map((file) => ({ ...file })) };
  const file: N2p2Import['file'] = {
    model: committeeOf(members.map(({ model }) => model)),
    parts: { repulsion: null },
    settings: { imported },
    provenance: {
      nearsightVersion: VERSION,
      dataset: [],
      split: { description: 'imported from n2p2: trained on data that are not known', train: 0, validation: 0 },
      seed: 0,
      epochs: 0,
      errors: { train: null, validation: null },
    },
    calibration: null,
    validation: null,
    domain: null,
    noise: null,
  };
  return { file, units, files };
}

/** '' for the folder itself, else one for each member of a committee. */
async function memberFolders(folder: string): Promise<string[]> {
  const isThere = async (member: string): Promise<boolean> =>
    (await stat(join(folder, member, 'input.nn')).catch(() => null)) !== null;
  const members: string[] = [];
  if (!(await isThere('')))
    while (await isThere(memberFolder(members.length))) members.push(memberFolder(members.length));
  return members.length === 0 ? [''] : members;
}

async function readMember(
  folder: string,
  member: string,
  options: { readonly units?: N2p2Units },
  files: ImportedFile[],
): Promise<N2p2Potential> {
  const read = async (name: string): Promise<InputFile> => {
    const path = join(folder, member, name);
    const hash = createHash('sha256');
    const chunks: Uint8Array[] = [];
    for await (const chunk of readChunks(path, hash)) chunks.push(chunk);
    files.push({ path: member === '' ? name : `${member}/${name}`, sha256: hash.digest('hex') });
    return { path, bytes: Buffer.concat(chunks) };
  };
  const settings = await read('input.nn');
  const scaling = await read('scaling.data');
  const weights = new Map<number, InputFile>();
  for (const number of n2p2Elements(settings)) weights.set(number, await read(weightsName(number)));
  return readN2p2({ settings, scaling, weights }, options);
}

/**
 * Writes a model as a potential of n2p2 into a new folder; returns the files, relative to it.
 * @throws NearsightError what `writeN2p2` and `writeFolderAtomically` throw
 */
export async function exportN2p2(
  file: ModelFile,
  folder: string,
  options: WriteN2p2Options = {},
): Promise<readonly string[]> {
  const files = writeN2p2(file, options);
  await writeFolderAtomically(folder, files);
  return files.map(({ path }) => path);
}
