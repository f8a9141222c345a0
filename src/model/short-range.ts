import { symbolOf } from '../elements.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel, KernelModel, KernelResult, KernelSystem } from '../kernels/kernels.ts';
import type { NearestSearch } from '../kernels/nearest.ts';
import { type NeighbourList, neighboursFor, sitePositions } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { isConservative, loadModel, type Model } from './model.ts';
import type { Committee, Evaluation, Potential } from './potential.ts';

/** A potential that holds an engine: `close` gives its memory and threads back. */
export interface EnginePotential extends Potential, Committee {
  readonly engine: KernelModel;
  /** Search of the kernel that runs the engine. */
  readonly nearest: NearestSearch;
  /** The system that the engine sees for a structure. */
  system(structure: Structure, neighbours?: NeighbourList): KernelSystem;
  close(): void;
}

/** Species index of each atomic number; refuses what the model does not know. */
export function speciesOf(elements: readonly number[], numbers: Int32Array): Int32Array {
  const index = new Map(elements.map((z, s) => [z, s]));
  return numbers.map((z, i) => {
    const s = index.get(z);
    if (s !== undefined) return s;
    const known = elements.map(symbolOf).join(', ');
    throw new NearsightError(
      'unknown-species',
      `atom ${i} is ${symbolOf(z)}: the model was trained only on ${known} and knows nothing of ${symbolOf(z)}`,
      { hint: `ask about structures of ${known}, or train a model on data that hold ${symbolOf(z)}` },
    );
  });
}

/** What an engine needs of a structure and its neighbour list; `species` and `list` are kept by reference. */
export function kernelSystem(structure: Structure, list: NeighbourList, species: Int32Array): KernelSystem {
  return {
    atoms: structure.numbers.length,
    sites: sitePositions(list, structure),
    species,
    owner: list.owner,
    first: list.first,
    neighbours: list.neighbours,
  };
}

/** The learned short-range part: Σ_i (E0[z_i] + e_i), evaluated by `kernel`. */
export function shortRangePotential(model: Model, kernel: Kernel): EnginePotential {
  const engine = loadModel(model, kernel);
  // What belongs to the list that came last: the same list comes many times in a simulation.
  let lastList: NeighbourList | null = null;
  let lastSystem: KernelSystem | null = null;
  /** The sites are written into the last system's array, which an engine copies before it returns. */
  const currentSystem = (structure: Structure, neighbours?: NeighbourList): KernelSystem => {
    const list = neighboursFor(structure, model.shape.cutoff, neighbours);
    if (list === lastList && lastSystem !== null) {
      sitePositions(list, structure, lastSystem.sites);
      return lastSystem;
    }
    const ofAtoms = speciesOf(model.elements, structure.numbers);
    lastSystem = kernelSystem(
      structure,
      list,
      list.owner.map((i) => ofAtoms[i]),
    );
    lastList = list;
    return lastSystem;
  };
  const system = (structure: Structure, neighbours?: NeighbourList): KernelSystem => {
    const current = currentSystem(structure, neighbours);
    return { ...current, sites: Float64Array.from(current.sites) };
  };
  /** With the reference energies of the atoms, which are the same for all heads; in place. */
  const evaluationOf = (result: KernelResult, atoms: KernelSystem): Evaluation => {
    const { energies, forces, strainGradient } = result;
    let energy = 0;
    for (let i = 0; i < energies.length; i++) {
      energies[i] += model.referenceEnergies[atoms.species[i]];
      energy += energies[i];
    }
    return { energy, atomicEnergies: energies, forces, strainGradient };
  };
  return {
    name: 'short-range',
    cutoff: model.shape.cutoff,
    elements: model.elements,
    ...(!isConservative(model) && { conservative: false }),
    engine,
    nearest: kernel.nearest,
    system,
    members: model.shape.heads,
    evaluate(structure, neighbours) {
      const atoms = currentSystem(structure, neighbours);
      return evaluationOf(engine.evaluate(atoms), atoms);
    },
    evaluateMembers(structure, neighbours) {
      const atoms = currentSystem(structure, neighbours);
      return engine.evaluateHeads(atoms).map((result) => evaluationOf(result, atoms));
    },
    close: () => engine.close(),
  };
}
