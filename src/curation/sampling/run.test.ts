import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { createSimdKernel } from '../../kernels/simd/kernel.ts';
import { finish } from '../../md/progress.ts';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from '../../model/testing.ts';
import { createRandom } from '../../random.ts';
import { rattled, supercell } from '../../structure/builders.ts';
import { cellVolume, toFractional } from '../../structure/cell.ts';
import { crystal } from '../../structure/crystals.ts';
import { inverse3, multiply3 } from '../../structure/matrix3.ts';
import { createStructure, type Structure } from '../../structure/structure.ts';
import { loadSymmetry } from '../../structure/symmetry.ts';
import { environmentSpace } from '../environment-space.ts';
import { parsePlan } from './read-plan.ts';
import { runPlan, type SamplingResult, type SamplingTools } from './run.ts';
import { distancesToChosen, farthestFrames } from './thinning.ts';

const wasm = createRequire(import.meta.url).resolve('@spglib/moyo-wasm/moyo_wasm_bg.wasm');
const tools: SamplingTools = {
  symmetry: loadSymmetry(readFileSync(wasm)),
  kernel: await createSimdKernel(),
  potential: stillingerWeber(),
  seed: 1,
  plan: 'abc',
};
const SI = crystal('diamond', ['Si'], SILICON_LATTICE);

function run(structure: Structure, parts: string, more: Partial<SamplingTools> = {}): Promise<SamplingResult> {
  return finish(runPlan(structure, parsePlan(parts, 'plan.yaml'), { ...tools, ...more }));
}

const groups = ({ samples }: SamplingResult): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { group } of samples) counts[group] = (counts[group] ?? 0) + 1;
  return counts;
};

describe('strains', () => {
  test('exactly as asked: the cell is (1 + ε) times the old one, and the atoms go with it', async () => {
    const { samples } = await run(
      SI,
      `parts:
        - { kind: hydrostatic, strain: [-0.1, 0.1], count: 5 }
        - { kind: uniaxial, strain: [-0.04, 0.04], count: 3 }
        - { kind: shear, strain: [0, 0.08], count: 3 }`,
    );
    const x = toFractional(SI.positions, SI.cell);
    for (const { structure, info, group } of samples) {
      const ratio = multiply3(inverse3(SI.cell), structure.cell);
      const e = Number(info.strain);
      const wanted = new Float64Array(9);
      if (group === 'hydrostatic') wanted.set([e, 0, 0, 0, e, 0, 0, 0, e]);
      if (group === 'uniaxial-xx') wanted[0] = e;
      if (group === 'shear-yz') wanted[5] = wanted[7] = e / 2;
      for (let c = 0; c < 9; c++) expect(ratio[c] - (c % 4 === 0 ? 1 : 0)).toBeCloseTo(wanted[c], 12);
      const y = toFractional(structure.positions, structure.cell);
      for (let c = 0; c < x.length; c++) expect(y[c]).toBeCloseTo(x[c], 12);
    }
    const volumes = samples
      .filter(({ group }) => group === 'hydrostatic')
      .map(({ structure }) => cellVolume(structure.cell));
    expect(volumes.map((v) => Math.cbrt(v / cellVolume(SI.cell)) - 1)).toEqual(
      [-0.1, -0.05, 0, 0.05, 0.1].map((e) => expect.closeTo(e, 12)),
    );
  });

  test('a cube has one uniaxial and one shear class, its shears need no second sign, and no strain at all is made once', async () => {
    const both =
      'parts: [{ kind: uniaxial, strain: [-0.04, 0.04], count: 5 }, { kind: shear, strain: [-0.04, 0.04], count: 5 }]';
    expect(groups(await run(SI, both))).toEqual({ 'uniaxial-xx': 5, 'shear-yz': 2 });
    // Hexagonal: three of each; a shear in the basal plane and its opposite differ, those along the axis do not.
    const hexagonal = groups(await run(crystal('hcp', ['Mg'], 3.2), both));
    expect(hexagonal['uniaxial-xx']).toBe(5);
    expect(hexagonal['uniaxial-yy']).toBe(4);
    expect(hexagonal['uniaxial-zz']).toBe(4);
    expect(hexagonal['shear-yz']).toBe(2);
    // What a cube with a longer edge is made of is a cube.
    expect(groups(await run(supercell(SI, [2, 1, 1]), both))).toEqual({ 'uniaxial-xx': 5, 'shear-yz': 2 });
  });
});

