/** What the training environments are like, and how far from them an atom is. Formulas: docs/theory/domain.md. */

import type { Frame } from '../data/dataset.ts';
import { symbolOf } from '../elements.ts';
import type { LoadedPotential } from '../model/load.ts';
import type { Attachment } from '../model/model-file.ts';
import { type NeighbourList, neighboursFor, sitePositions } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { type Strangeness, strangeCount, strangenessOf } from './domain-crowding.ts';
import { type DomainPart, type DomainRecord, decodeDomain } from './domain-record.ts';
import { type DomainSpace, lengths, toNearest, whitened } from './domain-space.ts';
import { sentenceOf } from './domain-words.ts';
import { featureLength, featuresBySpecies, type SpeciesFeatures } from './environments.ts';
import { limitFor } from './thinning.ts';

/** A training frame, and the file that it is from (a name without folders). */
export interface SourcedFrame {
  readonly frame: Frame;
  readonly source: string;
}

/** Where an environment comes from. */
export interface Origin {
  readonly source: string;
  readonly frame: number;
  readonly group: string;
}

/** How new one atom's environment is. */
export interface Novelty {
  readonly atom: number;
  /** Chemical symbol. */
  readonly element: string;
  /** In σ of the training environments of its element: beyond the limit it is outside. */
  readonly distance: number;
  /** The training frame with the nearest environment. */
  readonly nearest: Origin | null;
  /** What is strange about how many neighbours it has; null where nothing is. */
  readonly crowding: Strangeness | null;
}

/** What the domain says of one structure. */
export interface DomainVerdict {
  readonly inside: boolean;
  /** The limit for a structure of so many atoms, σ. */
  readonly limit: number;
  /** Atoms outside, the farthest first. */
  readonly outside: readonly Novelty[];
  /** The farthest atom, outside or not. */
  readonly farthest: Novelty;
  /**
   * The atom in the middle of what is new, outside or not: the displaced or foreign one, where there is one. It need not
   * be the farthest: its neighbours see as much of the change.
   */
  readonly centre: Novelty;
  /** All of it in words, for a person. */
  readonly sentence: string;
}

/** The training domain of a model, ready to be asked. Structures of elements that the model does not know are refused. */
export interface Domain {
  /** Distance beyond which an environment is called unknown, σ, in a structure of 100 atoms; from held-out frames. */
  readonly limit: number;
  /** The same for another number of atoms: the farthest of many is farther, by chance. */
  limitFor(atoms: number): number;
  /**
   * Distance of each atom to the nearest training environment that was kept, σ, [N]; more where it has fewer or more
   * neighbours than any of those: the limit for 100 atoms times the gap in margins.
   */
  distances(structure: Structure, neighbours?: NeighbourList): Float64Array;
  verdict(structure: Structure, neighbours?: NeighbourList): DomainVerdict;
  /**
   * The cheap way: distance of each atom to the mean of the training environments (Mahalanobis), in σ of its own, [N],
   * and its limit. Blind for holes between kinds of environments.
   */
  quick(structure: Structure, neighbours?: NeighbourList): Float64Array;
  quickLimitFor(atoms: number): number;
  /** What the model file says. */
  readonly record: DomainRecord;
}

/**
 * The domain that a model file knows; null where it knows none.
 * @throws NearsightError `bad-model-file`
 */
export function openDomain(attachment: Attachment | null, potential: LoadedPotential): Domain | null {
  if (attachment === null) return null;
  const { shortRange, elements } = potential;
  const record = decodeDomain(attachment, elements, featureLength(shortRange));
  const parts = [record, ...record.earlier];
  const environments = (structure: Structure, list: NeighbourList | undefined): SpeciesFeatures[] =>
    featuresBySpecies(shortRange, structure, list);
  const place = (structure: Structure, list: NeighbourList | undefined): Places => {
    const places = emptyPlaces(structure.numbers.length);
    const features = environments(structure, list);
    for (const [part, { space, scale, strange }] of scaled(parts, 'nearest', structure.numbers.length).entries()) {
      for (const [s, { rows, atoms, counts }] of features.entries()) {
        if (atoms.length === 0 || space.environments[s] === 0) continue;
        const found = toNearest(whitened(rows, s, space), s, space, { nearest: shortRange.nearest });
        for (const [k, i] of atoms.entries()) {
          places.counts[i] = counts[k];
          const distance = scale * Math.max(found.distances[k], strange(s, counts[k]));
          if (!(distance < places.distances[i])) continue;
          places.distances[i] = distance;
          places.indices[i] = found.indices[k];
          places.parts[i] = part;
        }
      }
    }
    return places;
  };
  return {
    limit: limitFor(record.tails.nearest, USUAL_ATOMS),
    limitFor: (atoms) => limitFor(record.tails.nearest, atoms),
    quickLimitFor: (atoms) => limitFor(record.tails.mahalanobis, atoms),
    record,
    distances: (structure, neighbours) => place(structure, neighbours).distances,
    verdict(structure, neighbours) {
      const list = neighboursFor(structure, shortRange.cutoff, neighbours);
      return verdictOf(structure, list, place(structure, list), { record, elements, cutoff: shortRange.cutoff });
    },
    quick(structure, neighbours) {
      const { distances } = emptyPlaces(structure.numbers.length);
      const features = environments(structure, neighbours);
      for (const { space, scale, strange } of scaled(parts, 'mahalanobis', distances.length)) {
        for (const [s, { rows, atoms, counts }] of features.entries()) {
          if (atoms.length === 0 || space.environments[s] === 0) continue;
          const found = lengths(whitened(rows, s, space), space.dimension);
          const unit = space.units.mahalanobis[s];
          for (const [k, i] of atoms.entries()) {
            const distance = scale * Math.max(found[k] / unit, strange(s, counts[k]));
            distances[i] = Math.min(distances[i], distance);
          }
        }
      }
      return distances;
    },
  };
}

