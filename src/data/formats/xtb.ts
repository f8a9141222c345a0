/**
 * What xtb and ORCA write for other programs: `.engrad` of either (one geometry) and Turbomole's `gradient` (one for
 * each cycle), which xtb writes too.
 *
 * Their units and signs: energy in Hartree, the gradient ∂E/∂r in Hartree/Bohr, so forces are minus that; coordinates
 * in Bohr. There is no cell, and no stress.
 */
import type { Structure } from '../../structure/structure.ts';
import { BOHR, HARTREE } from '../../units.ts';
import type { Frame } from '../dataset.ts';
import { quoted, refusal } from '../refuse.ts';
import type { Format, InputFile } from './format.ts';
import { type Lines, wordsOf } from './shared/lines.ts';
import { elementFrom, finishedLinesOf, HARTREE_PER_BOHR, vectorOf } from './shared/quantum.ts';
import { elementAt } from './shared/symbols.ts';
import { countOf, frameOf, numberOf } from './shared/values.ts';

const MOST_ATOMS = 10_000_000;

/** @throws NearsightError with path, line and field */
export function readEngrad(files: readonly InputFile[]): Frame[] {
  const lines = finishedLinesOf(files[0]);
  const next = (meaning: string): string => {
    for (let line = lines.next(); line !== null; line = lines.next()) {
      if (line.trim() !== '' && !line.trimStart().startsWith('#')) return line;
    }
    throw cutOff(lines, meaning);
  };
  const range = { least: 1, most: MOST_ATOMS };
  const atoms = countOf(next('the number of atoms').trim(), 'the number of atoms', lines.place(undefined, 0), range);
  const start = lines.number;
  const energy = numberOf(next('the energy').trim(), 'the energy', lines.place('energy', 0)) * HARTREE;
  const forces: number[] = [];
  while (forces.length < 3 * atoms) {
    const word = next('the gradient').trim();
    forces.push(numberOf(word, 'a gradient', lines.place('forces', 0)) * -HARTREE_PER_BOHR);
  }
  const numbers: number[] = [];
  const positions: number[] = [];
  while (numbers.length < atoms) {
    const [element, ...words] = wordsOf(next('the coordinates'));
    const place = lines.place('positions', 0);
    numbers.push(/^\d+$/.test(element) ? Number(element) : elementAt(element, place));
    positions.push(...vectorOf(words, 'a coordinate', place, BOHR));
  }
  for (let line = lines.next(); line !== null; line = lines.next()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const what = `${quoted(line)} behind the last of ${atoms} atoms`;
    throw refusal('unexpected-line', what, 'the number of atoms is wrong, or the file is damaged', lines.place());
  }
  const labels = { energy, forces: Float64Array.from(forces) };
  return [frameOf({ structure: molecule(numbers, positions), labels }, { path: lines.path, line: start, frame: 0 })];
}

/** Atoms without a cell. */
function molecule(numbers: readonly number[], positions: readonly number[]): Structure {
  return {
    numbers: Int32Array.from(numbers),
    positions: Float64Array.from(positions),
    cell: new Float64Array(9),
    pbc: [false, false, false],
  };
}

function cutOff(lines: Lines, meaning: string): Error {
  return refusal(
    'truncated-file',
    `the file ends within ${meaning}`,
    'the program that wrote it was stopped, or the copy is incomplete: repeat the run',
    lines.place(),
  );
}

const CYCLE = /^\s*cycle\s*=\s*\d+\s.*?\benergy\s*=\s*(\S+)/i;

/** @throws NearsightError with path, line, frame and field */
export function readTurbomoleGradient(files: readonly InputFile[]): Frame[] {
  const lines = finishedLinesOf(files[0]);
  const frames: Frame[] = [];
  const header = lines.next();
  if (!/^\s*\$grad\b/.test(header ?? '')) {
    const what = `the first line should begin with "$grad", found ${quoted(header ?? '')}`;
    throw refusal('wrong-format', what, 'give the file "gradient" as the program wrote it', lines.place());
  }
  for (let line = lines.next(); ; line = lines.next()) {
    if (line === null) throw cutOff(lines, 'a cycle, without "$end"');
    if (/^\s*\$end\b/.test(line)) break;
    if (line.trim() !== '') frames.push(readCycle(lines, line, frames.length));
  }
  if (frames.length > 0) return frames;
  throw refusal('no-frames', 'no cycle in this file', 'the program stopped before its first gradient', lines.place());
}

function readCycle(lines: Lines, head: string, frame: number): Frame {
  const place = { path: lines.path, line: lines.number, frame };
  const [, word] = CYCLE.exec(head) ?? [];
  if (word === undefined) {
    const what = `a cycle should begin with its number and energy, found ${quoted(head)}`;
    throw refusal('missing-energy', what, 'a line "cycle = 1 SCF energy = …" stands before each geometry', place);
  }
  const energy = numberOf(word, 'the energy', { ...place, field: 'energy' }) * HARTREE;
  const numbers: number[] = [];
  const positions: number[] = [];
  for (let words = wordsOf(lines.peek() ?? ''); /^[A-Za-z]/.test(words[3] ?? ''); words = wordsOf(lines.peek() ?? '')) {
    lines.next();
    const at = lines.place('positions', frame);
    // Turbomole writes symbols in small letters.
    numbers.push(elementFrom(words[3]) ?? elementAt(words[3], at));
    positions.push(...vectorOf(words, 'a coordinate', at, BOHR));
  }
  const forces = numbers.flatMap(() => {
    const line = lines.next();
    if (line === null) throw cutOff(lines, 'the gradient');
    return vectorOf(wordsOf(line), 'a gradient', lines.place('forces', frame), -HARTREE_PER_BOHR);
  });
  return frameOf(
    { structure: molecule(numbers, positions), labels: { energy, forces: Float64Array.from(forces) } },
    place,
  );
}

export const ENGRAD: Format = {
  name: 'engrad',
  title: 'energy and gradient of xtb or ORCA (.engrad)',
  names: /\.engrad$/i,
  recognises: (head) => /^#\s*\r?\n# *Number of atoms/.test(head),
  read: readEngrad,
};

export const TURBOMOLE_GRADIENT: Format = {
  name: 'turbomole-gradient',
  title: 'Turbomole gradient, also of xtb',
  names: /^gradient$/,
  recognises: (head) => /^\s*\$grad\b/.test(head),
  read: readTurbomoleGradient,
};
