import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame } from '../../src/data/dataset.ts';
import type { WritableFrame } from '../../src/data/extxyz/write.ts';
import type { FormatOptions } from '../../src/data/formats/format.ts';
import { LAMMPS_DATA } from '../../src/data/formats/lammps/data.ts';
import { LAMMPS_DUMP } from '../../src/data/formats/lammps/dump.ts';
import { NEP } from '../../src/data/formats/nep.ts';
import { createRandom } from '../../src/random.ts';
import { rattled, supercell } from '../../src/structure/builders.ts';
import { crystal } from '../../src/structure/crystals.ts';
import { createStructure, massesOf, type Structure } from '../../src/structure/structure.ts';
import { EV_PER_U, KB } from '../../src/units.ts';
import { findPython, runPython } from '../helpers/python.ts';

const python = findPython(['ase']);
if (python === undefined) console.warn('no Python with ASE: LAMMPS files are NOT compared with what ASE reads');
const lammps = ['lmp', 'lmp_serial', 'lammps'].find((name) => spawnSync(name, ['-help']).status === 0);
if (lammps === undefined)
  console.warn('no LAMMPS: its files are NOT compared with what LAMMPS itself reads and writes');

const folder = mkdtempSync(join(tmpdir(), 'nearsight-lammps-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const random = createRandom(11);
/** Argon and krypton in a box that is already LAMMPS' own, and some velocities, Å/fs. */
function gas(): WritableFrame & { readonly structure: Structure } {
  const fcc = supercell(crystal('fcc', ['Ar'], 5.3), [2, 2, 2]);
  const cell = Float64Array.of(10.6, 0, 0, 1.5, 10.8, 0, -2.25, 3.5, 11);
  const structure = { ...rattled(fcc, 0.15, random), cell, numbers: fcc.numbers.map((z, k) => (k % 3 === 0 ? 36 : z)) };
  const velocities = Float64Array.from({ length: 96 }, () => 2e-3 * random.normal());
  return { structure, arrays: { velocities: { type: 'R', columns: 3, values: velocities } } };
}

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const readData = (name: string, options: FormatOptions = {}): Frame =>
  (LAMMPS_DATA.read?.([{ path: name, bytes: bytesOf(name) }], options) ?? [])[0];
const readDump = (name: string, options: FormatOptions = {}): Frame[] =>
  LAMMPS_DUMP.read?.([{ path: name, bytes: bytesOf(name) }], options) ?? [];
const save = (name: string, frame: WritableFrame, options: FormatOptions = {}): void =>
  writeFileSync(join(folder, name), String(LAMMPS_DATA.write?.([frame], options)[0].content));

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let k = 0; k < found.length; k++) expect(Math.abs(found[k] - expected[k])).toBeLessThan(tolerance);
}

