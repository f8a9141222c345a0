/**
 * Potentials that are wrong in one way each, for tests of the checks. Each is a Lennard-Jones crystal spoiled as
 * little as possible: whatever is not said to be broken is right.
 */
import type { Evaluation, Potential } from '../model/potential.ts';
import { addRadial, lennardJones, localPotential, quinticSwitch, type Surroundings } from '../model/testing.ts';

const CUTOFF = 6.5;
/** Argon ten times as strong, so that it is solid at 300 K. */
const STRONG = { epsilon: 0.1, cutoff: CUTOFF };

export const sound: Potential = { ...lennardJones(STRONG), name: 'sound' };

/** Changes what the sound potential says. */
function spoilt(
  name: string,
  spoil: (evaluation: Evaluation, ...of: Parameters<Potential['evaluate']>) => Evaluation,
): Potential {
  return { ...sound, name, evaluate: (structure, list) => spoil(sound.evaluate(structure, list), structure, list) };
}

/** Adds a local energy to the sound potential. */
function withLocal(name: string, energyOf: (at: Surroundings) => number, keepSkin = false): Potential {
  const extra = localPotential({ name, cutoff: CUTOFF, elements: sound.elements, energyOf, keepSkin });
  return spoilt(name, (a, structure, list) => {
    const b = extra.evaluate(structure, list);
    const add = (x: Float64Array, y: Float64Array): Float64Array => x.map((v, k) => v + y[k]);
    return {
      energy: a.energy + b.energy,
      atomicEnergies: add(a.atomicEnergies, b.atomicEnergies),
      forces: add(a.forces, b.forces),
      strainGradient: add(a.strainGradient, b.strainGradient),
    };
  });
}

/** Atoms with odd numbers bind a little more strongly. */
export const indexed: Potential = withLocal('index-dependent', (at) => {
  if (at.centre % 2 === 0) return 0;
  let energy = 0;
  for (let e = 0; e < at.count; e++) {
    const [s, ds] = quinticSwitch(at.distance[e], 2, CUTOFF);
    energy -= 1e-3 * s;
    addRadial(at, e, -1e-3 * ds);
  }
  return energy;
});

/** The pair energy is cut off where it still is not zero. */
export const hardCutoff: Potential = { ...lennardJones({ ...STRONG, onset: CUTOFF }), name: 'hard cutoff' };

/** Pairs are drawn together, more strongly where it is crowded: central forces that are no gradient. */
const drawn = localPotential({
  name: 'drawn',
  cutoff: CUTOFF,
  elements: sound.elements,
  energyOf(at) {
    let crowd = 0;
    for (let e = 0; e < at.count; e++) crowd += quinticSwitch(at.distance[e], 3, 5)[0];
    for (let e = 0; e < at.count; e++) addRadial(at, e, 1e-3 * crowd * quinticSwitch(at.distance[e], 2, CUTOFF)[0]);
    return 0;
  },
});
export const nonConservative: Potential = spoilt('non-conservative forces', (a, structure, list) => {
  const b = drawn.evaluate(structure, list);
  return { ...a, forces: a.forces.map((f, c) => f + b.forces[c]) };
});

export const wrongStress: Potential = spoilt('stress of the wrong sign', (a) => ({
  ...a,
  strainGradient: a.strainGradient.map((g) => -g),
}));

/** Forgets that an atom feels its own periodic images. */
export const missingImages: Potential = localPotential({
  name: 'no self-images',
  cutoff: CUTOFF,
  elements: sound.elements,
  energyOf(at) {
    let energy = 0;
    for (let e = 0; e < at.count; e++) {
      if (at.owner[e] === at.centre) continue;
      const [s, ds] = quinticSwitch(at.distance[e], 2, CUTOFF);
      energy -= 0.1 * s;
      addRadial(at, e, -0.1 * ds);
    }
    return energy;
  },
});

