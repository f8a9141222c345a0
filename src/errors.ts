/** Where bad input was found. `line` counts from 1, `frame` from 0 as in `ase.io.read(file, index)`. */
export interface Place {
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly frame?: number | undefined;
  readonly field?: string | undefined;
}

/**
 * What the user can mend: a stable `code`, a sentence with the offending value in it, and what to do.
 * Anything else that is thrown is a bug and keeps its stack.
 */
export class NearsightError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly place: Place;

  constructor(code: string, message: string, options: { hint?: string; place?: Place; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NearsightError';
    this.code = code;
    this.hint = options.hint;
    this.place = options.place ?? {};
  }
}

/** `file.xyz:12 (frame 3, field "forces")`, or '' when nothing is known. */
export function formatPlace(place: Place): string {
  const head = place.path === undefined ? '' : place.line === undefined ? place.path : `${place.path}:${place.line}`;
  const tail = [
    head === '' && place.line !== undefined ? `line ${place.line}` : '',
    place.frame === undefined ? '' : `frame ${place.frame}`,
    place.field === undefined ? '' : `field "${place.field}"`,
  ].filter((part) => part !== '');
  if (tail.length === 0) return head;
  return head === '' ? tail.join(', ') : `${head} (${tail.join(', ')})`;
}

/** The lines a person reads: place, what is wrong, what to do. */
export function formatError(error: NearsightError): string {
  const place = formatPlace(error.place);
  const lines = [`${place === '' ? '' : `${place}: `}${error.message}`];
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return lines.join('\n');
}
