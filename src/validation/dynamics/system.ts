/** What the checks that let atoms move have in common: a system of a few dozen atoms at rest, and its timestep. */
import { finish } from '../../md/progress.ts';
import { relax } from '../../md/relax.ts';
import type { Potential } from '../../model/potential.ts';
import { supercell } from '../../structure/builders.ts';
import { massesOf, type Structure } from '../../structure/structure.ts';

/** Why checks of a minimum say nothing. */
export const NO_MINIMUM = 'no structure is known to be a minimum of this potential: name one (--minimum)';
/** Periodic structures are doubled until they have as many atoms. */
const LEAST_ATOMS = 32;
/** A frame far from equilibrium would heat itself; forces as at 300 K are calm enough, eV/Å. */
const CALM = { maxForce: 0.5, maxSteps: 100 };

/** The structure, repeated along its shortest periodic vector until it is large enough. */
export function enlarged(structure: Structure, least: number = LEAST_ATOMS): Structure {
  if (structure.numbers.length >= least || !structure.pbc.some((repeats) => repeats)) return structure;
  const { cell } = structure;
  const lengths = [0, 1, 2].map((k) =>
    structure.pbc[k] ? Math.hypot(cell[3 * k], cell[3 * k + 1], cell[3 * k + 2]) : Number.POSITIVE_INFINITY,
  );
  const shortest = lengths.indexOf(Math.min(...lengths));
  return enlarged(
    supercell(
      structure,
      [0, 1, 2].map((k) => (k === shortest ? 2 : 1)),
    ),
    least,
  );
}

/** A structure that is large and calm enough for dynamics to start from. */
export async function calmed(structure: Structure, potential: Potential): Promise<Structure> {
  return (await finish(relax(enlarged(structure), potential, CALM))).structure;
}

/** A share of the period of the lightest atoms, fs: `share` = 1 is 1 fs for hydrogen, 5.3 fs for silicon. */
export function timestepFor(structure: Structure, share: number): number {
  return share * Math.sqrt(Math.min(...massesOf(structure)));
}
