import { createRandom, type Random } from '../random.ts';
import { GPA } from '../units.ts';
import type { Decay } from '../validation/locality/decay.ts';
import { paritySet } from './parity-set.ts';
import type {
  DynamicsReport,
  ErrorRow,
  ErrorStatistics,
  LearningCurve,
  Parity,
  ParitySet,
  PropertyReport,
  ReportData,
} from './report-data.ts';
import type { LocalityReport, UncertaintyOn } from './trust-data.ts';
import { uncertaintyScatter } from './uncertainty-set.ts';

/**
 * A complete report with invented numbers of a plausible size (silicon, a small model): for tests, and for whoever
 * wants to see what a report looks like before there is a model.
 */
export function exampleReportData(): ReportData {
  const random = createRandom(7);
  return {
    schema: 1,
    name: 'silicon-example',
    elements: ['Si'],
    date: '2026-02-14',
    generator: 'nearsight 0.1.0',
    speed: {
      microsecondsPerAtom: 4.62,
      atoms: 8000,
      threads: 1,
      machine: 'one core of a 2.6 GHz server',
      timesFasterThanDft: 236147,
      dft: 'pw.x 6.7, 8 atoms, 8.7 s on one core',
    },
    data: exampleData(),
    learning: exampleLearning(random),
    errors: {
      train: row('training', 119, 976, [1.21, 1.62], [31.2, 44.8], [0.081, 0.118]),
      validation: row('validation', 15, 120, [1.64, 2.13], [47.5, 70.1], [0.112, 0.163]),
      test: row('held-out', 15, 128, [1.83, 2.58], [54.3, 81.7], [0.127, 0.189]),
      groups: [
        row('hydrostatic', 3, 24, [0.92, 1.05], [0.4, 0.6], [0.104, 0.141]),
        row('rattle_300K', 4, 32, [0.71, 0.88], [24.6, 31.9], [0.062, 0.08]),
        row('rattle_1200K', 4, 32, [1.86, 2.21], [66.2, 88.4], [0.131, 0.177]),
        row('md_900K', 3, 24, [1.34, 1.61], [48.9, 63.5], [0.098, 0.126]),
        row('liquid_16', 1, 16, [7.9, 7.9], [141, 186], [0.412, 0.533]),
      ],
      elements: [{ name: 'Si', atoms: 128, forces: statistics(54.3, 81.7, 384, 1e-3) }],
      forceSize: 0.84,
      related: { frames: 4, of: 15 },
      leakFree: row('held-out, no relatives', 11, 96, [1.9, 2.7], [58.1, 86.2], [0.131, 0.194]),
    },
    parity: exampleParity(random),
    checks: CHECKS,
    properties: exampleProperties(random),
    dynamics: exampleDynamics(random),
    species: exampleSpecies(),
    ...exampleTrust(random),
    card: {
      weights: 8962,
      cutoff: 5,
      sha256: '3f1c9a77d2b04e8856c1d02f8f6a5b19c7e3d4a00b9187264fd35ce1a8709b42',
      seed: 7,
      hyperparameters: { 'radial functions': 8, 'largest angular momentum': 3, channels: 16, readout: '2 × 32, tanh' },
      training: { epochs: 240, 'batch size': 8, 'learning rate': 0.01, 'weight of forces': 1, 'moving average': true },
      versions: { nearsight: '0.1.0', Node: '20.19.0', kernels: 'fast (SIMD), 1 thread' },
      intendedUse:
        'Solid silicon in the diamond structure up to about 1200 K and strains of a few per cent; elastic and vibrational properties.',
      notFor: ['surfaces, defects and grain boundaries', 'pressures above 15 GPa', 'quantitative work on the liquid'],
      licence: 'model and data: CC0 1.0',
      citation: 'nearsight 0.1.0, https://example.org/nearsight',
      command: 'nearsight train data/si8-pbe.extxyz --time 60s --seed 7 --out silicon-example.safetensors',
    },
  };
}

