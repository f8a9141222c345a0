import { createRandom } from '../random.ts';
import type { Check, Finding } from './check.ts';
import { crossingsOf, jumpsAt } from './crossing.ts';
import { sizeOf, worstOf } from './probe.ts';

/**
 * Distances between the points on either side of the cutoff, Å. Wide ones are exact for tame curves, narrow ones suffer
 * from rounding; a true jump is the same for all, so that the smallest counts.
 */
const SPACINGS = { double: [1e-3, 5e-4], single: [4e-3, 2e-3, 1e-3] };

export const smoothness: Check = {
  id: 'smoothness',
  group: 'locality',
  question: 'Are energy and forces continuous when an atom crosses the cutoff of another one?',
  unit: 'eV, eV/Å',
  limit: { double: 1e-5, single: 1e-3 },
  limitReason:
    'Jump of the energy (eV) or the force (eV/Å) between cubic extrapolations from both sides, the smallest over ' +
    'steps of 0.0005 to 0.004 Å: exact to about 1e-8, in single precision to 3e-4. More in proportion for forces beyond 1 eV/Å.',
  source:
    'Molecular dynamics conserves energy only where forces are continuous; Toxvaerd & Dyre 2011, doi:10.1063/1.3558787.',
  async run(context) {
    const { potential, precision, seed } = context;
    const spacings = SPACINGS[precision];
    const findings = crossingsOf(context, createRandom(seed), spacings[0]).map((crossing): Finding => {
      const jumps = spacings.map((h) => jumpsAt(crossing, potential, h));
      const [energy, force] = [0, 1].map((k) => Math.min(...jumps.map((jump) => jump[k])));
      return {
        value: Math.max(energy, force) / sizeOf(potential.evaluate(crossing.structure).forces),
        detail: `jumps at the cutoff: energy ${energy.toExponential(1)} eV, force ${force.toExponential(1)} eV/Å`,
      };
    });
    const { value, detail } = worstOf(findings);
    return { value, detail: `${detail}; the worst of ${findings.length} crossings` };
  },
};

/** The same for second derivatives, where rounding is divided by them once more. */
const WIDER = { double: [4e-3, 1e-3], single: [2e-2, 1e-2, 5e-3, 2.5e-3] };

export const stiffness: Check = {
  id: 'cutoff-stiffness',
  group: 'locality',
  question: 'Is the second derivative of the energy continuous when an atom crosses the cutoff of another one?',
  unit: 'eV/Å²',
  limit: { double: 0.01, single: 0.03 },
  limitReason:
    'Jump of d²E/dx² between cubic extrapolations of the force from both sides, the smallest over several spacings of ' +
    'the points (0.001 to 0.02 Å); rounding leaves up to 0.01 in single precision. 0.01 eV/Å² is a thousandth of the ' +
    'stiffness of a bond; more shows as a step in phonons and elastic constants. More in proportion for forces beyond ' +
    '1 eV/Å.',
  source:
    'Phonons and elastic constants are second derivatives; Behler 2011, doi:10.1063/1.3553717: cutoff functions decide.',
  async run(context) {
    const { potential, precision, seed } = context;
    const spacings = WIDER[precision];
    const findings = crossingsOf(context, createRandom(seed), spacings[0]).map((crossing): Finding => {
      const jumps = spacings.map((h) => jumpsAt(crossing, potential, h)[2]);
      return {
        value: Math.min(...jumps) / sizeOf(potential.evaluate(crossing.structure).forces),
        detail: crossing.structure.numbers.length === 2 ? 'two atoms alone' : 'in a structure',
      };
    });
    const { value, detail } = worstOf(findings);
    return { value, detail: `${detail}; the worst of ${findings.length} crossings` };
  },
};