describe('defects, surfaces, alloys', () => {
  test('one vacancy of silicon, two of NaCl; the nearest divacancies', async () => {
    const one = 'parts: [{ kind: vacancy, supercell: 2 }]';
    expect(groups(await run(SI, one))).toEqual({ vacancy: 1 });
    expect((await run(SI, one)).samples[0].structure.numbers).toHaveLength(63);
    const salt = crystal('rocksalt', ['Na', 'Cl'], 5.64);
    expect(groups(await run(salt, one))).toEqual({ 'vacancy-Na': 1, 'vacancy-Cl': 1 });
    expect(groups(await run(salt, 'parts: [{ kind: vacancy, of: Cl }]'))).toEqual({ 'vacancy-Cl': 1 });
    // Without symmetry every atom is a choice; as many as wanted are drawn.
    const hot = rattled(SI, 0.1, createRandom(1));
    expect((await run(hot, 'parts: [{ kind: vacancy }]')).samples).toHaveLength(8);
    expect((await run(hot, 'parts: [{ kind: vacancy, count: 3 }]')).samples).toHaveLength(3);
    const two = await run(SI, 'parts: [{ kind: vacancy, supercell: 2, atoms: 2, within: 4 }]');
    expect(two.samples.map(({ info }) => info.vacancy_distance_A)).toEqual(
      [2.351, 3.84].map((d) => expect.closeTo(d, 2)),
    );
  });

  test('interstitials in the tetrahedral void, antisites of a compound, dopants', async () => {
    const wide = await run(SI, 'parts: [{ kind: interstitial, supercell: 2, voids: 1 }]');
    expect(groups(wide)).toEqual({ 'interstitial-Si-tetrahedral': 1 });
    expect(wide.samples[0].structure.numbers).toHaveLength(65);
    const zincblende = crystal('zincblende', ['Ga', 'As'], 5.65);
    expect(groups(await run(zincblende, 'parts: [{ kind: substitution }]'))).toEqual({ 'As-on-Ga': 1, 'Ga-on-As': 1 });
    expect(groups(await run(SI, 'parts: [{ kind: substitution, elements: [Ge, C] }]'))).toEqual({
      'Ge-on-Si': 1,
      'C-on-Si': 1,
    });
  });

  test('surfaces: named planes, equivalent ones once, or all up to an index', async () => {
    const named =
      'parts: [{ kind: surface, layers: 4, miller: [[1, 1, 1], [1, -1, 1], [1, 0, 0]], terminations: all }]';
    expect(groups(await run(SI, named))).toEqual({ 'surface-111-t1': 1, 'surface-111-t2': 1, 'surface-100': 1 });
    const all = await run(SI, 'parts: [{ kind: surface, layers: 4, largest: 1, vacuum: 9 }]');
    expect(groups(all)).toEqual({ 'surface-100': 1, 'surface-110': 1, 'surface-111': 1 });
    expect(all.samples[0].info).toMatchObject({ miller: [1, 0, 0], vacuum_A: 9 });
    // The cells of slabs say nothing about volumes.
    expect(all.coverage.groups.flatMap((group) => group.volumes_A3_per_atom)).toEqual([]);
  });

  test('alloys: exact counts, different draws', async () => {
    const made = await run(
      SI,
      'parts: [{ kind: alloy, supercell: 2, count: 3, composition: [{ Si: 0.75, Ge: 0.25 }, { Ge: 1 }] }]',
    );
    expect(groups(made)).toEqual({ 'alloy-Si48Ge16': 3, 'alloy-Ge64': 1 });
    const [a, b] = made.samples.map(({ structure }) => structure.numbers.join());
    expect(a).not.toBe(b);
    for (const { structure } of made.samples.slice(0, 3)) {
      expect(structure.numbers.filter((z) => z === 32)).toHaveLength(16);
    }
  });
});

