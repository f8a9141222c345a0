import { describe, expect, test } from 'vitest';
import { expectAsReference, expectNear } from '../../../../tests/helpers/ase-reference.ts';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { haveSamples, referenceOf, sample } from '../../../../tests/helpers/samples.ts';
import type { NearsightError } from '../../../errors.ts';
import { KBAR } from '../../../units.ts';
import type { InputFile } from '../format.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { readOutcar, VASP_OUTCAR } from './outcar.ts';
import { readVasprun } from './vasprun.ts';

const HEAD = ` vasp.5.4.4.18Apr17 (build) complex
 executed on             LinuxGNU date 2019.06.30  23:01:56
 POTCAR:    PAW_PBE Ti_sv 26Sep2005
 POTCAR:    PAW_PBE O 08Apr2002
   VRHFIN =Ti: d3 s1
   TITEL  = PAW_PBE Ti_sv 26Sep2005
   VRHFIN =O: s2p4
   TITEL  = PAW_PBE O 08Apr2002
   ions per type =               1   2
   NELM   =      5;   NELMIN=  2; NELMDL= -5     # of ELM steps
      direct lattice vectors                 reciprocal lattice vectors
     1.000000000  0.000000000  0.000000000     1.000000000  0.000000000  0.000000000
     0.000000000  1.000000000  0.000000000     0.000000000  1.000000000  0.000000000
     0.000000000  0.000000000  1.000000000     0.000000000  0.000000000  1.000000000
`;

const TABLE = ` POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.100000     -0.200000      0.300000
      1.00000      2.00000      3.00000        -0.100000      0.200000     -0.300000
   -100.50000      0.25000   -100.75000         0.000000   -100.000000      0.000000
 -----------------------------------------------------------------------------------
    total drift:                                0.112164      0.091491      1.069790
`;

const step = (number: number, electronic: number, energy: number, table = TABLE): string =>
  `${Array.from(
    { length: electronic },
    (_, k) =>
      `--------------------------------------- Iteration ${String(number).padStart(6)}(${String(k + 1).padStart(4)})  -------\n` +
      `  free energy    TOTEN  =        99.0 eV\n  energy without entropy =       99.0  energy(sigma->0) =       99.0\n`,
  ).join('')}------------------------ aborting loop because EDIFF is reached ------------------------
  in kB      10.00000    20.00000   -30.00000     1.00000     2.00000     3.00000
 VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
    10.000000000-10.000000000  0.000000000     0.100000000  0.000000000  0.000000000
     0.000000000 10.000000000  0.000000000     0.000000000  0.100000000  0.000000000
     0.000000000  0.000000000 10.000000000     0.000000000  0.000000000  0.100000000
${table}
  free  energy   TOTEN  =       ${energy} eV

  energy  without entropy=       -1.0  energy(sigma->0) =       ${energy + 0.125}
  kinetic energy EKIN   =         0.500000
  kin. lattice  EKIN_LAT=         0.003516  (temperature  300.50 K)
`;

const LEARNED = `  ML FORCE on cell =-STRESS in cart. coord. units (eV/cell)
  in kB       0.00000     0.00000     0.00000     0.00000     0.00000     0.00000
${TABLE.replace('(eV/Angst)', '(eV/Angst) (ML)')}
  free  energy ML TOTEN  =         0.00000000 eV
  ML energy  without entropy=        0.00000000  ML energy(sigma->0) =        0.00000000
  kinetic energy EKIN   =         7.500000
`;

const END = ' General timing and accounting informations for this job:\n';

const file = (...parts: string[]): InputFile => ({ path: 'OUTCAR', bytes: new TextEncoder().encode(parts.join('')) });

test('a step in our units, order and signs: free energy, stress positive in tension', () => {
  const [frame, ...others] = readOutcar(file(HEAD, step(1, 4, -20.5), END));
  expect(others).toEqual([]);
  expect(frame).toMatchObject({ index: 0, line: 15, group: '' });
  expect([...frame.structure.numbers]).toEqual([22, 8, 8]);
  // Numbers that touch are told apart by their signs.
  expect([...frame.structure.cell]).toEqual([10, -10, 0, 0, 10, 0, 0, 0, 10]);
  expect([...frame.structure.positions]).toEqual([0, 0, 0, 1, 2, 3, -100.5, 0.25, -100.75]);
  expect(frame.labels.energy).toBe(-20.5);
  expect([...frame.labels.forces!]).toEqual([0.1, -0.2, 0.3, -0.1, 0.2, -0.3, 0, -100, 0]);
  // xx yy zz xy yz zx in the file.
  const kbar = [10, 1, 3, 1, 20, 2, 3, 2, -30];
  expect([...frame.labels.stress!]).toEqual(kbar.map((value) => -value * KBAR));
  expect(frame.info).toEqual({ step: 1, energy_sigma0: -20.375, kinetic_energy: 0.5, temperature: 300.5 });
});

