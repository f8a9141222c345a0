/**
 * XML output of pw.x of Quantum ESPRESSO: `prefix.xml`, or `data-file-schema.xml` in `prefix.save`.
 *
 * Its units and signs: Hartree and Bohr throughout; forces −∂E/∂r in Ha/Bohr; stress in Ha/Bohr³, positive in
 * compression, so ours is minus that. `etot` is the energy that belongs to the forces: with smearing the free energy
 * F = E − TS.
 *
 * Each `<step>` of a relaxation or dynamics is a frame. The positions in `<output>` are no part of the last one: when a
 * run ends because its steps are used up, pw.x has already moved the atoms on and writes the new positions beside the
 * old energy and forces. They are used where they belong to the energy: without steps, and after the final scf of a
 * vc-relax. The only stress is that of the last energy; of vc-md it is not read, since pw.x stores V·σ there.
 *
 * Forces on coordinates that were held fixed are stored as zero, which is a constraint and no label: such files are
 * refused; the text output has the forces in full.
 */
import type { Place } from '../../../errors.ts';
import type { Structure } from '../../../structure/structure.ts';
import { BOHR, HARTREE } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile } from '../format.ts';
import { refuseOrSkip } from '../format.ts';
import { wordsOf } from '../shared/lines.ts';
import {
  elementFrom,
  elementOfLabel,
  HARTREE_PER_BOHR,
  HARTREE_PER_BOHR3,
  noFrames,
  unconverged,
  vectorOf,
} from '../shared/quantum.ts';
import { frameOf, numberOf } from '../shared/values.ts';
import { readXml, type XmlElement } from '../shared/xml.ts';

/** What a `<step>` or `<output>` holds, in eV and Å. */
interface Section {
  readonly name: 'step' | 'output';
  readonly line: number;
  readonly labels: string[];
  readonly positions: number[];
  readonly cell: number[];
  energy?: number;
  forces?: Float64Array;
  stress?: Float64Array;
  converged?: boolean;
}

interface State {
  readonly path: string;
  readonly sections: Section[];
  /** What the name of each species' pseudopotential file begins with. */
  readonly pseudos: Map<string, string>;
  calculation: string;
  fixed: boolean;
}

/** @throws NearsightError with path, line, frame and field */
export function readQuantumEspressoXml(files: readonly InputFile[], options: FormatOptions): Frame[] {
  const { path } = files[0];
  const state: State = { path, sections: [], pseudos: new Map(), calculation: '', fixed: false };
  readXml(files[0], { open: (element) => open(state, element), close: (element, text) => close(state, element, text) });
  const sections = evaluations(state);
  const frames: Frame[] = [];
  sections.forEach((section, index) => {
    const place = { path, line: section.line, frame: index };
    if (section.converged === false) {
      refuseOrSkip(unconverged(place), options);
    } else frames.push(frameOfSection(state, section, place));
  });
  if (sections.length === 0) throw noFrames({ path }, 'step and no output of a calculation');
  return frames;
}

/** Path of an element below the root. */
function below({ path }: XmlElement): string {
  return path.slice(path.indexOf('/') + 1);
}

function open({ path, sections }: State, element: XmlElement): void {
  if (element.parent === null) {
    const { Units: units } = element.attributes;
    const place = { path, line: element.line };
    if (!/(?:^|:)espresso$/.test(element.name)) {
      const what = `the first element is <${quoted(element.name).slice(1, -1)}>, not <qes:espresso>`;
      throw refusal('wrong-format', what, 'give the file prefix.xml or data-file-schema.xml that pw.x wrote', place);
    }
    if (units === 'Hartree atomic units') return;
    const what = `the file is in units ${quoted(units ?? '')}, not "Hartree atomic units"`;
    throw refusal('unknown-unit', what, 'give the XML file as pw.x wrote it', place);
  }
  const name = below(element);
  if (name !== 'step' && name !== 'output') return;
  sections.push({ name, line: element.line, labels: [], positions: [], cell: [] });
}

function close(state: State, element: XmlElement, text: string): void {
  const name = below(element);
  const place = { path: state.path, line: element.line };
  if (name === 'input/control_variables/calculation') state.calculation = text.trim();
  else if (name === 'input/free_positions') state.fixed = wordsOf(text).includes('0');
  else if (name === 'input/atomic_species/species/pseudo_file') {
    const label = element.parent?.attributes.name;
    const [, letters] = /^\s*([A-Za-z]{1,2})(?![A-Za-z])/.exec(text) ?? [];
    if (label !== undefined && letters !== undefined) state.pseudos.set(label, letters);
  } else if (/^(?:step|output)\//.test(name)) {
    const section = state.sections[state.sections.length - 1];
    closeInSection(section, { name: name.slice(name.indexOf('/') + 1), text, element }, place);
  }
}

