import { NearsightError } from '../errors.ts';
import type { KernelSystem, LossTerm, ModelShape, TrainingSystem } from './kernels.ts';
import { weightLayout } from './kernels.ts';
import { type SymmetryShape, symmetryLayout } from './symmetry.ts';

/** Sites nearer than this have no direction between them, Å. */
const COINCIDENCE = 1e-6;

/** Refuses a shape that the contract of the kernels forbids: NearsightError `model-shape`. */
export function checkShape(shape: ModelShape): void {
  const { species, radial, lmax, order, channels, hidden, heads, cutoff, onset } = shape;
  const demand = (holds: boolean, what: string, hint: string): void => {
    if (!holds) throw new NearsightError('model-shape', `a model can't have ${what}`, { hint });
  };
  const counts = (n: number): boolean => Number.isInteger(n) && n >= 1;
  const fours = (n: number): boolean => counts(n) && n % 4 === 0;

  demand(counts(species), `${species} species`, 'species is a whole number, at least 1');
  demand(fours(radial), `${radial} radial functions`, 'radial is a multiple of 4, at least 4');
  demand(lmax === 2 || lmax === 3, `lmax ${lmax}`, 'lmax is 2 or 3');
  demand(order === 2 || order === 3 || order === 4, `order ${order}`, 'order is 2, 3 or 4');
  demand(fours(channels), `${channels} channels`, 'channels is a multiple of 4, at least 4');
  demand(
    hidden.length === 2 && hidden.every(fours),
    `hidden layers of ${hidden.join(' and ')}`,
    'hidden holds two widths, each a multiple of 4, at least 4',
  );
  demand(counts(heads), `${heads} heads`, 'heads is a whole number, at least 1');
  demand(
    Number.isFinite(cutoff) && cutoff > 0,
    `a cutoff of ${cutoff} Å`,
    'cutoff is a positive length, often 4 to 6 Å',
  );
  demand(
    onset >= 0 && onset < cutoff,
    `an onset of ${onset} Å with a cutoff of ${cutoff} Å`,
    'onset lies between 0 and the cutoff, often 1.5 Å before it',
  );
}

/** Refuses weights of the wrong length or with a number that is not finite: NearsightError `model-weights`. */
export function checkWeights(shape: ModelShape, weights: Float64Array): void {
  checkNumbers(weightLayout(shape).length, weights);
}

/** The same for a model of symmetry functions, of which deviations must be positive. */
export function checkSymmetryWeights(shape: SymmetryShape, weights: Float64Array): void {
  const { length, scaling } = symmetryLayout(shape);
  checkNumbers(length, weights);
  for (const [z, { deviation }] of scaling.entries()) {
    const bad = weights.subarray(deviation, deviation + shape.functions[z].length).findIndex((d) => d <= 0);
    if (bad < 0) continue;
    throw new NearsightError(
      'model-weights',
      `the deviation of symmetry function ${bad} is ${weights[deviation + bad]}`,
      {
        hint: 'a function that never varies needs a deviation all the same, 1 for instance',
      },
    );
  }
}

function checkNumbers(length: number, weights: Float64Array): void {
  if (weights.length !== length) {
    throw new NearsightError('model-weights', `${weights.length} weights for a model that has ${length}`, {
      hint: 'weights follow the layout of the shape; were they made for another one?',
    });
  }
  const bad = weights.findIndex((w) => !Number.isFinite(w));
  if (bad >= 0) {
    throw new NearsightError('model-weights', `weight ${bad} is ${weights[bad]}`, {
      hint: 'a training that diverged leaves such weights: go back to an earlier checkpoint, or lower the learning rate',
    });
  }
}

/** What a system must fit: the number of species of a model. */
type KnownSpecies = Pick<ModelShape, 'species'>;

/**
 * Refuses a system that no kernel can evaluate: NearsightError `kernel-system` for arrays that do not fit together or
 * the shape, `bad-position` for sites that are not finite, `coinciding-atoms` for an edge without length.
 */
