import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NearsightError } from '../errors.ts';
import type { JsonObject } from '../model/json.ts';
import { createRandom } from '../random.ts';
import { calibrate, calibrateQuantity, intervalFactor, metricsOf, sigmaOf } from './calibration.ts';
import { decodeCalibration, encodeCalibration } from './calibration-file.ts';
import { fitScale } from './fit-scale.ts';
import { coverage, type Residuals, scores } from './metrics.ts';

interface World {
  readonly frames: number;
  readonly atoms?: number;
  readonly floor?: number;
  readonly scale?: number;
  /** Degrees of freedom, an integer; ∞ when absent. */
  readonly tails?: number;
  /** How much the size of the errors varies from frame to frame. */
  readonly moods?: number;
  readonly noise?: number;
  readonly shrink?: number;
}

/** Errors of forces with σ² = noise² + floor² + (scale · u)². */
function world(seed: number, options: World): Residuals {
  const { frames, atoms = 30, floor = 0.02, scale = 3, tails, moods = 0, noise, shrink = 1 } = options;
  const random = createRandom(seed);
  const n = frames * atoms;
  const raw = Float64Array.from({ length: n }, () => 0.01 * Math.exp(0.8 * random.normal()));
  const errors = new Float64Array(3 * n);
  for (let frame = 0; frame < frames; frame++) {
    const mood = Math.exp(moods * random.normal()) * shrink;
    for (let i = frame * atoms; i < (frame + 1) * atoms; i++) {
      const sigma = Math.hypot(noise ?? 0, floor, scale * raw[i]) * mood;
      for (let c = 3 * i; c < 3 * i + 3; c++) errors[c] = sigma * deviate(random, tails);
    }
  }
  return {
    errors,
    components: 3,
    frames: Int32Array.from({ length: n }, (_, i) => Math.floor(i / atoms)),
    raw,
    noise: noise === undefined ? null : new Float64Array(n).fill(noise),
    fixed: new Uint8Array(n),
  };
}

/** Student's t of variance 1. */
function deviate(random: ReturnType<typeof createRandom>, tails?: number): number {
  if (tails === undefined) return random.normal();
  let chi = 0;
  for (let k = 0; k < tails; k++) chi += random.normal() ** 2;
  return random.normal() / Math.sqrt(chi / (tails - 2));
}

describe('the law of σ', () => {
  it('is found again: floor, scale and tails', () => {
    for (const tails of [4, 8]) {
      const found = fitScale(world(3, { frames: 60, tails }));
      expect(found.floor / 0.02).toBeCloseTo(1, 0.7);
      expect(found.scale / 3).toBeCloseTo(1, 0.7);
      expect(found.tails! / tails).toBeGreaterThan(0.7);
      expect(found.tails! / tails).toBeLessThan(1.5);
    }
    const normal = fitScale(world(3, { frames: 60 }));
    expect(normal.tails === null || normal.tails > 20).toBe(true);
  });

  it('has the unit of the errors: eV or meV say the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: -8, max: 8 }), (power) => {
        const one = world(4, { frames: 4, tails: 5 });
        const unit = 2 ** power;
        const other = fitScale({ ...one, errors: one.errors.map((e) => unit * e), raw: one.raw.map((u) => 4 * u) });
        const own = fitScale(one);
        expect(other.floor / (unit * own.floor)).toBeCloseTo(1, 6);
        expect((4 * other.scale) / (unit * own.scale)).toBeCloseTo(1, 6);
      }),
      { seed: 3, numRuns: 4 },
    );
  });

  it('leaves to the noise of labels what is theirs', () => {
    const noisy = world(5, { frames: 60, floor: 0.001, noise: 0.05 });
    const found = fitScale(noisy);
    expect(found.floor).toBeLessThan(0.02);
    expect(found.scale / 3).toBeCloseTo(1, 0.5);
    expect(fitScale({ ...noisy, noise: null }).floor).toBeCloseTo(0.05, 2);
  });
});

it('noise of labels is part of σ where it explains errors, and only there', () => {
  // Labels of every other frame are noisy, and it is known which.
  const mixed = (seed: number): Residuals => {
    const clean = world(seed, { frames: 30 });
    const random = createRandom(seed + 1);
    const noise = Float64Array.from(clean.frames, (f) => (f % 2 === 0 ? 0.001 : 0.15));
    const errors = clean.errors.map((e, k) => e + noise[Math.floor(k / 3)] * random.normal());
    return { ...clean, errors, noise };
  };
  const law = calibrateQuantity(mixed(1), null, 5)!;
  expect(law.noise).toBe(true);
  const test = mixed(2);
  const z = scores(test.errors, sigmaOf(law, test));
  for (const parity of [0, 1]) {
    const half = z.filter((_, k) => test.frames[Math.floor(k / 3)] % 2 === parity);
    expect(coverage(half, intervalFactor(law, 0.9)!)).toBeCloseTo(0.9, 1);
  }
  expect(calibrateQuantity(world(1, { frames: 30, noise: 0.01 }), null, 5)!.noise).toBe(false);
});

