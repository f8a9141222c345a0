import { describe, expect, test } from 'vitest';
import { expectAsReference } from '../../../../tests/helpers/ase-reference.ts';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { haveSamples, referenceOf, sample } from '../../../../tests/helpers/samples.ts';
import type { NearsightError } from '../../../errors.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { KBAR } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import type { InputFile } from '../format.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { readVasprun, VASP_XML } from './vasprun.ts';

/** An ionic step of two atoms in a cubic cell of 4 Å. */
const step = (electronic: number, energy = -10.5): string => `
 <calculation>
${`  <scstep><energy><i name="e_fr_energy"> -10.25 </i><i name="e_0_energy"> -10.125 </i></energy></scstep>\n`.repeat(electronic)}  <structure>
   <crystal>
    <varray name="basis" ><v> 4.0 0.0 0.0 </v><v> 0.0 4.0 0.0 </v><v> 1.0 0.0 4.0 </v></varray>
    <varray name="rec_basis" ><v> 0.25 0.0 0.0 </v></varray>
   </crystal>
   <varray name="positions" ><v> 0.0 0.0 0.0 </v><v> 0.5 0.25 0.5 </v></varray>
  </structure>
  <varray name="forces" ><v> 0.1 -0.2 0.3 </v><v> -0.1 0.2 -0.3 </v></varray>
  <varray name="stress" ><v> 10.0 1.0 2.0 </v><v> 1.0 20.0 3.0 </v><v> 2.0 3.0 -30.0 </v></varray>
  <energy><i name="e_fr_energy"> ${energy} </i><i name="e_0_energy"> 0.0 </i><i name="kinetic"> 0.5 </i></energy>
  <dos><i name="efermi"> 5.0 </i></dos>
 </calculation>`;

const head = (more = ''): string => `<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <incar><i type="int" name="NELM"> 2</i></incar>
 <parameters>
  <separator name="electronic convergence" ><i type="int" name="NELM"> 5</i></separator>
  <separator name="response functions" ><i type="int" name="NELM"> 1</i></separator>
  ${more}
 </parameters>
 <atominfo>
  <atoms> 2 </atoms>
  <array name="atoms" ><set><rc><c>Ti</c><c> 1</c></rc><rc><c>O </c><c> 2</c></rc></set></array>
  <array name="atomtypes" ><set><rc><c> 1</c><c>Ti</c></rc></set></array>
 </atominfo>
 <structure name="initialpos" >
  <varray name="selective" ><v type="logical"> T T F </v><v type="logical"> F F F </v></varray>
 </structure>`;

const file = (text: string): InputFile => ({ path: 'vasprun.xml', bytes: new TextEncoder().encode(text) });
const whole = (...steps: string[]): InputFile => file(`${head()}${steps.join('')}\n</modeling>\n`);

test('a step in our units and signs: free energy, forces as they are, stress positive in tension', () => {
  const [frame, ...others] = readVasprun(whole(step(4)));
  expect(others).toEqual([]);
  expect(frame).toMatchObject({ index: 0, line: 17, group: '' });
  expect([...frame.structure.numbers]).toEqual([22, 8]);
  expect([...frame.structure.cell]).toEqual([4, 0, 0, 0, 4, 0, 1, 0, 4]);
  expect([...frame.structure.positions]).toEqual([0, 0, 0, 2.5, 1, 2]);
  expect(frame.structure.pbc).toEqual([true, true, true]);
  expect(frame.labels.energy).toBe(-10.5);
  expect([...frame.labels.forces!]).toEqual([0.1, -0.2, 0.3, -0.1, 0.2, -0.3]);
  const kbar = [10, 1, 2, 1, 20, 3, 2, 3, -30];
  expect([...frame.labels.stress!]).toEqual(kbar.map((value) => -value * KBAR));
  // VASP's own e_0_energy is wrong here (0.0): it comes from the electronic steps.
  expect(frame.info).toEqual({ step: 1, energy_sigma0: -10.375, kinetic_energy: 0.5 });
  expect(frame.arrays.move_mask).toEqual({
    type: 'L',
    columns: 3,
    values: [true, true, false, false, false, false],
  });
});

test('a step that used all of NELM is refused by name, or skipped with a gap and a word', () => {
  const run = whole(step(3, -1), step(5, -2), step(4, -3));
  const error = errorOf('unconverged', () => readVasprun(run));
  expect(error.message).toContain('ionic step 2');
  expect(error.place).toMatchObject({ path: 'vasprun.xml', frame: 1 });
  const told: NearsightError[] = [];
  const frames = readVasprun(run, { unconverged: 'skip', onSkip: (why) => told.push(why) });
  expect(frames.map(({ index, labels }) => [index, labels.energy])).toEqual([
    [0, -1],
    [2, -3],
  ]);
  expect(told.map(({ code }) => code)).toEqual(['unconverged']);
});

test('of a calculation that was stopped, the complete steps are there for who asks', () => {
  const text = `${head()}${step(3, -1)}${step(3, -2)}`;
  const cut = file(text.slice(0, -200));
  expect(errorOf('truncated-file', () => readVasprun(cut)).hint).toContain('after 1 complete');
  const told: NearsightError[] = [];
  const frames = readVasprun(cut, { unconverged: 'skip', onSkip: (why) => told.push(why) });
  expect(frames.map(({ labels }) => labels.energy)).toEqual([-1]);
  expect(told.map(({ code }) => code)).toEqual(['truncated-file']);
  // Nothing complete is nothing to take.
  errorOf('truncated-file', () => readVasprun(file(`${head()}<calculation>`), { unconverged: 'skip' }));
});

