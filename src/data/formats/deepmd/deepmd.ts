/**
 * DeePMD-kit systems: folders of NumPy arrays. Å, eV, eV/Å; the virial is in eV and positive under compression,
 * W = −V σ with nearsight's stress σ. A system has its own fixed row of atoms (`type.raw`, with the symbols in
 * `type_map.raw`) and any number of frames in `set.*`; a folder may hold many systems at any depth, and each gives its
 * name to the group of its frames. Mixed-type systems (`real_atom_types.npy`) are read too.
 * @see Wang, Zhang, Han & E 2018, doi:10.1016/j.cpc.2018.03.016
 */
import { symbolOf } from '../../../elements.ts';
import type { Place } from '../../../errors.ts';
import { cellVolume } from '../../../structure/cell.ts';
import { checkStructure } from '../../../structure/structure.ts';
import type { Frame, Labels } from '../../dataset.ts';
import { tensorOf, volumeForVirial } from '../../extxyz/labels.ts';
import type { WritableFrame } from '../../extxyz/write.ts';
import { refusal } from '../../refuse.ts';
import type { Format, FormatOptions, InputFile, OutputFile } from '../format.ts';
import { linesOf, wordsOf } from '../shared/lines.ts';
import { requireWholePeriodicity } from '../shared/needs.ts';
import { unscaled } from '../shared/scaling.ts';
import { elementAt, elementOrder } from '../shared/symbols.ts';
import { countOf, frameOf } from '../shared/values.ts';
import { readNpy, writeNpy } from './npy.ts';

export const DEEPMD: Format = {
  name: 'deepmd',
  title: 'DeePMD-kit folder of .npy files',
  names: /\.deepmd$|^deepmd$/i,
  folder: true,
  labels: ['energy', 'forces', 'stress'],
  companions: (_main, listing) => listing.filter((name) => PART.test(name.replaceAll('\\', '/'))),
  read: (files, options) => {
    const frames: Frame[] = [];
    for (const system of systemsOf(files)) readSystem(system, options, frames);
    if (frames.length > 0) return frames;
    throw refusal(
      'empty-folder',
      'the folder holds no DeePMD system with frames',
      'a system is a folder with type.raw and set.000/coord.npy',
      { path: files[0]?.path },
    );
  },
  write: writeSystems,
};

/** The files that nearsight reads; `set.000/energy.npy` and its sisters. */
const ARRAYS = ['coord', 'box', 'energy', 'force', 'virial', 'real_atom_types'] as const;
type ArrayName = (typeof ARRAYS)[number];
const PART = new RegExp(`(^|/)(type\\.raw|type_map\\.raw|nopbc|set\\.[^/]+/(${ARRAYS.join('|')})\\.npy)$`);

/** One system: what belongs to all of its frames, and its sets in order. */
interface System {
  readonly path: string;
  readonly common: ReadonlyMap<string, InputFile>;
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, InputFile>>;
}

function systemsOf(files: readonly InputFile[]): System[] {
  const systems = new Map<string, { common: Map<string, InputFile>; sets: Map<string, Map<string, InputFile>> }>();
  for (const file of files) {
    const path = file.path.replaceAll('\\', '/');
    const part = PART.exec(path);
    if (part === null) continue;
    const folder = path.slice(0, part.index);
    const system = systems.get(folder) ?? { common: new Map(), sets: new Map() };
    systems.set(folder, system);
    const [set, array] = part[2].split('/');
    if (array === undefined) system.common.set(set, file);
    else system.sets.set(set, (system.sets.get(set) ?? new Map()).set(array.replace('.npy', ''), file));
  }
  return Array.from(systems, ([path, { common, sets }]) => ({ path, common, sets })).sort((a, b) =>
    byName(a.path, b.path),
  );
}

/** data_2 comes before data_10. */
function byName(a: string, b: string): number {
  const [first, second] = [a, b].map((name) => name.replace(/\d+/g, (digits) => digits.padStart(12, '0')));
  return first < second ? -1 : first > second ? 1 : 0;
}

