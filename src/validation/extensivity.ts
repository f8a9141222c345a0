import type { Evaluation, Potential } from '../model/potential.ts';
import { createRandom } from '../random.ts';
import { combined, supercell } from '../structure/builders.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, Finding } from './check.ts';
import { difference, disturbed, isolated, UP_TO_ROUNDING, worstOf, worstOver } from './probe.ts';

export const extensivity: Check = {
  id: 'extensivity',
  group: 'locality',
  question: 'Have two copies far apart, or a supercell of two cells, twice the energy and the same forces?',
  ...UP_TO_ROUNDING,
  source: 'Energy is extensive; no atom feels another one beyond the cutoff.',
  async run(context) {
    const { potential, seed } = context;
    return worstOver(disturbed(context, createRandom(seed)), (structure) =>
      worstOf([
        copiesFarApart(structure, potential),
        ...[0, 1, 2].filter((k) => structure.pbc[k]).map((k) => doubledAlong(structure, potential, k)),
      ]),
    );
  },
};

function copiesFarApart(structure: Structure, potential: Potential): Finding {
  const cluster = isolated(structure);
  const x = cluster.positions.filter((_, c) => c % 3 === 0);
  const apart = Math.max(...x) - Math.min(...x) + 2 * potential.cutoff + 5;
  const pair = combined(cluster, cluster, [apart, 0, 0]);
  const { value, detail } = difference(twice(potential.evaluate(cluster)), potential.evaluate(pair));
  return { value, detail: `copies far apart; ${detail}` };
}

function doubledAlong(structure: Structure, potential: Potential, k: number): Finding {
  const repeats = [1, 1, 1];
  repeats[k] = 2;
  const double = potential.evaluate(supercell(structure, repeats));
  const { value, detail } = difference(twice(potential.evaluate(structure)), double);
  return { value, detail: `cell doubled along ${'abc'[k]}; ${detail}` };
}

function twice(one: Evaluation): Evaluation {
  return {
    energy: 2 * one.energy,
    atomicEnergies: Float64Array.from([...one.atomicEnergies, ...one.atomicEnergies]),
    forces: Float64Array.from([...one.forces, ...one.forces]),
    strainGradient: one.strainGradient.map((g) => 2 * g),
  };
}
