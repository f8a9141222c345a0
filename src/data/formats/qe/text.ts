/**
 * Text output of pw.x of Quantum ESPRESSO: scf, relax, vc-relax, md, vc-md.
 *
 * Its units and signs: energies in Ry; forces −∂E/∂r in Ry/Bohr; stress in Ry/Bohr³, positive in compression (a third of
 * its trace is the pressure that is printed beside it), so ours is minus that; lengths in alat = celldm(1) Bohr unless
 * a card says otherwise. The energy behind the exclamation mark belongs to the forces: with smearing it is the free
 * energy F = E − TS. Forces on coordinates that were held fixed are printed in full.
 *
 * A geometry is printed before its energy, and what a relaxation prints after the forces is the next one. Frames have a
 * stress where pw.x computed one. Files have 8 decimals and at times 6: the XML file of the same run is more precise.
 */
import type { Place } from '../../../errors.ts';
import { toCartesian } from '../../../structure/cell.ts';
import { checkStructure, type Structure } from '../../../structure/structure.ts';
import { BOHR, HARTREE } from '../../../units.ts';
import type { Frame, Labels } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { refuseOrSkip } from '../format.ts';
import { wordsOf } from '../shared/lines.ts';
import {
  elementOfLabel,
  HARTREE_PER_BOHR,
  HARTREE_PER_BOHR3,
  type Handler,
  lineOf,
  placeIn,
  type Reading,
  readFramesOf,
  startReading,
  unconverged,
  vectorOf,
} from '../shared/quantum.ts';
import { countOf, frameOf, numberOf } from '../shared/values.ts';

type LengthUnit = 'alat' | 'bohr' | 'angstrom' | 'crystal';

/** Atoms as they are printed; what alat and the cell are is known for sure only when the frame is complete. */
interface Geometry {
  readonly labels: readonly string[];
  readonly unit: LengthUnit;
  /** In `unit`, [3N]. */
  readonly coordinates: readonly number[];
  readonly line: number;
}

interface Pending {
  /** Where the first of it stands. */
  line: number;
  energy?: number;
  forces?: Float64Array;
  stress?: Float64Array;
  unconverged: boolean;
}

interface State extends Reading {
  atoms: number | null;
  /** celldm(1), Å. */
  alat: number | null;
  /** Å, [9]. */
  cell: Float64Array | null;
  geometry: Geometry | null;
  /** What the pseudopotential of each species says it is. */
  species: Map<string, string | undefined>;
  /** The summary of a final scf repeats, with fewer digits, the geometry that the relaxation ended with. */
  final: boolean;
  pending: Pending;
}

const MOST_ATOMS = 10_000_000;

function startRun(state: State): void {
  finishFrame(state);
  Object.assign(state, { atoms: null, alat: null, cell: null, geometry: null, species: new Map(), final: false });
}

/** What follows a marker; the first marker that a line contains counts. */
const HANDLERS: readonly Handler<State>[] = [
  ['Program PWSCF', startRun],
  ['number of atoms/cell', readAtomCount],
  ['celldm(1)=', readAlat],
  ['crystal axes:', readAxes],
  ['atomic species   valence', readSpecies],
  ['site n. ', readSites],
  ['inal scf calculation at the relaxed', startFinal],
  ['CELL_PARAMETERS', readCell],
  ['ATOMIC_POSITIONS', readPositions],
  ['!', readEnergy],
  ['convergence NOT achieved', markUnconverged],
  ['Forces acting on atoms', readForces],
  ['total   stress', readStress],
];

/** @throws NearsightError with path, line, frame and field */
export function readQuantumEspressoText(files: readonly InputFile[], options: FormatOptions): Frame[] {
  const state: State = {
    ...{ ...startReading(files[0], options), atoms: null, alat: null, cell: null, geometry: null },
    ...{ species: new Map(), final: false, pending: { line: 0, unconverged: false } },
  };
  return readFramesOf(state, HANDLERS, finishFrame, 'total energy (a line that begins with "!")');
}

function readAtomCount(state: State, line: string): void {
  const word = wordsOf(line.slice(line.indexOf('=') + 1))[0] ?? '';
  state.atoms = countOf(word, 'the number of atoms', placeIn(state), { least: 1, most: MOST_ATOMS });
}

function readAlat(state: State, line: string): void {
  const word = wordsOf(line.slice(line.indexOf('celldm(1)=') + 10))[0] ?? '';
  state.alat = numberOf(word, 'celldm(1)', placeIn(state, 'cell')) * BOHR;
}

function alatOf(state: State): number {
  if (state.alat !== null) return state.alat;
  throw refusal(
    'missing-unit',
    'lengths are in units of alat, but no line "celldm(1)=" says how long that is',
    'give the whole output of pw.x, from its first line',
    placeIn(state, 'cell'),
  );
}

