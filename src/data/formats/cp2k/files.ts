/** The files beside the main output of CP2K: trajectories, cells, stresses, forces. Units and signs: see cp2k.ts. */
import { GPA } from '../../../units.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { FormatOptions, InputFile } from '../format.ts';
import { type Lines, wordsOf } from '../shared/lines.ts';
import { elementOfLabel, finishedLinesOf, lineOf, readToEnd, vectorOf } from '../shared/quantum.ts';
import { countOf, numberOf } from '../shared/values.ts';
import { readForces, readStress } from './output.ts';

/** One frame of PROJECT-pos-1.xyz or PROJECT-frc-1.xyz. */
export interface Track {
  readonly line: number;
  readonly step: number;
  /** Hartree, and how far from the output's it may be because it is rounded. */
  readonly energy: number;
  readonly rounding: number;
  readonly labels: readonly string[];
  /** As in the file, [3N]. */
  readonly vectors: Float64Array;
}

const MOST_ATOMS = 10_000_000;

/** All frames of a trajectory. @throws NearsightError with path, line and frame */
export function readTracks(file: InputFile, options: FormatOptions): Track[] {
  const lines = finishedLinesOf(file);
  const tracks: Track[] = [];
  readToEnd(options, () => {
    for (let head = lines.next(); head !== null; head = lines.next()) {
      if (head.trim() !== '') tracks.push(readTrack(lines, head, tracks.length));
    }
  });
  return tracks;
}

function readTrack(lines: Lines, head: string, frame: number): Track {
  const range = { least: 1, most: MOST_ATOMS };
  const atoms = countOf(head.trim(), 'the number of atoms', lines.place(undefined, frame), range);
  const line = lines.number;
  const comment = lineOf(lines, 'a frame');
  const place = lines.place('energy', frame);
  const [, step, energy] = /\bi\s*=\s*(\d+)\b.*?\bE\s*=\s*([^\s,]+)/.exec(comment) ?? [];
  if (energy === undefined) {
    const what = `the comment should say "i = …, E = …", found ${quoted(comment)}`;
    throw refusal('missing-energy', what, 'give the trajectory as CP2K wrote it', place);
  }
  const value = numberOf(energy, 'the energy', place);
  const rounding = 0.6 * 10 ** -(/\.(\d*)$/.exec(energy)?.[1].length ?? 0);
  const labels: string[] = [];
  const vectors: number[] = [];
  for (let atom = 0; atom < atoms; atom++) {
    const [label = '', ...words] = wordsOf(lineOf(lines, 'a frame'));
    labels.push(label);
    vectors.push(...vectorOf(words, 'a component', lines.place(undefined, frame)));
  }
  return { line, step: Number(step), energy: value, rounding, labels, vectors: Float64Array.from(vectors) };
}

/** Atomic numbers of the labels of a frame. @throws NearsightError `unknown-species` */
export function elementsOf({ labels, line }: Track, path: string, frame: number): Int32Array {
  const known = new Map<string, number>();
  return Int32Array.from(labels, (label) => {
    const number = known.get(label) ?? elementOfLabel(label, undefined, { path, line, frame });
    known.set(label, number);
    return number;
  });
}

/** Nine numbers of each step in PROJECT-1.cell (Å, rows) or PROJECT-1.stress (bar), as in the file. */
export function readTable(file: InputFile): Map<number, Float64Array> {
  const lines = finishedLinesOf(file);
  const rows = new Map<number, Float64Array>();
  for (let line = lines.next(); line !== null; line = lines.next()) {
    const words = wordsOf(line);
    if (words.length === 0 || words[0].startsWith('#')) continue;
    const place = lines.place();
    const range = { least: 0, most: Number.MAX_SAFE_INTEGER };
    const step = countOf(words[0], 'the step', place, range);
    const nine = [2, 5, 8].flatMap((start) => vectorOf(words.slice(start), 'a component', place));
    rows.set(step, Float64Array.from(nine));
  }
  return rows;
}

/** eV/Å³, positive in tension, of bar, positive in compression. */
export function fromBar(stress: Float64Array): Float64Array {
  return stress.map((value) => -value * (GPA / 1e4));
}

/** The tables of forces or the tensors in a file that the output was split into, in order. */
export function readBlocks(file: InputFile, kind: 'forces' | 'stress'): Float64Array[] {
  const lines = finishedLinesOf(file);
  const blocks: Float64Array[] = [];
  for (let line = lines.next(); line !== null; line = lines.next()) {
    if (kind === 'forces' && /ATOMIC FORCES in|FORCES\| Atomic forces/.test(line)) {
      blocks.push(readForces(lines, line, blocks.length));
    } else if (kind === 'stress' && /stress tensor \[/i.test(line) && !/eigen/i.test(line)) {
      blocks.push(readStress(lines, line, blocks.length));
    }
  }
  return blocks;
}
