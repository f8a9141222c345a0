import { covalentRadiusOf } from '../../elements.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import type { Structure } from '../../structure/structure.ts';

/** Two atoms that are close to each other. */
export interface Contact {
  readonly atoms: readonly [number, number];
  /** Å. */
  readonly distance: number;
  /** Distance over the sum of the covalent radii. */
  readonly ratio: number;
}

/** The shortest distance in a structure and, where radii are known, the one that is shortest for its elements. */
export interface Contacts {
  readonly nearest: Contact;
  readonly tightest: Contact;
}

/** Å. Half the sum of the two largest covalent radii, and more; so the tightest contact below that is never missed. */
const FIRST_REACH = 3;
/** Atoms that are farther apart than this have no neighbours worth speaking of, Å. */
const LAST_REACH = 12;

/**
 * Closest contacts, images included; null where no two atoms are within 12 Å.
 * @throws NearsightError what `buildNeighbourList` throws for structures that no list can be built for
 */
export function closestContacts(structure: Structure): Contacts | null {
  for (let reach = FIRST_REACH; reach <= LAST_REACH; reach *= 2) {
    const contacts = contactsWithin(structure, reach);
    if (contacts !== null) return contacts;
  }
  return null;
}

function contactsWithin(structure: Structure, reach: number): Contacts | null {
  const list = buildNeighbourList(structure, reach);
  const { first, neighbours, owner } = list;
  if (neighbours.length === 0) return null;
  const { numbers } = structure;
  const sites = sitePositions(list, structure);
  const radii = Float64Array.from(numbers, radiusOf);
  let nearest: Contact | null = null;
  let tightest: Contact | null = null;
  for (let i = 0; i < numbers.length; i++) {
    for (let edge = first[i]; edge < first[i + 1]; edge++) {
      const s = neighbours[edge];
      const j = owner[s];
      if (j < i) continue;
      const dx = sites[3 * s] - sites[3 * i];
      const dy = sites[3 * s + 1] - sites[3 * i + 1];
      const dz = sites[3 * s + 2] - sites[3 * i + 2];
      const distance = Math.sqrt(dx * dx + dy * dy + dz * dz);
      const ratio = distance / (radii[i] + radii[j]);
      if (nearest === null || distance < nearest.distance) nearest = { atoms: [i, j], distance, ratio };
      if (tightest === null || ratio < tightest.ratio) tightest = { atoms: [i, j], distance, ratio };
    }
  }
  return nearest === null || tightest === null ? null : { nearest, tightest };
}

/** Elements beyond the table are judged by the radius of its last one. */
function radiusOf(z: number): number {
  return covalentRadiusOf(Math.min(z, 96));
}