test('a step that used all of NELM is refused by name, or skipped with a gap and a word', () => {
  const run = file(HEAD, step(1, 3, -1), step(2, 5, -2), step(3, 4, -3), END);
  const error = errorOf('unconverged', () => readOutcar(run));
  expect(error.message).toContain('ionic step 2');
  expect(error.place).toMatchObject({ path: 'OUTCAR', frame: 1 });
  const told: NearsightError[] = [];
  const frames = readOutcar(run, { unconverged: 'skip', onSkip: (why) => told.push(why) });
  expect(frames.map(({ index, labels }) => [index, labels.energy])).toEqual([
    [0, -1],
    [2, -3],
  ]);
  expect(told.map(({ code }) => code)).toEqual(['unconverged']);
  // Nothing usable is no data set.
  errorOf('no-frames', () => readOutcar(file(HEAD, step(1, 5, -1), END), { unconverged: 'skip' }));
  const failed = step(1, 3, -1).replace('because EDIFF is reached', 'EDIFF was not reached (unconverged)');
  errorOf('unconverged', () => readOutcar(file(HEAD, failed, END)));
});

test('predictions of a machine-learned force field are not labels', () => {
  const run = file(HEAD, LEARNED, step(1, 3, -1), LEARNED, LEARNED, step(4, 2, -4), LEARNED, END);
  expect(
    readOutcar(run).map(({ index, info, labels }) => [index, info.step, info.kinetic_energy, labels.energy]),
  ).toEqual([
    [0, 1, 0.5, -1],
    [1, 4, 0.5, -4],
  ]);
  expect(errorOf('no-frames', () => readOutcar(file(HEAD, LEARNED, END))).hint).toContain('machine-learned');
});

describe('a calculation that was stopped', () => {
  const text = `${HEAD}${step(1, 3, -1)}${step(2, 3, -2)}`;

  test('is read when its last step is whole', () => {
    expect(readOutcar(file(text)).map(({ labels }) => labels.energy)).toEqual([-1, -2]);
  });

  test('is refused when it is not, wherever it was cut, or read up to the step before', () => {
    const begins = text.lastIndexOf('Iteration      2(   1)');
    const ends = text.lastIndexOf('kinetic energy');
    const whole = text.lastIndexOf('\n', ends);
    for (let cut = text.indexOf('\n', begins) + 1; cut <= whole; cut++) {
      const part = file(text.slice(0, cut));
      expect(errorOf('truncated-file', () => readOutcar(part)).message).toContain('ionic step 2');
      const frames = readOutcar(part, { unconverged: 'skip' });
      expect(frames.map(({ labels }) => labels.energy)).toEqual([-1]);
    }
  });
});

test('several calculations in one file, each with atoms of its own', () => {
  const other = HEAD.replace('1   2\n', '2   1\n');
  const frames = readOutcar(file(HEAD, step(1, 3, -1), END, other, step(1, 3, -2), step(2, 3, -3), END));
  expect(frames.map(({ structure }) => [...structure.numbers])).toEqual([
    [22, 8, 8],
    [22, 22, 8],
    [22, 22, 8],
  ]);
});

describe('refusals', () => {
  const without = (line: string): string => HEAD.replace(new RegExp(`.*${line}.*\n`, 'g'), '');
  test.each<[string, string[], string]>([
    ['steps without positions', [HEAD, step(1, 3, -1), step(2, 3, -2, ''), step(3, 3, -3), END], 'no-positions'],
    ['a force that overflowed', [HEAD, step(1, 3, -1).replace('0.100000 ', '******** ')], 'bad-number'],
    ['an energy that is NaN', [HEAD, step(1, 3, Number.NaN)], 'not-finite'],
    ['one atom too few', [HEAD.replace('1   2\n', '1   3\n'), step(1, 3, -1)], 'incomplete-step'],
    ['one atom too many', [HEAD.replace('1   2\n', '1   1\n'), step(1, 3, -1)], 'incomplete-step'],
    ['counts that have grown together', [HEAD.replace('1   2\n', '1002000\n'), step(1, 3, -1)], 'bad-count'],
    ['no counts', [without('ions per type'), step(1, 3, -1)], 'bad-header'],
    ['no NELM', [without('NELM   ='), step(1, 3, -1)], 'bad-header'],
    ['no elements', [without('VRHFIN|TITEL|POTCAR'), step(1, 3, -1)], 'bad-header'],
    ['no step', [HEAD, END], 'no-frames'],
    ['another text', ['Dear colleague,\n'], 'no-frames'],
  ])('%s', (_, parts, code) => {
    expect(errorOf(code, () => readOutcar(file(...parts))).place.path).toBe('OUTCAR');
  });

  test('the elements come from the names of the potentials where VRHFIN is missing', () => {
    for (const head of [without('VRHFIN'), without('VRHFIN|TITEL')]) {
      expect([...readOutcar(file(head, step(1, 3, -1)))[0].structure.numbers]).toEqual([22, 8, 8]);
    }
  });
});

