/**
 * Main output of ORCA 4, 5 and 6: single points, gradients and the steps of optimisations.
 *
 * Its units and signs: FINAL SINGLE POINT ENERGY in Hartree; CARTESIAN GRADIENT is ∂E/∂r in Hartree/Bohr, so forces are
 * minus that; coordinates in Å with 6 decimals (an `.engrad` file of the same run has more). No cell, no stress.
 *
 * Each printed geometry that is followed by an energy is a frame; it has forces where ORCA computed a gradient. What is
 * printed between two geometries belongs to the first of them.
 */
import type { Structure } from '../../structure/structure.ts';
import { HARTREE } from '../../units.ts';
import type { Frame } from '../dataset.ts';
import { quoted, refusal } from '../refuse.ts';
import type { Format, FormatOptions, InputFile } from './format.ts';
import { refuseOrSkip } from './format.ts';
import { wordsOf } from './shared/lines.ts';
import {
  HARTREE_PER_BOHR,
  type Handler,
  lineOf,
  placeIn,
  type Reading,
  readFramesOf,
  startReading,
  unconverged,
  vectorOf,
} from './shared/quantum.ts';
import { elementAt } from './shared/symbols.ts';
import { frameOf, numberOf } from './shared/values.ts';

/** One geometry and what was printed after it. */
interface Evaluation {
  readonly line: number;
  readonly structure: Structure;
  energy?: number;
  forces?: Float64Array;
  unconverged: boolean;
}

interface State extends Reading {
  evaluation: Evaluation | null;
}

const HANDLERS: readonly Handler<State>[] = [
  ['Program Version', finishFrame],
  ['CARTESIAN COORDINATES (ANGSTROEM)', readGeometry],
  ['FINAL SINGLE POINT ENERGY', readEnergy],
  ['SCF NOT CONVERGED AFTER', (state) => (evaluationOf(state).unconverged = true)],
  ['CARTESIAN GRADIENT', readGradient],
  ['The cartesian gradient:', readGradient],
  ['The final MP2 gradient', readGradient],
];

/** @throws NearsightError with path, line, frame and field */
export function readOrca(files: readonly InputFile[], options: FormatOptions): Frame[] {
  const state: State = { ...startReading(files[0], options), evaluation: null };
  return readFramesOf(state, HANDLERS, finishFrame, 'FINAL SINGLE POINT ENERGY');
}

function evaluationOf(state: State): Evaluation {
  if (state.evaluation !== null) return state.evaluation;
  throw refusal(
    'missing-structure',
    'an energy, a gradient or a message of the SCF, but no "CARTESIAN COORDINATES (ANGSTROEM)" before it',
    'give the whole output of ORCA, from its first line',
    placeIn(state),
  );
}

function readGeometry(state: State): void {
  finishFrame(state);
  const start = state.lines.number;
  const numbers: number[] = [];
  const positions: number[] = [];
  lineOf(state.lines, 'the coordinates');
  for (let words = wordsOf(state.lines.peek() ?? ''); words.length > 0; words = wordsOf(state.lines.peek() ?? '')) {
    state.lines.next();
    const place = placeIn(state, 'positions');
    numbers.push(elementAt(words[0], place));
    positions.push(...vectorOf(words.slice(1), 'a coordinate', place));
  }
  state.evaluation = {
    line: start,
    unconverged: false,
    structure: {
      numbers: Int32Array.from(numbers),
      positions: Float64Array.from(positions),
      cell: new Float64Array(9),
      pbc: [false, false, false],
    },
  };
}

function readEnergy(state: State, line: string): void {
  const evaluation = evaluationOf(state);
  const place = placeIn(state, 'energy');
  const [, word, remark] = /FINAL SINGLE POINT ENERGY\s+(?:\([^)]*\)\s+)?(\S*)\s*(.*)$/.exec(line) ?? ['', '', ''];
  const energy = numberOf(word, 'the energy', place) * HARTREE;
  if (/not fully converged/i.test(remark)) evaluation.unconverged = true;
  if (evaluation.energy !== undefined && evaluation.energy !== energy) {
    throw refusal(
      'ambiguous-energy',
      'a second, different energy of the same geometry',
      'the output holds several levels of theory without saying which is meant: keep the part of one of them',
      place,
    );
  }
  evaluation.energy = energy;
}

function readGradient(state: State): void {
  const evaluation = evaluationOf(state);
  const { numbers } = evaluation.structure;
  const forces: number[] = [];
  for (let blanks = 0; forces.length < 3 * numbers.length; ) {
    const line = lineOf(state.lines, 'the gradient');
    const [, rest] = /^\s*\d+\s*(?:[A-Za-z]+\s*)?:(.*)$/.exec(line) ?? [];
    if (rest !== undefined) {
      // Minus: a gradient, not a force.
      forces.push(...vectorOf(wordsOf(rest), 'a gradient', placeIn(state, 'forces'), -HARTREE_PER_BOHR));
    } else if (/[^\s-]/.test(line) || ++blanks > 3) {
      throw refusal(
        'missing-forces',
        `expected the gradient of atom ${forces.length / 3 + 1} of ${numbers.length}, found ${quoted(line)}`,
        'the file is damaged: repeat the calculation, or remove this frame',
        placeIn(state, 'forces'),
      );
    }
  }
  if (evaluation.forces?.some((value, c) => value !== forces[c])) {
    throw refusal(
      'ambiguous-forces',
      'a second, different gradient of the same geometry',
      'the output holds several levels of theory without saying which is meant: keep the part of one of them',
      placeIn(state, 'forces'),
    );
  }
  evaluation.forces = Float64Array.from(forces);
}

function finishFrame(state: State): void {
  const { evaluation, options, lines } = state;
  state.evaluation = null;
  if (evaluation === null) return;
  const { line, structure, energy, forces } = evaluation;
  const place = { path: lines.path, line, frame: state.count };
  if (evaluation.unconverged) {
    refuseOrSkip(unconverged(place), options);
  } else if (energy !== undefined) {
    state.frames.push(frameOf({ structure, labels: forces === undefined ? { energy } : { energy, forces } }, place));
  } else if (forces !== undefined) {
    throw refusal(
      'missing-energy',
      'a gradient without a FINAL SINGLE POINT ENERGY',
      'give the whole output of ORCA; of a run that was stopped, remove the unfinished end',
      { ...place, field: 'energy' },
    );
  } else return;
  state.count++;
}

export const ORCA: Format = {
  name: 'orca',
  title: 'ORCA output',
  names: /^orca.*\.out$|\.orca$/i,
  recognises: (head) => /^ *\* O +R +C +A \*/m.test(head),
  read: readOrca,
};