function readAxes(state: State): void {
  const cell: number[] = [];
  for (let axis = 0; axis < 3; axis++) {
    const line = lineOf(state.lines, 'the crystal axes');
    const inner = /=\s*\(([^)]*)\)/.exec(line)?.[1] ?? '';
    cell.push(...vectorOf(wordsOf(inner), 'a crystal axis', placeIn(state, 'cell'), alatOf(state)));
  }
  if (!state.final) state.cell = Float64Array.from(cell);
}

function readSpecies(state: State): void {
  for (let line = state.lines.peek(); line !== null && line.trim() !== ''; line = state.lines.peek()) {
    state.lines.next();
    const [label] = wordsOf(line);
    state.species.set(label, /^\s*\S+\s+\S+\s+\S+\s+([A-Za-z]{1,2})\s*\(/.exec(line)?.[1]);
  }
}

/** The table of the first geometry; a second one in crystal coordinates says the same again. */
function readSites(state: State, line: string): void {
  if (!/\((?:alat|a_0) units\)/.test(line) || state.final) return;
  finishFrame(state);
  const start = state.lines.number;
  const labels: string[] = [];
  const coordinates: number[] = [];
  for (let row = state.lines.peek(); row !== null; row = state.lines.peek()) {
    const [, label, inner] = /^\s*\S+\s+(\S+)\s+tau\([^)]*\)\s*=\s*\(([^)]*)\)/.exec(row) ?? [];
    if (label === undefined) break;
    state.lines.next();
    labels.push(label);
    coordinates.push(...vectorOf(wordsOf(inner), 'a coordinate', placeIn(state, 'positions')));
  }
  state.geometry = { labels, coordinates, unit: 'alat', line: start };
}

function startFinal(state: State): void {
  finishFrame(state);
  state.final = true;
}

function unitOf(state: State, line: string): { unit: LengthUnit; alat: string | undefined } {
  const [, unit, alat] = /^\s*\w+\s*[({]?\s*(alat|bohr|angstrom|crystal)\s*(?:=\s*([^\s)}]+))?/.exec(line) ?? [];
  if (unit !== undefined) return { unit: unit as LengthUnit, alat };
  throw refusal(
    'unknown-unit',
    `no unit of length that nearsight knows in ${quoted(line)}`,
    'pw.x writes alat, bohr, angstrom or crystal in brackets behind the name of the card',
    placeIn(state),
  );
}

function readCell(state: State, line: string): void {
  if (!/^\s*CELL_PARAMETERS/.test(line)) return;
  finishFrame(state);
  const place = placeIn(state, 'cell');
  const { unit, alat } = unitOf(state, line);
  const factor = { angstrom: () => 1, bohr: () => BOHR, crystal: () => Number.NaN, alat: () => alatOf(state) }[unit]();
  const scale = alat === undefined ? factor : numberOf(alat, 'alat', place) * BOHR;
  const cell = [0, 1, 2].flatMap(() =>
    vectorOf(wordsOf(lineOf(state.lines, 'CELL_PARAMETERS')), 'a lattice vector', placeIn(state, 'cell'), scale),
  );
  state.cell = Float64Array.from(cell);
}

function readPositions(state: State, line: string): void {
  if (!/^\s*ATOMIC_POSITIONS/.test(line)) return;
  finishFrame(state);
  const { unit } = unitOf(state, line);
  const start = state.lines.number;
  const labels: string[] = [];
  const coordinates: number[] = [];
  for (let atom = 0, atoms = atomsOf(state); atom < atoms; atom++) {
    const [label = '', ...words] = wordsOf(lineOf(state.lines, 'ATOMIC_POSITIONS'));
    labels.push(label);
    coordinates.push(...vectorOf(words, 'a coordinate', placeIn(state, 'positions')));
  }
  state.geometry = { labels, coordinates, unit, line: start };
}

function atomsOf(state: State): number {
  if (state.atoms !== null) return state.atoms;
  throw refusal(
    'missing-count',
    'no line "number of atoms/cell" before this one',
    'give the whole output of pw.x, from its first line',
    placeIn(state),
  );
}

function readEnergy(state: State, line: string): void {
  // Hybrid functionals print one such line for each inner cycle; the last of them counts.
  const [, word, unit] = /^!+\s+total energy\s+=\s*(\S+)\s*(\S*)/.exec(line) ?? [];
  if (word === undefined) return;
  const place = placeIn(state, 'energy');
  if (unit !== 'Ry') {
    throw refusal('unknown-unit', `the total energy is in ${quoted(unit ?? '')}, not in Ry`, 'is it damaged?', place);
  }
  state.pending.energy = numberOf(word, 'the total energy', place) * (HARTREE / 2);
  state.pending.line ||= state.lines.number;
}