function readSystem(system: System, options: FormatOptions, frames: Frame[]): void {
  const typeFile = system.common.get('type.raw');
  if (typeFile === undefined) {
    throw refusal('missing-file', 'the system has no type.raw', 'it says which type each atom is: add it', {
      path: system.path,
      field: 'type.raw',
    });
  }
  const types = wholeNumbers(typeFile);
  const symbols = symbolsOf(system, options);
  for (const name of [...system.sets.keys()].sort(byName)) {
    readSet({ system, types, symbols, arrays: system.sets.get(name) ?? new Map() }, frames);
  }
}

function wholeNumbers(file: InputFile): Int32Array {
  const lines = linesOf(file);
  const types: number[] = [];
  for (let line = lines.next(); line !== null; line = lines.next()) {
    for (const word of wordsOf(line)) {
      types.push(countOf(word, 'a type', lines.place('type.raw'), { least: 0, most: 1e6 }));
    }
  }
  return Int32Array.from(types);
}

/** Atomic numbers of the types 0, 1, …, with the place where they are told. */
interface TypeMap {
  readonly elements: readonly number[];
  readonly place: Place;
}

function symbolsOf(system: System, options: FormatOptions): TypeMap {
  const file = system.common.get('type_map.raw');
  if (file === undefined) {
    const place = { path: system.common.get('type.raw')?.path, field: 'elements' };
    if (options.elements !== undefined) return { elements: options.elements.map((s) => elementAt(s, place)), place };
    throw refusal(
      'missing-elements',
      'the system has no type_map.raw, so that its types are only numbers',
      'name the elements of the types 0, 1, … with --elements, as in --elements O,H',
      place,
    );
  }
  const lines = linesOf(file);
  const elements: number[] = [];
  for (let line = lines.next(); line !== null; line = lines.next()) {
    for (const word of wordsOf(line)) elements.push(elementAt(word, lines.place('type_map.raw')));
  }
  return { elements, place: { path: file.path, field: 'type_map.raw' } };
}

interface SetToRead {
  readonly system: System;
  /** Types of the atoms, [N]; without meaning in mixed-type systems. */
  readonly types: Int32Array;
  readonly symbols: TypeMap;
  readonly arrays: ReadonlyMap<string, InputFile>;
}

/** An array of a set, [frames · width]. */
interface Table {
  readonly path: string;
  readonly width: number;
  readonly values: Float64Array;
}

function readSet(set: SetToRead, frames: Frame[]): void {
  const { system, arrays, types } = set;
  const atoms = types.length;
  const coord = tableOf(arrays, 'coord', 3 * atoms, undefined);
  if (coord === undefined) {
    throw refusal('missing-file', 'a set of the system has no coord.npy', 'add it, or remove the set', {
      path: arrays.values().next().value?.path ?? system.path,
      field: 'coord.npy',
    });
  }
  const count = atoms === 0 ? 0 : coord.values.length / coord.width;
  const periodic = !system.common.has('nopbc');
  const box = periodic ? tableOf(arrays, 'box', 9, count) : undefined;
  if (periodic && box === undefined) {
    throw refusal('missing-file', 'the system has neither box.npy nor nopbc', 'add the cells, or an empty file nopbc', {
      path: coord.path,
      field: 'box.npy',
    });
  }
  const tables = {
    coord,
    box,
    energy: tableOf(arrays, 'energy', 1, count),
    force: tableOf(arrays, 'force', 3 * atoms, count),
    virial: tableOf(arrays, 'virial', 9, count),
    mixed: tableOf(arrays, 'real_atom_types', atoms, count),
  };
  for (let k = 0; k < count; k++) frames.push(frameAt(set, tables, k, frames.length));
}

