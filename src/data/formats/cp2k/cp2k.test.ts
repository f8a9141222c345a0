import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../../tests/helpers/errors.ts';
import {
  edited,
  expectClose,
  expectNothingNewWhenCut,
  haveSamples,
  ownFile,
  sample,
} from '../../../../tests/helpers/samples.ts';
import { NearsightError } from '../../../errors.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { BOHR, GPA, HARTREE } from '../../../units.ts';
import type { Frame } from '../../dataset.ts';
import type { InputFile } from '../format.ts';
import { expectReadOrRefused } from '../shared/testing.ts';
import { CP2K, readCp2k } from './cp2k.ts';

const own = (name: string): InputFile => ownFile(`cp2k/${name}.gz`);
const read = (...files: readonly InputFile[]): Frame[] => readCp2k(files, {});
const one = (name: string): Frame => read(own(`${name}.out`))[0];
const MD_FILES = ['md-pos-1.xyz', 'md-frc-1.xyz', 'md-1.cell', 'md-1.stress'].map(own);

const PER_BOHR = HARTREE / BOHR;

test('forces are −∂E/∂r', () => {
  const slope = (one('x-plus').labels.energy! - one('x-minus').labels.energy!) / 0.02;
  const force = one('sp').labels.forces![0];
  expect(Math.abs(force)).toBeGreaterThan(0.2);
  // At 300 Ry the grid moves forces by some 0.02 eV/Å.
  expect(Math.abs(force + slope)).toBeLessThan(0.06);
});

test('the stress is (1/V) ∂E/∂ε, positive in tension', () => {
  const { structure, labels } = one('sp');
  const volume = cellVolume(structure.cell);
  for (const [kind, c] of [
    ['xx', 0],
    ['xz', 2],
  ] as const) {
    const slope =
      (one(`strain-${kind}-plus`).labels.energy! - one(`strain-${kind}-minus`).labels.energy!) / 0.004 / volume;
    expect(Math.abs(labels.stress![c])).toBeGreaterThan(0.015);
    // Fixed numbers of grid points leave a few per cent between the two.
    expect(labels.stress![c] / slope).toBeGreaterThan(0.9);
    expect(labels.stress![c] / slope).toBeLessThan(1.1);
  }
});

test('a single point, in numbers', () => {
  const [{ structure, labels, line, index }] = read(own('sp.out'));
  expect([...structure.numbers]).toEqual([8, 1, 1]);
  expect([...structure.positions.slice(3, 6)]).toEqual([2.8, 2.5, 2.1]);
  expect([...structure.cell]).toEqual([4.5, 0.2, 0, 0, 4.2, 0.3, 0.1, 0, 4.4]);
  expect(structure.pbc).toEqual([true, true, true]);
  expect(labels.energy).toBe(-17.006301046071354 * HARTREE);
  expect(labels.forces![8]).toBe(-0.03177825 * PER_BOHR);
  expect(labels.stress![2]).toBe(3.30890904153 * -GPA);
  expect([line, index]).toEqual([52, 0]);
});

test('forces and stress in files of their own', () => {
  const main = own('spf.out');
  const names = CP2K.companions!(main, ['spf-forces-1_0.xyz', 'spf-stress-1_0.stress_tensor', 'other-forces-1_0.xyz']);
  expect(names).toEqual(['spf-forces-1_0.xyz', 'spf-stress-1_0.stress_tensor']);
  const [{ labels }] = read(main, ...names.map(own));
  const expected = one('sp').labels;
  expectClose([labels.energy!], [expected.energy!], 1e-9);
  expectClose(labels.forces, expected.forces!, 1e-12);
  expectClose(labels.stress, expected.stress!, 1e-12);
  expect(read(main)[0].labels.forces).toBeUndefined();
  const twice = [0, 1].map((k) => ({ ...own('spf-forces-1_0.xyz'), path: `spf-forces-1_${k}.xyz` }));
  expect(errorOf('mismatched-companion', () => read(main, ...twice)).place.path).toBe('spf-forces-1_0.xyz');
});