/** Every training has a σ and a limit of its own: distances to earlier ones are brought to the limit of the last one. */
function scaled(parts: readonly DomainPart[], measure: 'nearest' | 'mahalanobis', atoms: number): Scaled[] {
  const [last, ...earlier] = parts.map(({ tails }) => limitFor(tails[measure], atoms));
  return parts.map(({ space, tails, crowding }, k) => {
    // Of any number of atoms the same: a supercell is as far as its cell.
    const limit = limitFor(tails[measure], USUAL_ATOMS);
    const strange = (s: number, count: number): number => limit * strangenessOf(crowding?.[s], count);
    return { space, scale: k === 0 ? 1 : last / earlier[k - 1], strange };
  });
}

interface Scaled {
  readonly space: DomainSpace;
  readonly scale: number;
  /** How far a number of neighbours of a species is from those of the training, σ: at its margin it is at the limit. */
  readonly strange: (species: number, count: number) => number;
}

const USUAL_ATOMS = 100;

/** By atom: the distance, σ, and which of the kept environments of its species is the nearest, in which part. */
interface Places {
  readonly distances: Float64Array;
  readonly indices: Int32Array;
  readonly parts: Int32Array;
  /** Neighbours, see `neighbourCounts`. */
  readonly counts: Float64Array;
}

/** As for atoms of a species that no training frame had: infinitely far. */
function emptyPlaces(atoms: number): Places {
  return {
    distances: new Float64Array(atoms).fill(Number.POSITIVE_INFINITY),
    indices: new Int32Array(atoms).fill(-1),
    parts: new Int32Array(atoms),
    counts: new Float64Array(atoms),
  };
}

function verdictOf(
  structure: Structure,
  list: NeighbourList,
  { distances, indices, parts, counts }: Places,
  known: { readonly record: DomainRecord; readonly elements: readonly number[]; readonly cutoff: number },
): DomainVerdict {
  const { record } = known;
  const limit = limitFor(record.tails.nearest, distances.length);
  const noveltyOf = (atom: number): Novelty => {
    const z = structure.numbers[atom];
    const { space, sources, groups, crowding } = parts[atom] === 0 ? record : record.earlier[parts[atom] - 1];
    const s = known.elements.indexOf(z);
    const { origin } = space.kept[s];
    const at = 3 * indices[atom];
    const nearest =
      at < 0 ? null : { source: sources[origin[at]], frame: origin[at + 1], group: groups[origin[at + 2]] };
    const strange = strangeCount(crowding?.[s], counts[atom]);
    return { atom, element: symbolOf(z), distance: distances[atom], nearest, crowding: strange };
  };
  const outside = Array.from(distances.keys())
    .filter((i) => distances[i] > limit)
    .sort((i, j) => distances[j] - distances[i])
    .map(noveltyOf);
  const farthest = outside[0] ?? noveltyOf(largest(distances));
  const centre = noveltyOf(largest(gathered(structure, list, distances, known.cutoff)));
  const inside = outside.length === 0;
  const sentence = sentenceOf(
    { outside, farthest, centre },
    { limit, atoms: distances.length, forgets: record.forgets },
  );
  return { inside, limit, outside, farthest, centre, sentence };
}

/** A distance that counts for those that are not finite. */
const UNTHINKABLE = 1e9;

/**
 * How much is new around each atom: Σ_j ln(1 + d_j) cos(π r_ij / 2r_c) over the atoms within the cutoff, itself at
 * r = 0. The logarithm, because what an atom that is too near does to its neighbour says nothing of who moved.
 */
function gathered(structure: Structure, list: NeighbourList, distances: Float64Array, cutoff: number): Float64Array {
  const sites = sitePositions(list, structure);
  const own = distances.map((d) => Math.log1p(Math.min(d, UNTHINKABLE)));
  const sums = own.slice();
  for (let i = 0; i < sums.length; i++) {
    for (let p = list.first[i]; p < list.first[i + 1]; p++) {
      const s = list.neighbours[p];
      const x = sites[3 * s] - sites[3 * i];
      const y = sites[3 * s + 1] - sites[3 * i + 1];
      const z = sites[3 * s + 2] - sites[3 * i + 2];
      const r = Math.sqrt(x * x + y * y + z * z);
      if (r < cutoff) sums[i] += own[list.owner[s]] * Math.cos((Math.PI * r) / (2 * cutoff));
    }
  }
  return sums;
}

function largest(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
