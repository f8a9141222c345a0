import { decodeModel, encodeModel, type ModelFile } from '../model/index.ts';
import { readChunks, writeFileAtomically } from './files.ts';

/**
 * A model file, checked to the last number.
 * @throws NearsightError what `readChunks` and `decodeModel` throw
 */
export async function readModel(path: string): Promise<ModelFile> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(path)) chunks.push(chunk);
  return decodeModel(Buffer.concat(chunks), path);
}

/**
 * Writes a model; the old file stays until the new one is whole.
 * @throws NearsightError what `encodeModel` and `writeFileAtomically` throw
 */
export async function writeModel(path: string, file: ModelFile): Promise<void> {
  await writeFileAtomically(path, encodeModel(file));
}
