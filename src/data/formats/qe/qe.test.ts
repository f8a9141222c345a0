import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import { findPython, runPython } from '../../../../tests/helpers/python.ts';
import {
  edited,
  expectClose,
  expectNothingNewWhenCut,
  haveSamples,
  ownFile,
  referenceOf,
  sample,
} from '../../../../tests/helpers/samples.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { BOHR, HARTREE } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import type { InputFile } from '../format.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { QE_TEXT, readQuantumEspressoText } from './text.ts';
import { QE_XML, readQuantumEspressoXml } from './xml.ts';

const text = (file: InputFile, unconverged?: 'skip'): Frame[] => readQuantumEspressoText([file], { unconverged });
const xml = (file: InputFile, unconverged?: 'skip'): Frame[] => readQuantumEspressoXml([file], { unconverged });
const own = (name: string): Frame => xml(ownFile(`qe/${name}.xml.gz`))[0];

function voigt(matrix: Float64Array): number[] {
  return [0, 4, 8, 5, 2, 1].map((c) => matrix[c]);
}

test('XML: forces are −∂E/∂r', () => {
  const slope = (own('x-plus').labels.energy! - own('x-minus').labels.energy!) / 0.02;
  // Truncation: h² E'''/6 with h = 0.01 Å and E''' of some 50 eV/Å³.
  expect(Math.abs(own('scf').labels.forces![3] + slope)).toBeLessThan(2e-3);
  expect(Math.abs(slope)).toBeGreaterThan(0.5);
});

test('XML: the stress is (1/V) ∂E/∂ε, positive in tension', () => {
  const { structure, labels } = own('strain-none');
  const volume = cellVolume(structure.cell);
  const slope = (kind: string): number =>
    (own(`strain-${kind}-plus`).labels.energy! - own(`strain-${kind}-minus`).labels.energy!) / 0.008 / volume;
  expect(labels.stress![0]).toBeCloseTo(slope('xx'), 4);
  expect(labels.stress![1]).toBeCloseTo(slope('xy'), 4);
  expect(Math.abs(slope('xy'))).toBeGreaterThan(0.05);
});

describe('text and XML of the same run say the same', () => {
  // Half a unit of the last decimal of the text, of 8 decimals in Ry, Ry/Bohr and Ry/Bohr³.
  const half = 0.51e-8;
  for (const name of ['scf', 'vc-relax', 'md', 'vc-md']) {
    test(name, () => {
      const fromText = text(ownFile(`qe/${name}.pwo.gz`));
      const fromXml = xml(ownFile(`qe/${name}.xml.gz`));
      expect(fromText.length).toBe({ scf: 1, 'vc-relax': 9, md: 4, 'vc-md': 4 }[name]);
      expect(fromXml.length).toBe(fromText.length);
      fromXml.forEach(({ structure, labels, index }, at) => {
        const other = fromText[at];
        expect(index).toBe(at);
        expect(other.index).toBe(at);
        expect([...other.structure.numbers]).toEqual([14, 14]);
        // The first geometry has 7 decimals in units of alat, the others 10 in Å; cells 6 in alat or 9 in Å.
        expectClose(other.structure.positions, structure.positions, at === 0 ? 2e-6 : 1e-9);
        expectClose(other.structure.cell, structure.cell, at === 0 || name === 'md' ? 6e-6 : 1e-9);
        expectClose([other.labels.energy!], [labels.energy!], half * (HARTREE / 2));
        expectClose(other.labels.forces, labels.forces!, half * (HARTREE / 2 / BOHR));
        if (labels.stress !== undefined)
          expectClose(other.labels.stress, labels.stress, half * (HARTREE / 2 / BOHR ** 3));
      });
      expect(fromXml.map(({ labels }) => labels.stress !== undefined)).toEqual(
        fromXml.map((_, at) => at === fromXml.length - 1 && name !== 'vc-md'),
      );
    });
  }
});

test('a relaxation that ran out of steps: the energy stays with its own geometry', () => {
  const bare = (content: string): string => content.replace(/<free_positions[\s\S]*<\/free_positions>/, '');
  const frames = xml(edited(ownFile('qe/relax-fixed.xml.gz'), bare));
  const { structure } = frames[2];
  expect(frames.length).toBe(3);
  expect(structure.positions[3]).toBeCloseTo(2.685563440012027 * BOHR, 12);
  expectClose(text(ownFile('qe/relax-fixed.pwo.gz'))[2].structure.positions, structure.positions, 1e-9);
});