/** Scope, uncertainty, domain and method, with errors that are somewhat larger than they should be. */
function exampleTrust(
  random: Random,
): Pick<ReportData, 'purpose' | 'scope' | 'uncertainty' | 'domain' | 'locality' | 'method'> {
  const sigma = Array.from({ length: 600 }, () => 0.05 * Math.exp(0.7 * random.normal()));
  const errors = sigma.map((s) => Math.abs(1.15 * s * random.normal()));
  const cloud = (n: number, width: number, shift: number): { x: number[]; y: number[] } => ({
    x: Array.from({ length: n }, () => shift + width * random.normal()),
    y: Array.from({ length: n }, () => width * random.normal()),
  });
  return {
    purpose: 'elastic constants and surfaces of Si at 300 K',
    scope: {
      frames: 119,
      atoms: 976,
      groups: [
        { name: 'md_900K', frames: 42 },
        { name: 'rattle_300K', frames: 32 },
        { name: 'rattle_1200K', frames: 32 },
        { name: 'hydrostatic', frames: 11 },
      ],
      kinds: { bulk: 119, surface: 0, molecule: 0 },
      temperature: { min: 300, max: 1200 },
      volumePerAtom: { min: 17.1, max: 24.2 },
      restingVolume: 20.5,
      pressure: { min: -8 * GPA, max: 21 * GPA },
      largestForce: 6.1,
      shortest: [{ pair: 'Si–Si', distance: 2.02 }],
    },
    uncertainty: {
      estimator: 'spread of 4 heads',
      calibrated: true,
      heldOut: { frames: 15, atoms: 120, how: 'blocks of neighbouring frames of every group' },
      energy: { heldOut: onFrames(15, 0.002, 15) },
      forces: { heldOut: onFrames(15, 0.06, 360), given: onFrames(15, 0.07, 384, 1.15) },
      scatter: uncertaintyScatter(sigma, errors),
      forceParts: { epistemic: 0.054, aleatoric: 0.012 },
    },
    domain: {
      limit: 3.1,
      frames: 15,
      atoms: 128,
      framesOutside: 1,
      atomsOutside: 2,
      sentences: ['Si atom 17 of frame 3 (liquid_16): environment 4.2 σ from training; nearest training frame 31'],
      map: {
        training: cloud(400, 1, 0),
        inside: cloud(100, 0.8, 0.2),
        outside: cloud(2, 0.2, 4),
        explained: [0.61, 0.17],
      },
    },
    locality: exampleLocality(),
    method: {
      descriptor: 'density',
      cutoff: 5,
      radial: 8,
      lmax: 3,
      bodyOrder: 4,
      channels: 16,
      hidden: [32, 32],
      heads: 4,
      weights: 8962,
      repulsion: 'ZBL',
      loss: { energy: 4, forces: 1, stress: 0.5 },
      optimiser: 'soap',
      rate: 0.01,
      batch: 8,
      epochs: 240,
      keptEpoch: 233,
      seed: 7,
      version: '0.1.0',
      training: 119,
      validation: 15,
      split: 'frames of one trajectory stay together',
      sources: [
        {
          source: 'si8-pbe.extxyz',
          sha256: '9b2f6c0d1e7a45339db8810ce2f7a6d4510c8be3f29760aa13d5e6b4c78f9021',
          frames: 149,
        },
      ],
    },
  };
}