function tableOf(
  arrays: ReadonlyMap<string, InputFile>,
  name: ArrayName,
  width: number,
  count: number | undefined,
): Table | undefined {
  const file = arrays.get(name);
  if (file === undefined) return undefined;
  const { shape, values } = readNpy(file);
  const frames = count ?? shape[0] ?? 0;
  if (values.length === frames * width && (shape[0] === frames || frames === 1)) {
    return { path: file.path, width, values };
  }
  throw refusal(
    'wrong-length',
    `${name}.npy is an array of ${shape.join(' × ')} where ${frames} × ${width} numbers were expected`,
    'the arrays of a set have one row per frame, and type.raw has one number per atom',
    { path: file.path, field: `${name}.npy` },
  );
}

const row = ({ values, width }: Table, k: number): Float64Array => values.slice(k * width, (k + 1) * width);

function frameAt(
  set: SetToRead,
  tables: Readonly<Partial<Record<Exclude<ArrayName, 'real_atom_types'> | 'mixed', Table>>> & { readonly coord: Table },
  k: number,
  index: number,
): Frame {
  const { coord, box, energy, force, virial, mixed } = tables;
  const place = { path: coord.path, line: 1, frame: index };
  const types = mixed === undefined ? set.types : row(mixed, k);
  // Mixed-type systems fill up with atoms of type −1, which are not there.
  const real = Array.from(types.keys()).filter((atom) => types[atom] !== -1);
  const only = (table: Table): Float64Array => {
    const all = row(table, k);
    if (real.length === types.length) return all;
    return Float64Array.from(real.flatMap((atom) => [...all.subarray(3 * atom, 3 * atom + 3)]));
  };
  const cell = box === undefined ? new Float64Array(9) : row(box, k);
  const periodic = box !== undefined;
  const structure = {
    numbers: Int32Array.from(real, (atom) => numberOfType(types[atom], set.symbols, atom)),
    positions: only(coord),
    cell,
    pbc: [periodic, periodic, periodic] as const,
  };
  checkStructure(structure, place);
  const labels: Labels = {
    ...(energy === undefined ? {} : { energy: energy.values[k] }),
    ...(force === undefined ? {} : { forces: only(force) }),
    ...(virial === undefined ? {} : { stress: stressOf(virial, k, cell, { ...place, path: virial.path }) }),
  };
  const names = {
    ...(energy === undefined ? {} : { energy: 'energy.npy' }),
    ...(force === undefined ? {} : { forces: 'force.npy' }),
    ...(virial === undefined ? {} : { stress: 'virial.npy' }),
  };
  return frameOf({ structure, labels, group: groupOf(set.system.path), names }, place);
}

function numberOfType(type: number, { elements, place }: TypeMap, atom: number): number {
  const z = elements[type];
  if (z !== undefined) return z;
  throw refusal(
    'unknown-element',
    `atom ${atom} is of type ${type}, but only the types 0 to ${elements.length - 1} have elements`,
    'list the symbol of every type in type_map.raw, or with --elements',
    place,
  );
}

function stressOf(virial: Table, k: number, cell: Float64Array, place: Place): Float64Array {
  const here = { ...place, field: 'virial.npy' };
  const volume = volumeForVirial(cell, 'add box.npy, or remove virial.npy', here);
  return tensorOf(Array.from(row(virial, k)).join(' '), -1 / volume, here);
}

