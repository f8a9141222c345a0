/**
 * CIF: crystals by their cell, their symmetry and the atoms of the asymmetric unit. Lengths are in Å, angles in degrees;
 * there are no energies, forces or stresses.
 *
 * Each data block that describes a crystal is a frame. The first lattice vector lies along x and the second in the xy
 * plane, unless the block says where they lie (`_atom_sites_Cartn_tran_matrix_…`, as files written here do). Where a
 * site has several images within `SAME_PLACE` of each other, it stands on an element of symmetry, and they are one atom.
 */
import type { Place } from '../../../errors.ts';
import { toCartesian } from '../../../structure/cell.ts';
import { inverse3, rowsTimes3 } from '../../../structure/matrix3.ts';
import type { Structure } from '../../../structure/structure.ts';
import type { Frame } from '../../dataset.ts';
import { quoted, refusal } from '../../refuse.ts';
import type { Format, InputFile } from '../format.ts';
import { frameOf } from '../shared/values.ts';
import { asymmetricUnit, type Site } from './sites.ts';
import { spaceGroupOf } from './space-group-names.ts';
import { hallOperations, IDENTITY, isGroup, type Operation, parseOperation } from './symmetry-operations.ts';
import { type CifBlock, type CifValue, cifNumber, known, parseCif } from './syntax.ts';
import { writeCif } from './write.ts';

export const CIF: Format = {
  name: 'cif',
  title: 'CIF, with or without symmetry',
  names: /\.cif$/i,
  recognises: (head) => /^[ \t]*data_/im.test(head) && /^[ \t]*_cell[_.]length_a\s/im.test(head),
  read: ([file]) => readCif(file),
  write: writeCif,
};

/** Images of a site that are closer are one atom, Å; coordinates of special positions are often rounded (0.3333). */
const SAME_PLACE = 0.05;
/** A conventional cell has up to 192 operations; unusual ones of several cells have more. */
const MOST_OPERATIONS = 768;
/** Images of sites, before those that coincide are one atom. */
const MOST_IMAGES = 2_000_000;
/** Edges of cells, Å, and the sine of their flattest angle: beyond these it is a mistake. */
const SHORTEST = 0.1;
const LONGEST = 1e6;
const FLATTEST = 1e-6;
/** A cell that is given twice may differ by this much, relative to its longest vector. */
const SAME_CELL = 1e-4;

/**
 * All crystals of a file.
 * @throws NearsightError what `parseCif` throws; `no-structure`, `missing-cell`, `bad-cell`, `bad-symmetry`,
 *   `incomplete-symmetry`, `unknown-space-group`, `ambiguous-space-group`, `no-atoms`, `missing-coordinates`, `bad-coordinates`,
 *   `unknown-element`, `partial-occupancy`, `overlapping-atoms`, `too-many-atoms`
 */
function readCif(file: InputFile): Frame[] {
  const frames: Frame[] = [];
  const settled: SettledOperations = new Map();
  for (const block of parseCif(file)) {
    // Blocks of a publication's text, and the like.
    if (!block.items.has('_cell_length_a') && !hasSites(block)) continue;
    const place = { path: file.path, line: block.line, frame: frames.length };
    const structure = crystalOf(block, settled, place);
    // Blocks without a name of their own are numbered on writing.
    const info: Record<string, string> = /^(frame_\d+)?$/.test(block.name) ? {} : { name: block.name };
    frames.push(frameOf({ structure, info }, place));
  }
  if (frames.length > 0) return frames;
  const hint = 'a crystal needs a data_ block with _cell_length_a … and a loop of _atom_site_…';
  throw refusal('no-structure', 'the file describes no crystal', hint, { path: file.path });
}

function hasSites({ columns, items }: CifBlock): boolean {
  return ['_atom_site_fract_x', '_atom_site_cartn_x'].some((tag) => columns.has(tag) || items.has(tag));
}