describe('displacements', () => {
  test('a rattle has the width that was asked for', async () => {
    const { samples } = await run(SI, 'parts: [{ kind: rattle, width: 0.05, count: 200 }]');
    let square = 0;
    for (const { structure } of samples) {
      for (const [c, r] of structure.positions.entries()) square += (r - SI.positions[c]) ** 2 / (200 * 24);
    }
    // 4800 deviates: the variance is known to 2 %; four standard deviations.
    expect(Math.abs(square / 0.05 ** 2 - 1)).toBeLessThan(4 * Math.sqrt(2 / 4800));
  });

  test('with a Debye temperature the light atoms go farther, by the root of the masses when hot', async () => {
    const carbide = crystal('zincblende', ['Si', 'C'], 4.36);
    const plan = 'parts: [{ kind: rattle, temperature: 3000, debye: 700, count: 400 }]';
    const { samples } = await run(carbide, plan, { potential: undefined });
    const square = [0, 0];
    for (const { structure, group } of samples) {
      expect(group).toBe('rattle-3000K');
      for (const [c, r] of structure.positions.entries()) {
        square[carbide.numbers[Math.floor(c / 3)] === 6 ? 1 : 0] += (r - carbide.positions[c]) ** 2;
      }
    }
    expect(Math.abs(square[1] / square[0] / (28.085 / 12.011) - 1)).toBeLessThan(0.1);
  });

  test('dynamics: as many frames as asked, that far apart, of that temperature by their energies', async () => {
    const plan = `parts:
      - kind: dynamics
        supercell: [2, 1, 1]
        temperature: [300, 900]
        walkers: 2
        frames: 4
        every: 20fs
        equilibrate: 0.2ps
        timestep: 2fs`;
    const made = await run(SI, plan);
    expect(groups(made)).toEqual({ 'md-300K': 8, 'md-900K': 8 });
    expect(made.samples.slice(0, 5).map(({ info }) => [info.traj_id, info.time_fs])).toEqual([
      ...[20, 40, 60, 80].map((t) => ['parts[0]#0/300K/1', t]),
      ['parts[0]#0/300K/2', 20],
    ]);
    const rest = tools.potential!.evaluate(SI).energy / 8;
    const heat = (group: string): number => {
      const own = made.samples.filter((sample) => sample.group === group);
      return (
        own.reduce((sum, { structure }) => sum + tools.potential!.evaluate(structure).energy / 16 - rest, 0) /
        own.length
      );
    };
    // 3/2 kT of potential energy for each atom: 39 and 116 meV; few atoms, few frames.
    expect(heat('md-300K')).toBeGreaterThan(0.02);
    expect(heat('md-300K')).toBeLessThan(0.06);
    expect(heat('md-900K')).toBeGreaterThan(0.07);
    expect(heat('md-900K')).toBeLessThan(0.18);
  });

  test('without a potential, dynamics is refused before anything is made', async () => {
    const plan = 'parts: [{ kind: as-is }, { kind: dynamics, temperature: 300, frames: 2 }]';
    await expect(run(SI, plan, { potential: undefined })).rejects.toMatchObject({ code: 'no-potential' });
  });
});

describe('a tree of parts', () => {
  const TREE = `parts:
    - kind: as-is
    - kind: hydrostatic
      strain: [-0.02, 0.02]
      count: 3
      each:
        - kind: as-is
        - kind: rattle
          width: 0.02
          count: 2
    - kind: vacancy
      supercell: [1, 1, 2]
      each: { kind: harmonic, temperature: 300, count: 1, group: hot }`;

  test('groups, ids and provenance; no labels', async () => {
    const made = await run(SI, TREE);
    expect(groups(made)).toEqual({ 'as-is': 1, hydrostatic: 2, 'hydrostatic+rattle': 6, 'vacancy+hot': 1 });
    expect(made.samples.map(({ info }) => info.id).slice(0, 5)).toEqual([
      'as-is-0001',
      'hydrostatic-0001',
      'hydrostatic+rattle-0001',
      'hydrostatic+rattle-0002',
      'hydrostatic+rattle-0003',
    ]);
    expect(made.samples[2].info).toEqual({
      id: 'hydrostatic+rattle-0001',
      plan: 'abc',
      seed: 1,
      strain: -0.02,
      rattle_A: 0.02,
    });
    for (const sample of made.samples) expect(sample).not.toHaveProperty('labels');
    // A strain of 0 is the structure as it is, and taken once.
    expect(made.copies).toBe(1);
  });

  test('same seed, same bits; another seed, other draws; another part before it changes nothing', async () => {
    const bits = ({ samples }: SamplingResult): string[] => samples.map(({ structure }) => structure.positions.join());
    const one = bits(await run(SI, TREE));
    expect(bits(await run(SI, TREE))).toEqual(one);
    const other = bits(await run(SI, TREE, { seed: 2 }));
    expect(other[0]).toBe(one[0]);
    expect(other[2]).not.toBe(one[2]);
    expect(other[9]).not.toBe(one[9]);
    const longer = `${TREE}\n    - { kind: rattle, width: 0.1, count: 1 }`;
    expect(bits(await run(SI, longer)).slice(0, one.length)).toEqual(one);
  });
});