describe('dynamics with a cell that changes', () => {
  const main = own('md.out');
  const frames = read(main, ...MD_FILES);

  test('every step with its own energy, positions, forces, cell and stress', () => {
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const [, second] = frames;
    const track = new TextDecoder().decode(own('md-pos-1.xyz').bytes).split('\n').slice(7, 10).join(' ');
    expect([...second.structure.positions]).toEqual([...track.matchAll(/-?\d+\.\d+/g)].map(([word]) => Number(word)));
    const cell = new TextDecoder().decode(own('md-1.cell').bytes).split('\n')[2].trim().split(/\s+/);
    expect([...second.structure.cell]).toEqual(cell.slice(2, 11).map(Number));
    expect(second.structure.cell[0]).not.toBe(frames[0].structure.cell[0]);
  });

  test('forces of the trajectory are those of the output, with more digits', () => {
    read(main, MD_FILES[0], MD_FILES[2]).forEach(({ labels }, at) => {
      expectClose(labels.forces, frames[at].labels.forces!, 0.51e-8 * PER_BOHR);
    });
  });

  test('the stress is that of the output: PROJECT-1.stress has the pressure of the moving atoms in it', () => {
    const [{ labels, structure }] = frames;
    const bars = new TextDecoder().decode(own('md-1.stress').bytes).split('\n')[1].trim().split(/\s+/).map(Number);
    const trace = (labels.stress![0] + labels.stress![4] + labels.stress![8]) / 3;
    const moving = ((bars[2] + bars[6] + bars[10]) / 3) * (GPA / 1e4) + trace;
    const kinetic = Number(/MD_INI\| Kinetic energy \[hartree\] +(\S+)/.exec(new TextDecoder().decode(main.bytes))![1]);
    // What it has more is 2/3 of the kinetic energy over the volume.
    expect(moving / (((2 / 3) * kinetic * HARTREE) / cellVolume(structure.cell))).toBeCloseTo(1, 3);
  });

  test('without the trajectory or the cells it says which file it needs', () => {
    const [, second, third] = MD_FILES;
    const error = errorOf('missing-companion', () => read(main, MD_FILES[0], second));
    expect(error.message).toContain('md-1.cell');
    expect(error.place).toMatchObject({ path: 'md.out', frame: 1, field: 'cell' });
    const bare = edited(main, (content) => content.replace(/ MODULE QUICKSTEP[\s\S]*?\n\n\n/, ''));
    expect(errorOf('missing-companion', () => read(bare, third)).message).toContain('md-pos-1.xyz');
    expect(errorOf('missing-companion', () => read(main)).message).toContain('md-pos-1.xyz');
  });

  test('a trajectory of another run', () => {
    const other = edited(MD_FILES[0], (content) => content.replace(/(i = +2.*E = +)\S+/, '$1-17.5000000000'));
    const error = errorOf('mismatched-companion', () => read(main, other, MD_FILES[2]));
    expect(error.place).toMatchObject({ path: 'md-pos-1.xyz', frame: 2, line: 11 });
  });

  test('a trajectory that keeps every other step', () => {
    const half = edited(MD_FILES[0], (content) => {
      const lines = content.split('\n');
      return [...lines.slice(0, 5), ...lines.slice(10, 15), ''].join('\n');
    });
    expect(read(main, half, ...MD_FILES.slice(1)).map(({ labels }) => labels)).toEqual([
      frames[0].labels,
      frames[2].labels,
    ]);
  });
});

test('an optimisation: the first geometry is in the output, the others in the trajectory', () => {
  const frames = read(own('geo.out'), own('geo-pos-1.xyz'), own('geo-frc-1.xyz'), own('geo-1.stress'));
  expect(frames).toHaveLength(4);
  expect(frames[0].labels).toEqual(one('sp').labels);
  expect(frames.map(({ labels }) => labels.energy! / HARTREE)).toEqual(
    [-17.006301046071354, -17.03746788247065, -17.04062044899057, -17.040911617523].map((value) =>
      expect.closeTo(value, 12),
    ),
  );
  // Here nothing moves, so that the table in bar and the output agree.
  const silent = edited(own('geo.out'), (content) => content.replace(/ STRESS\|.*\n/g, ''));
  const fromTable = read(silent, own('geo-pos-1.xyz'), own('geo-1.stress'));
  expect(fromTable[0].labels.stress).toBeUndefined();
  for (const k of [1, 2, 3]) expectClose(fromTable[k].labels.stress, frames[k].labels.stress!, 1e-8);
});

