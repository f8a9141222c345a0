import { describe, expect, test } from 'vitest';
import type { Labels } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createSimdKernel } from '../../kernels/simd/kernel.ts';
import { createRandom } from '../../random.ts';
import { rattled, strained } from '../../structure/builders.ts';
import { cellVolume } from '../../structure/cell.ts';
import { crystal } from '../../structure/crystals.ts';
import { copyStructure, type Structure } from '../../structure/structure.ts';
import { openDescriptor } from './descriptor.ts';
import { addBlock, blocksOf, emptyEquations, fitLinear, predictLinear, solveEquations } from './linear-fit.ts';
import { createLinearModel, type LinearModel, openLinearModel } from './linear-model.ts';

const SETTINGS = { cutoff: 4, onset: 2.5, radial: 4, channels: 8, seed: 3 };

/** Rattled rock salt: two species, periodic. */
function salt(seed: number): Structure {
  return rattled(crystal('rocksalt', ['Na', 'Cl'], 5.4), 0.15, createRandom(seed));
}

const structures = [1, 2, 3, 4, 5, 6].map(salt);
const reference = createReferenceKernel();
const model: LinearModel = createLinearModel(structures, reference, SETTINGS);

const rowsOf = (kernel: Kernel, structure: Structure) => {
  const engine = openLinearModel(model, kernel);
  const rows = engine.rows(structure);
  engine.close();
  return rows;
};

describe('rows of the linear model', () => {
  const P = model.parameters;

  test('there are coefficients for each species and its constant', () => {
    expect(P).toBe(2 * 9 * 8 + 2);
    const { energy, forces } = rowsOf(reference, structures[0]);
    expect([...energy.slice(P - 2)]).toEqual([4, 4]);
    expect(forces.length).toBe(3 * 8 * P);
  });

  test('features are those of the descriptor, standardised, and sum up to the row of the energy', () => {
    const { descriptor, mean, deviation } = model;
    const engine = openDescriptor(descriptor, reference);
    const x = engine.features(structures[3]);
    const { energy, features } = rowsOf(reference, structures[3]);
    const F = mean.length;
    const sums = new Float64Array(P);
    features.forEach((value, k) => {
      expect(value).toBeCloseTo((x[k] - mean[k % F]) / deviation[k % F], 4);
      const species = structures[3].numbers[Math.floor(k / F)] === 11 ? 0 : 1;
      sums[species * F + (k % F)] += value;
    });
    for (let a = 0; a < 2 * F; a++) expect(energy[a]).toBeCloseTo(sums[a], 4);
  });

  test('rows of forces are −∂/∂r of the row of the energy, column by column', () => {
    const h = 3e-5;
    const { forces } = rowsOf(reference, structures[0]);
    for (const c of [0, 7, 20]) {
      const ends = [h, -h].map((step) => {
        const moved = copyStructure(structures[0]);
        moved.positions[c] += step;
        return rowsOf(reference, moved).energy;
      });
      for (let a = 0; a < P; a++) {
        const slope = (ends[0][a] - ends[1][a]) / (2 * h);
        // Truncation h²·E‴/6, and the rows of forces are kept in single precision.
        expect(Math.abs(forces[c * P + a] + slope)).toBeLessThan(1e-5 * (1 + Math.abs(slope)));
      }
    }
  });

  test('rows of the strain gradient are ∂/∂ε of the row of the energy', () => {
    // Atoms far from the origin move by several Å times h: a shorter step than for forces.
    const h = 2e-5;
    const { strain } = rowsOf(reference, structures[1]);
    for (const [i, j] of [
      [0, 0],
      [0, 2],
    ]) {
      const ends = [h, -h].map((step) => {
        const epsilon = new Float64Array(9);
        epsilon[3 * i + j] += step / 2;
        epsilon[3 * j + i] += step / 2;
        return rowsOf(reference, strained(structures[1], epsilon)).energy;
      });
      for (let a = 0; a < P; a++) {
        const slope = (ends[0][a] - ends[1][a]) / (2 * h);
        expect(Math.abs(strain[(3 * i + j) * P + a] - slope)).toBeLessThan(1e-5 * (1 + Math.abs(slope)));
      }
    }
  });

  test('both kernels agree', async () => {
    const [slow, fast] = [rowsOf(reference, structures[2]), rowsOf(await createSimdKernel(), structures[2])];
    const scale = Math.max(...slow.forces.map(Math.abs));
    for (let k = 0; k < slow.forces.length; k++) {
      expect(Math.abs(slow.forces[k] - fast.forces[k])).toBeLessThan(2e-5 * scale);
    }
    for (let a = 0; a < P; a++) expect(fast.energy[a]).toBeCloseTo(slow.energy[a], 3);
  });
});

describe('linear fit', () => {
  /** Labels of a linear model whose coefficients are known. */
  const random = createRandom(9);
  const truth = Float64Array.from({ length: model.parameters }, () => 0.1 * random.normal());
  const engine = openLinearModel(model, reference);
  const frames = structures.map((structure) => {
    const { energy, forces, strainGradient } = predictLinear(engine.rows(structure), truth);
    const volume = cellVolume(structure.cell);
    const labels: Labels = { energy, forces, stress: strainGradient.map((g) => g / volume) };
    return { structure, labels };
  });

  test('finds what the labels were made with, and says so of a structure that it has not seen', () => {
    const fit = fitLinear(engine, frames, { energy: 1e4, forces: 1e2, stress: 1e4 }, 1e-13);
    expect(fit.squares).toBeLessThan(1e-3);
    const rows = engine.rows(salt(77));
    const [found, wanted] = [predictLinear(rows, fit.coefficients), predictLinear(rows, truth)];
    expect(found.energy).toBeCloseTo(wanted.energy, 3);
    for (let c = 0; c < found.forces.length; c++) expect(found.forces[c]).toBeCloseTo(wanted.forces[c], 3);
  });

  test('rows that are taken away leave the equations as if they had never come', () => {
    const weights = { energy: 1, forces: 1, stress: 0 };
    const [all, fewer] = [emptyEquations(model.parameters), emptyEquations(model.parameters)];
    for (const [k, frame] of frames.entries()) {
      for (const block of blocksOf(frame, engine.rows(frame.structure), weights)) {
        addBlock(all, block);
        if (k > 0) addBlock(fewer, block);
      }
    }
    for (const block of blocksOf(frames[0], engine.rows(structures[0]), weights)) addBlock(all, block, -1);
    expect(all.rows).toBe(fewer.rows);
    for (let k = 0; k < all.matrix.length; k++) expect(all.matrix[k]).toBeCloseTo(fewer.matrix[k], 8);
    for (let k = 0; k < all.vector.length; k++) expect(all.vector[k]).toBeCloseTo(fewer.vector[k], 8);
  });

  test('without rows there is nothing to fit', () => {
    expect(() => solveEquations(emptyEquations(3))).toThrow(expect.objectContaining({ code: 'no-rows' }));
    const of = (rows: readonly number[]) => {
      const equations = emptyEquations(3);
      addBlock(equations, { rows: Float64Array.from(rows), targets: Float64Array.of(1, 2), weight: 1 });
      return () => solveEquations(equations);
    };
    // Atoms that see nobody: forces are labelled, and nothing can be said of them.
    expect(of([0, 0, 0, 0, 0, 0])().coefficients).toEqual(new Float64Array(3));
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(of([1, bad, 0, 0, 1, 0])).toThrow(expect.objectContaining({ code: 'not-a-number' }));
    }
  });
});