it('noise needs evidence: on 25 energies chance is not enough, and it may not silence the spread', () => {
  let taken = 0;
  for (let seed = 0; seed < 30; seed++) {
    const random = createRandom(seed);
    const raw = Float64Array.from({ length: 25 }, () => 0.001 * Math.exp(0.8 * random.normal()));
    const noise = raw.map(() => 0.002 * Math.exp(0.8 * random.normal()));
    const errors = raw.map((u, i) => Math.hypot(0.5 * u, 0.5 * noise[i]) * random.normal());
    const all = {
      errors,
      components: 1,
      frames: Int32Array.from(raw, (_, i) => i),
      raw,
      noise,
      fixed: new Uint8Array(25),
    };
    const law = calibrateQuantity(all, null, 10)!;
    if (!law.noise) continue;
    taken++;
    const without = calibrateQuantity({ ...all, noise: null }, null, 10)!;
    expect(25 * (without.metrics.nll - law.metrics.nll)).toBeGreaterThan(3);
    const epistemic = law.scale * Math.hypot(...raw);
    expect(epistemic / Math.hypot(...errors)).toBeGreaterThan(0.03);
  }
  // Where it is well founded it is taken all the same.
  expect(taken).toBeGreaterThan(8);
});

describe('intervals', () => {
  it('hold what they state on other frames, on average, also where frames differ from each other', () => {
    for (const moods of [0, 0.3]) {
      const held = Array.from({ length: 15 }, (_, k) => {
        const law = calibrateQuantity(world(100 + k, { frames: 20, moods, tails: 5 }), null, 5)!;
        const test = world(500 + k, { frames: 40, moods, tails: 5 });
        return coverage(scores(test.errors, sigmaOf(law, test)), intervalFactor(law, 0.9)!);
      });
      const mean = held.reduce((sum, share) => sum + share, 0) / held.length;
      expect(mean).toBeGreaterThan(0.89);
      expect(mean).toBeLessThan(0.92);
    }
  });

  it('are closer to what they state with training frames that do not flatter, and do without those that do', () => {
    const spreadOf = (shrink: number): { error: number; taken: number } => {
      let [square, taken] = [0, 0];
      for (let k = 0; k < 20; k++) {
        const train = world(900 + k, { frames: 60, moods: 0.3, shrink });
        const law = calibrateQuantity(world(100 + k, { frames: 15, moods: 0.3 }), train, 5)!;
        const test = world(500 + k, { frames: 100, moods: 0.3 });
        square += (coverage(scores(test.errors, sigmaOf(law, test)), intervalFactor(law, 0.9)!) - 0.9) ** 2 / 20;
        taken += law.frames.train > 0 ? 1 : 0;
      }
      return { error: Math.sqrt(square), taken };
    };
    const [fair, flattering] = [spreadOf(1), spreadOf(0.6)];
    expect(fair.taken).toBeGreaterThan(10);
    expect(flattering.taken).toBe(0);
    expect(fair.error).toBeLessThan(0.9 * flattering.error);
  });

  it('are not made from too little', () => {
    expect(calibrateQuantity(world(1, { frames: 4 }), null, 5)).toBeNull();
    const silent = world(1, { frames: 10 });
    expect(calibrateQuantity({ ...silent, raw: silent.raw.map(() => 0) }, null, 5)).toBeNull();
    expect(calibrateQuantity({ ...silent, fixed: silent.fixed.map(() => 1) }, null, 5)).toBeNull();
    // One label a frame: ten frames can say nothing of 95 %.
    const few = world(1, { frames: 10, atoms: 1 });
    const law = calibrateQuantity({ ...few, errors: few.errors.filter((_, k) => k % 3 === 0), components: 1 }, null, 5);
    expect(intervalFactor(law!, 0.5)).not.toBeNull();
    expect(intervalFactor(law!, 0.95)).toBeNull();
  });
});

it('what symmetry fixes is no witness: the law does not see it, the rank correlation does', () => {
  const free = world(6, { frames: 20 });
  const n = free.raw.length;
  const fixed: Residuals = {
    ...free,
    errors: Float64Array.from([...free.errors, ...new Float64Array(3 * n)]),
    raw: Float64Array.from([...free.raw, ...new Float64Array(n)]),
    frames: Int32Array.from([...free.frames, ...free.frames]),
    fixed: Uint8Array.from([...free.fixed, ...new Uint8Array(n).fill(1)]),
  };
  const law = calibrateQuantity(fixed, null, 5)!;
  expect(law.floor).toBe(calibrateQuantity(free, null, 5)!.floor);
  const metrics = metricsOf(fixed, law)!;
  expect(metrics.fixed).toBe(3 * n);
  expect(metrics.spearman).toBeGreaterThan(metrics.spearmanFree + 0.05);
});

describe('in a model file', () => {
  const residuals = { energy: null, forces: world(1, { frames: 12, tails: 6 }), stress: null };
  const about = { frames: 12, atoms: 360, groups: ['a'], how: 'by hand' };
  const calibration = calibrate('heads', { heldOut: residuals, train: null }, about)!;

  it('comes back as it was; nothing is nothing', () => {
    expect(decodeCalibration(encodeCalibration(calibration))).toEqual(calibration);
    expect(decodeCalibration(null)).toBeNull();
  });

  it('nonsense is refused', () => {
    const record = JSON.parse(JSON.stringify(encodeCalibration(calibration))) as { forces: Record<string, unknown> };
    const broken = (change: object): JsonObject =>
      ({ ...record, forces: { ...record.forces, ...change } }) as unknown as JsonObject;
    for (const change of [
      { floor: -1 },
      { floor: 0 },
      { scale: 'much' },
      { tails: 1 },
      { surprise: 3 },
      {
        intervals: [
          { coverage: 0.9, factor: 2 },
          { coverage: 0.5, factor: 1 },
        ],
      },
    ]) {
      expect(() => decodeCalibration(broken(change))).toThrow(NearsightError);
    }
    expect(() => decodeCalibration({ ...encodeCalibration(calibration), version: 2 })).toThrow(/version 2/);
  });
});
