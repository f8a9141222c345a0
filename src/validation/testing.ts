/**
 * Potentials that are wrong in one way each, for tests of the checks. Each is a Lennard-Jones crystal spoiled as
 * little as possible: whatever is not said to be broken is right.
 */
import type { Evaluation, Potential } from '../model/potential.ts';
import {
  addRadial,
  lennardJones,
  lennardJonesPair,
  localPotential,
  quinticSwitch,
  type Surroundings,
} from '../model/testing.ts';
import { cellVolume } from '../structure/cell.ts';

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
export const missingImages: Potential = withLocal('no self-images', (at) => {
  let energy = 0;
  for (let e = 0; e < at.count; e++) {
    if (at.owner[e] === at.centre) continue;
    const [s, ds] = quinticSwitch(at.distance[e], 2, CUTOFF);
    energy -= 1e-3 * s;
    addRadial(at, e, -1e-3 * ds);
  }
  return energy;
});

/** Of every other atom only the nearest image is seen, as codes do that were written for large cells. */
export const nearestImages: Potential = withLocal('nearest images only', (at) => {
  const nearest = new Map<number, number>();
  for (let e = 0; e < at.count; e++) {
    if (at.owner[e] === at.centre) continue;
    const known = nearest.get(at.owner[e]);
    if (known === undefined || at.distance[e] < at.distance[known]) nearest.set(at.owner[e], e);
  }
  let energy = 0;
  for (const e of nearest.values()) {
    const [s, ds] = quinticSwitch(at.distance[e], 2, CUTOFF);
    energy -= 1e-3 * s;
    addRadial(at, e, -1e-3 * ds);
  }
  return energy;
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

/** Vectors and results rounded to 24 bits: what a fast kernel does. */
export const singlePrecision: Potential = {
  ...sound,
  name: 'single precision',
  evaluate(structure, list) {
    // Relative to an atom, as vectors between neighbours are: far from the origin there would be nothing left.
    const { positions } = structure;
    const rounded = positions.map((r, c) => positions[c % 3] + Math.fround(r - positions[c % 3]));
    const a = sound.evaluate({ ...structure, positions: rounded }, list);
    const atomicEnergies = a.atomicEnergies.map(Math.fround);
    return {
      energy: atomicEnergies.reduce((sum, e) => sum + e, 0),
      atomicEnergies,
      forces: a.forces.map(Math.fround),
      strainGradient: a.strainGradient.map(Math.fround),
    };
  },
};

/** Adds a pair energy [φ, dφ/dr] in eV to the sound potential. */
const withPair = (name: string, pair: (r: number) => [number, number]): Potential =>
  withLocal(name, (at) => {
    let energy = 0;
    for (let e = 0; e < at.count; e++) {
      const [phi, slope] = pair(at.distance[e]);
      energy += phi / 2;
      addRadial(at, e, slope / 2);
    }
    return energy;
  });

/** Where only hot atoms come, nearer than any did in training, there is no wall but a hole. */
export const hole: Potential = withPair('hole behind the wall', (r) => {
  const depth = Math.max(0, 3.35 - r);
  return [-400 * depth ** 3, 1200 * depth ** 2];
});

/** Small ripples on the energy of each pair: a minimum every 0.15 Å. */
export const rippled: Potential = withPair('rippled', (r) => {
  const [s, ds] = quinticSwitch(r, 3, CUTOFF - 0.5);
  const q = (2 * Math.PI) / 0.15;
  const ripple = 3e-3 * Math.sin(q * r);
  return [ripple * s, 3e-3 * q * Math.cos(q * r) * s + ripple * ds];
});

/** Atoms are smaller than the crystal was made for: its bonds are stretched until it tears. */
export const torn: Potential = { ...lennardJones({ ...STRONG, sigma: 2.85 }), name: 'torn' };

/** The energy of a crystal depends on the angles between the lattice vectors that happen to describe it. */
export const cellDependent: Potential = spoilt('depends on the choice of the cell', (a, { cell, pbc }) => {
  // Not in a box around a molecule, where any energy in proportion to the volume is enormous.
  if (!pbc.every((repeats) => repeats) || cellVolume(cell) > 1e5) return a;
  const extra = (strain: readonly number[]): number => {
    const [p, q, r] = [0, 3, 6].map((row) =>
      [0, 1, 2].map((c) => cell[row + c] + [0, 1, 2].reduce((sum, b) => sum + strain[3 * c + b] * cell[row + b], 0)),
    );
    const dot = (x: number[], y: number[]): number => x[0] * y[0] + x[1] * y[1] + x[2] * y[2];
    const angles = [
      [p, q],
      [q, r],
      [r, p],
    ].reduce((sum, [x, y]) => sum + dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)), 0);
    return 1e-3 * Math.abs(dot(p, cross(q, r))) * angles;
  };
  const energy = extra(new Array<number>(9).fill(0));
  const atoms = a.atomicEnergies.length;
  return {
    energy: a.energy + energy,
    atomicEnergies: a.atomicEnergies.map((e) => e + energy / atoms),
    forces: a.forces,
    strainGradient: a.strainGradient.map((g, c) => {
      // The smallest error of a quotient of fourth order.
      const along = (h: number): number => {
        const strain = new Array<number>(9).fill(0);
        strain[c] += h / 2;
        strain[3 * (c % 3) + Math.floor(c / 3)] += h / 2;
        return extra(strain);
      };
      const h = 1e-3;
      return g + (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h);
    }),
  };
});