function crystalOf(block: CifBlock, settled: SettledOperations, place: Place): Structure {
  const operations = operationsOf(block, settled, place);
  const { cell, given } = cellOf(block, place);
  const sites = asymmetricUnit(block, place);
  const single = operations.length === 1;
  const cartesian = cartesianOf(block, sites, place);
  const pbc: Structure['pbc'] = [true, true, true];
  // Without symmetry the coordinates are taken as they are: files written here hold them to the last bit.
  if (single && cartesian !== null && (given || sites[0].fractional === null)) {
    checkAgreement(sites, cartesian, { cell, place });
    return { numbers: Int32Array.from(sites, ({ element }) => element), positions: cartesian, cell, pbc };
  }
  const inverse = inverse3(cell);
  const placed = sites.map((site, k) => ({
    ...site,
    fractional: site.fractional ?? [...rowsTimes3(cartesian?.subarray(3 * k, 3 * k + 3) ?? [], inverse)],
  }));
  const atoms = single ? placed : images(placed, operations, { cell, place });
  const fractional = Float64Array.from(atoms.flatMap((atom) => atom.fractional));
  const numbers = Int32Array.from(atoms, ({ element }) => element);
  return { numbers, positions: toCartesian(fractional, cell), cell, pbc };
}

/** Both kinds of coordinates must say the same where a file has both. */
function checkAgreement(
  sites: readonly Site[],
  cartesian: Float64Array,
  { cell, place }: { readonly cell: Float64Array; readonly place: Place },
): void {
  for (const [k, { fractional, label, line }] of sites.entries()) {
    if (fractional === null) continue;
    const [x, y, z] = toCartesian(fractional, cell);
    const distance = Math.hypot(x - cartesian[3 * k], y - cartesian[3 * k + 1], z - cartesian[3 * k + 2]);
    if (distance < SAME_PLACE) continue;
    throw refusal(
      'bad-coordinates',
      `fractional and Cartesian coordinates of ${quoted(label)} are ${distance.toPrecision(3)} Å apart`,
      'remove one of the two',
      { ...place, line },
    );
  }
}

/** Cartesian coordinates of all sites, Å, or null where one has none. */
function cartesianOf(block: CifBlock, sites: readonly Site[], place: Place): Float64Array | null {
  if (sites.some(({ cartesian }) => cartesian === null)) return null;
  const shift = [1, 2, 3].map((k) => block.items.get(`_atom_sites_cartn_tran_vector_${k}`));
  if (shift.every((value) => value === undefined || cifNumber(value, 'the shift of the origin', place) === 0)) {
    return Float64Array.from(sites.flatMap(({ cartesian }) => cartesian ?? []));
  }
  if (sites.every(({ fractional }) => fractional !== null)) return null;
  const hint = 'write fractional coordinates';
  throw refusal('missing-coordinates', 'the Cartesian coordinates have an origin of their own', hint, place);
}

const EDGES = ['_cell_length_a', '_cell_length_b', '_cell_length_c'] as const;
const ANGLES = ['_cell_angle_alpha', '_cell_angle_beta', '_cell_angle_gamma'] as const;

/** Lattice vectors by rows, Å, and whether the block itself says how they lie. */
function cellOf(block: CifBlock, place: Place): { readonly cell: Float64Array; readonly given: boolean } {
  const number = (tag: string): number => {
    const value = block.items.get(tag);
    if (value === undefined || known(value) === null) {
      const hint = 'a crystal needs all three lengths (Å) and all three angles (degrees)';
      throw refusal('missing-cell', `the cell has no ${tag}`, hint, { ...place, field: tag });
    }
    return cifNumber(value, tag, { ...place, field: tag });
  };
  const edges = EDGES.map(number);
  const angles = ANGLES.map(number);
  const cell = standardCell(edges, angles);
  if (cell === null) {
    const what = `there is no cell with the lengths ${edges.join(', ')} Å and the angles ${angles.join(', ')}°`;
    throw refusal('bad-cell', what, 'mend the cell', { ...place, field: 'cell' });
  }
  const stated = statedCell(block, place);
  if (stated === null) return { cell, given: false };
  const longest = Math.max(...edges);
  // Two cells are the same, but for how they lie, when all products of their vectors are.
  const differs = gram(stated).some((product, k) => !(Math.abs(product - gram(cell)[k]) < SAME_CELL * longest ** 2));
  if (!differs) return { cell: stated, given: true };
  const what = 'the matrix _atom_sites_Cartn_tran_matrix does not have the lengths and angles of the cell';
  throw refusal('bad-cell', what, 'remove one of the two', { ...place, field: 'cell' });
}

/** a along x, b in the xy plane, c above it; null where there is no such cell. Right angles and those of 120° are exact. */
function standardCell([a, b, c]: readonly number[], angles: readonly number[]): Float64Array | null {
  const [alpha, beta, gamma] = angles.map(cosine);
  const sine = Math.abs(angles[2]) === 90 ? 1 : Math.sqrt(1 - gamma * gamma);
  const y = (alpha - beta * gamma) / sine;
  const z = Math.sqrt(1 - beta * beta - y * y);
  const solid = Math.min(sine, z) > FLATTEST && angles.every((angle) => angle > 0 && angle < 180);
  if (!solid || !(Math.min(a, b, c) >= SHORTEST) || !(Math.max(a, b, c) <= LONGEST)) return null;
  return Float64Array.of(a, 0, 0, b * gamma, b * sine, 0, c * beta, c * y, c * z);
}

