import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame } from '../../src/data/dataset.ts';
import type { WritableFrame } from '../../src/data/extxyz/write.ts';
import { allFormats } from '../../src/data/formats/choose.ts';
import { type InputOptions, readDataset, writeFrames } from '../../src/node/structures.ts';
import { cellVolume, toFractional } from '../../src/structure/cell.ts';
import { expectNear } from '../helpers/ase-reference.ts';
import { findPython, runPython } from '../helpers/python.ts';
import { haveSamples, type ReferenceFrame, referenceOf } from '../helpers/samples.ts';

const python = findPython(['ase']);
if (python === undefined) console.warn('no Python with ASE: what is written in other formats is NOT read by ASE');
if (!haveSamples) console.warn('no ../shared/data: outputs of other programs are NOT compared with what ASE reads');

const SILICON = fileURLToPath(new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url));
const SAMPLES = fileURLToPath(new URL('../../../shared/data/samples/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'nearsight-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Four elements in a cell that lies askew. */
const TRICLINIC: WritableFrame = {
  structure: {
    numbers: Int32Array.of(57, 26, 8, 8, 1),
    positions: Float64Array.from({ length: 15 }, (_, k) => 3 * Math.sin(1 + k * k) + 1 / 3),
    cell: Float64Array.of(5.31, 0.42, -0.2, -1.1, 6.24, 0.7, 0.9, 0.8, 5.7),
    pbc: [true, true, true],
  },
  labels: {
    energy: -123.456789012345,
    forces: Float64Array.from({ length: 15 }, (_, k) => Math.cos(k * k) / 3),
    stress: Float64Array.of(0.01, 0.002, -0.003, 0.002, -0.02, 0.0041, -0.003, 0.0041, 1 / 300),
  },
  group: 'made by hand',
};

interface Case {
  readonly name: string;
  /** A file holds one structure. */
  readonly single?: true;
  /** By what name ASE knows it. */
  readonly ase?: string;
  readonly units?: 'atomic';
  /** Numbers are multiplied on their way: by units, or by the volume for a virial. */
  readonly converts?: true;
}

/** How each format is written and read. */
const CASES: Readonly<Record<string, Case>> = {
  extxyz: { name: 'frames.extxyz', ase: 'extxyz' },
  cif: { name: 'frames.cif', ase: 'cif' },
  poscar: { name: 'POSCAR', ase: 'vasp', single: true },
  'lammps-data': { name: 'box.lmp', ase: 'lammps-data', single: true },
  nep: { name: 'train.nep', ase: 'extxyz', converts: true },
  n2p2: { name: 'input.data', units: 'atomic', converts: true },
  deepmd: { name: 'system.deepmd', converts: true },
};

interface AseFrame {
  readonly numbers: number[];
  readonly positions: number[];
  readonly cell: number[];
  readonly scaled: number[];
  readonly cellpar: number[];
  readonly energy: number | null;
  readonly forces: number[] | null;
  readonly stress: number[] | null;
}

const DUMP = `
import json, sys
import numpy as np
from ase.io import read
path, format, types = json.load(sys.stdin)
more = dict(style='atomic', units='metal', Z_of_type={k + 1: z for k, z in enumerate(types)}) if format == 'lammps-data' else {}
index = 0 if format in ('vasp', 'lammps-data') else ':'
frames = read(path, index, format=format, **more)
frames = frames if isinstance(frames, list) else [frames]
def flat(x): return None if x is None else np.asarray(x).ravel().tolist()
out = []
for a in frames:
    r = a.calc.results if a.calc else {}
    virial = a.info.get('virial')
    stress = r.get('stress')
    if stress is None and virial is not None:
        s = -np.asarray(virial).reshape(3, 3) / a.get_volume()
        stress = [s[0][0], s[1][1], s[2][2], s[1][2], s[0][2], s[0][1]]
    forces = r.get('forces', a.arrays.get('force'))
    out.append(dict(numbers=a.numbers.tolist(), positions=flat(a.positions), cell=flat(a.cell[:]), cellpar=flat(a.cell.cellpar()),
      scaled=flat(a.get_scaled_positions(wrap=False)), energy=r.get('energy', a.info.get('energy')), forces=flat(forces), stress=flat(stress)))
print(json.dumps(out))
`;

const fold = (x: number): number => x - Math.round(x);

function voigt(s: Float64Array): number[] {
  return [s[0], s[4], s[8], s[5], s[2], s[1]];
}

/** The same crystal, wherever its axes point: ASE may turn what it reads. */
function expectSameCrystal(ours: WritableFrame, theirs: AseFrame): void {
  const { structure } = ours;
  expect(theirs.numbers).toEqual([...structure.numbers]);
  const fractional = toFractional(structure.positions, structure.cell);
  for (const [k, x] of theirs.scaled.entries()) expect(Math.abs(fold(x - fractional[k]))).toBeLessThan(1e-6);
  expectNear(theirs.cellpar, cellParameters(structure.cell));
}

function cellParameters(cell: Float64Array): number[] {
  const rows = [0, 3, 6].map((k) => cell.subarray(k, k + 3));
  const dot = (p: Float64Array, q: Float64Array): number => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  const lengths = rows.map((row) => Math.sqrt(dot(row, row)));
  const angle = (j: number, k: number): number =>
    (180 / Math.PI) * Math.acos(dot(rows[j], rows[k]) / (lengths[j] * lengths[k]));
  return [...lengths, angle(1, 2), angle(0, 2), angle(0, 1)];
}

function expectSameLabels(ours: WritableFrame, theirs: AseFrame, held: readonly string[]): void {
  const { energy, forces, stress } = ours.labels ?? {};
  if (held.includes('energy')) expectNear([theirs.energy ?? Number.NaN], [energy ?? Number.NaN]);
  if (held.includes('forces')) expectNear(theirs.forces ?? [], [...(forces ?? [])]);
  if (held.includes('stress') && stress !== undefined) expectNear(theirs.stress ?? [], voigt(stress));
}

async function framesFor(single: boolean): Promise<readonly WritableFrame[]> {
  const { frames } = await readDataset(SILICON);
  return single ? [frames[5]] : [frames[0], frames[7], TRICLINIC, frames[30]];
}

describe('what is written', () => {
  test('every format that can be written is tried here', () => {
    const writable = allFormats().flatMap(({ name, write }) => (write === undefined ? [] : [name]));
    expect(writable.sort()).toEqual(Object.keys(CASES).sort());
  });

  describe.each(Object.entries(CASES))('%s', (to, { name, single, ase, units, converts = false }) => {
    const labels = allFormats().find((format) => format.name === to)?.labels ?? [];
    const written = async (label: string, frames: readonly WritableFrame[]): Promise<string> => {
      const path = join(folder, `${label}-${name}`);
      const told: string[] = [];
      const count = await writeFrames(path, frames, { to, ...(units && { units }), warn: (text) => told.push(text) });
      expect(count).toBe(frames.length);
      // Whatever is left out is said.
      const lost = frames.some((frame) =>
        Object.keys(frame.labels ?? {}).some((label) => !labels.includes(label as never)),
      );
      expect(told).toHaveLength(lost ? 1 : 0);
      return path;
    };

    test('comes back, and from there on bit for bit', async () => {
      const read = async (path: string): Promise<Frame[]> => {
        const { frames, format } = await readDataset(path, { from: to });
        expect(format).toBe(to);
        return frames.toSorted((p, q) => sizeOf(p) - sizeOf(q));
      };
      const frames = (await framesFor(single === true)).toSorted((p, q) => sizeOf(p) - sizeOf(q));
      const once = await read(await written('once', frames));
      expect(once).toHaveLength(frames.length);
      for (const [k, { structure, labels: found }] of once.entries()) {
        const { labels: given = {} } = frames[k];
        expect(structure.numbers).toEqual(frames[k].structure.numbers);
        expect(structure.pbc).toEqual(frames[k].structure.pbc);
        expectUlps(structure.positions, frames[k].structure.positions, converts);
        expectUlps(structure.cell, frames[k].structure.cell, converts);
        const kept = labels.filter((label) => given[label] !== undefined);
        expect(Object.keys(found).sort()).toEqual([...kept].sort());
        for (const label of kept) expectUlps(numbersOf(found[label]), numbersOf(given[label]), converts);
      }
      const twice = await read(await written('twice', once));
      expect(twice.map(physics)).toEqual(once.map(physics));
    });

    test.skipIf(python === undefined || ase === undefined)('ASE reads the same', async () => {
      const cases = single ? [await framesFor(true), [TRICLINIC]] : [await framesFor(false)];
      for (const [k, frames] of cases.entries()) {
        const path = await written(`ase${k}`, frames);
        const theirs = runPython(python ?? '', DUMP, [path, ase, typesOf(frames)]) as AseFrame[];
        expect(theirs).toHaveLength(frames.length);
        for (const [index, frame] of frames.entries()) {
          expectSameCrystal(frame, theirs[index]);
          expectSameLabels(frame, theirs[index], labels);
        }
      }
    });
  });

  /** Atoms and cell: what the frames here differ in, in formats that order frames in their own way. */
  function sizeOf({ structure }: Pick<Frame, 'structure'>): number {
    return 1e6 * structure.numbers.length + cellVolume(structure.cell);
  }

  function typesOf(frames: readonly WritableFrame[]): number[] {
    return [...new Set(frames.flatMap(({ structure }) => [...structure.numbers]))].sort((p, q) => p - q);
  }

  const numbersOf = (label: number | Float64Array | undefined): ArrayLike<number> =>
    typeof label === 'number' ? [label] : (label ?? []);
  const physics = ({ structure, labels }: Frame): unknown => ({ structure, labels });

  /** Bit for bit; where a unit or the volume comes between, one number may round to the next. */
  function expectUlps(found: ArrayLike<number>, expected: ArrayLike<number>, converts: boolean): void {
    expect(found.length).toBe(expected.length);
    for (let k = 0; k < found.length; k++) {
      if (!converts) expect(found[k]).toBe(expected[k]);
      else expect(Math.abs(found[k] - expected[k])).toBeLessThanOrEqual(4 * Number.EPSILON * Math.abs(expected[k]));
    }
  }

  test.skipIf(python === undefined)('NumPy reads the arrays of DeePMD', async () => {
    const path = join(folder, 'numpy.deepmd');
    await writeFrames(path, [TRICLINIC], { to: 'deepmd' });
    const script = `
import json, sys, glob
import numpy as np
root = json.load(sys.stdin)
[types] = glob.glob(root + '/**/type.raw', recursive=True)
base = types[:-len('type.raw')]
names = open(base + 'type_map.raw').read().split()
species = [names[int(t)] for t in open(types).read().split()]
print(json.dumps(dict(species=species, **{n: np.load(base + 'set.000/' + n + '.npy').ravel().tolist() for n in ('coord', 'box', 'energy', 'force', 'virial')})))`;
    const found = runPython(python ?? '', script, path) as Record<string, number[]> & { species: string[] };
    const { structure, labels = {} } = TRICLINIC;
    expect(found.species).toEqual(['La', 'Fe', 'O', 'O', 'H']);
    expect(found.coord).toEqual([...structure.positions]);
    expect(found.box).toEqual([...structure.cell]);
    expect(found.energy).toEqual([labels.energy]);
    expect(found.force).toEqual([...(labels.forces ?? [])]);
    // Positive under compression: −V σ.
    expectNear(
      found.virial,
      Array.from(labels.stress ?? [], (s) => -s * cellVolume(structure.cell)),
    );
  });
});

/** Samples that ASE 3.29 read, what they need said, and which energy of ASE is ours. */
const READ: readonly {
  readonly file: string;
  readonly options?: InputOptions;
  readonly energy?: 'energy' | 'free_energy';
}[] = [
  ...['OUTCAR.h2o.md.gz', 'OUTCAR_sevennet_1.gz', 'OUTCAR_ase_example_1.gz', 'vasprun.h2o.md.xml.gz'].map(vasp),
  ...['vasprun.h2o.md.tribox.xml.gz', 'vasprun.h2o.md.novirial.xml.gz', 'vasprun.Ti-aimd-nwrite0.xml.gz'].map(vasp),
  vasp('vasprun.Si.xml.gz'),
  ...['NaCl-001.out', 'scf01.out', 'scf02.out.gz', 'vcrelax_fractional.out.gz'].map((name) => ({ file: `qe/${name}` })),
  ...['orca.spout.gz', 'water_mp2_orca5.out.gz', 'water_ccsd_orca5.out.gz', 'dvb_ir_orca5.out.gz'].map((name) => ({
    file: `orca/${name}`,
  })),
  { file: 'lammps/traj.dump', options: { elements: ['Mg', 'O'], units: 'metal' } },
  ...['cp2k/aimd_stress/DPGEN-pos-1.xyz', 'cp2k/H2O-32-pos-1.xyz', 'xtb/xtbopt.xyz'].map((file) => ({ file })),
];

function vasp(name: string): { readonly file: string; readonly energy: 'free_energy' } {
  return { file: `vasp/${name}`, energy: 'free_energy' };
}

describe.skipIf(!haveSamples)('what other programs wrote, told by name and contents alone', () => {
  test.each(READ)('$file', async ({ file, options = {}, energy = 'energy' }) => {
    const reference = referenceOf(file);
    const { frames, skipped } = await readDataset(join(SAMPLES, file), options);
    expect(skipped).toBeUndefined();
    expect(frames).toHaveLength(reference.frames);
    expect(frames[0].structure.numbers).toHaveLength(reference.natoms);
    expectFrame(frames[0], reference.first, energy);
    expectFrame(frames[frames.length - 1], reference.last, energy);
  });

  test.each([
    ['vasp/OUTCAR.ch4.1step', 'unconverged'],
    ['vasp/OUTCAR.ch4.unconverged.gz', 'unconverged'],
    ['vasp/OUTCAR.Ti-aimd-nwrite0.gz', 'no-positions'],
    ['qe/scf_not_converged.out', 'unconverged'],
    ['qe/pw_7x_default.out', 'missing-structure'],
    ['orca/scf_unconverged.out', 'unconverged'],
    ['lammps/traj.dump', 'missing-elements'],
    ['n2p2/input.data', 'missing-units'],
    ['cp2k/NaCl.inp', 'unknown-format'],
    ['gaussian/methane.log', 'unknown-format'],
  ])('%s is refused: %s', async (file, code) => {
    const path = join(SAMPLES, file);
    await expect(readDataset(path)).rejects.toMatchObject({ code, hint: expect.stringMatching(/./), place: { path } });
  });

  test('what converged is read where the rest is to be skipped', async () => {
    const file = 'vasp/OUTCAR.ch4.unconverged.gz';
    const { frames, skipped } = await readDataset(join(SAMPLES, file), { unconverged: 'skip' });
    expect([frames.length, skipped]).toEqual([1, 2]);
    expectFrame(frames[0], referenceOf(file).last, 'free_energy');
  });

  test("GPUMD's file is the same as extended XYZ and as its own format", async () => {
    const path = fileURLToPath(new URL('../../../shared/data/nep_PbTe/native/train.xyz.gz', import.meta.url));
    const plain = await readDataset(path);
    const own = await readDataset(path, { from: 'nep' });
    expect([plain.format, own.format, plain.frames.length]).toEqual(['extxyz', 'nep', 25]);
    const physics = ({ structure, labels }: Frame): unknown => ({ structure, labels });
    expect(own.frames.map(physics)).toEqual(plain.frames.map(physics));
  });

  function expectFrame(
    { structure, labels }: Frame,
    reference: ReferenceFrame,
    energy: 'energy' | 'free_energy',
  ): void {
    if (reference[energy] !== undefined) expectNear([labels.energy ?? Number.NaN], [reference[energy]]);
    if (reference.force0 !== undefined) {
      const largest = reference.max_force ?? 0;
      for (const [k, f] of reference.force0.entries()) {
        expect(Math.abs((labels.forces ?? [])[k] - f)).toBeLessThanOrEqual(1e-6 * Math.max(largest, 1e-3));
      }
    }
    if (reference.stress_voigt !== undefined)
      expectNear(voigt(labels.stress ?? new Float64Array(9)), [...reference.stress_voigt]);
    if (reference.cellpar !== undefined) {
      for (const [k, value] of cellParameters(structure.cell).entries()) {
        expect(Math.abs(value - reference.cellpar[k])).toBeLessThan(2e-6 * Math.max(1, reference.cellpar[k]));
      }
    }
  }
});
