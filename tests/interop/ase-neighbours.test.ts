import { describe, expect, test } from 'vitest';
import { covalentRadiusOf, massOf, symbolOf } from '../../src/elements.ts';
import { createRandom, type Random } from '../../src/random.ts';
import { cellHeights, cellVolume } from '../../src/structure/cell.ts';
import { buildNeighbourList } from '../../src/structure/neighbours.ts';
import type { Structure } from '../../src/structure/structure.ts';
import { edgeLength, edgesOf } from '../helpers/brute-force-neighbours.ts';
import { findPython, runPython } from '../helpers/python.ts';

const python = findPython(['ase', 'numpy']);
if (python === undefined) {
  console.warn('SKIPPED: no python3 with ASE found; the neighbour list was not compared with ASE');
}

const NEIGHBOURS = `
import json, sys
import numpy
from ase import Atoms
from ase.neighborlist import neighbor_list

results = []
for case in json.load(sys.stdin):
    atoms = Atoms(numbers=case['numbers'], positions=numpy.reshape(case['positions'], (-1, 3)),
                  cell=numpy.reshape(case['cell'], (3, 3)), pbc=case['pbc'])
    i, d, D = neighbor_list('idD', atoms, case['cutoff'])
    results.append({
        'counts': numpy.bincount(i, minlength=len(atoms)).tolist(),
        'distances': float(d.sum()),
        'moments': (D.T @ D).ravel().tolist(),
    })
print(json.dumps(results))
`;

interface Result {
  /** Edges of each atom. */
  readonly counts: readonly number[];
  /** Σ |r_ij|, Å. */
  readonly distances: number;
  /** Σ r_ij ⊗ r_ij, Å². */
  readonly moments: readonly number[];
}

function randomCase(random: Random, index: number): { structure: Structure; cutoff: number } {
  const atoms = 1 + random.below(20);
  const size = 2 + 6 * random.uniform();
  const skew = index % 3;
  const cell = Float64Array.from({ length: 9 }, (_, c) =>
    c % 4 === 0 ? size * (0.7 + 0.6 * random.uniform()) : skew * size * 0.4 * (2 * random.uniform() - 1),
  );
  const pbc: [boolean, boolean, boolean] = [(index & 1) === 0, (index & 2) === 0, (index & 4) === 0];
  const positions = Float64Array.from({ length: 3 * atoms }, () => size * (3 * random.uniform() - 1));
  const numbers = Int32Array.from({ length: atoms }, () => 1 + random.below(90));
  const hasCell = pbc.some((repeats) => repeats);
  const structure = { numbers, positions, cell: hasCell ? cell : new Float64Array(9), pbc };
  return { structure, cutoff: size * (0.3 + 1.5 * random.uniform()) };
}

describe.skipIf(python === undefined)('against ASE', () => {
  test('pairs, distances and vectors of thirty random structures', () => {
    const random = createRandom(20);
    const cases = Array.from({ length: 30 }, (_, index) => randomCase(random, index));
    const input = cases.map(({ structure, cutoff }) => ({
      numbers: Array.from(structure.numbers),
      positions: Array.from(structure.positions),
      cell: Array.from(structure.cell),
      pbc: structure.pbc,
      cutoff,
    }));
    const expected = runPython(python ?? '', NEIGHBOURS, input) as Result[];
    let edgesInAll = 0;
    cases.forEach(({ structure, cutoff }, index) => {
      const list = buildNeighbourList(structure, cutoff);
      const edges = edgesOf(list, structure);
      const counts = Array.from(structure.numbers, (_, i) => list.first[i + 1] - list.first[i]);
      expect(counts, `case ${index}`).toEqual(expected[index].counts);
      const distances = edges.reduce((sum, edge) => sum + edgeLength(edge), 0);
      expect(Math.abs(distances - expected[index].distances)).toBeLessThanOrEqual(1e-10 * (1 + distances));
      for (let c = 0; c < 9; c++) {
        const moment = edges.reduce((sum, { vector }) => sum + vector[Math.floor(c / 3)] * vector[c % 3], 0);
        expect(Math.abs(moment - expected[index].moments[c])).toBeLessThanOrEqual(1e-10 * (1 + cutoff * distances));
      }
      edgesInAll += edges.length;
    });
    expect(edgesInAll).toBeGreaterThan(5000);
  });

  test('masses, covalent radii and cells', () => {
    const script = `
import json, sys
import numpy
from ase.data import atomic_masses, chemical_symbols, covalent_radii
from ase.cell import Cell
cells = [numpy.reshape(c, (3, 3)) for c in json.load(sys.stdin)]
print(json.dumps({'masses': atomic_masses[1:119].tolist(), 'symbols': chemical_symbols[1:119],
                  'radii': covalent_radii[1:97].tolist(), 'volumes': [Cell(c).volume for c in cells],
                  'heights': [(1 / numpy.linalg.norm(numpy.linalg.inv(c), axis=0)).tolist() for c in cells]}))
`;
    const random = createRandom(5);
    const cells = Array.from({ length: 10 }, () => Array.from({ length: 9 }, () => 10 * random.normal()));
    const ase = runPython(python ?? '', script, cells) as {
      masses: number[];
      symbols: string[];
      radii: number[];
      volumes: number[];
      heights: number[][];
    };
    for (let z = 1; z <= 118; z++) {
      expect(symbolOf(z)).toBe(ase.symbols[z - 1]);
      // ASE has more digits, and of Tc and some of the heaviest elements other isotopes.
      const tolerance = z === 43 || z > 104 ? 0.02 : 1e-3;
      expect(Math.abs(massOf(z) / ase.masses[z - 1] - 1), symbolOf(z)).toBeLessThan(tolerance);
      if (z <= 96) expect(covalentRadiusOf(z), symbolOf(z)).toBe(ase.radii[z - 1]);
    }
    cells.forEach((cell, n) => {
      expect(cellVolume(Float64Array.from(cell)) / ase.volumes[n]).toBeCloseTo(1, 10);
      cellHeights(Float64Array.from(cell)).forEach((height, k) => {
        expect(height / ase.heights[n][k]).toBeCloseTo(1, 10);
      });
    });
  });
});