function markUnconverged(state: State): void {
  state.pending.unconverged = true;
  state.pending.line ||= state.lines.number;
}

function readForces(state: State): void {
  const atoms = atomsOf(state);
  state.pending.line ||= state.lines.number;
  const forces: number[] = [];
  for (let blanks = 0; forces.length < 3 * atoms; ) {
    const line = lineOf(state.lines, 'the forces');
    const [, atom, rest] = /^\s*atom\s*(\S+)\s+type\s+\S+\s+force =(.*)$/.exec(line) ?? [];
    if (rest !== undefined && Number(atom) === forces.length / 3 + 1) {
      forces.push(...vectorOf(wordsOf(rest), 'a force', placeIn(state, 'forces'), HARTREE_PER_BOHR / 2));
    } else if (line.trim() !== '' || ++blanks > 3) {
      throw refusal(
        'missing-forces',
        `expected the force on atom ${forces.length / 3 + 1} of ${atoms}, found ${quoted(line)}`,
        'the file is damaged: repeat the calculation, or remove this frame',
        placeIn(state, 'forces'),
      );
    }
  }
  state.pending.forces = Float64Array.from(forces);
}

function readStress(state: State): void {
  state.pending.line ||= state.lines.number;
  // Minus: compression is positive there.
  const rows = [0, 1, 2].flatMap(() =>
    vectorOf(
      wordsOf(lineOf(state.lines, 'the stress')),
      'the stress',
      placeIn(state, 'stress'),
      -HARTREE_PER_BOHR3 / 2,
    ),
  );
  state.pending.stress = Float64Array.from(rows);
}

/** Turns what was printed since the last geometry into a frame. */
function finishFrame(state: State): void {
  const { pending, options, frames, lines } = state;
  const { energy, forces, stress } = pending;
  state.pending = { line: 0, unconverged: false };
  if (energy === undefined && forces === undefined && stress === undefined && !pending.unconverged) return;
  const place = { path: lines.path, line: state.geometry?.line ?? pending.line, frame: state.count };
  if (!pending.unconverged) frames.push(frameOf(partsOf(state, { energy, forces, stress }, place), place));
  else refuseOrSkip(unconverged(place), options);
  state.count++;
}

function partsOf(
  state: State,
  { energy, forces, stress }: { readonly [K in keyof Labels]: Labels[K] | undefined },
  place: Place,
): { structure: Structure; labels: Labels } {
  if (energy === undefined) {
    throw refusal(
      'missing-energy',
      'forces or a stress without a line "!    total energy" before them',
      'give the whole output of pw.x; of a run that was stopped, remove the unfinished end',
      { ...place, field: 'energy' },
    );
  }
  const labels = {
    energy,
    ...(forces === undefined ? {} : { forces }),
    ...(stress === undefined ? {} : { stress }),
  };
  return { structure: structureOf(state, place), labels };
}

function structureOf(state: State, place: Place): Structure {
  const { geometry, cell } = state;
  if (geometry === null || cell === null) {
    throw refusal(
      'missing-structure',
      `an energy, but no ${geometry === null ? 'atomic positions' : 'crystal axes'} before it`,
      'some versions of pw.x print little at low verbosity: read the XML file of this run (prefix.xml) instead',
      place,
    );
  }
  const { labels, coordinates, unit } = geometry;
  const numberOfLabel = new Map<string, number>();
  const numbers = Int32Array.from(labels, (label) => {
    const known = numberOfLabel.get(label) ?? elementOfLabel(label, state.species.get(label), place);
    numberOfLabel.set(label, known);
    return known;
  });
  if (numbers.length !== state.atoms) {
    throw refusal(
      'missing-structure',
      `the positions of ${numbers.length} atoms, but the cell has ${state.atoms}`,
      'give the whole output of pw.x, from its first line',
      { ...place, field: 'positions' },
    );
  }
  const scale = { crystal: () => 1, angstrom: () => 1, bohr: () => BOHR, alat: () => alatOf(state) }[unit]();
  const positions = Float64Array.from(coordinates, (value) => value * scale);
  const structure: Structure = { numbers, positions, cell, pbc: [true, true, true] };
  if (unit !== 'crystal') return structure;
  checkStructure(structure, place);
  return { ...structure, positions: toCartesian(positions, cell) };
}

export const QE_TEXT: Format = {
  name: 'qe-text',
  title: 'Quantum ESPRESSO pw.x text output',
  names: /\.pwo$|^pw\.?x?.*\.out$/i,
  recognises: (head) => /^ *Program PWSCF v/m.test(head),
  read: readQuantumEspressoText,
};
