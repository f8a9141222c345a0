/** Systems in the engine's memory: records, topology, positions. */
import { NearsightError } from '../../errors.ts';
import type { KernelSystem, ModelShape } from '../kernels.ts';
import type { Crew, KernelExports } from './crew.ts';
import { type Buffer, createBuffer, type Heap } from './memory.ts';

/** Bytes of the system record that assembly/state.ts and assembly/train.ts read. */
export const SYSTEM_RECORD = 128;

/** Units per eV/Å of the fixed-point forces, finest first; a coarser one is taken when forces are too large for it. */
export const FORCE_SCALES: readonly number[] = [2 ** 20, 2 ** 14, 2 ** 8];

/** A model in the engine: what all its jobs share. */
export interface Engine {
  readonly heap: Heap;
  readonly kernels: KernelExports;
  readonly crew: Crew;
  readonly shape: ModelShape;
  readonly threads: number;
  readonly model: number;
  /** Scratch of all threads: [address, bytes of one]. */
  scratch(capacity: number, training: boolean, threads: number): [number, number];
}

/** The topology of a system in the heap: everything of it but where the sites are. */
export interface Resident {
  readonly record: number;
  /** Address of the site positions. */
  readonly positions: number;
  readonly atoms: number;
  readonly sites: number;
  /** Edges per atom at most, padding included. */
  readonly capacity: number;
  /** The same without padding: it does not depend on how many species the model knows. */
  readonly longest: number;
  readonly buffers: readonly Buffer[];
}

/** Copies the topology of a system into the heap; the neighbours of each atom are sorted by species. */
export function upload(
  engine: { readonly heap: Heap; readonly shape: Pick<ModelShape, 'species'> },
  system: KernelSystem,
  buffers: readonly Buffer[],
  record: number,
): Resident {
  const { heap, shape } = engine;
  const sites = system.species.length;
  const edges = system.neighbours.length;
  // One block of atoms may be read whole, also where the last one is short.
  const positions = buffers[0].ensure(32 * sites);
  const species = buffers[1].ensure(4 * (sites + 16));
  const owner = buffers[2].ensure(4 * sites);
  const first = buffers[3].ensure(4 * (system.atoms + 1));
  const neighbours = buffers[4].ensure(4 * Math.max(edges, 1));
  heap.i32(species, sites).set(system.species);
  heap.i32(owner, sites).set(system.owner);
  heap.i32(first, system.atoms + 1).set(system.first);
  const list = heap.i32(neighbours, edges);
  list.set(system.neighbours);
  if (shape.species > 1) sortBySpecies(system, list, shape.species);
  let longest = 0;
  for (let i = 0; i < system.atoms; i++) longest = Math.max(longest, system.first[i + 1] - system.first[i]);
  // Each species' edges are padded to a multiple of four; one edge more may be written before it is rejected.
  const capacity = Math.ceil((longest + 3 * Math.min(kindsIn(system.species, shape.species), longest) + 4) / 4) * 4;
  heap.i32(record, 8).set([system.atoms, sites, positions, species, owner, first, neighbours, capacity]);
  return { record, positions, atoms: system.atoms, sites, capacity, longest, buffers };
}

/** Number of species that occur. */
function kindsIn(species: Int32Array, known: number): number {
  const seen = new Uint8Array(known);
  for (let i = 0; i < species.length; i++) seen[species[i]] = 1;
  return seen.reduce((sum, one) => sum + one, 0);
}

function sortBySpecies(system: KernelSystem, list: Int32Array, species: number): void {
  const start = new Int32Array(species + 1);
  for (let i = 0; i < system.atoms; i++) {
    const from = system.first[i];
    const to = system.first[i + 1];
    start.fill(0);
    for (let e = from; e < to; e++) start[system.species[system.neighbours[e]] + 1]++;
    for (let s = 0; s < species; s++) start[s + 1] += start[s];
    for (let e = from; e < to; e++) {
      const j = system.neighbours[e];
      list[from + start[system.species[j]]++] = j;
    }
  }
}

/** Site positions to f64 [M][4]; one that is not a number would silently lose its edges, so it is refused. */
export function placeSites(heap: Heap, address: number, sites: Float64Array): void {
  const to = heap.f64(address, (sites.length / 3) * 4);
  let sum = 0;
  for (let s = 0, k = 0; s < sites.length; s += 3, k += 4) {
    const x = sites[s];
    const y = sites[s + 1];
    const z = sites[s + 2];
    to[k] = x;
    to[k + 1] = y;
    to[k + 2] = z;
    sum += x * 0 + y * 0 + z * 0;
  }
  if (sum !== 0) throw new NearsightError('not-a-number', 'a position is not a finite number');
}

/** Room for one system. */
export const systemBuffers = (heap: Heap): Buffer[] => Array.from({ length: 5 }, () => createBuffer(heap));

/**
 * Brings systems in, one after the other; the topology only of one that is not there already.
 * @param place checks a system and puts its topology into the heap
 */
export function createSeat<Placed extends Resident>(
  heap: Heap,
  place: (system: KernelSystem) => Placed,
): (system: KernelSystem) => Placed {
  let resident: Placed | null = null;
  let known: KernelSystem | null = null;
  return (system) => {
    const same =
      known !== null &&
      known.neighbours === system.neighbours &&
      known.first === system.first &&
      known.species === system.species &&
      known.owner === system.owner;
    if (!same || resident === null) {
      // Should it be refused or find no room, what is there now is not to be trusted.
      known = null;
      resident = null;
      resident = place(system);
    }
    known = system;
    placeSites(heap, resident.positions, system.sites);
    return resident;
  };
}
