import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../tests/helpers/errors.ts';
import {
  expectClose,
  expectNothingNewWhenCut,
  haveSamples,
  referenceOf,
  sample,
} from '../../../tests/helpers/samples.ts';
import { BOHR, HARTREE } from '../../units.ts';
import type { Frame } from '../dataset.ts';
import type { InputFile } from './format.ts';
import { ORCA, readOrca } from './orca.ts';
import { expectReadOrRefused } from './shared/testing.ts';

/** Two cycles of an optimisation and its last energy, as ORCA prints them. */
const OPTIMISATION = `
                                 *****************
                                 * O   R   C   A *
                                 *****************
                         Program Version 5.0.4 -  RELEASE  -

                    *                GEOMETRY OPTIMIZATION CYCLE   1            *
---------------------------------
CARTESIAN COORDINATES (ANGSTROEM)
---------------------------------
  O      0.000000    0.000000    0.100000
  H      0.000000    0.750000   -0.500000
  H      0.000000   -0.750000   -0.500000

----------------------------
CARTESIAN COORDINATES (A.U.)
----------------------------
  NO LB      ZA    FRAG     MASS         X           Y           Z
   0 O     8.0000    0    15.999    0.000000    0.000000    0.188973

               *           SCF CONVERGED AFTER   9 CYCLES          *

-------------------------   --------------------
FINAL SINGLE POINT ENERGY       -76.300000000000
-------------------------   --------------------

------------------
CARTESIAN GRADIENT
------------------

   1   O   :    0.000000000    0.000000000    0.020000000
   2   H   :    0.000000000   -0.005000000   -0.010000000
   3   H   :    0.000000000    0.005000000   -0.010000000

                    *                GEOMETRY OPTIMIZATION CYCLE   2            *
---------------------------------
CARTESIAN COORDINATES (ANGSTROEM)
---------------------------------
  O      0.000000    0.000000    0.090000
  H      0.000000    0.755000   -0.495000
  H      0.000000   -0.755000   -0.495000

               *           SCF CONVERGED AFTER   7 CYCLES          *
The final MP2 gradient
  0:   0.00000000   0.00000000   0.01500000
  1:   0.00000000  -0.00400000  -0.00750000
  2:   0.00000000   0.00400000  -0.00750000

FINAL SINGLE POINT ENERGY       -76.310000000000

               *** FINAL ENERGY EVALUATION AT THE STATIONARY POINT ***
---------------------------------
CARTESIAN COORDINATES (ANGSTROEM)
---------------------------------
  O      0.000000    0.000000    0.085000
  H      0.000000    0.756000   -0.493000
  H      0.000000   -0.756000   -0.493000

FINAL SINGLE POINT ENERGY (From external program)      -76.311000000000
                             ****ORCA TERMINATED NORMALLY****
`;

const file = (content: string): InputFile => ({ path: 'opt.out', bytes: new TextEncoder().encode(content) });
const read = (content: string, unconverged?: 'skip'): Frame[] => readOrca([file(content)], { unconverged });

test('each geometry with its own energy, and its forces where there are any', () => {
  const frames = read(OPTIMISATION);
  expect(frames.map(({ labels }) => labels.energy)).toEqual([-76.3, -76.31, -76.311].map((energy) => energy * HARTREE));
  expect(frames.map(({ structure }) => structure.positions[2])).toEqual([0.1, 0.09, 0.085]);
  expect(frames.map(({ labels }) => labels.forces?.[2])).toEqual([
    0.02 * -(HARTREE / BOHR),
    0.015 * -(HARTREE / BOHR),
    undefined,
  ]);
  expect(frames.map(({ index, line }) => [index, line])).toEqual([
    [0, 9],
    [1, 37],
    [2, 53],
  ]);
  expect([...frames[2].structure.numbers]).toEqual([8, 1, 1]);
  expect(frames[0].structure.pbc).toEqual([false, false, false]);
});

test('forces are minus the gradient: energy falls along them', () => {
  const [first, second] = read(OPTIMISATION);
  const work = first.labels.forces!.reduce(
    (sum, force, c) => sum + force * (second.structure.positions[c] - first.structure.positions[c]),
    0,
  );
  expect(work).toBeGreaterThan(0);
  expect(second.labels.energy!).toBeLessThan(first.labels.energy!);
});

