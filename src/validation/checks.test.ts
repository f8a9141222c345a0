import { beforeAll, describe, expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { finish } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import { shortRangePotential } from '../model/short-range.ts';
import { SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { rattled, strained, supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import type { Structure } from '../structure/structure.ts';
import { allChecks, type Check, type CheckContext, type CheckResult, runChecks } from './index.ts';
import { isolated } from './probe.ts';
import * as broken from './testing.ts';

/** The check `locality` asks for labelled frames, and has a test of its own. */
const checks = allChecks.filter(({ id }) => id !== 'locality');
/** Nobody promised that random parameters hold atoms together, or apart. */
const calm = checks.filter(({ slow, group, id }) => slow !== true && (group !== 'curves' || id === 'curve-kinks'));
const quick = checks.filter(({ slow }) => slow !== true);
const argon = crystal('fcc', ['Ar'], 5.3);
const SHEARED = [0.02, 0.01, 0, 0.01, -0.01, 0.03, 0, 0.03, 0];
// Atoms see their own images in the first one; the second one is skew, the third one a cluster.
const structures: readonly Structure[] = [
  argon,
  strained(supercell(argon, [2, 1, 1]), SHEARED),
  isolated(rattled(supercell(argon, [2, 1, 1]), 0.1, createRandom(1))),
];
const context = (potential: Potential): CheckContext => ({
  ...{ potential, structures, minimum: argon, temperature: 300, seed: 7, precision: 'double' },
});
const results = (potential: Potential): Promise<CheckResult[]> => finish(runChecks(checks, context(potential)));
/** The check that takes as long as all others together: asked of those only whose dynamics is in question. */
const ofMatrix = (must: readonly string[], may: readonly string[]): readonly Check[] =>
  checks.filter(({ id }) => id !== 'stability' || must.includes(id) || may.includes(id) || must[0] === 'dimer-wall');
const ids = (found: readonly CheckResult[], verdict: CheckResult['verdict']): string[] =>
  found.filter((result) => result.verdict === verdict).map((result) => result.id);

describe('sound potentials pass every check', () => {
  let ofSound: readonly CheckResult[];
  beforeAll(async () => {
    ofSound = await results(broken.sound);
  });

  test('Lennard-Jones', () => {
    const found = ofSound;
    expect(found.filter((result) => result.verdict !== 'pass')).toEqual([]);
    expect(found.map((result) => result.id)).toEqual(checks.map((check) => check.id));
  });

  test('Stillinger–Weber', async () => {
    const silicon = crystal('diamond', ['Si'], SILICON_LATTICE);
    const found = await finish(
      runChecks(checks, {
        potential: stillingerWeber(),
        structures: [silicon, rattled(supercell(silicon, [2, 1, 1]), 0.15, createRandom(2))],
        minimum: silicon,
        seed: 3,
        precision: 'double',
      }),
    );
    expect(found.filter((result) => result.verdict !== 'pass')).toEqual([]);
  });

  test('values are far from the limits, so that the limits do not judge the method', () => {
    for (const { id, value, limit } of ofSound) {
      expect([id, value! <= limit / 3]).toEqual([id, true]);
    }
  });

  test('in single precision with its own limits, which double precision would not forgive', async () => {
    const single = await finish(runChecks(checks, { ...context(broken.singlePrecision), precision: 'single' }));
    expect(single.filter((result) => result.verdict !== 'pass')).toEqual([]);
    const asked = checks.filter(({ id }) => id === 'rounding');
    const double = await finish(runChecks(asked, context(broken.singlePrecision)));
    expect(ids(double, 'fail')).toEqual(['rounding']);
  });
});

describe('the learned potential, with random numbers for parameters, passes every check', () => {
  const alloy = crystal('zincblende', ['Ga', 'As'], 5.65);
  const model = randomModel([31, 33], createRandom(5));
  test.each(['double', 'single'] as const)('in %s precision', async (precision) => {
    const kernel = precision === 'double' ? createReferenceKernel() : await createSimdKernel();
    const potential = shortRangePotential(model, kernel);
    const frames = [alloy, strained(supercell(alloy, [2, 1, 1]), SHEARED)];
    const found = await finish(runChecks(calm, { potential, structures: frames, seed: 1, precision }));
    potential.close();
    expect(found.filter((result) => result.verdict !== 'pass')).toEqual([]);
  });
});

test('a direct force head keeps the symmetries, and fails what asks for a gradient, by name', async () => {
  const model = randomModel([31, 33], createRandom(6), { sizes: { directForces: true } });
  const potential = shortRangePotential(model, createReferenceKernel());
  const alloy = crystal('zincblende', ['Ga', 'As'], 5.65);
  const frames = [alloy, strained(supercell(alloy, [2, 1, 1]), SHEARED)];
  const found = await finish(runChecks(calm, { potential, structures: frames, seed: 1, precision: 'double' }));
  const failed = found.filter((result) => result.verdict === 'fail');
  expect(failed.map((result) => result.id)).toEqual([
    ...['net-force', 'net-torque', 'forces', 'stress', 'closed-path', 'nve-drift', 'timestep-order'],
  ]);
  for (const { reason } of failed) expect(reason).toContain('no gradient of its energy');
});

/** A broken potential, the checks that must fail, and those that may because the mistake shows there as well. */
const mistakes: [Potential, string[], string[]][] = [
  [broken.indexed, ['permutation'], []],
  [
    broken.fixedInSpace,
    ['translation', 'net-force'],
    ['rotation', 'net-torque', 'neighbour-list', 'cell-choice', 'extensivity', 'separation', 'extremes', 'phonons'],
  ],
  [broken.anisotropic, ['rotation', 'net-torque'], []],
  [broken.handed, ['reflection'], []],
  [broken.cellDependent, ['cell-choice'], []],
  [broken.nonConservative, ['forces', 'closed-path'], ['nve-drift', 'timestep-order']],
  [broken.wrongStress, ['stress'], []],
  // What is rounded is no longer n times as much in n cells.
  [broken.coarselyRounded, ['rounding'], ['extensivity', 'separation']],
  // Energy that is lost in jumps is missing in the integrals of forces and stress, too; a trimer has its ends cross.
  [
    broken.hardCutoff,
    ['smoothness', 'nve-drift', 'timestep-order'],
    ['cutoff-stiffness', 'curve-kinks', 'rounding', 'forces', 'stress', 'relaxes-back'],
  ],
  [broken.parabolicEnd, ['cutoff-stiffness'], ['curve-kinks', 'forces', 'stress']],
  [broken.missingImages, ['extensivity'], []],
  // Which image is the nearest one changes on the way.
  [broken.nearestImages, ['extensivity'], ['forces', 'stress', 'closed-path', 'nve-drift', 'timestep-order']],
  [broken.countsTwice, ['extensivity', 'separation'], []],
  [broken.longRanged, ['separation'], []],
  [broken.seesTheSkin, ['neighbour-list'], ['nve-drift']],
  [broken.overflowing, ['extremes'], []],
  [broken.noWall, ['dimer-wall', 'trimer-wall'], []],
  [broken.crowded, ['trimer-wall'], []],
  [broken.secondBond, ['dimer-minima'], []],
  [broken.kinked, ['curve-kinks'], ['forces', 'stress', 'closed-path']],
  // A hole on the wall has a bottom, and an edge with two continuous derivatives only.
  [broken.hole, ['stability'], ['relaxes-back', 'dimer-minima']],
  [broken.rippled, ['relaxes-back'], []],
  [broken.torn, ['phonons'], ['relaxes-back', 'stability']],
];

describe('each kind of mistake fails the checks that ask for it, and no other', () => {
  test.each(mistakes.map((row) => [row[0].name, ...row] as const))('%s', async (_, potential, must, may) => {
    const failed = ids(await finish(runChecks(ofMatrix(must, may), context(potential))), 'fail');
    expect(failed).toEqual(expect.arrayContaining(must));
    expect(failed.filter((id) => !must.includes(id) && !may.includes(id))).toEqual([]);
  });

  test('the matrix leaves out no check', () => {
    const blamed = new Set(mistakes.flatMap(([, must]) => must));
    expect([...blamed].sort()).toEqual(checks.map((check) => check.id).sort());
  });

  test('NaN passes nothing', async () => {
    const found = await results(broken.notANumber);
    expect(ids(found, 'pass')).toEqual([]);
    for (const { id, value } of found)
      expect([id, value]).toEqual([id, id === 'extremes' ? expect.any(Number) : undefined]);
  });
});

describe('running checks', () => {
  test('results are plain data, in order, the same for the same seed whatever else is run', async () => {
    const found = await finish(runChecks(quick, context(broken.hardCutoff)));
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    const alone = await finish(runChecks([quick[10]], context(broken.hardCutoff)));
    expect(alone[0]).toEqual(found[10]);
  });

  test('a refusal fails the check and says why; a bug is thrown', async () => {
    const throwing = (error: Error): Potential => ({
      ...broken.sound,
      evaluate: () => {
        throw error;
      },
    });
    const refusal = new NearsightError('too-many-neighbours', 'too crowded');
    const [result] = await finish(runChecks([checks[0]], context(throwing(refusal))));
    expect([result.verdict, result.reason]).toEqual(['fail', 'too crowded']);
    const run = finish(runChecks([checks[0]], context(throwing(new TypeError('bug')))));
    await expect(run).rejects.toThrow('bug');
  });

  test('needs structures of its elements, and can be stopped', async () => {
    const empty = { ...context(broken.sound), structures: [] };
    await expect(finish(runChecks(checks, empty))).rejects.toThrow(/no structure/);
    const foreign = { ...context(stillingerWeber()) };
    await expect(finish(runChecks(checks, foreign))).rejects.toThrow(/does not know element 18/);
    const stopped = { ...context(broken.sound), signal: AbortSignal.abort(new Error('enough')) };
    await expect(finish(runChecks(checks, stopped))).rejects.toThrow('enough');
  });
});