test('steps of a machine-learned force field are not labels', () => {
  const learning = head('<i type="logical" name="ML_LMLFF"> T </i>');
  const frames = readVasprun(file(`${learning}${step(0)}${step(3, -1)}${step(0)}${step(2, -2)}</modeling>`));
  expect(frames.map(({ index, info }) => [index, info.step])).toEqual([
    [0, 2],
    [1, 4],
  ]);
  errorOf('no-frames', () => readVasprun(file(`${learning}${step(0)}</modeling>`)));
  errorOf('incomplete-step', () => readVasprun(whole(step(0))));
});

describe('refusals', () => {
  test.each<[string, string, string, string, string | undefined]>([
    ['a force that overflowed', '-0.2 0.3', '******** 0.3', 'bad-number', 'forces'],
    ['an energy that is NaN', ' -10.5 ', ' NaN ', 'not-finite', 'e_fr_energy'],
    ['a missing atom', '<v> -0.1 0.2 -0.3 </v>', '', 'incomplete-step', undefined],
    ['half a row', '-0.1 0.2 -0.3', '-0.1 0.2', 'wrong-count', 'forces'],
    ['no energy', 'e_fr_energy"> -10.5', 'e_wo_entrp"> -10.5', 'incomplete-step', undefined],
    ['a flat cell', '<v> 0.0 4.0 0.0 </v>', '<v> 4.0 0.0 0.0 </v>', 'singular-cell', 'cell'],
    ['a stress of two halves', '<v> 1.0 20.0', '<v> -1.0 20.0', 'bad-label', 'stress'],
    ['an element that is none', '<c>Ti</c><c> 1', '<c>Xx</c><c> 1', 'unknown-element', undefined],
    ['no NELM', '"electronic convergence"', '"electronic"', 'incomplete-step', undefined],
    ['another XML file', 'modeling>', 'espresso>', 'not-vasprun', undefined],
  ])('%s', (_, from, to, code, field) => {
    const { bytes } = whole(step(3));
    const text = new TextDecoder().decode(bytes).replaceAll(from, to);
    const error = errorOf(code, () => readVasprun(file(text)));
    expect(error.place.path).toBe('vasprun.xml');
    expect(error.place.field).toBe(field);
  });

  test('PSTRESS, whose work VASP adds to the energy here', () => {
    const text = `${head('<i name="PSTRESS"> 100.0</i>')}${step(3)}</modeling>`;
    expect(errorOf('pressure-in-energy', () => readVasprun(file(text))).message).toContain('100 kbar');
  });

  test('no step at all', () => {
    errorOf('no-frames', () => readVasprun(file(`${head()}</modeling>`)));
  });
});

test('it is told by its first lines', () => {
  expect(VASP_XML.recognises?.(head())).toBe(true);
  expect(VASP_XML.recognises?.('<?xml version="1.0"?>\n<qes:espresso>')).toBe(false);
});

test('broken files are read or refused', () => {
  const outcome = expectReadOrRefused((input) => readVasprun(input), whole(step(2), step(3)).bytes, {
    count: 5000,
    seed: 11,
  });
  expect(outcome.read).toBeGreaterThan(200);
  expect(outcome.codes.size).toBeGreaterThan(8);
});

describe.skipIf(!haveSamples)('files of VASP (skipped without ../shared/data)', () => {
  test.each([
    'vasp/vasprun.Si.xml.gz',
    'vasp/vasprun.Ti-aimd-nwrite0.xml.gz',
    'vasp/vasprun.h2o.md.xml.gz',
    'vasp/vasprun.h2o.md.tribox.xml.gz',
    'vasp/vasprun.h2o.md.novirial.xml.gz',
  ])('%s as ASE 3.29 reads it', (name) => {
    expectAsReference(readVasprun(sample(name)), referenceOf(name));
  });

  test('the forces are the derivative of the free energy, not of the one for sigma → 0', () => {
    const frames = readVasprun(sample('vasp/vasprun.Ti-aimd-nwrite0.xml.gz'));
    const freed = frames.at(-1)!.labels.energy! - frames[0].labels.energy!;
    const unsmeared = Number(frames.at(-1)!.info.energy_sigma0) - Number(frames[0].info.energy_sigma0);
    let work = 0;
    for (let k = 1; k < frames.length; k++) work += workBetween(frames[k - 1], frames[k]);
    // The trapezoidal rule is off by 1e-4 of it along these steps, the other energy by 2e-2.
    expect(Math.abs(freed - work)).toBeLessThan(2e-4 * Math.abs(freed));
    expect(Math.abs(unsmeared - work)).toBeGreaterThan(1e-2 * Math.abs(freed));
  });

  test('without a stress there is none', () => {
    const [frame] = readVasprun(sample('vasp/vasprun.h2o.md.novirial.xml.gz'));
    expect(frame.labels.stress).toBeUndefined();
    expect(cellVolume(frame.structure.cell)).toBeCloseTo(1000, 6);
  });
});

/** −∫F·dr by the trapezoidal rule, eV; atoms that cross the border of the orthogonal cell are followed. */
function workBetween(from: Frame, to: Frame): number {
  let work = 0;
  for (let c = 0; c < from.structure.positions.length; c++) {
    const length = from.structure.cell[4 * (c % 3)];
    const moved = to.structure.positions[c] - from.structure.positions[c];
    const way = moved - length * Math.round(moved / length);
    work -= 0.5 * (from.labels.forces![c] + to.labels.forces![c]) * way;
  }
  return work;
}
