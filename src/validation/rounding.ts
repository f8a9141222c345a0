import { giveTurn } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom, type Random } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, Finding } from './check.ts';
import { disturbed, sizeOf, worstOf } from './probe.ts';

/** Half the length of the path for each atom, Å: so short that a polynomial follows the energy far below rounding. */
const REACH = 0.004;
const POINTS = 25;
const DEGREE = 5;
/** Periodic structures are repeated until they have as many atoms: sums of large numbers show then. */
const LEAST_ATOMS = 250;

export const rounding: Check = {
  id: 'rounding',
  group: 'derivatives',
  question: 'Is the energy computed finely enough for small moves of many atoms to show?',
  unit: 'eV/√atom',
  limit: { double: 1e-8, single: 5e-5 },
  limitReason:
    'Scatter of the energy about a smooth curve while all atoms move by 0.004 Å, over √N, since independent errors of ' +
    'N atoms add like a random walk. With 24 bits an atomic energy of 10 eV is good to 6e-7 eV, and to 1e-5 eV after ' +
    'sums of large terms of both signs in a network; with 53 bits to 1e-14. A total energy kept in 24 bits is far off: ' +
    '0.008 eV in 100,000 eV. ' +
    'More in proportion for forces beyond 1 eV/Å.',
  source: 'Goldberg 1991, doi:10.1145/103162.103163: a rounded sum is good to one unit in its own last place.',
  async run(context) {
    const random = createRandom(context.seed);
    const findings: Finding[] = [];
    for (const [k, structure] of disturbed(context, random).entries()) {
      const large = enlarged(structure);
      const value = scatterOf(large, context.potential, random);
      findings.push({ value, detail: `${large.numbers.length} atoms (structure ${k})` });
      await giveTurn();
    }
    return worstOf(findings);
  },
};

function enlarged(structure: Structure): Structure {
  const repeating = structure.pbc.filter((repeats) => repeats).length;
  if (repeating === 0) return structure;
  const each = Math.ceil((LEAST_ATOMS / structure.numbers.length) ** (1 / repeating));
  return supercell(
    structure,
    structure.pbc.map((repeats) => (repeats ? each : 1)),
  );
}

/** Root mean square distance of the energies from the polynomial that fits them best, over √N. */
function scatterOf(structure: Structure, potential: Potential, random: Random): number {
  const atoms = structure.numbers.length;
  const direction = structure.positions.map(() => random.normal() / Math.sqrt(3));
  const x = Array.from({ length: POINTS }, (_, k) => (2 * k) / (POINTS - 1) - 1);
  const energies = x.map((at) => {
    const positions = structure.positions.map((r, c) => r + REACH * at * direction[c]);
    return potential.evaluate({ ...structure, positions }).energy;
  });
  const { forces } = potential.evaluate(structure);
  const rest = withoutPolynomial(
    x,
    energies.map((energy) => energy - energies[0]),
  );
  const squares = rest.reduce((sum, e) => sum + e * e, 0);
  return Math.sqrt(squares / (POINTS - DEGREE - 1) / atoms) / sizeOf(forces);
}

/** What is left of y when its projection on polynomials of degree `DEGREE` is taken off. */
function withoutPolynomial(x: readonly number[], y: readonly number[]): number[] {
  const basis: number[][] = [];
  const rest = (values: readonly number[]): number[] =>
    basis.reduce<number[]>(
      (left, vector) => {
        const along = left.reduce((sum, value, k) => sum + value * vector[k], 0);
        return left.map((value, k) => value - along * vector[k]);
      },
      [...values],
    );
  for (let degree = 0; degree <= DEGREE; degree++) {
    const vector = rest(x.map((at) => at ** degree));
    const length = Math.hypot(...vector);
    basis.push(vector.map((value) => value / length));
  }
  return rest(y);
}