function closeInSection(
  section: Section,
  { name, text, element }: { readonly name: string; readonly text: string; readonly element: XmlElement },
  place: Place,
): void {
  const at = (field: string): Place => ({ ...place, field });
  if (name === 'total_energy/etot') section.energy = numberOf(text.trim(), 'etot', at('energy')) * HARTREE;
  else if (name === 'forces') section.forces = numbersOf(text, HARTREE_PER_BOHR, at('forces'));
  // Minus: compression is positive there.
  else if (name === 'stress') section.stress = numbersOf(text, -HARTREE_PER_BOHR3, at('stress'));
  else if (name === 'atomic_structure') checkCount(section, element.attributes.nat, at('positions'));
  else if (name.endsWith('scf_conv/convergence_achieved')) section.converged = text.trim() === 'true';
  else if (/^atomic_structure\/cell\/a[123]$/.test(name)) {
    section.cell.push(...vectorOf(wordsOf(text), 'a lattice vector', at('cell'), BOHR));
  } else if (name === 'atomic_structure/atomic_positions/atom') {
    section.labels.push(element.attributes.name ?? '');
    section.positions.push(...vectorOf(wordsOf(text), 'a coordinate', at('positions'), BOHR));
  }
}

function checkCount({ labels }: Section, count: string | undefined, place: Place): void {
  if (Number(count) === labels.length) return;
  const what = `the positions of ${labels.length} atoms where nat=${quoted(count ?? '')}`;
  throw refusal('wrong-count', what, 'the file is damaged: repeat the calculation, or copy it again', place);
}

function numbersOf(text: string, factor: number, place: Place): Float64Array {
  return Float64Array.from(wordsOf(text), (word) => numberOf(word, `the ${place.field}`, place) * factor);
}

/** One section for each energy, with the geometry and the stress that belong to it. */
function evaluations({ sections, calculation }: State): Section[] {
  const steps = sections.filter(({ name }) => name === 'step');
  const output = sections.find(({ name }) => name === 'output');
  if (output === undefined) return steps;
  if (calculation === 'vc-md') delete output.stress;
  const last = steps[steps.length - 1];
  if (last === undefined) return [output];
  if (last.energy !== output.energy) return [...steps, output];
  if (output.stress !== undefined) last.stress = output.stress;
  return steps;
}

function frameOfSection(state: State, section: Section, place: Place & { line: number; frame: number }): Frame {
  const { energy, forces, stress } = section;
  if (energy === undefined) {
    throw refusal(
      'missing-energy',
      `no total energy in this <${section.name}>`,
      'the run was stopped before its end, or this is no scf calculation: its bands alone are no label',
      { ...place, field: 'energy' },
    );
  }
  if (forces !== undefined && state.fixed) {
    throw refusal(
      'constrained-forces',
      'some coordinates were held fixed, and this file has zeros in place of the forces on them',
      'read the text output of the same run, which has these forces in full',
      { ...place, field: 'forces' },
    );
  }
  const labels = {
    energy,
    ...(forces === undefined ? {} : { forces }),
    ...(stress === undefined ? {} : { stress }),
  };
  return frameOf({ structure: structureOf(state, section, place), labels }, place);
}

function structureOf({ pseudos }: State, { labels, positions, cell }: Section, place: Place): Structure {
  const numbers = labels.map((label) => {
    const pseudo = pseudos.get(label);
    // Names of files are a custom, not a rule: they are asked only where the label says nothing.
    const known = elementFrom(/^[A-Za-z]*/.exec(label)?.[0] ?? '');
    return known ?? elementOfLabel(label, pseudo, place);
  });
  return {
    numbers: Int32Array.from(numbers),
    positions: Float64Array.from(positions),
    cell: Float64Array.from(cell),
    pbc: [true, true, true],
  };
}

export const QE_XML: Format = {
  name: 'qe-xml',
  title: 'Quantum ESPRESSO pw.x XML output',
  names: /^data-file-schema\.xml$/,
  recognises: (head) => /<(?:qes:)?espresso[\s>]/.test(head),
  read: readQuantumEspressoXml,
};