test('what did not converge is refused, or skipped when asked', () => {
  expect(errorOf('unconverged', () => read(own('unconverged.out'))).place).toMatchObject({ frame: 0, line: 54 });
  expect(readCp2k([own('unconverged.out')], { unconverged: 'skip' })).toEqual([]);
});

test('what is not there is named', () => {
  const without = (pattern: RegExp, by = ''): InputFile =>
    edited(own('sp.out'), (content) => content.replace(pattern, by));
  errorOf('missing-structure', () => read(without(/ MODULE[\s\S]*?\n\n\n/)));
  errorOf('missing-companion', () => read(without(/^ CELL\| [\s\S]*?\n\n/m)));
  errorOf('no-frames', () => read(without(/ENERGY\|[\s\S]*/)));
  errorOf('unknown-unit', () => read(without(/energy \[a\.u\.\]/, 'energy [eV]')));
  errorOf('unknown-unit', () => read(without(/FORCES in \[a\.u\.\]/, 'FORCES in [N]')));
  errorOf('bad-label', () => read(without(/^ +3 +2 +H +-.*\n/m)));
  errorOf('missing-forces', () => read(without(/^ +2 +2 +H +0\.11.*\n/m)));
  errorOf('truncated-file', () => read(without(/\n STRESS\| +y[\s\S]*/)));
});

test('atoms that do not repeat', () => {
  const none = edited(own('sp.out'), (content) => content.replace(/(CELL\| Periodicity +)XYZ/g, '$1NONE'));
  expect(read(none)[0].structure.pbc).toEqual([false, false, false]);
  const slab = edited(own('sp.out'), (content) => content.replace(/(CELL\| Periodicity +)XYZ/g, '$1 XY'));
  expect(read(slab)[0].structure.pbc).toEqual([true, true, false]);
});

test('a cell along the axes has the digits of its lengths and angles', () => {
  const rotated = edited(own('sp.out'), (content) =>
    content
      .replace(
        /CELL\| Vector a.*\n/,
        'CELL| Vector a [angstrom]:       4.504     0.000     0.000   |a| =     4.504442\n',
      )
      .replace(
        /CELL\| Vector b.*\n/,
        'CELL| Vector b [angstrom]:       0.186     4.207     0.000   |b| =     4.210701\n',
      )
      .replace(
        /CELL\| Vector c.*\n/,
        'CELL| Vector c [angstrom]:       0.100     0.309     4.389   |c| =     4.401136\n',
      ),
  );
  const { cell } = read(rotated)[0].structure;
  expect(cell[0]).toBe(4.504442);
  expect(cellVolume(cell)).toBeCloseTo(83.166, 4);
});

test('the layout of 2025, and the format is told by its first lines', () => {
  expect(CP2K.recognises!(new TextDecoder().decode(own('sp.out').bytes))).toBe(true);
  const text = new TextDecoder().decode(own('sp.out').bytes);
  const modern = text
    .replace('energy [a.u.]:  ', 'energy [hartree]')
    .replace(
      / ATOMIC FORCES in[\s\S]*?\n #.*\n/,
      ' FORCES| Atomic forces [hartree/bohr]\n FORCES|   Atom     x     y     z    |f|\n',
    )
    .replace(/^ +(\d) +\d +[OH] +(-?\d.*\d{8})$/gm, ' FORCES| $1 $2 1.0E-01')
    .replace(/ SUM OF ATOMIC FORCES/, ' FORCES| Sum');
  const [{ labels }] = read({ path: 'modern.out', bytes: new TextEncoder().encode(modern) });
  expect(labels).toEqual(one('sp').labels);
});

