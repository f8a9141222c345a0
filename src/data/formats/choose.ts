/** Which format a file is in: by what the user said, else by its name, else by what stands in it. */
import { NearsightError } from '../../errors.ts';
import { LABEL_NAMES } from '../extxyz/labels.ts';
import { parseExtxyz } from '../extxyz/read.ts';
import { writeExtxyz } from '../extxyz/write.ts';
import { refusal } from '../refuse.ts';
import { type Format, joined } from './format.ts';
import { FORMATS } from './index.ts';

/** The working format among the others. Files are read as a stream elsewhere; this one is for what is in memory. */
export const EXTXYZ: Format = {
  name: 'extxyz',
  title: 'extended XYZ',
  names: /\.(ext)?xyz$/i,
  labels: ['energy', 'forces', 'stress'],
  recognises: (head) =>
    /^\ufeff?\s*\d+[ \t]*\r?\n[^\n]*(?:Properties=|\n[ \t]*[A-Z][a-z]?(?:[ \t]+[-+.\d][-+.\deEdD]*){3})/.test(head),
  read: ([{ path, bytes }]) => parseExtxyz(bytes, path, { names: LABEL_NAMES }),
  write: (frames) => [{ path: '', content: joined([...writeExtxyz(frames)]) }],
};

/** Every format, extended XYZ first. */
export function allFormats(): readonly Format[] {
  return [EXTXYZ, ...FORMATS];
}

/** The first part of a file that formats are recognised by, bytes. */
export const HEAD: number = 64 * 1024;

/** The name of a file as formats know it: its last part, without .gz. */
export function bareName(path: string): string {
  return path
    .replace(/[/\\]+$/, '')
    .replace(/^.*[/\\]/, '')
    .replace(/\.gz$/i, '');
}

/**
 * The format of this name.
 * @param task whether it is to be read or written
 * @throws NearsightError `unknown-format`
 */
export function formatNamed(name: string, task: 'read' | 'write', path: string): Format {
  const known = allFormats().filter((format) => format[task] !== undefined);
  const found = known.find((format) => format.name === name);
  if (found !== undefined) return found;
  const other = allFormats().some((format) => format.name === name);
  throw new NearsightError(
    'unknown-format',
    other ? `"${name}" cannot be ${task === 'read' ? 'read' : 'written'}` : `there is no format "${name}"`,
    { hint: `known are ${namesOf(known)}`, place: { path } },
  );
}

/**
 * The format that a file is to be read in, by its name and, where that leaves a choice or the text it begins with is
 * unmistakably in another format, by that text.
 * @param head at most `HEAD` bytes
 * @throws NearsightError `unknown-format`, `ambiguous-format`, `binary-file`, `empty-file`
 */
export function formatOfFile(path: string, head: Uint8Array): Format {
  const files = allFormats().filter((format) => format.read !== undefined && format.folder !== true);
  const named = files.filter((format) => format.names.test(bareName(path)));
  const text = new TextDecoder().decode(head.subarray(0, HEAD));
  // A frame of extended XYZ may be in a dialect that another format knows better.
  const told = files.filter((format) => format !== EXTXYZ && format.recognises?.(text) === true);
  if (named.length === 1) {
    // Endings are customs: dump.lammps may be a data file or a dump.
    const another = told.length === 1 && named[0].recognises?.(text) !== true;
    return another ? told[0] : named[0];
  }
  const both = told.filter((format) => named.includes(format));
  if (both.length === 1) return both[0];
  if (both.length > 1) throw ambiguous(path, both);
  // Its ending is its own; the names of other formats are broader (data.xyz is named like a LAMMPS data file).
  if (named.includes(EXTXYZ)) return EXTXYZ;
  if (named.length > 1) throw ambiguous(path, named);
  if (told.length === 1) return told[0];
  if (told.length > 1) throw ambiguous(path, told);
  if (EXTXYZ.recognises?.(text) === true) return EXTXYZ;
  if (head.length === 0) throw refusal('empty-file', 'the file is empty', 'was it written to the end?', { path });
  if (head.subarray(0, 4096).includes(0)) {
    const hint = 'convert it with the program that wrote it; UTF-16 text must be saved as UTF-8';
    throw refusal('binary-file', 'this is a binary file in no format that can be read', hint, { path });
  }
  throw refusal(
    'unknown-format',
    'neither the name of the file nor its first lines tell its format',
    `say it with --from; known are ${namesOf(files)}`,
    { path },
  );
}

/**
 * The format of a folder, by the files in it.
 * @param listing names of all files below it
 * @throws NearsightError `is-a-folder`, `ambiguous-format`
 */
export function formatOfFolder(path: string, listing: readonly string[]): Format {
  const folders = allFormats().filter((format) => format.folder === true && format.read !== undefined);
  const main = { path, bytes: new Uint8Array(0) };
  const found = folders.filter((format) => (format.companions?.(main, listing) ?? []).length > 0);
  if (found.length === 1) return found[0];
  if (found.length > 1) throw ambiguous(path, found);
  throw refusal(
    'is-a-folder',
    'this is a folder, not a file',
    `name a file in it; folders that can be read are those of ${namesOf(folders)}`,
    { path },
  );
}

/** The format that a file of this name is to be written in, or null where the name does not tell. */
export function formatToWrite(path: string): Format | null {
  const name = bareName(path);
  const named = allFormats().filter((format) => format.write !== undefined && format.names.test(name));
  // POSCAR.lmp is made from a POSCAR, not one: the ending counts before the rest.
  const ending = `x${/\.\w+$/.exec(name)?.[0] ?? ''}`;
  return named.find(({ names }) => names.test(ending)) ?? named[0] ?? null;
}

function namesOf(formats: readonly Format[]): string {
  return formats.map(({ name }) => name).join(', ');
}

function ambiguous(path: string, formats: readonly Format[]): NearsightError {
  return refusal(
    'ambiguous-format',
    `the file may be in the format ${formats.map(({ name }) => name).join(' or ')}`,
    'say which one with --from',
    { path },
  );
}
