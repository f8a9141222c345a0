import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { Frame } from '../../src/data/dataset.ts';
import type { InputFile } from '../../src/data/formats/format.ts';
import { NearsightError } from '../../src/errors.ts';

const FOLDER = new URL('../../../shared/data/samples/', import.meta.url);

/** Whether the raw outputs of other programs are beside the project. */
export const haveSamples: boolean = existsSync(FOLDER);

/** A raw output of another program, unpacked, under its bare name. */
export function sample(path: string): InputFile {
  return fileAt(new URL(path, FOLDER));
}

/** A file of `tests/data`. */
export function ownFile(path: string): InputFile {
  return fileAt(new URL(`../data/${path}`, import.meta.url));
}

/** A copy with other contents. */
export function edited(file: InputFile, change: (content: string) => string): InputFile {
  return { path: file.path, bytes: new TextEncoder().encode(change(new TextDecoder().decode(file.bytes))) };
}

/** Numbers that agree one by one. */
export function expectClose(
  found: ArrayLike<number> | undefined,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(found?.length).toBe(expected.length);
  for (let c = 0; c < expected.length; c++) expect(Math.abs(found![c] - expected[c])).toBeLessThanOrEqual(tolerance);
}

/**
 * A file that was cut off anywhere gives the first of its frames or is refused: never another number. The last frame
 * may lack the labels that come after the cut.
 */
export function expectNothingNewWhenCut(read: (file: InputFile) => Frame[], file: InputFile, step: number): void {
  const whole = read(file);
  let given = 0;
  for (let end = 0; end < file.bytes.length; end += step) {
    let frames: Frame[];
    try {
      frames = read({ path: file.path, bytes: file.bytes.subarray(0, end) });
    } catch (error) {
      expect(error).toBeInstanceOf(NearsightError);
      continue;
    }
    given += frames.length;
    for (const [at, { structure, labels }] of frames.entries()) {
      expect(structure).toEqual(whole[at].structure);
      expect(whole[at].labels).toMatchObject(labels);
      if (at < frames.length - 1) expect(labels).toEqual(whole[at].labels);
    }
  }
  expect(given).toBeGreaterThan(0);
}

function fileAt(url: URL): InputFile {
  const bytes = readFileSync(url);
  const packed = url.pathname.endsWith('.gz');
  return {
    path: basename(url.pathname).replace(/\.gz$/, ''),
    bytes: new Uint8Array(packed ? gunzipSync(bytes) : bytes),
  };
}

/** What ASE 3.29 reads of one frame; absent where it reads nothing. */
export interface ReferenceFrame {
  readonly energy?: number;
  readonly free_energy?: number;
  readonly force0?: readonly number[];
  readonly max_force?: number;
  /** xx yy zz yz xz xy, eV/Å³. */
  readonly stress_voigt?: readonly number[];
  readonly cellpar?: readonly number[];
}

/** What ASE 3.29 reads of a sample. */
export interface Reference {
  readonly frames: number;
  readonly natoms: number;
  readonly formula: string;
  readonly first: ReferenceFrame;
  readonly last: ReferenceFrame;
}

/** The entry of a sample in the manifest. */
export function referenceOf(path: string): Reference {
  const manifest = JSON.parse(readFileSync(new URL('MANIFEST.json', FOLDER), 'utf8')) as readonly {
    readonly file: string;
    readonly ase_reference: Reference;
  }[];
  return manifest.find(({ file }) => file === path)!.ase_reference;
}
