/** One atom at the cutoff of another: where potentials jump that were cut off carelessly. */
import type { Potential } from '../model/potential.ts';
import type { Random } from '../random.ts';
import { buildNeighbourList, sitePositions } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import type { CheckContext } from './check.ts';
import { disturbed, randomDirection, sizeOf } from './probe.ts';

/** How far an atom is moved to bring a pair to the cutoff, Å. */
const REACH = 0.25;
const CROSSINGS = 2;
const MOST_CANDIDATES = 60;
/** An atom that a move pushes into another one is no place to look at a cutoff: forces grow by less than so often. */
const CALM = 2;

/** Atom `moved` stands exactly at the cutoff of another atom, which lies behind it in `direction`. */
export interface Crossing {
  readonly structure: Structure;
  readonly moved: number;
  readonly direction: readonly number[];
}

/** Each pair of elements alone in space, and a few pairs of every structure; at least `spacing` Å from other pairs. */
export function crossingsOf(context: CheckContext, random: Random, spacing: number): Crossing[] {
  return [
    ...dimers(context, random),
    ...disturbed(context, random).flatMap((structure) => crossingsIn(structure, context, random, spacing)),
  ];
}

/** Each pair of elements alone in space. */
function dimers({ structures, potential }: CheckContext, random: Random): Crossing[] {
  const elements = [...new Set(structures.flatMap((structure) => [...structure.numbers]))];
  return elements.flatMap((a, k) =>
    elements.slice(k).map((b) => {
      const direction = randomDirection(random);
      return {
        structure: {
          numbers: Int32Array.of(a, b),
          positions: Float64Array.from([0, 0, 0, ...direction.map((u) => potential.cutoff * u)]),
          cell: new Float64Array(9),
          pbc: [false, false, false] as const,
        },
        moved: 1,
        direction,
      };
    }),
  );
}

/** Pairs of a structure that a small move brings to the cutoff, while no other pair of the moved atom is near it. */
function crossingsIn(structure: Structure, { potential }: CheckContext, random: Random, spacing: number): Crossing[] {
  const list = buildNeighbourList(structure, potential.cutoff + REACH);
  const sites = sitePositions(list, structure);
  const found: Crossing[] = [];
  const size = sizeOf(potential.evaluate(structure).forces);
  let candidates = 0;
  for (const i of random.permutation(structure.numbers.length)) {
    for (let p = list.first[i]; p < list.first[i + 1]; p++) {
      const site = list.neighbours[p];
      const moved = list.owner[site];
      const vector = [0, 1, 2].map((a) => sites[3 * site + a] - sites[3 * i + a]);
      const distance = Math.hypot(...vector);
      if (moved === i || Math.abs(distance - potential.cutoff) > REACH) continue;
      if (++candidates > MOST_CANDIDATES) return found;
      const direction = vector.map((component) => component / distance);
      const atCutoff = along({ structure, moved, direction }, potential.cutoff - distance);
      if (!isAlone(atCutoff, moved, potential.cutoff, 5 * spacing)) continue;
      if (sizeOf(potential.evaluate(atCutoff).forces) > CALM * size) continue;
      found.push({ structure: atCutoff, moved, direction });
      if (found.length === CROSSINGS) return found;
      break;
    }
  }
  return found;
}

/** Whether one pair only of an atom is within `margin` of the cutoff. */
function isAlone(structure: Structure, atom: number, cutoff: number, margin: number): boolean {
  const list = buildNeighbourList(structure, cutoff + 2 * margin);
  const sites = sitePositions(list, structure);
  let near = 0;
  for (let p = list.first[atom]; p < list.first[atom + 1]; p++) {
    const s = 3 * list.neighbours[p];
    const distance = Math.hypot(
      sites[s] - sites[3 * atom],
      sites[s + 1] - sites[3 * atom + 1],
      sites[s + 2] - sites[3 * atom + 2],
    );
    if (Math.abs(distance - cutoff) < margin) near++;
  }
  return near === 1;
}

function along({ structure, moved, direction }: Crossing, by: number): Structure {
  const positions = structure.positions.slice();
  for (let a = 0; a < 3; a++) positions[3 * moved + a] += by * direction[a];
  return { ...structure, positions };
}

/** By how much energy (eV), force (eV/Å) and stiffness (eV/Å²) differ just inside and just outside the cutoff. */
export function jumpsAt(crossing: Crossing, potential: Potential, h: number): [number, number, number] {
  const inside = limitsFrom(crossing, potential, -h);
  const outside = limitsFrom(crossing, potential, h);
  const [energy, force, stiffness] = inside.map((value, k) => Math.abs(outside[k] - value));
  return [energy, force, stiffness];
}

/** Limits of energy, slope and curvature from one side, by cubic extrapolation through h, 2h, 3h and 4h. */
function limitsFrom(crossing: Crossing, potential: Potential, h: number): [number, number, number] {
  const energies: number[] = [];
  const slopes: number[] = [];
  for (let k = 1; k <= 4; k++) {
    const { energy, forces } = potential.evaluate(along(crossing, k * h));
    energies.push(energy);
    slopes.push(-crossing.direction.reduce((sum, u, a) => sum + u * forces[3 * crossing.moved + a], 0));
  }
  const value = ([a, b, c, d]: number[]): number => 4 * a - 6 * b + 4 * c - d;
  const derivative = ([a, b, c, d]: number[]): number => (-26 * a + 57 * b - 42 * c + 11 * d) / (6 * h);
  return [value(energies), value(slopes), derivative(slopes)];
}