/** A power law, an exponential one and a potential that ends. */
function exampleLocality(): LocalityReport {
  const radius = [4, 5, 6, 7, 8, 9, 10];
  const decay: Decay = {
    exponential: { length: 0.67, uncertainty: 0.04, amplitude: 30 },
    power: { exponent: 1.51, uncertainty: 0.09, amplitude: 0.8 },
    ...{ better: 'power', evidence: 12, points: 7 },
  };
  return {
    cutoff: 5,
    outside: [
      { name: 'insulator (NaCl)', kind: 'insulator', radius, sigma: radius.map((r) => 0.8 * r ** -1.5), decay },
      {
        ...{ name: 'metal (Na)', kind: 'metal', radius, sigma: radius.map((r) => 30 * Math.exp(-r / 0.67)) },
        decay: { ...decay, better: 'exponential' },
      },
      { name: 'this potential', kind: 'potential', radius, sigma: [0.03, 0.02, 0.01, 0.005, 0, 0, 0] },
    ],
    data: { radius: [3, 4, 5, 6], error: [0.3, 0.2, 0.17, 0.17], verdict: 'An atom needs to see 5 Å.' },
  };
}

/** As C-shaped as errors make it that are larger by `factor` than stated. */
function onFrames(frames: number, sharpness: number, count: number, factor = 1): UncertaintyOn {
  const observed = (share: number): number => share ** (1 + 1.6 * (factor - 1));
  const levels = Array.from({ length: 19 }, (_, k) => 0.05 * (k + 1));
  return {
    frames,
    reliability: levels.map((expected) => ({ expected, observed: observed(expected) })),
    metrics: {
      count,
      rmse: factor * sharpness,
      miscalibrationArea: 0.06 * (factor - 0.9),
      sharpness,
      spearman: 0.86,
      spearmanError: 0.03,
      coverage: [0.5, 0.9, 0.95].map((stated) => ({ stated, observed: observed(stated) })),
      recallWorstTenth: 0.52,
    },
  };
}

/** Of an invented potential for more elements than silicon. */
function exampleSpecies(): NonNullable<ReportData['species']> {
  return {
    symbols: ['Li', 'O', 'Na', 'Mg', 'Si', 'Fe', 'La'],
    families: ['alkali', 'nonmetal', 'alkali', 'earth', 'pblock', 'dmetal', 'fmetal'],
    x: [-0.62, 1.1, -0.7, -0.2, 0.31, -0.01, 0.12],
    y: [0.21, 0.05, 0.27, 0.12, -0.4, -0.33, 0.08],
    explained: [0.61, 0.22],
    compared: 'as neighbours and as centres',
    nearest: [['Na'], ['Si'], ['Li'], ['La'], ['Fe'], ['Si'], ['Mg']],
    groups: { pairs: 2, meanRank: 1, chance: 3.5, probability: 0.004 },
  };
}

function exampleData(): ReportData['data'] {
  return {
    source: 'data/si8-pbe.extxyz',
    sha256: '9b2f6c0d1e7a45339db8810ce2f7a6d4510c8be3f29760aa13d5e6b4c78f9021',
    frames: 149,
    atoms: 1224,
    levelOfTheory: 'PBE, plane waves 30 Ry, 3×3×3 k-points, Quantum ESPRESSO 6.7',
    licence: 'CC0 1.0',
    split:
      'Frames of one trajectory or one deformation series stay together: 119 frames for training, 15 for validation (they choose the epoch that is kept) and 15 that were looked at only once, after training.',
    groups: [
      { name: 'hydrostatic', frames: 17, atoms: 136, train: 11, validation: 3, test: 3 },
      { name: 'rattle_300K', frames: 40, atoms: 320, train: 32, validation: 4, test: 4 },
      { name: 'rattle_1200K', frames: 40, atoms: 320, train: 32, validation: 4, test: 4 },
      { name: 'md_900K', frames: 48, atoms: 384, train: 42, validation: 3, test: 3 },
      { name: 'liquid_16', frames: 4, atoms: 64, train: 2, validation: 1, test: 1 },
    ],
    findings: [
      { code: 'stress-sign-consistent', severity: 'info', message: 'stress is positive in tension on all 149 frames' },
      { code: 'near-duplicate', severity: 'warning', frame: 71, message: 'differs from frame 70 by less than 0.01 Å' },
      { code: 'rare-group', severity: 'warning', message: 'group "liquid_16" has 4 frames: its errors are uncertain' },
    ],
  };
}