test('forces on fixed atoms: in full in the text, refused in the XML, which has zeros', () => {
  const [{ labels }] = text(ownFile('qe/relax-fixed.pwo.gz'));
  expect(labels.forces![0]).toBeCloseTo((0.03562447 * HARTREE) / 2 / BOHR, 10);
  const error = errorOf('constrained-forces', () => xml(ownFile('qe/relax-fixed.xml.gz')));
  expect(error.place).toMatchObject({ path: 'relax-fixed.xml', frame: 0, field: 'forces' });
});

test('what did not converge is refused, or skipped when asked', () => {
  for (const [read, name] of [
    [text, 'pwo'],
    [xml, 'xml'],
  ] as const) {
    const file = ownFile(`qe/unconverged.${name}.gz`);
    expect(errorOf('unconverged', () => read(file)).place).toMatchObject({ path: `unconverged.${name}`, frame: 0 });
    expect(read(file, 'skip')).toEqual([]);
  }
});

test('a skipped frame leaves its number free', () => {
  const unfinished = (content: string): string =>
    content.replace(/convergence has been achieved in +4 iterations/, 'convergence NOT achieved after 100 iterations');
  expect(text(edited(ownFile('qe/md.pwo.gz'), unfinished), 'skip').map(({ index }) => index)).toEqual([0, 2, 3]);
});

