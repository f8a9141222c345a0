/** Checks that users wrote: modules named on the command line, whose code is run. Nothing else ever is. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NearsightError } from '../errors.ts';
import { allChecks, type Check, type Finding, type Skipped } from '../validation/index.ts';

/**
 * The checks that a module exports: as `default` or `checks`, one or an array. Its code runs with all rights of the user.
 * TypeScript needs a Node that reads it (22.18 or newer).
 * @throws NearsightError `own-check-module` where the module can't be loaded, `bad-check` where an export is no check
 */
export async function readOwnChecks(path: string): Promise<Check[]> {
  const module: Record<string, unknown> = await load(path);
  const exported = module.checks ?? module.default;
  const list: readonly unknown[] = Array.isArray(exported) ? exported : exported === undefined ? [] : [exported];
  if (list.length === 0) {
    throw badCheck(path, 'the module exports no check', 'export one as default, or an array named checks');
  }
  const checks = list.map((value, k) => checked(value, path, k));
  const ids = checks.map(({ id }) => id);
  const twice = ids.find((id, k) => ids.indexOf(id) !== k || allChecks.some((known) => known.id === id));
  if (twice !== undefined) throw badCheck(path, `the id "${twice}" is taken`, 'give every check an id of its own');
  return checks.map((check) => guarded(check, path));
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  } catch (error) {
    const { code } = error as { code?: string };
    const isTypeScript = code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[mc]?ts$/.test(path);
    throw new NearsightError('own-check-module', `the module can't be loaded: ${messageOf(error)}`, {
      hint: isTypeScript
        ? 'this Node does not read TypeScript: use Node 22.18 or newer, or compile the module to .mjs'
        : 'give the path of an ES module (.mjs, or .ts with Node 22.18 or newer) that runs by itself',
      place: { path },
    });
  }
}

/** What is asked of each field, and how to say so. */
const FIELDS: readonly (readonly [name: string, is: (value: unknown) => boolean, what: string])[] = [
  ['id', (v) => typeof v === 'string' && /^[a-z][a-z0-9-]*$/.test(v), 'a name of small letters, digits and hyphens'],
  ...(['question', 'unit', 'limitReason', 'source'] as const).map(
    (name) => [name, (v: unknown) => typeof v === 'string' && v !== '', 'a text'] as const,
  ),
  ['limit', isLimit, 'two numbers, { double, single }'],
  ['run', (v) => typeof v === 'function', 'a function of the context'],
];

function isLimit(value: unknown): boolean {
  const limit = value as Partial<Record<string, unknown>> | null | undefined;
  return [limit?.double, limit?.single].every((number) => typeof number === 'number' && Number.isFinite(number));
}

function checked(value: unknown, path: string, k: number): Check {
  const record = value as Record<string, unknown> | null;
  for (const [name, is, what] of FIELDS) {
    if (is(record?.[name])) continue;
    const named = typeof record?.id === 'string' ? `the check "${record.id}"` : `check ${k}`;
    throw badCheck(path, `${named}: ${name} must be ${what}`, 'a check is what the type Check of nearsight says', name);
  }
  return value as Check;
}

/** A check that throws, or answers with something else than a finding, has failed, and says what happened. */
function guarded(check: Check, path: string): Check {
  return {
    ...check,
    group: 'own',
    async run(context): Promise<Finding | Skipped> {
      let answer: Partial<Finding & Skipped> | null | undefined;
      try {
        answer = await check.run(context);
      } catch (error) {
        if (error instanceof NearsightError) throw error;
        context.signal?.throwIfAborted();
        throw badCheck(path, `the check itself threw: ${messageOf(error)}`, 'mend the module');
      }
      if (typeof answer?.skipped === 'string') return { skipped: answer.skipped };
      if (typeof answer?.value === 'number') return answer as Finding;
      throw badCheck(path, 'the check returned no number', 'return { value, detail } or { skipped }');
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function badCheck(path: string, message: string, hint: string, field?: string): NearsightError {
  return new NearsightError('bad-check', message, { hint, place: { path, ...(field !== undefined && { field }) } });
}