describe.skipIf(!haveSamples)('samples (skipped without ../shared/data), against numbers of the files', () => {
  test('CP2K 6.1, iron oxide', () => {
    const [{ structure, labels }] = read(sample('cp2k/cp2k_output.gz'));
    expect([...structure.numbers].filter((z) => z === 26)).toHaveLength(12);
    expect(structure.numbers).toHaveLength(30);
    expect(labels.energy! / HARTREE).toBeCloseTo(-1766.225653832774, 10);
    expect(labels.forces![38] / PER_BOHR).toBeCloseTo(-0.00001088, 12);
    expect(labels.stress![1] / GPA).toBeCloseTo(0.07686533, 10);
    expectClose(structure.cell, [5.038, 0, 0, -2.519, 4.363, 0, 0, 0, 13.772], 1e-12);
  });

  test('CP2K 7.1, dynamics: a third of the trace is the printed pressure without that of the motion', () => {
    const main = sample('cp2k/aimd_stress/cp2k.log.gz');
    expect(CP2K.companions!(main, ['DPGEN-pos-1.xyz', 'cp2k.log'])).toEqual(['DPGEN-pos-1.xyz']);
    const [{ structure, labels }, ...others] = read(main, sample('cp2k/aimd_stress/DPGEN-pos-1.xyz'));
    expect(others).toEqual([]);
    expect([...structure.numbers]).toEqual([1, 1, 1, 1, 6]);
    const trace = (labels.stress![0] + labels.stress![4] + labels.stress![8]) / 3;
    const kinetic = 0.00627029437971 * HARTREE;
    const pressure = -trace + ((2 / 3) * kinetic) / cellVolume(structure.cell);
    expect(pressure / (GPA / 1e4)).toBeCloseTo(-1654.54206941, 2);
  });

  test('CP2K 2.6, dynamics without forces', () => {
    const frames = read(sample('cp2k/H2O-32.out.gz'), sample('cp2k/H2O-32-pos-1.xyz'));
    expect(frames).toHaveLength(11);
    expect(frames[10].labels.energy! / HARTREE).toBeCloseTo(-34.328287037884145, 11);
    expect(frames[1].structure.positions[0]).toBe(2.2807055575);
    expect(frames[0].labels.forces).toBeUndefined();
    errorOf('missing-companion', () => read(sample('cp2k/H2O-32.out.gz')));
  });

  test('CP2K 2.6, a single point', () => {
    const [{ structure, labels }] = read(sample('cp2k/si_bulk8.out.gz'));
    expect([...structure.numbers]).toEqual(Array(8).fill(14));
    expect(labels.energy! / HARTREE).toBeCloseTo(-31.297885372811063, 11);
    expect(labels.forces).toHaveLength(24);
  });

  test('CP2K 2025.1', () => {
    const [{ labels, structure }] = read(sample('cp2k/cp2k_2025_output'));
    expect([...structure.positions]).toEqual([0, 0, 0, 0.76, 0, 0]);
    expect(labels.forces![5] / PER_BOHR).toBeCloseTo(-0.0341478833, 12);
    expect(labels.stress![0] / GPA).toBeCloseTo(-0.12345678, 12);
  });
});

test('a file that was cut off gives its first frames, or is refused', () => {
  const skip = { unconverged: 'skip' } as const;
  const main = own('md.out');
  expectNothingNewWhenCut((file) => readCp2k([file, ...MD_FILES], skip), main, 61);
  expectNothingNewWhenCut((file) => readCp2k([main, file, ...MD_FILES.slice(1)], skip), MD_FILES[0], 7);
});

test('broken copies are read or refused', () => {
  const main = { ...own('md.out'), path: 'md.out' };
  const small = edited(main, (content) => content.replace(/ (MD|MD_INI|CELL_TOP)\|.*\n|STRESS\| (Eig|Det|1).*\n/g, ''));
  const seen = new Set<string>();
  // The output with sound files beside it, and each of these broken beside a sound output.
  const targets = [small, ...MD_FILES.slice(0, 3), own('sp.out')];
  for (const [k, target] of targets.entries()) {
    const files = k === targets.length - 1 ? [target] : [small, ...MD_FILES.slice(0, 3)];
    const readBroken = (broken: InputFile): Frame[] => {
      try {
        return read(...files.map((file) => (file === target ? broken : file)));
      } catch (error) {
        // What one file says may be wrong in the eyes of another, which is then the place.
        if (!(error instanceof NearsightError) || !files.some(({ path }) => path === error.place.path)) throw error;
        throw new NearsightError(error.code, error.message, { hint: error.hint, place: { path: broken.path } });
      }
    };
    const run = { count: k === 0 ? 3000 : 1000, seed: 11 + k, path: target.path };
    const { read: passed, codes } = expectReadOrRefused(readBroken, target.bytes, run);
    expect(passed).toBeGreaterThan(50);
    for (const code of codes.keys()) seen.add(code);
  }
  expect(seen.size).toBeGreaterThan(12);
});