describe('species', () => {
  const renamed = (label: string, pseudo: string): InputFile =>
    edited(ownFile('qe/scf.pwo.gz'), (content) =>
      content.replace(/^ {8}Si( .*)Si\(/m, `        ${label}$1${pseudo}(`).replace(/(\d +)Si( +tau)/g, `$1${label}$2`),
    );
  test.each([
    ['Si1', 'Si', 14],
    ['si', 'Si', 14],
    ['Fe_up', 'Fe', 26],
    ['D', 'H ', 1],
    ['Feu', 'Fe', 26],
    ['C-h', 'XX', 6],
  ])('%s with a pseudopotential of %s', (label, pseudo, number) => {
    expect([...text(renamed(label, pseudo))[0].structure.numbers]).toEqual([number, number]);
  });
  test('a label and a pseudopotential of two elements', () => {
    expect(errorOf('ambiguous-species', () => text(renamed('Si', 'C '))).place).toMatchObject({ frame: 0, line: 83 });
  });
  test('a label of no element', () => {
    errorOf('unknown-species', () => text(renamed('Xy', 'XX')));
  });
});

test('what is not there is named', () => {
  const scf = ownFile('qe/scf.pwo.gz');
  const without = (pattern: RegExp): InputFile => edited(scf, (content) => content.replace(pattern, ''));
  errorOf('missing-structure', () => text(without(/ +site n[\s\S]*?\n\n/)));
  errorOf('missing-unit', () => text(without(/celldm\(1\)= */)));
  errorOf('missing-energy', () => text(without(/^!.*\n/m)));
  errorOf('missing-forces', () => text(without(/^ +atom +2 .*force.*\n/m)));
  errorOf('no-frames', () => text(without(/Self-consistent[\s\S]*/)));
  errorOf('truncated-file', () => text(without(/atom {4}2 type[\s\S]*/)));
  errorOf('wrong-count', () =>
    xml(edited(ownFile('qe/scf.xml.gz'), (content) => content.replace(/<atom .*index="2".*/g, ''))),
  );
  errorOf('unknown-unit', () =>
    xml(edited(ownFile('qe/scf.xml.gz'), (content) => content.replace('Hartree at', 'At'))),
  );
  errorOf('wrong-format', () => xml(edited(scf, () => '<modeling></modeling>')));
});

test('the formats are told by what they begin with', () => {
  const head = (name: string): string => new TextDecoder().decode(ownFile(`qe/${name}.gz`).bytes.subarray(0, 65536));
  expect(QE_TEXT.recognises!(head('scf.pwo'))).toBe(true);
  expect(QE_TEXT.recognises!(head('scf.xml'))).toBe(false);
  expect(QE_XML.recognises!(head('scf.xml'))).toBe(true);
  expect(QE_XML.recognises!(head('scf.pwo'))).toBe(false);
});

describe.skipIf(!haveSamples)('samples (skipped without ../shared/data) against ASE 3.29', () => {
  test.each(['NaCl-001.out', 'scf01.out', 'scf02.out.gz', 'vcrelax_fractional.out.gz'])('%s', (name) => {
    const frames = text(sample(`qe/${name}`));
    const reference = referenceOf(`qe/${name}`);
    expect(frames.length).toBe(reference.frames);
    for (const [{ structure, labels }, expected] of [
      [frames[0], reference.first],
      [frames[frames.length - 1], reference.last],
    ] as const) {
      expect(structure.numbers.length).toBe(reference.natoms);
      // ASE has constants of CODATA 2006 here, 9e-8 apart from ours.
      expect(labels.energy! / expected.energy! - 1).toBeCloseTo(0, 6);
      expectClose(labels.forces!.subarray(0, 3), expected.force0!, 1e-6 * expected.max_force!);
      const largest = Math.max(...expected.stress_voigt!.map(Math.abs));
      expectClose(voigt(labels.stress!), expected.stress_voigt!, 1e-6 * largest);
      const lengths = [0, 3, 6].map((row) => Math.hypot(...structure.cell.subarray(row, row + 3)));
      expectClose(lengths, expected.cellpar!.slice(0, 3), 2e-6);
    }
  });

  test('an unconverged run, and one that printed no positions', () => {
    errorOf('unconverged', () => text(sample('qe/scf_not_converged.out')));
    errorOf('missing-structure', () => text(sample('qe/pw_7x_default.out')));
  });
});

const python = findPython(['ase']);
test.skipIf(python === undefined)('positions of every frame are those that ASE reads (skipped without ASE)', () => {
  const script = `
import json, sys, io
from ase.io import read
frames = read(io.StringIO(json.load(sys.stdin)), index=':', format='espresso-out')
json.dump([dict(cell=a.cell.array.ravel().tolist(), positions=a.positions.ravel().tolist(), energy=a.get_potential_energy()) for a in frames], sys.stdout)`;
  const files = [ownFile('qe/md.pwo.gz'), ownFile('qe/vc-relax.pwo.gz')];
  if (haveSamples) files.push(sample('qe/vcrelax_fractional.out.gz'));
  for (const file of files) {
    const frames = text(file);
    const expected = runPython(python!, script, new TextDecoder().decode(file.bytes)) as {
      readonly cell: number[];
      readonly positions: number[];
      readonly energy: number;
    }[];
    expect(frames.length).toBe(expected.length);
    frames.forEach(({ structure, labels }, at) => {
      // The cell of a final scf is printed twice: ASE takes the one with fewer digits.
      expectClose(structure.cell, expected[at].cell, 1e-5);
      expectClose(structure.positions, expected[at].positions, 1e-5);
      expect(labels.energy! / expected[at].energy - 1).toBeCloseTo(0, 6);
    });
  }
});

test('a file that was cut off gives its first frames, or is refused', () => {
  expectNothingNewWhenCut((file) => text(file, 'skip'), ownFile('qe/relax-fixed.pwo.gz'), 97);
  const inForces = edited(ownFile('qe/md.pwo.gz'), (content) =>
    content.slice(0, content.lastIndexOf('type  1   force =') + 26),
  );
  expect(errorOf('truncated-file', () => text(inForces)).place).toMatchObject({ path: 'md.pwo' });
  expect(text(inForces, 'skip')).toHaveLength(3);
});

test('broken copies are read or refused', () => {
  const cut = (content: string): string => content.replace(/ +iteration #[\s\S]*?(?=\n!)/g, '');
  const crystal = (content: string): string =>
    cut(content).replace('ATOMIC_POSITIONS (angstrom)', 'ATOMIC_POSITIONS (crystal)');
  const runs = [
    [text, edited(ownFile('qe/relax-fixed.pwo.gz'), crystal), 'broken.pwo'],
    [text, edited(ownFile('qe/relax-fixed.pwo.gz'), cut), 'broken.pwo'],
    [xml, ownFile('qe/scf.xml.gz'), 'broken.xml'],
  ] as const;
  for (const [read, file, path] of runs) {
    const { read: passed, codes } = expectReadOrRefused(read, file.bytes, {
      count: path === 'broken.xml' ? 5000 : 2500,
      seed: 7,
      path,
    });
    expect(passed).toBeGreaterThan(200);
    expect(codes.size).toBeGreaterThan(6);
  }
});
