/** Runs the built command as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The silicon data that come with nearsight. */
export const SILICON: string = fileURLToPath(new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when stderr holds the text. */
  seen(text: string): Promise<void>;
  readonly ended: Promise<Outcome>;
}

/** Starts `nearsight …` in a folder. */
export function start(args: readonly string[], folder: string): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
  let stdout = '';
  let stderr = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const { text, resolve } of waiting) if (stderr.includes(text)) resolve();
  });
  return {
    child,
    seen: (text) =>
      new Promise((resolve, reject) => {
        if (stderr.includes(text)) resolve();
        waiting.push({ text, resolve });
        child.on('close', () => reject(new Error(`ended without saying "${text}": ${stderr}`)));
      }),
    ended: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    }),
  };
}

/** Runs `nearsight …` in a folder to its end. */
export const nearsight = (folder: string, ...args: readonly string[]): Promise<Outcome> => start(args, folder).ended;

/** The JSON document on stdout. */
export function json(outcome: Outcome): Record<string, unknown> {
  try {
    return JSON.parse(outcome.stdout) as Record<string, unknown>;
  } catch {
    throw new Error(`no JSON on stdout (exit ${outcome.code}): ${outcome.stdout}${outcome.stderr}`);
  }
}
