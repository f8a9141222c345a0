import { describe, expect, test } from 'vitest';
import type { Frame } from '../../data/dataset.ts';
import { createSimdKernel } from '../../kernels/simd/kernel.ts';
import { finish } from '../../md/progress.ts';
import { addRadial, lennardJonesPair, localPotential, quinticSwitch } from '../../model/testing.ts';
import { createRandom } from '../../random.ts';
import { rattled, supercell } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { localityFromData, saturationOf } from './index.ts';

/** Strong argon whose pairs end smoothly at `cutoff`; ripples of `amplitude`, eV, reach 12 Å. */
function labelsWith(cutoff: number, amplitude: number): Frame[] {
  const potential = localPotential({
    ...{ name: 'pairs', cutoff: amplitude === 0 ? cutoff : 12, elements: [18] },
    energyOf(at) {
      let energy = 0;
      for (let e = 0; e < at.count; e++) {
        const r = at.distance[e];
        const [phi, slope] = lennardJonesPair(r, 0.1, 3.4);
        const [s, ds] = quinticSwitch(r, cutoff - 1, cutoff);
        const [far, dfar] = quinticSwitch(r, 9, 12);
        const ripple = amplitude * Math.cos(2 * r);
        energy += (phi * s + ripple * far) / 2;
        addRadial(at, e, (slope * s + phi * ds + ripple * dfar - 2 * amplitude * Math.sin(2 * r) * far) / 2);
      }
      return energy;
    },
  });
  const random = createRandom(4);
  const cell = supercell(crystal('fcc', ['Ar'], 5.3), [2, 2, 2]);
  return Array.from({ length: 40 }, (_, index): Frame => {
    const structure = rattled(cell, 0.15, random);
    const { energy, forces } = potential.evaluate(structure);
    return { structure, labels: { energy, forces }, group: '', info: {}, arrays: {}, line: 1, index };
  });
}

describe('the cutoff that forces ask for', () => {
  test('is where the forces end that the labels were made with', async () => {
    const kernel = await createSimdKernel();
    const radii = [3.5, 4, 4.5, 5, 5.5, 6.5];
    const found = await finish(localityFromData(labelsWith(5.5, 0), kernel, { radii, atoms: 900 }));
    expect(found.saturated, JSON.stringify([found.radii, found.far])).toBe(true);
    // Between the beginning and the end of the switch.
    expect(found.cutoff).toBeGreaterThanOrEqual(4.5);
    expect(found.cutoff).toBeLessThanOrEqual(5.5);
    expect(found.interval[0]).toBeLessThanOrEqual(found.cutoff);
    expect(found.interval[1]).toBeGreaterThanOrEqual(found.cutoff);
    expect(found.radii[0].error).toBeGreaterThan(3 * found.lowest);
    expect(found.radii[0].outside).toBeLessThanOrEqual(found.radii[0].error);
    expect(found.verdict).toContain(`${found.cutoff} Å`);
  });

  test('is none where something is felt from farther than any radius', async () => {
    const kernel = await createSimdKernel();
    const radii = [4, 4.5, 5, 6];
    const found = await finish(localityFromData(labelsWith(4.5, 0.02), kernel, { radii, atoms: 900 }));
    expect(found.saturated, JSON.stringify([found.radii, found.far, found.force])).toBe(false);
    expect(found.verdict).toMatch(/^Not saturated/);
    expect(Math.min(...found.far.map(({ error }) => error))).toBeLessThan(0.95 * found.far[0].error);
  });

  test('is the same for the same seed, and asks for frames and radii', async () => {
    const kernel = await createSimdKernel();
    const frames = labelsWith(4.5, 0);
    const run = () => finish(localityFromData(frames, kernel, { radii: [3.5, 4.5, 5.5], atoms: 400 }));
    expect(await run()).toEqual(await run());
    const few = finish(localityFromData(frames.slice(0, 3), kernel));
    await expect(few).rejects.toThrow(expect.objectContaining({ code: 'too-few-frames' }));
    const backwards = finish(localityFromData(frames, kernel, { radii: [5, 4, 3] }));
    await expect(backwards).rejects.toThrow(expect.objectContaining({ code: 'bad-radii' }));
  });
});

describe('saturation', () => {
  test('is the first radius within 5 % of the lowest error, or within its standard error', () => {
    const radii = [3, 4, 5, 6, 7];
    const curve = { radii, errors: [200, 120, 104, 100, 101] };
    expect(saturationOf(curve)).toEqual({ radius: 5, lowestAt: 6, lowest: 100, saturated: true });
    expect(saturationOf({ ...curve, uncertainty: [0, 30, 0, 0, 0] }).radius).toBe(4);
  });

  test('is not claimed at the end of the curve', () => {
    expect(saturationOf({ radii: [3, 4, 5, 5.5], errors: [200, 150, 110, 100] }).saturated).toBe(false);
  });
});