function cosine(degrees: number): number {
  if (degrees === 90) return 0;
  if (degrees === 60 || degrees === 120) return degrees === 60 ? 0.5 : -0.5;
  return Math.cos((degrees * Math.PI) / 180);
}

/** The cell of the matrix that takes fractional to Cartesian coordinates, whose columns are the lattice vectors. */
function statedCell(block: CifBlock, place: Place): Float64Array | null {
  const cell = new Float64Array(9);
  for (let k = 0; k < 9; k++) {
    const tag = `_atom_sites_cartn_tran_matrix_${(k % 3) + 1}${Math.floor(k / 3) + 1}`;
    const value = block.items.get(tag);
    if (value === undefined || known(value) === null) return null;
    cell[k] = cifNumber(value, tag, { ...place, field: tag });
  }
  return cell;
}

function gram(cell: Float64Array): number[] {
  const products: number[] = [];
  for (let k = 0; k < 3; k++) {
    for (let l = k; l < 3; l++) {
      let sum = 0;
      for (let c = 0; c < 3; c++) sum += cell[3 * k + c] * cell[3 * l + c];
      products.push(sum);
    }
  }
  return products;
}

/** Lists of operations that were found to be groups: the blocks of a file often have the same. */
type SettledOperations = Map<string, readonly Operation[]>;

const OPERATIONS: readonly string[] = ['_space_group_symop_operation_xyz', '_symmetry_equiv_pos_as_xyz'];
const SYMBOLS: readonly string[] = [
  '_space_group_name_h-m_alt',
  '_space_group_name_h-m_full',
  '_symmetry_space_group_name_h-m',
  '_symmetry_space_group_name_h-m_full',
  '_symmetry_space_group_name_h-m_alt',
];
const HALLS: readonly string[] = ['_space_group_name_hall', '_symmetry_space_group_name_hall'];
const NUMBERS: readonly string[] = ['_space_group_it_number', '_symmetry_int_tables_number'];
const SETTINGS: readonly string[] = ['_space_group_it_coordinate_system_code', '_symmetry_cell_setting_code'];

/** The operations that are listed; else those that the names of the space group stand for; else none but the identity. */
function operationsOf(block: CifBlock, settled: SettledOperations, place: Place): readonly Operation[] {
  for (const tag of OPERATIONS) {
    const single = block.items.get(tag);
    const listed = block.columns.get(tag) ?? (single === undefined ? [] : [single]);
    if (listed.length === 0) continue;
    const words = listed.map(({ text }) => text).join(';');
    const before = settled.get(words);
    if (before !== undefined) return before;
    const operations = listedOperations(listed, { ...place, field: tag });
    settled.set(words, operations);
    return operations;
  }
  const first = (tags: readonly string[]): string | null => {
    const value = tags.map((tag) => known(block.items.get(tag))).find((text) => text !== null && text !== '');
    return value ?? null;
  };
  const hall = first(HALLS);
  const symbol = first(SYMBOLS);
  const number = first(NUMBERS);
  if (hall === null && symbol === null && number === null) return [IDENTITY];
  const text =
    hall ?? spaceGroupOf({ symbol, number, setting: first(SETTINGS), hexagonal: isHexagonal(block) }, place).hall;
  const operations = hallOperations(text);
  if (operations !== null) return operations;
  const hint = 'add the operations: a loop of _space_group_symop_operation_xyz';
  throw refusal('unknown-space-group', `${quoted(text)} is not understood as a Hall symbol`, hint, place);
}

function isHexagonal(block: CifBlock): boolean {
  return Number.parseFloat(known(block.items.get('_cell_angle_gamma')) ?? '') === 120;
}

function listedOperations(values: readonly CifValue[], place: Place): readonly Operation[] {
  if (values.length > MOST_OPERATIONS) {
    const what = `there are ${values.length} operations of symmetry, more than any group of so few axes has`;
    throw refusal('incomplete-symmetry', what, 'mend the list', place);
  }
  const operations = values.map((value) => parseOperation(value.text, { ...place, line: value.line }));
  const identity = operations.findIndex(isIdentity);
  if (identity > 0) operations.unshift(...operations.splice(identity, 1));
  if (identity >= 0 && isGroup(operations)) return operations;
  throw refusal(
    'incomplete-symmetry',
    `the ${operations.length} operations of symmetry are no group: one is missing, or stands there twice`,
    'list all operations, with x,y,z among them',
    { ...place, line: values[0].line },
  );
}