/** Group of a system: the name of its folder, as `folderOf` made it. */
function groupOf(path: string): string {
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const bare = (name === '.' || name === '..' ? '' : name).replace(/#\d+$/, '');
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}

/**
 * Frames with the same group, row of atoms, periodicity and set of labels become one system with one set, in double
 * precision: a label that some frames lack is thus missing in their system rather than zero. The folders are called as
 * the groups (percent-encoded where a name of a folder cannot have it; by formula without a group), and `#2`, `#3`, …
 * tell systems of one group apart. All share one type map.
 * @throws NearsightError `unwritable-boundary` for structures that repeat along one or two directions only
 */
function writeSystems(frames: readonly WritableFrame[], options: FormatOptions): OutputFile[] {
  const systems = new Map<string, WritableFrame[]>();
  for (const [index, frame] of frames.entries()) {
    const { structure, labels = {}, group = '' } = frame;
    checkStructure(structure, { frame: index });
    requireWholePeriodicity(structure, 'DeePMD-kit', { frame: index });
    const has = (['energy', 'forces', 'stress'] as const).filter((name) => labels[name] !== undefined);
    const key = JSON.stringify([group, structure.pbc[0], has, structure.numbers.join(' ')]);
    const system = systems.get(key);
    if (system === undefined) systems.set(key, [frame]);
    else system.push(frame);
  }
  const elements = elementOrder(
    frames.flatMap(({ structure }) => [...new Set(structure.numbers)]),
    options.elements,
  );
  const taken = new Map<string, number>();
  return Array.from(systems.values()).flatMap((system) => writeSystem(system, elements, folderOf(system[0], taken)));
}

function writeSystem(frames: readonly WritableFrame[], elements: readonly number[], folder: string): OutputFile[] {
  const { structure, labels = {} } = frames[0];
  const atoms = structure.numbers.length;
  const periodic = structure.pbc[0];
  const file = (name: string, content: string | Uint8Array): OutputFile => ({ path: `${folder}/${name}`, content });
  const table = (name: ArrayName, width: number, rowOf: (frame: WritableFrame) => ArrayLike<number>): OutputFile => {
    const values = new Float64Array(frames.length * width);
    for (const [k, frame] of frames.entries()) values.set(rowOf(frame), k * width);
    return file(`set.000/${name}.npy`, writeNpy(values, name === 'energy' ? [frames.length] : [frames.length, width]));
  };
  return [
    file('type.raw', `${Array.from(structure.numbers, (z) => elements.indexOf(z)).join('\n')}\n`),
    file('type_map.raw', `${elements.map(symbolOf).join('\n')}\n`),
    ...(periodic ? [] : [file('nopbc', '')]),
    table('coord', 3 * atoms, (frame) => frame.structure.positions),
    ...(periodic ? [table('box', 9, (frame) => frame.structure.cell)] : []),
    ...(labels.energy === undefined ? [] : [table('energy', 1, (frame) => [frame.labels?.energy ?? Number.NaN])]),
    ...(labels.forces === undefined ? [] : [table('force', 3 * atoms, (frame) => frame.labels?.forces ?? [])]),
    ...(labels.stress === undefined ? [] : [table('virial', 9, virialOf)]),
  ];
}

/** −V σ, eV, such that reading gives the same stress again. */
function virialOf({ structure, labels }: WritableFrame): Float64Array {
  const factor = -1 / cellVolume(structure.cell);
  return (labels?.stress ?? new Float64Array(9)).map((component) => unscaled(component, factor));
}

function folderOf({ structure, group = '' }: WritableFrame, taken: Map<string, number>): string {
  const name = group === '' ? formulaOf(structure.numbers) : encodedName(group);
  // Some file systems take A and a for the same.
  const key = name.toLowerCase();
  const count = (taken.get(key) ?? 0) + 1;
  taken.set(key, count);
  return count === 1 ? name : `${name}#${count}`;
}

/** A name that every file system takes; `decodeURIComponent` gives the text back. */
function encodedName(text: string): string {
  const encoder = new TextEncoder();
  const percent = (part: string): string =>
    Array.from(encoder.encode(part), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  return text.replace(/^\.+|[^\w.+=@-]|\.$/gu, percent);
}

function formulaOf(numbers: Int32Array): string {
  const counts = new Map<number, number>();
  for (const z of numbers) counts.set(z, (counts.get(z) ?? 0) + 1);
  return Array.from(counts, ([z, count]) => `${symbolOf(z)}${count === 1 ? '' : count}`).join('');
}
