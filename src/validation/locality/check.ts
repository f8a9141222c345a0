import { localityFromData } from '../../curation/index.ts';
import { NearsightError } from '../../errors.ts';
import { finish } from '../../md/progress.ts';
import type { Check } from '../check.ts';

/** Atoms of the frames that are looked at: fewer than for a study of its own, since only a shortfall is asked for. */
const ATOMS = 3000;

export const locality: Check = {
  id: 'locality',
  question: 'Does the potential see as far as the forces of labelled frames ask for?',
  unit: 'Å',
  limit: { double: 0.5, single: 0.5 },
  limitReason:
    'How far the cutoff that the labels ask for lies beyond that of the potential. Radii are compared in steps of 0.5 Å, ' +
    'and trained potentials saturate within 0.5 Å of what linear models say.',
  source:
    'Prodan & Kohn 2005, doi:10.1073/pnas.0505436102: matter is nearsighted, some more than other. The test: Deringer & ' +
    'Csányi 2017, doi:10.1103/PhysRevB.95.094203, here from the labels alone.',
  slow: true,
  async run({ potential, labelled = [], kernel, seed, signal }) {
    if (labelled.length === 0) return { skipped: 'there are no labelled frames to learn it from' };
    if (kernel === undefined) return { skipped: 'there is no kernel to fit models with' };
    try {
      const found = await finish(localityFromData(labelled, kernel, { atoms: ATOMS, seed, signal }));
      const x = found.radii.map(({ radius }) => radius);
      const y = found.radii.map(({ error }) => 1000 * error);
      return {
        value: Math.max(0, found.cutoff - potential.cutoff),
        detail: `cutoff ${potential.cutoff} Å. ${found.verdict}`,
        curves: [{ name: 'linear models', xLabel: 'radius, Å', yLabel: 'held-out force error, meV/Å', x, y }],
      };
    } catch (error) {
      if (error instanceof NearsightError && error.code === 'too-few-frames') return { skipped: error.message };
      throw error;
    }
  },
};