/** An invisible grating lies in space. */
export const fixedInSpace: Potential = spoilt('fixed in space', (a, structure) => {
  const q = [0.9, 1.1, 0.7];
  const atomicEnergies = a.atomicEnergies.slice();
  const forces = a.forces.slice();
  const strainGradient = a.strainGradient.slice();
  const { positions } = structure;
  for (let i = 0; i < atomicEnergies.length; i++) {
    const r = positions.subarray(3 * i, 3 * i + 3);
    const phase = q[0] * r[0] + q[1] * r[1] + q[2] * r[2];
    atomicEnergies[i] += 0.01 * Math.cos(phase);
    for (let c = 0; c < 3; c++) {
      forces[3 * i + c] += 0.01 * q[c] * Math.sin(phase);
      for (let b = 0; b < 3; b++) strainGradient[3 * b + c] -= 0.005 * Math.sin(phase) * (q[c] * r[b] + q[b] * r[c]);
    }
  }
  return { energy: atomicEnergies.reduce((sum, e) => sum + e, 0), atomicEnergies, forces, strainGradient };
});

/** Bonds along z are stronger. */
export const anisotropic: Potential = withLocal('anisotropic', (at) => {
  let energy = 0;
  for (let e = 0; e < at.count; e++) {
    const [s, ds] = quinticSwitch(at.distance[e], 2, CUTOFF);
    const z = at.vector[3 * e + 2];
    energy -= 1e-3 * s * z * z;
    addRadial(at, e, -1e-3 * ds * z * z);
    at.gradient[3 * e + 2] -= 2e-3 * s * z;
  }
  return energy;
});

/** Left-handed surroundings are favoured: a · (b × c) of three weighted sums of neighbour vectors. */
export const handed: Potential = withLocal('left-handed', (at) => {
  const ends = [4, 5, CUTOFF];
  const sums = ends.map(() => [0, 0, 0]);
  for (let e = 0; e < at.count; e++) {
    for (const [k, end] of ends.entries()) {
      const [s] = quinticSwitch(at.distance[e], 2, end);
      for (let c = 0; c < 3; c++) sums[k][c] += s * at.vector[3 * e + c];
    }
  }
  const [a, b, c] = sums;
  const slopes = [cross(b, c), cross(c, a), cross(a, b)];
  for (let e = 0; e < at.count; e++) {
    for (const [k, end] of ends.entries()) {
      const [s, ds] = quinticSwitch(at.distance[e], 2, end);
      const along = slopes[k].reduce((sum, w, x) => sum + w * at.vector[3 * e + x], 0);
      addRadial(at, e, 0.05 * ds * along);
      for (let x = 0; x < 3; x++) at.gradient[3 * e + x] += 0.05 * s * slopes[k][x];
    }
  }
  return 0.05 * (a[0] * slopes[0][0] + a[1] * slopes[0][1] + a[2] * slopes[0][2]);
});

const cross = (a: number[], b: number[]): number[] => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Every atom counts once for each atom there is. */
export const countsTwice: Potential = spoilt('energy ∝ N²', (a) => {
  const factor = a.atomicEnergies.length / 8;
  return {
    energy: factor * a.energy,
    atomicEnergies: a.atomicEnergies.map((e) => factor * e),
    forces: a.forces.map((f) => factor * f),
    strainGradient: a.strainGradient.map((g) => factor * g),
  };
});

/** Pairs count that are in the list only because of its skin. */
export const seesTheSkin: Potential = withLocal(
  'sees the skin',
  (at) => {
    let energy = 0;
    for (let e = 0; e < at.count; e++) {
      const beyond = Math.max(0, at.distance[e] - CUTOFF);
      energy += 0.01 * beyond ** 3;
      addRadial(at, e, 0.03 * beyond ** 2);
    }
    return energy;
  },
  true,
);

export const notANumber: Potential = spoilt('NaN', (a) => ({
  energy: Number.NaN,
  atomicEnergies: a.atomicEnergies.map(() => Number.NaN),
  forces: a.forces.map(() => Number.NaN),
  strainGradient: a.strainGradient.map(() => Number.NaN),
}));

/** Positions and results rounded to 24 bits: what a fast kernel does. */
export const singlePrecision: Potential = {
  ...sound,
  name: 'single precision',
  evaluate(structure, list) {
    const a = sound.evaluate({ ...structure, positions: structure.positions.map(Math.fround) }, list);
    const atomicEnergies = a.atomicEnergies.map(Math.fround);
    return {
      energy: atomicEnergies.reduce((sum, e) => sum + e, 0),
      atomicEnergies,
      forces: a.forces.map(Math.fround),
      strainGradient: a.strainGradient.map(Math.fround),
    };
  },
};
