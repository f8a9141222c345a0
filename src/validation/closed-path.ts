import { giveTurn } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom, type Random } from '../random.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check } from './check.ts';
import { disturbed, randomDirection, type Sample, sizeOf, worstResolved } from './probe.ts';

/** Radius of the circles, Å. */
const RADIUS = 0.1;
/** Circles in each structure, each by one atom. */
const CIRCLES = 4;
/** Points on a circle at first, and at most: doubled until the work no longer changes. */
const FIRST_POINTS = 16;
const MOST_POINTS = 128;

export const closedPath: Check = {
  id: 'closed-path',
  group: 'derivatives',
  question: 'Do the forces do no work when an atom is led around a circle?',
  unit: 'eV/Å',
  limit: { double: 1e-5, single: 1e-4 },
  limitReason:
    'Work over the length of the path, i.e. the force that would drive an atom round and round. The quadrature ' +
    'converges to rounding (1e-13 eV/Å in double, 1e-5 eV/Å in single precision), but slowly where pairs cross a cutoff ' +
    'with two continuous derivatives only. More in proportion for forces beyond 1 eV/Å.',
  source:
    'Stokes: ∮F·dr = 0 for every force that is a gradient. The trapezoidal rule on a circle converges faster than any power.',
  asksForGradient: true,
  async run(context) {
    const random = createRandom(context.seed);
    const limit = closedPath.limit[context.precision];
    const samples: Sample[] = [];
    for (const [k, structure] of disturbed(context, random).entries()) {
      const size = sizeOf(context.potential.evaluate(structure).forces);
      for (const atom of random.permutation(structure.numbers.length).slice(0, CIRCLES)) {
        const { work, change } = workOnCircle(circleOf(structure, atom, random), context.potential, limit * size);
        samples.push({
          value: Math.abs(work) / size,
          uncertainty: change / size,
          detail: `atom ${atom} (structure ${k})`,
        });
      }
      await giveTurn();
    }
    return worstResolved(samples, limit, 'integrals of the forces');
  },
};

interface Circle {
  readonly structure: Structure;
  readonly atom: number;
  /** Orthonormal. */
  readonly u: readonly number[];
  readonly v: readonly number[];
}

function circleOf(structure: Structure, atom: number, random: Random): Circle {
  const u = randomDirection(random);
  const w = randomDirection(random);
  const along = u[0] * w[0] + u[1] * w[1] + u[2] * w[2];
  const across = w.map((component, a) => component - along * u[a]);
  const length = Math.hypot(...across);
  return { structure, atom, u, v: across.map((component) => component / length) };
}

/** ∮F·dr over the length of the circle, eV/Å, and by how much it changed when the points were last doubled. */
function workOnCircle(circle: Circle, potential: Potential, limit: number): { work: number; change: number } {
  let points = FIRST_POINTS;
  let mean = meanTangentialForce(circle, potential, points, 0);
  for (;;) {
    const finer = (mean + meanTangentialForce(circle, potential, points, 0.5)) / 2;
    const change = Math.abs(finer - mean);
    points *= 2;
    mean = finer;
    if (change < limit / 4 || points >= MOST_POINTS) return { work: mean, change };
  }
}

function meanTangentialForce(circle: Circle, potential: Potential, points: number, offset: number): number {
  const { structure, atom, u, v } = circle;
  let sum = 0;
  for (let k = 0; k < points; k++) {
    const angle = (2 * Math.PI * (k + offset)) / points;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const positions = structure.positions.slice();
    for (let a = 0; a < 3; a++) positions[3 * atom + a] += RADIUS * (c * u[a] + s * v[a]);
    const { forces } = potential.evaluate({ ...structure, positions });
    for (let a = 0; a < 3; a++) sum += forces[3 * atom + a] * (c * v[a] - s * u[a]);
  }
  return sum / points;
}
