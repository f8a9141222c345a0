import { giveTurn } from '../md/progress.ts';
import type { Potential } from '../model/potential.ts';
import { createRandom } from '../random.ts';
import { strained } from '../structure/builders.ts';
import { inverse3, multiply3 } from '../structure/matrix3.ts';
import type { Structure } from '../structure/structure.ts';
import type { Check, CheckContext } from './check.ts';
import { disturbed, type PathPoint, pathMismatch, type Sample, sizeOf, worstResolved } from './probe.ts';

/** Half the length of the paths, a strain. */
const STEP = { double: 0.004, single: 0.015 };

export const stress: Check = {
  id: 'stress',
  group: 'derivatives',
  question: 'Is the stress the slope of the energy under strain, with the right sign?',
  unit: 'eV/atom',
  limit: { double: 1e-5, single: 5e-4 },
  limitReason:
    '∂E/∂ε per atom: energy differences along short strains against the integral of the stress; rounding of the energy ' +
    'over the strain, and pairs that cross a cutoff with two continuous derivatives only. 5e-4 eV/atom is about ' +
    '0.005 GPa in a solid. More in proportion for forces beyond 1 eV/Å.',
  source: 'σ = (1/V) ∂E/∂ε, positive in tension; Nielsen & Martin 1985, doi:10.1103/PhysRevB.32.3780.',
  asksForGradient: true,
  async run(context) {
    const samples: Sample[] = [];
    for (const [k, structure] of disturbed(context, createRandom(context.seed)).entries()) {
      samples.push(...samplesOf(structure, context).map((s) => ({ ...s, detail: `${s.detail} (structure ${k})` })));
      await giveTurn();
    }
    return worstResolved(samples, stress.limit[context.precision], 'integrals of the stress');
  },
};

function samplesOf(structure: Structure, { potential, precision }: CheckContext): Sample[] {
  const { strainGradient, forces } = potential.evaluate(structure);
  const size = sizeOf(forces);
  const atoms = structure.numbers.length;
  return [0, 4, 8, 5, 2, 1].map((at) => {
    const across = 3 * (at % 3) + Math.floor(at / 3);
    const { value, uncertainty } = pathMismatch(strainPath(structure, potential, [at, across]), STEP[precision]);
    // Both halves of the symmetric tensor must be right.
    const asymmetry = Math.abs(strainGradient[at] - strainGradient[across]) / atoms;
    const detail = `component ${'xyz'[Math.floor(at / 3)]}${'xyz'[at % 3]}`;
    return { value: Math.max(value, asymmetry) / size, uncertainty: uncertainty / size, detail };
  });
}

/**
 * Energy per atom along the strain x in two components, half in each. From r → (1 + ε + dε) r = (1 + dε (1 + ε)⁻¹) r′
 * the slope is G : dε (1 + ε)⁻¹, with G = ∂E/∂ε of the strained structure.
 */
function strainPath(structure: Structure, potential: Potential, components: readonly number[]): PathPoint {
  const atoms = structure.numbers.length;
  const direction = new Float64Array(9);
  for (const c of components) direction[c] += 0.5;
  return (x) => {
    const strain = direction.map((d) => x * d);
    const { energy, strainGradient } = potential.evaluate(strained(structure, strain));
    const onwards = multiply3(direction, inverse3(strain.map((e, c) => (c % 4 === 0 ? 1 + e : e))));
    const slope = strainGradient.reduce((sum, g, c) => sum + g * onwards[c], 0);
    return { energy: energy / atoms, slope: slope / atoms };
  };
}
