/** YAML files written by users: their values, and for each of them the line to name when it is wrong. */
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { NearsightError, type Place } from './errors.ts';

/** Names of fields and numbers of list items, from the outside in. */
export type FieldPath = readonly (string | number)[];

/** A YAML file that was read. */
export interface ConfigText {
  /** Plain JavaScript values. */
  readonly value: unknown;
  /** File, line and field of a value; where it is missing, the line of what it belongs to. */
  place(field: FieldPath): Place;
}

/**
 * Reads YAML.
 * @param path of the file, for messages
 * @throws NearsightError `bad-config` with the line of the mistake
 */
export function readConfigText(text: string, path: string): ConfigText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax !== undefined) {
    throw new NearsightError('bad-config', `this is not YAML: ${syntax.message}`, {
      hint: 'names and values are written "name: value"; what belongs together is indented by the same number of blanks',
      place: { path, line: lines.linePos(syntax.pos[0]).line },
    });
  }
  const place = (field: FieldPath): Place => {
    let offset: number | undefined;
    let node: unknown = document.contents;
    for (const name of field) {
      let next: unknown;
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(name));
        if (isNode(pair?.key) && pair.key.range) offset = pair.key.range[0];
        next = pair?.value;
      } else if (isSeq(node)) {
        next = node.items[Number(name)];
        if (isNode(next) && next.range) offset = next.range[0];
      }
      node = next;
    }
    const line = offset === undefined ? undefined : lines.linePos(offset).line;
    return { path, ...(line !== undefined && { line }), ...(field.length > 0 && { field: fieldName(field) }) };
  };
  try {
    return { value: document.toJS(), place };
  } catch (error) {
    throw new NearsightError(
      'bad-config',
      `this YAML cannot be used: ${error instanceof Error ? error.message : error}`,
      {
        hint: 'write values out instead of using many aliases (&name, *name)',
        place: { path },
      },
    );
  }
}

/** `parts[2].each[0].count`. */
function fieldName(field: FieldPath): string {
  return field.map((name, k) => (typeof name === 'number' ? `[${name}]` : k === 0 ? name : `.${name}`)).join('');
}

/** The known name that is nearest to what was written; null when none is near. */
export function nearestName(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** Letters to insert, remove or replace (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
