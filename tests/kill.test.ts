/** SIGKILL at random moments of a training: what is resumed ends in the same bytes. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createRandom } from '../src/random.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'nearsight-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KILLS = 20;

/** A training in a process of its own, with a checkpoint after nearly every epoch. */
function start(out: string, resume: boolean): { done: Promise<number | null>; kill: () => void } {
  const request = {
    data: [join(ROOT, 'data/si8-pbe/si8-pbe.extxyz')],
    out,
    epochs: 60,
    threads: 2,
    checkpointEvery: 0.01,
    resume,
    settings: { model: { radial: 4, lmax: 2, channels: 4, hidden: [8, 8], heads: 2, cutoff: 4.5 } },
  };
  const script = `
    import { runTraining } from ${JSON.stringify(`${ROOT}dist/node/train-run.js`)};
    const run = runTraining(${JSON.stringify(request)});
    for (let next = await run.next(); !next.done; next = await run.next());
    process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const done = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  return { done, kill: () => void child.kill('SIGKILL') };
}

test(`killed ${KILLS} times at random moments and resumed: the same model file`, async () => {
  const whole = join(folder, 'whole.safetensors');
  const began = performance.now();
  expect(await start(whole, false).done).toBe(0);
  const duration = performance.now() - began;
  const wanted = readFileSync(whole);

  const random = createRandom(20);
  let kills = 0;
  for (let chain = 0; kills < KILLS; chain++) {
    const out = join(folder, `chain-${chain}.safetensors`);
    for (let code: number | null = null; code !== 0; ) {
      const run = start(out, true);
      // A random moment of reading, planning, training or writing; the last run of a chain is left alone.
      const timer = kills < KILLS ? setTimeout(run.kill, duration * (0.15 + 0.6 * random.uniform())) : undefined;
      code = await run.done;
      clearTimeout(timer);
      if (code === null) kills++;
      else expect(code).toBe(0);
    }
    expect(readFileSync(out).equals(wanted)).toBe(true);
  }
}, 240_000);