describe.skipIf(lammps === undefined)('LAMMPS', () => {
  /** Its thermodynamic output of step 0, and the files that the script writes. */
  function run(script: string): string {
    writeFileSync(join(folder, 'in.test'), script);
    const done = spawnSync(lammps ?? '', ['-in', 'in.test', '-log', 'none'], { cwd: folder, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`LAMMPS failed: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }
  const script = (units: string, epsilon: number, length: number): string => `
units ${units}
atom_style atomic
read_data gas.${units}
pair_style lj/cut ${5 * length}
pair_coeff * * ${epsilon} ${3.4 * length}
dump 1 all custom 1 ${units}.dump id type element x y z fx fy fz vx vy vz
dump_modify 1 element Ar Kr units yes format float %.17g
dump 2 all custom 1 ${units}.scaled id mass type ix iy iz xs ys zs
dump_modify 2 format float %.17g
thermo_style custom step temp
thermo_modify format float %.12g
run 0
write_data ${units}.data`;

  const frame = gas();
  const { structure, arrays = {} } = frame;
  const masses = massesOf(structure);
  const v = arrays.velocities.values as Float64Array;
  const kinetic = v.reduce((sum, x, k) => sum + (masses[Math.floor(k / 3)] * x * x) / 2 / EV_PER_U, 0);
  /** N atoms have 3N − 3 degrees of freedom in LAMMPS. */
  const temperature = (2 * kinetic) / (93 * KB);

  // 1 eV = 23.060548 kcal/mol = 0.036749322 Hartree, 1 Å = 1.8897261 bohr.
  test.each([
    ['metal', 0.01, 1],
    ['real', 0.23060548, 1],
    ['electron', 3.6749322e-4, 1.8897261246],
  ] as const)('reads what we write and gives back the same physics, in units %s', (units, epsilon, length) => {
    save(`gas.${units}`, frame, { units });
    const printed = /Step Temp\s+0\s+(\S+)/.exec(run(script(units, epsilon, length)));
    expect(Math.abs(Number(printed?.[1]) / temperature - 1)).toBeLessThan(2e-6);
    const [dumped] = readDump(`${units}.dump`);
    expect(dumped.structure.numbers).toEqual(structure.numbers);
    expectNear(dumped.structure.cell, structure.cell, 1e-13);
    expectNear(dumped.arrays.velocities.values as Float64Array, v, 1e-15);
    // LAMMPS wraps the atoms into the box; the other dump and the data file have the same places and image flags.
    const [scaled] = readDump(`${units}.scaled`, { units });
    expectNear(scaled.structure.positions, dumped.structure.positions, 1e-12);
    const flags = scaled.arrays.image_flags.values as Int32Array;
    const back = dumped.structure.positions.map((x, k) => {
      const at = k - (k % 3);
      return x + [0, 1, 2].reduce((sum, d) => sum + flags[at + d] * structure.cell[3 * d + (k % 3)], 0);
    });
    expectNear(back, structure.positions, 1e-12);
    const data = readData(`${units}.data`, { units });
    expectNear(data.structure.positions, dumped.structure.positions, 1e-12);
    expect(data.arrays.image_flags.values).toEqual(scaled.arrays.image_flags.values);
    expectNear(data.arrays.velocities.values as Float64Array, v, 1e-15);
    expectNear(dumped.labels.forces ?? [], forcesOf(structure, { epsilon: 0.01, sigma: 3.4, cutoff: 5 }), 2e-6);
  });
});

/** Lennard-Jones forces, eV/Å, by the sum over all pairs and images. */
function forcesOf(
  { positions, cell }: Structure,
  { epsilon, sigma, cutoff }: { epsilon: number; sigma: number; cutoff: number },
): Float64Array {
  const forces = new Float64Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) {
    for (let j = 0; j < positions.length; j += 3) {
      for (let n = 0; n < 125; n++) {
        const image = [Math.floor(n / 25) - 2, (Math.floor(n / 5) % 5) - 2, (n % 5) - 2];
        const d = [0, 1, 2].map(
          (c) =>
            positions[j + c] - positions[i + c] + image[0] * cell[c] + image[1] * cell[3 + c] + image[2] * cell[6 + c],
        );
        const r = Math.hypot(d[0], d[1], d[2]);
        if (r === 0 || r >= cutoff) continue;
        const six = (sigma / r) ** 6;
        const slope = (-24 * epsilon * (2 * six * six - six)) / r;
        for (let c = 0; c < 3; c++) forces[i + c] += (slope * d[c]) / r;
      }
    }
  }
  return forces;
}

describe.skipIf(python === undefined)('ASE', () => {
  const SCRIPT = `
import json, sys
import numpy as np
from ase.io import read
from ase.io.lammpsdata import read_lammps_data
from ase.data import atomic_numbers
job = json.load(sys.stdin)
out = []
for path, style, zs in job['data']:
    a = read_lammps_data(path, Z_of_type={k + 1: z for k, z in enumerate(zs)}, style=style, sort_by_id=True)
    out.append(dict(numbers=a.numbers.tolist(), positions=a.positions.ravel().tolist(), cell=a.cell[:].ravel().tolist(),
        charges=a.get_initial_charges().tolist(), distances=np.sort(a.get_all_distances(mic=True).ravel()).tolist()))
for path in job['xyz']:
    a = read(path, format='extxyz')
    out.append(dict(numbers=a.numbers.tolist(), positions=a.positions.ravel().tolist(), cell=a.cell[:].ravel().tolist(),
        energy=a.get_potential_energy(), forces=a.arrays['force'].ravel().tolist(),
        virial=np.ravel(a.info['virial']).tolist(), volume=a.get_volume()))
from ase import Atoms
g = job['general']
a = Atoms(numbers=g['numbers'], positions=np.reshape(g['positions'], (-1, 3)), cell=np.reshape(g['cell'], (3, 3)), pbc=True)
out.append(np.sort(a.get_all_distances(mic=True).ravel()).tolist())
from ase.io import write
write(job['theirs'], a, format='lammps-data', specorder=['O', 'Si'])
print(json.dumps(out))
`;

  test('reads our LAMMPS data and NEP files, and we its data files', () => {
    const frame = gas();
    const charged = { ...frame, arrays: { ...frame.arrays, initial_charges: chargesOf(frame.structure) } };
    const positions = Float64Array.from({ length: 12 }, () => 3 * random.normal());
    const general = createStructure(['Si', 'O', 'O', 'Si'], positions, [0.3, 5, 0.1, -1, 0.2, 5, 5.5, 0.6, -0.2]);
    const stress = Float64Array.of(1, 0.6, 0.5, 0.6, 2, 0.4, 0.5, 0.4, 1 / 3);
    const labels = { energy: -12.5, forces: Float64Array.from({ length: 12 }, () => random.normal()), stress };
    save('ase.data', charged);
    save('general.data', { structure: general });
    writeFileSync(join(folder, 'nep.xyz'), String(NEP.write?.([{ structure: general, labels }], {})[0].content));
    const at = (name: string): string => join(folder, name);
    const [data, turned, nep, distances] = runPython(python ?? '', SCRIPT, {
      data: [
        [at('ase.data'), 'charge', [18, 36]],
        [at('general.data'), 'atomic', [8, 14]],
      ],
      xyz: [at('nep.xyz')],
      general: { numbers: [...general.numbers], positions: [...positions], cell: [...general.cell] },
      theirs: at('theirs.data'),
    }) as [AseData, AseData, AseNep, number[]];
    expect(data.numbers).toEqual([...frame.structure.numbers]);
    expect(data.positions).toEqual([...frame.structure.positions]);
    expect(data.cell).toEqual([...frame.structure.cell]);
    expect(data.charges).toEqual([...chargesOf(frame.structure).values]);
    expect(turned.numbers).toEqual([...general.numbers]);
    expectNear(turned.distances, distances, 1e-12);
    expect([nep.energy, nep.positions, nep.forces]).toEqual([-12.5, [...positions], [...labels.forces]]);
    expectNear(
      nep.virial.map((w) => -w / nep.volume),
      stress,
      1e-14,
    );
    // ASE writes no masses, so that the elements have to be named; its turned cell is ours.
    const theirs = readData('theirs.data', { elements: ['O', 'Si'] });
    expect(theirs.structure.numbers).toEqual(general.numbers);
    const ours = readData('general.data');
    expectNear(theirs.structure.cell, ours.structure.cell, 1e-12);
    expectNear(theirs.structure.positions, ours.structure.positions, 1e-12);
  });
});

interface AseData {
  readonly numbers: number[];
  readonly positions: number[];
  readonly cell: number[];
  readonly charges: number[];
  readonly distances: number[];
}

interface AseNep extends AseData {
  readonly energy: number;
  readonly forces: number[];
  readonly virial: number[];
  readonly volume: number;
}

function chargesOf({ numbers }: Structure): { type: 'R'; columns: 1; values: Float64Array } {
  return { type: 'R', columns: 1, values: Float64Array.from(numbers, (z) => (z === 36 ? 0.2 : -0.1)) };
}