test('what did not converge is refused, or skipped when asked', () => {
  const text = OPTIMISATION.replace('SCF CONVERGED AFTER   7', 'SCF NOT CONVERGED AFTER 125');
  expect(errorOf('unconverged', () => read(text)).place).toMatchObject({ frame: 1, line: 37 });
  expect(read(text, 'skip').map(({ index }) => index)).toEqual([0, 2]);
  const remark = OPTIMISATION.replace('-76.310000000000', '-76.310000000000   (Wavefunction not fully converged!)');
  expect(errorOf('unconverged', () => read(remark)).place).toMatchObject({ frame: 1 });
});

test('a run that was stopped keeps what it had finished', () => {
  expect(read(OPTIMISATION.slice(0, OPTIMISATION.indexOf('SCF CONVERGED AFTER   7')))).toHaveLength(1);
});

test('what is not there is named', () => {
  errorOf('missing-structure', () => read(OPTIMISATION.replace('CARTESIAN COORDINATES (ANGSTROEM)', '')));
  expect(errorOf('missing-energy', () => read(OPTIMISATION.replace(/^FINAL.*300.*$/m, ''))).place).toMatchObject({
    frame: 0,
  });
  errorOf('missing-forces', () => read(OPTIMISATION.replace(/^ +3 +H +:.*$/m, 'none')));
  errorOf('truncated-file', () => read(OPTIMISATION.slice(0, OPTIMISATION.indexOf('   2   H   :'))));
  errorOf('ambiguous-energy', () =>
    read(OPTIMISATION.replace('-----\n\n-----', '-----\nFINAL SINGLE POINT ENERGY -76.4\n-----')),
  );
  errorOf('unknown-element', () => read(OPTIMISATION.replace('  O      0.0', '  DA     0.0')));
  errorOf('no-frames', () => read(OPTIMISATION.replace(/FINAL S.*/g, '').replace(/(GRADIENT|gradient)/g, '')));
});

test('the format is told by the title', () => {
  expect(ORCA.recognises!(OPTIMISATION)).toBe(true);
});

describe.skipIf(!haveSamples)('samples (skipped without ../shared/data) against ASE 3.29', () => {
  test.each(['orca.spout.gz', 'water_ccsd_orca5.out.gz', 'water_mp2_orca5.out.gz', 'dvb_ir_orca5.out.gz'])(
    '%s',
    (name) => {
      const frames = readOrca([sample(`orca/${name}`)], {});
      const { natoms, first } = referenceOf(`orca/${name}`);
      expect(frames).toHaveLength(1);
      const [{ structure, labels }] = frames;
      expect(structure.numbers).toHaveLength(natoms);
      expect(labels.energy! / first.energy! - 1).toBeCloseTo(0, 6);
      expect(labels.forces === undefined).toBe(first.force0 === undefined);
      if (first.force0) expectClose(labels.forces!.subarray(0, 3), first.force0, 1e-6 * first.max_force!);
    },
  );

  test('numbers of a file in its own units', () => {
    const [{ structure, labels }] = readOrca([sample('orca/orca.spout.gz')], {});
    expect(labels.energy! / HARTREE).toBeCloseTo(-513.113388868587, 11);
    expect((labels.forces![65] / HARTREE) * BOHR).toBeCloseTo(-0.000095588, 12);
    expect([...structure.positions.slice(63)]).toEqual([-5.3166, 0.31593, 0.0026]);
  });

  test('ORCA 4 without convergence', () => {
    expect(errorOf('unconverged', () => readOrca([sample('orca/scf_unconverged.out')], {})).place.line).toBe(150);
    expect(readOrca([sample('orca/scf_unconverged.out')], { unconverged: 'skip' })).toEqual([]);
  });
});

test('a file that was cut off gives its first frames, or is refused', () => {
  expectNothingNewWhenCut((cut) => readOrca([cut], { unconverged: 'skip' }), file(OPTIMISATION), 1);
});

test('broken copies are read or refused', () => {
  const { bytes } = file(OPTIMISATION);
  const run = { count: 5000, seed: 5, path: 'broken.out' };
  const { read: passed, codes } = expectReadOrRefused((broken) => readOrca([broken], {}), bytes, run);
  expect(passed).toBeGreaterThan(500);
  expect(codes.size).toBeGreaterThan(6);
});
