import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { loadSymmetry, type SymmetryFinder } from '../structure/index.ts';

const WASM = '@spglib/moyo-wasm/moyo_wasm_bg.wasm';

/** Symmetry with the WebAssembly file of the installed package. */
export async function createSymmetry(): Promise<SymmetryFinder> {
  return loadSymmetry(await readFile(createRequire(import.meta.url).resolve(WASM)));
}