export function checkSystem(shape: KnownSpecies, system: KernelSystem): void {
  const { atoms, sites, species, owner, first, neighbours } = system;
  const M = species.length;
  const P = neighbours.length;
  const fits = Number.isInteger(atoms) && atoms >= 0 && M >= atoms && sites.length === 3 * M && owner.length === M;
  if (!fits)
    refuse(`${atoms} atoms with ${M} species, ${owner.length} owners and ${sites.length} coordinates of sites`);
  if (first.length !== atoms + 1 || first[0] !== 0 || first[atoms] !== P) {
    refuse(`edges of ${first.length - 1} atoms from ${first[0]} to ${first[first.length - 1]}; there are ${P} edges`);
  }
  for (let c = 0; c < sites.length; c++) {
    if (Number.isFinite(sites[c])) continue;
    throw new NearsightError('bad-position', `a coordinate of atom ${owner[Math.floor(c / 3)]} is ${sites[c]}`, {
      hint: 'in dynamics this follows from a time step that is too long or a start with atoms too close',
    });
  }
  for (let s = 0; s < M; s++) {
    if (species[s] < 0 || species[s] >= shape.species)
      refuse(`species ${species[s]} at site ${s} of ${shape.species} species`);
    if (s < atoms ? owner[s] !== s : owner[s] < 0 || owner[s] >= atoms) refuse(`owner ${owner[s]} of site ${s}`);
    if (species[s] !== species[owner[s]]) refuse(`site ${s} of another species than its atom ${owner[s]}`);
  }
  for (let i = 0; i < atoms; i++) {
    if (first[i + 1] < first[i]) refuse(`${first[i + 1] - first[i]} edges of atom ${i}`);
  }
  for (let i = 0; i < atoms; i++) checkEdges(system, i);
}

/** Refuses a term that asks the strain gradient of a direct force head to be learned: it has no weights of its own. */
export function checkTerm(shape: ModelShape, { strain }: LossTerm): void {
  if (shape.directForces !== true || strain === 0) return;
  throw new RangeError(`a strain coefficient of ${strain} for a direct force head`);
}

/** The part of `checkSystem` that looks at the edges of one atom. */
function checkEdges({ sites, owner, first, neighbours }: KernelSystem, atom: number): void {
  for (let p = first[atom]; p < first[atom + 1]; p++) {
    const site = neighbours[p];
    if (site < 0 || site >= owner.length) refuse(`an edge to site ${site} of ${owner.length}`);
    const x = sites[3 * site] - sites[3 * atom];
    const y = sites[3 * site + 1] - sites[3 * atom + 1];
    const z = sites[3 * site + 2] - sites[3 * atom + 2];
    if (x * x + y * y + z * z > COINCIDENCE * COINCIDENCE) continue;
    throw new NearsightError('coinciding-atoms', `atoms ${atom} and ${owner[site]} stand at the same point`, {
      hint: 'remove the copy of the atom, or check the cell of the structure',
    });
  }
}

/** `checkSystem`, and refuses labels of the wrong length or that are not finite: NearsightError `bad-label`. */
export function checkTrainingSystem(shape: KnownSpecies, system: TrainingSystem): void {
  checkSystem(shape, system);
  const { atoms, energy, forces, strainGradient } = system;
  const demand = (holds: boolean, what: string): void => {
    if (holds) return;
    throw new NearsightError('bad-label', what, {
      hint: 'a label that is absent is zero, with coefficient 0 in the loss',
    });
  };
  demand(Number.isFinite(energy), `a target energy of ${energy} eV`);
  demand(forces.length === 3 * atoms, `${forces.length} target force components for ${atoms} atoms`);
  demand(forces.every(Number.isFinite), 'a target force that is not finite');
  demand(strainGradient.length === 9, `${strainGradient.length} components of the target strain gradient, not 9`);
  demand(strainGradient.every(Number.isFinite), 'a target strain gradient that is not finite');
}

/** A system of its own, which no one else changes. */
export function copySystem(system: TrainingSystem): TrainingSystem {
  return {
    ...system,
    sites: system.sites.slice(),
    species: system.species.slice(),
    owner: system.owner.slice(),
    first: system.first.slice(),
    neighbours: system.neighbours.slice(),
    forces: system.forces.slice(),
    strainGradient: system.strainGradient.slice(),
  };
}

/** A head that is not there is a mistake of the caller, not of the user. */
export function checkHead(heads: number, head: number): void {
  if (!Number.isInteger(head) || head < 0 || head >= heads) throw new RangeError(`head ${head} of ${heads}`);
}

function refuse(what: string): never {
  throw new NearsightError('kernel-system', `the kernel was given ${what}`, {
    hint: 'sites, species, owners and edges come from one neighbour list, species indices from the model',
  });
}
