/** Copies of frames with their atoms moved a little: what a difference that means nothing looks like. */
import type { Random } from '../random.ts';
import { rattled, supercell } from '../structure/builders.ts';
import type { Structure } from '../structure/structure.ts';
import type { Frame } from './dataset.ts';

/** Atoms. */
const SMALL_CELL = 8;
/** Å, along each coordinate: far more than noise, far less than a difference that matters. */
const AGITATION = 0.02;
const AGITATED_FRAMES = 64;

/** Indices of at most `count` frames, spread evenly. */
export function evenlySpread(frames: readonly unknown[], count: number): number[] {
  const step = Math.ceil(frames.length / count);
  return Array.from(frames.keys()).filter((index) => index % step === 0);
}

/** Some frames of a set, small cells repeated, and copies of these with all atoms moved by 0.02 Å along x, y and z. */
export function agitatedCopies(
  frames: readonly Frame[],
  random: Random,
): { readonly originals: readonly Frame[]; readonly copies: readonly Frame[] } {
  const originals = evenlySpread(frames, AGITATED_FRAMES).map((index) => ({
    ...frames[index],
    structure: enlarged(frames[index].structure),
  }));
  const copies = originals.map((frame) => ({ ...frame, structure: rattled(frame.structure, AGITATION, random) }));
  return { originals, copies };
}

/** Small cells repeated: where all images of an atom move with it, nothing changes. */
export function enlarged(structure: Structure): Structure {
  if (structure.numbers.length >= SMALL_CELL || !structure.pbc.includes(true)) return structure;
  return supercell(
    structure,
    structure.pbc.map((repeats) => (repeats ? 2 : 1)),
  );
}