describe('short contacts', () => {
  test('what is squeezed too far is refused by name, the rest stays', async () => {
    const made = await run(SI, 'parts: [{ kind: hydrostatic, strain: [-0.5, 0], count: 3 }]');
    expect(groups(made)).toEqual({ hydrostatic: 2 });
    expect(made.refused).toEqual([
      {
        group: 'hydrostatic',
        part: 'parts[0]',
        code: 'short-contact',
        message: expect.stringMatching(/^Si \d and Si \d are 1\.17\d Å apart, 0\.53 of the sum/),
      },
    ]);
  });

  test('a random structure is drawn again, and given up in the end', async () => {
    const wild = await run(SI, 'parts: [{ kind: as-is }, { kind: rattle, width: 0.32, count: 20 }]');
    expect(wild.redrawn).toBeGreaterThan(0);
    expect(groups(wild).rattle).toBe(20);
    const hopeless = await run(
      supercell(SI, [2, 2, 2]),
      'parts: [{ kind: as-is }, { kind: rattle, width: 1, count: 2 }]',
    );
    expect(groups(hopeless)).toEqual({ 'as-is': 1 });
    expect(hopeless.refused.map(({ code }) => code)).toEqual(['short-contact', 'short-contact']);
    expect(hopeless.refused[0].message).toContain('in each of 20 draws');
  });

  test('a plan that makes nothing is an error with the reason', async () => {
    const none = 'parts: [{ kind: hydrostatic, strain: [-0.5, -0.49], count: 2 }]';
    await expect(run(SI, none)).rejects.toMatchObject({
      code: 'nothing-made',
      message: expect.stringContaining('Å apart'),
    });
  });

  test('a part that cannot be applied is refused, not the plan: no strain for a molecule, no vacancy of one atom', async () => {
    const molecule = createStructure(['O', 'C', 'O'], [-1.16, 0, 0, 0, 0, 0, 1.16, 0, 0]);
    const made = await run(
      molecule,
      'parts: [{ kind: shear, strain: [0, 0.1], count: 2 }, { kind: rattle, width: 0.05, count: 3 }, { kind: vacancy }]',
    );
    expect(groups(made)).toEqual({ rattle: 3, 'vacancy-O': 2, 'vacancy-C': 1 });
    expect(made.refused.map(({ code }) => code)).toEqual(['not-periodic']);
    const single = await run(crystal('sc', ['Po'], 3.3), 'parts: [{ kind: as-is }, { kind: vacancy }]');
    expect(single.refused.map(({ code }) => code)).toEqual(['no-atoms']);
  });

  test('imaginary modes are told: simple cubic argon gives way to shears', async () => {
    const argon = crystal('sc', ['Ar'], 3.7);
    const plan =
      'parts: [{ kind: as-is, supercell: 2, each: [{ kind: as-is }, { kind: harmonic, temperature: 10, count: 5 }] }]';
    const made = await run(argon, plan, { potential: lennardJones() });
    expect(groups(made)).toEqual({ 'as-is': 1 });
    expect(made.refused).toHaveLength(1);
    expect(made.refused[0]).toMatchObject({ code: 'imaginary-modes', part: 'parts[0].each[1]', group: 'harmonic' });
  });
});