/** Numbers in meV/atom, meV/Å and GPa, [MAE, RMSE]. */
function row(
  name: string,
  frames: number,
  atoms: number,
  ...[energy, forces, stress]: [[number, number], [number, number], [number, number]]
): ErrorRow {
  return {
    name,
    frames,
    atoms,
    energy: statistics(energy[0], energy[1], frames, 1e-3),
    forces: statistics(forces[0], forces[1], 3 * atoms, 1e-3),
    stress: statistics(stress[0], stress[1], 6 * frames, GPA),
  };
}

function statistics(mae: number, rmse: number, count: number, unit: number): ErrorStatistics {
  return { mae: mae * unit, rmse: rmse * unit, max: 4 * rmse * unit, count };
}

function exampleLearning(random: Random): LearningCurve {
  const points = Array.from({ length: 240 }, (_, i) => {
    const epoch = i + 1;
    const fall = (start: number, floor: number): number => floor + start * epoch ** -1.1 * (1 + 0.12 * random.normal());
    return {
      epoch,
      seconds: 0.25 * epoch,
      learningRate: 0.01 * 0.5 * (1 + Math.cos((Math.PI * i) / 240)),
      train: { energy: fall(0.2, 0.0015), forces: fall(1.1, 0.042), stress: fall(3, 0.11) * GPA },
      validation: { energy: fall(0.2, 0.0021), forces: fall(1.1, 0.068), stress: fall(3, 0.155) * GPA },
    };
  });
  return { measure: 'RMSE', points, keptEpoch: 233 };
}

function exampleParity(random: Random): Parity {
  const set = (n: number, reference: () => number, error: number): ParitySet => {
    const values = Array.from({ length: n }, reference);
    // Errors of a potential have longer tails than a Gaussian: their own width varies.
    const predicted = values.map((value) => value + error * random.normal() * Math.exp(0.6 * random.normal()));
    return paritySet(values, predicted);
  };
  const energy = (): number => -107.08 + 0.12 * random.normal() ** 2;
  const force = (): number => 0.8 * random.normal() * Math.exp(0.4 * random.normal());
  const stress = (): number => 4 * GPA * random.normal();
  return {
    energy: { train: set(119, energy, 0.0012), test: set(15, energy, 0.002) },
    forces: { train: set(2928, force, 0.034), test: set(384, force, 0.062) },
    stress: { train: set(714, stress, 0.09 * GPA), test: set(90, stress, 0.14 * GPA) },
  };
}

const CHECKS: ReportData['checks'] = [
  {
    id: 'forces-are-gradient',
    question: 'Are the forces minus the derivative of the energy?',
    value: 3.1e-7,
    limit: 1e-4,
    unit: 'eV/Å',
    verdict: 'pass',
    reason: 'largest difference from central differences, 24 components',
  },
  {
    id: 'stress-is-gradient',
    question: 'Is the stress the derivative of the energy with strain?',
    value: 8.4e-6,
    limit: 1e-3,
    unit: 'GPa',
    verdict: 'pass',
    reason: 'all six components, two structures',
  },
  {
    id: 'rotation',
    question: 'Does a rotated crystal have the same energy?',
    value: 2.2e-12,
    limit: 1e-6,
    unit: 'eV',
    verdict: 'pass',
  },
  {
    id: 'smooth-cutoff',
    question: 'Are the forces continuous when an atom crosses the cutoff?',
    value: 0.00041,
    limit: 0.01,
    unit: 'eV/Å',
    verdict: 'pass',
  },
  {
    id: 'phonons-stable',
    question: 'Is the diamond structure dynamically stable?',
    value: 0.012,
    limit: 0,
    comparison: '≥',
    unit: 'THz',
    verdict: 'pass',
    reason: 'lowest frequency on a 4×4×4 mesh; an imaginary one counts as negative',
  },
  {
    id: 'nve-drift',
    question: 'Is the energy conserved in molecular dynamics?',
    value: 0.0021,
    limit: 0.1,
    unit: 'meV/atom/ps',
    verdict: 'pass',
    reason: '20 ps at 300 K with a time step of 1 fs',
  },
  {
    id: 'close-contact',
    question: 'Do two atoms repel each other at short distance?',
    value: 1.32,
    limit: 0.9,
    unit: 'Å',
    verdict: 'fail',
    reason: 'the pair energy has a maximum at 1.32 Å and falls inside: add a pair repulsion',
  },
  {
    id: 'committee-calibration',
    question: 'Is the predicted uncertainty as large as the errors?',
    unit: '',
    verdict: 'skipped',
    reason: 'the model has no committee',
  },
];