test('it is told by its first lines', () => {
  expect(VASP_OUTCAR.recognises?.(HEAD)).toBe(true);
  expect(VASP_OUTCAR.recognises?.('vasp.5.4.4 is what I use\n')).toBe(false);
});

test('broken files are read or refused', () => {
  const { bytes } = file(HEAD, LEARNED, step(1, 2, -1), step(2, 2, -2), END);
  const outcome = expectReadOrRefused((input) => readOutcar(input), bytes, { count: 5000, seed: 12 });
  expect(outcome.read).toBeGreaterThan(200);
  expect(outcome.codes.size).toBeGreaterThan(8);
});

describe.skipIf(!haveSamples)('files of VASP (skipped without ../shared/data)', () => {
  test.each(['vasp/OUTCAR.h2o.md.gz', 'vasp/OUTCAR_sevennet_1.gz', 'vasp/OUTCAR_ase_example_1.gz'])(
    '%s as ASE 3.29 reads it',
    (name) => expectAsReference(readOutcar(sample(name)), referenceOf(name)),
  );

  test.each(['vasp/OUTCAR.ch4.1step', 'vasp/OUTCAR.ch4.unconverged.gz'])(
    '%s did not converge, and is as ASE 3.29 reads it when NELM is made to say otherwise',
    (name) => {
      const { path, bytes } = sample(name);
      errorOf('unconverged', () => readOutcar({ path, bytes }));
      const text = new TextDecoder().decode(bytes).replace(/NELM {3}= +\d+;/, 'NELM   =     99;');
      expectAsReference(readOutcar({ path, bytes: new TextEncoder().encode(text) }), referenceOf(name));
    },
  );

  test('of three steps of methane two used all of NELM', () => {
    const frames = readOutcar(sample('vasp/OUTCAR.ch4.unconverged.gz'), { unconverged: 'skip' });
    expect(frames.map(({ index, labels }) => [index, labels.energy])).toEqual([[2, -23.94708651]]);
  });

  test('of ten steps with a force field that learns, four were computed', () => {
    const frames = readOutcar(sample('vasp/OUTCAR.ch4.ml.gz'));
    // By eye from the file: step, free energy, a force of the first atom, xx and xy in kB.
    expect(
      frames.map(({ info, labels }) => [info.step, labels.energy, labels.forces![0], labels.stress![0] / -KBAR]),
    ).toEqual([
      [1, -24.12709802, -0.020999, expect.closeTo(-0.26557, 10)],
      [2, -24.12724275, expect.any(Number), expect.closeTo(-0.22662, 10)],
      [3, -24.12737148, expect.any(Number), expect.closeTo(-0.14701, 10)],
      [6, -24.12697674, expect.any(Number), expect.closeTo(0.05056, 10)],
    ]);
  });

  test('with NWRITE = 0 most steps have no positions', () => {
    const error = errorOf('no-positions', () => readOutcar(sample('vasp/OUTCAR.Ti-aimd-nwrite0.gz')));
    expect(error.place).toMatchObject({ line: 1773, frame: 1 });
  });

  test('OUTCAR and vasprun.xml of one calculation agree to the digits of OUTCAR', () => {
    const short = readOutcar(sample('vasp/OUTCAR.h2o.md.gz'));
    const long = readVasprun(sample('vasp/vasprun.h2o.md.xml.gz'));
    short.forEach(({ structure, labels }, k) => {
      expectNear([labels.energy!], [long[k].labels.energy!]);
      expect(structure.numbers).toEqual(long[k].structure.numbers);
      const apart = (p: Float64Array, q: Float64Array): number =>
        Math.max(...p.map((value, c) => Math.abs(value - q[c])));
      expect(apart(structure.positions, long[k].structure.positions)).toBeLessThan(0.6e-5);
      expect(apart(labels.forces!, long[k].labels.forces!)).toBeLessThan(0.6e-6);
      expect(apart(labels.stress!, long[k].labels.stress!)).toBeLessThan(1.2e-5 * KBAR);
    });
  });
});