describe('a budget', () => {
  const PLAN = (budget: string): string => `${budget}
parts:
  - kind: as-is
  - { kind: rattle, width: 0.01, count: 60 }
  - { kind: hydrostatic, strain: [-0.08, 0.08], count: 9, each: { kind: rattle, width: 0.05, count: 2 } }
  - { kind: shear, strain: [0, 0.1], count: 4 }`;

  test('keeps that many, in order, and always the first', async () => {
    const made = await run(SI, PLAN('budget: 20'));
    expect(made.samples).toHaveLength(20);
    expect(made.made).toBe(1 + 60 + 18 + 3);
    expect(made.samples[0].group).toBe('as-is');
    expect(made.coverage.groups.filter(({ kept }) => kept > 0).map(({ name, kept }) => [name, kept])).toEqual(
      Object.entries(groups(made)).map(([name, n]) => [name, n]),
    );
    // Sixty copies of nearly the same are the least of what is worth labelling.
    expect(groups(made)['hydrostatic+rattle']).toBeGreaterThan(groups(made).rattle ?? 0);
  });

  test('does not touch what is to be kept', async () => {
    const shears = PLAN('budget: 10').replace('kind: shear,', 'kind: shear, keep: true,');
    const made = await run(SI, shears);
    expect(groups(made)).toMatchObject({ 'as-is': 1, 'shear-yz': 3 });
    expect(made.samples).toHaveLength(10);
    const few = run(SI, shears.replace('budget: 10', 'budget: 3'));
    await expect(few).rejects.toMatchObject({ code: 'budget-too-small' });
  });

  test('covers better than any of thirty random choices', async () => {
    const { samples } = await run(SI, PLAN(''));
    const space = await finish(
      asynchronous(
        environmentSpace(
          samples.map(({ structure }) => structure),
          tools.kernel,
        ),
      ),
    );
    const chosen = await finish(asynchronous(farthestFrames(space, 20)));
    const worst = (frames: readonly number[]): number => Math.max(...distancesToChosen(space, frames));
    const random = createRandom(5);
    const others = Array.from({ length: 30 }, () =>
      worst(Array.from(random.permutation(samples.length).subarray(0, 20))),
    );
    expect(worst(chosen)).toBeLessThan(Math.min(...others));
  });

  test('the distances are those to the nearest, as counting them all says', async () => {
    const list = Array.from({ length: 12 }, (_, k) => rattled(SI, 0.02 * k, createRandom(k)));
    list.push(crystal('zincblende', ['Si', 'C'], 4.36));
    const space = await finish(asynchronous(environmentSpace(list, tools.kernel)));
    const { points, dimensions, species, first } = space;
    const chosen = [1, 5, 9];
    const centres = chosen.flatMap((f) => Array.from({ length: first[f + 1] - first[f] }, (_, k) => first[f] + k));
    for (const [j, found] of distancesToChosen(space, chosen).entries()) {
      const all = centres
        .filter((i) => species[i] === species[j])
        .map((i) =>
          Math.hypot(
            ...points.subarray(i * dimensions, (i + 1) * dimensions).map((x, k) => x - points[j * dimensions + k]),
          ),
        );
      const least = Math.min(...all);
      // Copies of a centre within 0.01 are left out.
      if (Number.isFinite(least)) expect(Math.abs(found - least)).toBeLessThan(0.01);
      else expect(found).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test('does not keep two copies of the same environments, however often they occur', async () => {
    const copies = await run(
      SI,
      'budget: 2\nparts: [{ kind: as-is }, { kind: as-is }, { kind: as-is, supercell: 2 }, { kind: as-is, supercell: [1, 1, 2] }]',
    );
    expect(copies.samples).toHaveLength(1);
  });

  test('an element that occurs once is kept, wherever it is', async () => {
    const list = [
      ...Array.from({ length: 12 }, (_, k) => rattled(SI, 0.05, createRandom(k))),
      crystal('zincblende', ['Si', 'C'], 4.36),
    ];
    const space = await finish(asynchronous(environmentSpace(list, tools.kernel)));
    expect(await finish(asynchronous(farthestFrames(space, 2)))).toEqual([0, 12]);
  });
});

async function* asynchronous<S, T>(work: Generator<S, T>): AsyncGenerator<S, T> {
  return yield* work;
}

test('what is covered: volumes by group, distances, a map of all environments', async () => {
  const { coverage, samples } = await run(
    SI,
    'budget: 6\nparts: [{ kind: hydrostatic, strain: [-0.05, 0.05], count: 5 }, { kind: rattle, width: 0.1, count: 5 }]',
  );
  const [hydrostatic] = coverage.groups;
  expect(hydrostatic).toMatchObject({ name: 'hydrostatic', made: 5, kept: hydrostatic.volumes_A3_per_atom.length });
  expect(Math.min(...hydrostatic.volumes_A3_per_atom)).toBeCloseTo((cellVolume(SI.cell) / 8) * 0.95 ** 3, 9);
  expect(coverage.distances.map(({ elements }) => elements.join())).toEqual(['Si,Si']);
  const { map } = coverage;
  expect(map.x).toHaveLength(80);
  expect(map.total).toBe(80);
  expect(map.kept.filter(Boolean)).toHaveLength(samples.length * 8);
  // All atoms of a perfect crystal have the same environment: one point for each strain.
  const squeezed = map.x.slice(0, 8);
  for (const x of squeezed) expect(x).toBeCloseTo(squeezed[0], 3);
  expect(JSON.parse(JSON.stringify(coverage))).toEqual(coverage);
});

test('stops when told to', async () => {
  const stop = new AbortController();
  const work = runPlan(SI, parsePlan('parts: [{ kind: rattle, width: 0.1, count: 1000 }]', 'p'), {
    ...tools,
    signal: stop.signal,
  });
  await work.next();
  stop.abort();
  await expect(finish(work)).rejects.toBe(stop.signal.reason);
});
