import { symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import { giveTurn } from '../md/progress.ts';
import type { Evaluation, Potential } from '../model/potential.ts';
import { createRandom } from '../random.ts';
import { translated } from '../structure/builders.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, CheckContext } from './check.ts';
import { pairOf, pairsOf } from './curves/atoms.ts';
import { difference, disturbed, isolated } from './probe.ts';

/** Distances between two atoms, Å: from an overlap that a bad start has to one on top of the other. */
const DISTANCES = [0.5, 0.3, 0.1, 0.01, 0];
/** Å; positions keep ten digits behind the point there. */
const FAR = 1e6;
const HUGE_CELL = 1e5;
/** All lengths of a structure times this: everything overlaps. */
const CRUSH = 0.4;
/** Two evaluations that ought to agree, eV/atom and eV/Å over the size of the forces. */
const AGREEMENT = 1e-3;

export const extremes: Check = {
  id: 'extremes',
  group: 'locality',
  question: 'Are absurd coordinates refused, or answered with finite numbers that are right?',
  unit: 'wrong answers',
  limit: { double: 0, single: 0 },
  limitReason:
    'Atoms 0.5 … 0 Å apart, a crushed structure, and coordinates that are no numbers may be refused; NaN or infinity ' +
    'must not come back. A cluster 1,000,000 Å from the origin and two atoms in a cell of 100,000 Å are no reason to ' +
    'say anything else than at home, to 0.001 eV/Å.',
  source: 'IEEE 754: 24 bits hold numbers up to 3.4e38 and lengths of 1,000,000 Å to 0.06 Å.',
  async run(context) {
    const wrong: string[] = [];
    let cases = 0;
    for (const { name, ask } of casesOf(context)) {
      cases++;
      const verdict = refusedOr(ask);
      if (verdict !== null) wrong.push(`${name}: ${verdict}`);
      await giveTurn();
    }
    const rest = wrong.length > 3 ? `, and ${wrong.length - 3} more` : '';
    const detail = wrong.length === 0 ? `${cases} cases` : `${wrong.slice(0, 3).join('; ')}${rest}`;
    return { value: wrong.length, detail };
  },
};

/** What is wrong with the answer, in words; null where nothing is. */
type Question = () => string | null;

function refusedOr(ask: Question): string | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof NearsightError) return null;
    throw error;
  }
}

function casesOf(context: CheckContext): { readonly name: string; readonly ask: Question }[] {
  const { potential } = context;
  const [structure] = disturbed(context, createRandom(context.seed));
  const finite = (of: Structure): Question => {
    return () => notFinite(potential.evaluate(of));
  };
  const atoms = pairsOf(context).flatMap(([a, b]) =>
    DISTANCES.map((distance) => ({
      name: `${symbolOf(a)} and ${symbolOf(b)} ${distance} Å apart`,
      ask: finite(pairOf(a, b, distance)),
    })),
  );
  const positions = structure.positions.slice();
  positions[0] = Number.NaN;
  const [[a, b]] = pairsOf(context);
  const pair = pairOf(a, b, potential.cutoff / 2);
  return [
    ...atoms,
    { name: `all lengths × ${CRUSH}`, ask: finite(crushed(structure)) },
    { name: 'a position that is NaN', ask: () => isAnswered(potential, { ...structure, positions }) },
    { name: `${FAR} Å from the origin`, ask: farAway(isolated(structure), potential) },
    { name: `two atoms in a cell of ${HUGE_CELL} Å`, ask: () => unlike(pair, inHugeCell(pair), potential) },
  ];
}

function crushed({ numbers, positions, cell, pbc }: Structure): Structure {
  return { numbers, positions: positions.map((r) => CRUSH * r), cell: cell.map((v) => CRUSH * v), pbc };
}

function isAnswered(potential: Potential, structure: Structure): string {
  const { energy } = potential.evaluate(structure);
  return `${energy} eV in place of a refusal`;
}

function farAway(cluster: Structure, potential: Potential): Question {
  return () => unlike(cluster, translated(cluster, [FAR, -FAR, FAR]), potential);
}

function inHugeCell(pair: Structure): Structure {
  const middle = translated(pair, [HUGE_CELL / 2, HUGE_CELL / 2, HUGE_CELL / 2]);
  return { ...middle, cell: new Float64Array(9).map((_, c) => (c % 4 === 0 ? HUGE_CELL : 0)), pbc: [true, true, true] };
}

function unlike(home: Structure, away: Structure, potential: Potential): string | null {
  const there = potential.evaluate(away);
  const { value, detail } = difference(potential.evaluate(home), there);
  return value <= AGREEMENT ? null : (notFinite(there) ?? `off by ${value.toExponential(1)} (${detail})`);
}

function notFinite({ energy, atomicEnergies, forces, strainGradient }: Evaluation): string | null {
  if (!Number.isFinite(energy)) return `an energy of ${energy}`;
  for (const [name, values] of Object.entries({ atomicEnergies, forces, strainGradient })) {
    const found = values.find((value) => !Number.isFinite(value));
    if (found !== undefined) return `${found} among the ${name}`;
  }
  return null;
}