/** A Birch–Murnaghan curve, eV/atom, for a volume in Å³/atom. */
function birchMurnaghan(volume: number, v0: number, bulk: number): number {
  const eta = (v0 / volume) ** (2 / 3);
  return -107.081 + ((9 * v0 * bulk * GPA) / 16) * ((eta - 1) ** 3 * 4.2 + (eta - 1) ** 2 * (6 - 4 * eta));
}

function exampleProperties(random: Random): PropertyReport {
  const volumes = Array.from({ length: 81 }, (_, i) => 16 + 0.12 * i);
  const measured = volumes.filter((_, i) => i % 8 === 0);
  const strains = Array.from({ length: 61 }, (_, i) => -0.06 + 0.002 * i);
  const coarse = strains.filter((_, i) => i % 6 === 0);
  const pull = (strain: number): number => (153 * strain - 480 * strain ** 2) * GPA;
  return {
    reference: 'PBE with the settings of the labels',
    table: [
      {
        name: 'Lattice constant a0',
        unit: 'Å',
        value: 5.4741,
        uncertainty: 0.0008,
        reference: 5.476,
        experiment: 5.431,
      },
      { name: 'Bulk modulus B0', unit: 'GPa', value: 88.6, uncertainty: 0.9, reference: 87.1, experiment: 98 },
      { name: 'Elastic constant C11', unit: 'GPa', value: 151.2, uncertainty: 2.1, reference: 153.4, experiment: 166 },
      { name: 'Elastic constant C12', unit: 'GPa', value: 57.4, uncertainty: 1.4, reference: 56.1, experiment: 64 },
      { name: 'Elastic constant C44', unit: 'GPa', value: 71.8, uncertainty: 1.8, reference: 74.6, experiment: 80 },
    ],
    energyVolume: {
      potential: { volume: volumes, energy: volumes.map((v) => birchMurnaghan(v, 20.51, 88.6)) },
      reference: { volume: measured, energy: measured.map((v) => birchMurnaghan(v, 20.53, 87.1)) },
    },
    stressStrain: [
      {
        name: 'uniaxial, σxx',
        potential: { strain: strains, stress: strains.map(pull) },
        reference: { strain: coarse, stress: coarse.map((e) => pull(e) + 0.08 * GPA * random.normal()) },
      },
    ],
  };
}

function exampleDynamics(random: Random): DynamicsReport {
  const time = Array.from({ length: 2001 }, (_, i) => 10 * i);
  const atoms = 512;
  let wave = 0;
  const temperatures = time.map(() => 300 + (wave = 0.9 * wave + 4.6 * random.normal()));
  return {
    ensemble: 'NVE after 5 ps of NVT',
    atoms,
    timestep: 1,
    temperature: 300,
    time,
    totalEnergy: time.map((t) => -54824 + atoms * 1e-3 * (2.1e-6 * t + 0.008 * random.normal())),
    temperatures,
    driftMeVPerAtomPerPs: 0.0021,
  };
}