function isIdentity({ rotation, translation }: Operation): boolean {
  return rotation.every((c, k) => c === IDENTITY.rotation[k]) && translation.every((t) => t === 0);
}

/** A site with its fractional coordinates settled. */
interface PlacedSite extends Site {
  readonly fractional: readonly number[];
}

/** All images of all sites within one cell, each once. */
function images(
  sites: readonly PlacedSite[],
  operations: readonly Operation[],
  at: { readonly cell: Float64Array; readonly place: Place },
): PlacedSite[] {
  if (sites.length * operations.length > MOST_IMAGES) {
    const what = `${sites.length} sites with ${operations.length} operations of symmetry are too many to be a crystal`;
    throw refusal('too-many-atoms', what, 'is the list of sites the asymmetric unit?', at.place);
  }
  const atoms: PlacedSite[] = [];
  const near = createNeighbourhood(at.cell);
  for (const site of sites) {
    for (const { rotation: R, translation } of operations) {
      const [x, y, z] = site.fractional;
      const image = [0, 1, 2].map((k) => {
        const value = R[3 * k] * x + R[3 * k + 1] * y + R[3 * k + 2] * z + translation[k];
        return value - Math.floor(value);
      });
      const other = near.find(image);
      if (other === undefined) {
        near.add(image, atoms.length);
        atoms.push({ ...site, fractional: image });
      } else if (atoms[other].element !== site.element) {
        throw refusal(
          'overlapping-atoms',
          `the sites ${quoted(atoms[other].label)} and ${quoted(site.label)} are of different elements in one place`,
          'choose one of them: a structure has one atom in a place',
          { ...at.place, line: site.line },
        );
      }
    }
  }
  return atoms;
}

interface Neighbourhood {
  /** Number of an atom within `SAME_PLACE`, images counted. */
  find(fractional: readonly number[]): number | undefined;
  add(fractional: readonly number[], atom: number): void;
}

/** Atoms sorted into boxes of some ångströms, so that each is compared with few. */
function createNeighbourhood(cell: Float64Array): Neighbourhood {
  const counts = [0, 1, 2].map((k) => {
    const length = Math.hypot(cell[3 * k], cell[3 * k + 1], cell[3 * k + 2]);
    return Math.max(1, Math.min(32, Math.floor(length / 4)));
  });
  const boxes = new Map<number, { readonly fractional: readonly number[]; readonly atom: number }[]>();
  const inverse = inverse3(cell);
  // How far `SAME_PLACE` reaches in each fractional coordinate: at most its length times that of the reciprocal vector.
  const reach = [0, 1, 2].map((k) => SAME_PLACE * Math.hypot(inverse[k], inverse[3 + k], inverse[6 + k]));
  const indices = (fraction: number, k: number): number[] => {
    const n = counts[k];
    const all = [-reach[k], 0, reach[k]].map((d) => ((Math.floor((fraction + d) * n) % n) + n) % n);
    return [...new Set(all)];
  };
  const keyOf = (i: number, j: number, k: number): number => (i * counts[1] + j) * counts[2] + k;
  const close = (a: readonly number[], b: readonly number[]): boolean => {
    const d = [0, 1, 2].map((k) => a[k] - b[k] - Math.round(a[k] - b[k]));
    return Math.hypot(...rowsTimes3(d, cell)) < SAME_PLACE;
  };
  return {
    find(fractional) {
      for (const i of indices(fractional[0], 0)) {
        for (const j of indices(fractional[1], 1)) {
          for (const k of indices(fractional[2], 2)) {
            const found = boxes.get(keyOf(i, j, k))?.find((entry) => close(entry.fractional, fractional));
            if (found !== undefined) return found.atom;
          }
        }
      }
      return undefined;
    },
    add(fractional, atom) {
      const [i, j, k] = fractional.map((f, axis) => Math.min(counts[axis] - 1, Math.floor(f * counts[axis])));
      const key = keyOf(i, j, k);
      const box = boxes.get(key);
      if (box === undefined) boxes.set(key, [{ fractional, atom }]);
      else box.push({ fractional, atom });
    },
  };
}