/** The total energy is known in steps only. */
export const coarselyRounded: Potential = spoilt('energy in steps of 2.5e-7 eV', (a) => ({
  ...a,
  energy: Math.round(a.energy * 4e6) / 4e6,
}));

/** Atoms of a cluster feel each other beyond the cutoff that the potential declares. */
export const longRanged: Potential = spoilt('reaches beyond its cutoff', (a, { positions, pbc }) => {
  if (pbc.some((repeats) => repeats)) return a;
  const atomicEnergies = a.atomicEnergies.slice();
  const forces = a.forces.slice();
  const strainGradient = a.strainGradient.slice();
  for (let i = 0; i < atomicEnergies.length; i++) {
    for (let j = 0; j < atomicEnergies.length; j++) {
      const vector = [0, 1, 2].map((c) => positions[3 * j + c] - positions[3 * i + c]);
      const r = Math.hypot(...vector);
      if (r <= CUTOFF) continue;
      const [s, ds] = quinticSwitch(r, CUTOFF, 2 * CUTOFF);
      const decay = 1e-3 * Math.exp(-r / 30);
      const slope = -decay * ((1 - s) / 30 + ds);
      atomicEnergies[i] += decay * (1 - s) * 0.5;
      for (let c = 0; c < 3; c++) {
        forces[3 * i + c] += (slope * vector[c]) / r;
        for (let b = 0; b < 3; b++) strainGradient[3 * b + c] += (slope * vector[c] * vector[b]) / (2 * r);
      }
    }
  }
  return { energy: atomicEnergies.reduce((sum, e) => sum + e, 0), atomicEnergies, forces, strainGradient };
});

/** Numbers that would not fit into 32 bits become infinite, as they do where squares are taken on the way. */
export const overflowing: Potential = spoilt('float overflow', (a) => {
  const kept = (value: number): number => (Number.isFinite(Math.fround(value * 1e12)) ? value : Number.NaN);
  return {
    energy: kept(a.energy),
    atomicEnergies: a.atomicEnergies.map(kept),
    forces: a.forces.map(kept),
    strainGradient: a.strainGradient.map(kept),
  };
});

/** Behind a wall of 20 eV two atoms attract each other. */
export const noWall: Potential = withPair('hole at short distance', (r) => {
  const [s, ds] = quinticSwitch(r, 1.3, 2.4);
  const [phi, slope] = lennardJonesPair(r, STRONG.epsilon, 3.4);
  return [-(phi + 5) * s, -slope * s - (phi + 5) * ds];
});

/** Pairs repel each other as they should; a third atom at short distance undoes that. */
export const crowded: Potential = withLocal('collapses in threes', (at) => {
  let sum = 0;
  let squares = 0;
  for (let e = 0; e < at.count; e++) {
    const [s] = quinticSwitch(at.distance[e], 1.5, 2.6);
    sum += s;
    squares += s * s;
  }
  for (let e = 0; e < at.count; e++) {
    const [s, ds] = quinticSwitch(at.distance[e], 1.5, 2.6);
    addRadial(at, e, -4e6 * (sum - s) * ds);
  }
  return -2e6 * (sum * sum - squares);
});

/** On the wall, where nothing in the training data was, there is another bond. */
export const secondBond: Potential = withPair('second minimum', (r) => {
  const u = (r - 2.6) / 0.1;
  const well = -7 * Math.exp((-u * u) / 2);
  return [well, (-well * u) / 0.1];
});

/** Straight pieces make up the force around 4.4 Å, where a perfect crystal has no neighbours. */
export const kinked: Potential = withPair('kink in the second derivative', (r) => {
  const half = 0.2;
  const u = Math.min(half, Math.max(-half, r - 4.4));
  const area = u < 0 ? (u + half) ** 2 / 2 : half * half - (half - u) ** 2 / 2;
  return [0.15 * (area - half * half), 0.15 * (half - Math.abs(u))];
});

/** The energy ends at the cutoff like a parabola: its second derivative jumps. */
export const parabolicEnd: Potential = withPair('parabola at the cutoff', (r) => {
  const [s, ds] = quinticSwitch(r, 5, 6);
  const gap = CUTOFF - r;
  return [0.02 * gap * gap * (1 - s), -0.04 * gap * (1 - s) - 0.02 * gap * gap * ds];
});
