/** What every command shares: its flags, where it prints, and how it is stopped. */
import type { Command } from 'commander';
import { NearsightError } from '../errors.ts';
import { defaultThreads } from '../node/engine.ts';
import { writeFileAtomically } from '../node/files.ts';
import { createProgress, type Progress } from './progress.ts';
import { parseCount, parseSeed } from './values.ts';

export interface CommonFlags {
  readonly json?: boolean;
  readonly seed: number;
  readonly threads: number;
  readonly quiet?: boolean;
  readonly out?: string;
}

export interface Session {
  /** Fires on the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Whether stdout understands colours. */
  readonly colour: boolean;
  /** The result, on stdout: the document with --json, the text otherwise. */
  print(document: object, text: string): void;
  /** The same, and the document into the file of --out. For commands whose result is nothing but the document. */
  printAndSave(document: object, text: string): Promise<void>;
  /** On stderr, unless --quiet. */
  say(text: string): void;
  warn(text: string): void;
  progress(label: string): Progress;
}

/** For `--out` of commands that write no file of their own. */
export const OUT_DOCUMENT = 'write the result as a JSON document, too';

/** Adds --json, --seed, --threads, --quiet and --out, in a group of their own. */
export function addCommonFlags(command: Command, out: string, defaultOut?: string): Command {
  return command
    .optionsGroup('Common options:')
    .option('--out <path>', out, defaultOut)
    .option('--seed <n>', 'seed of everything that is random', parseSeed, 1)
    .option('--threads <n>', 'threads to compute with; results do not depend on it', parseCount, defaultThreads())
    .option('--json', 'print one JSON document instead of text')
    .option('--quiet', 'no progress on stderr');
}

/** A mistake in the command line itself: exit code 2. */
export function usageError(message: string, hint?: string): NearsightError {
  return new NearsightError('usage', message, hint === undefined ? {} : { hint });
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs the body of a command. Its exit code is what the body returns (0 for nothing); 130 when it was interrupted and
 * came back after saving, whether by returning or by throwing the signal's reason.
 */
export async function runCommand(
  flags: CommonFlags,
  body: (session: Session) => Promise<number | undefined>,
): Promise<void> {
  const controller = new AbortController();
  const session = createSession(flags, controller.signal);
  let interrupted: number | null = null;
  const stop = (name: keyof typeof SIGNALS): void => {
    if (interrupted !== null) process.exit(interrupted);
    interrupted = SIGNALS[name];
    process.stderr.write('\nstopping; once more to stop at once, without saving\n');
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop);
  try {
    const code = await body(session);
    process.exitCode = interrupted ?? code ?? 0;
  } catch (error) {
    if (interrupted === null || error !== controller.signal.reason) throw error;
    process.exitCode = interrupted;
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
  }
}

function createSession(flags: CommonFlags, signal: AbortSignal): Session {
  const { json = false, quiet = false, out } = flags;
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const print = (document: object, text: string): void => {
    process.stdout.write(json ? `${asJson(document)}\n` : `${text}\n`);
  };
  return {
    signal,
    colour,
    print,
    async printAndSave(document, text) {
      print(document, text);
      if (out !== undefined) await writeFileAtomically(out, `${asJson(document)}\n`);
    },
    say(text) {
      if (!quiet) process.stderr.write(`${text}\n`);
    },
    warn(text) {
      process.stderr.write(`warning: ${text}\n`);
    },
    progress: (label) => createProgress(label, { quiet }),
  };
}

const asJson = (document: object): string => JSON.stringify(document, null, 2);

/** `2026-02-14`, as it is in Greenwich. */
export const today = (): string => new Date().toISOString().slice(0, 10);
