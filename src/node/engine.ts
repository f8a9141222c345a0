/** Kernels for Node: the SIMD kernel with worker threads. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Kernel } from '../kernels/kernels.ts';
import { createSimdKernel, type SimdOptions } from '../kernels/simd/kernel.ts';

/** Threads that are used unless told otherwise: all cores, and no more than pay off. */
export function defaultThreads(): number {
  return Math.min(8, availableParallelism());
}

/** The compiled helper thread; sources run by a test runner find it in dist/. */
const THREAD = new URL(import.meta.url.endsWith('.ts') ? '../../dist/node/thread.js' : './thread.js', import.meta.url);

/** The fast kernel on `threads` threads. Results have the same bits for any number of them. */
export async function createEngine(
  threads: number = defaultThreads(),
  options: Pick<SimdOptions, 'relaxed' | 'guards'> = {},
): Promise<Kernel> {
  return createSimdKernel({
    ...options,
    threads,
    startThread(module, memory, control) {
      // The program's own Node flags (such as --input-type) are not for the helper.
      const worker = new Worker(THREAD, { workerData: { module, memory, control }, execArgv: [] });
      // A helper that waits for work must not keep the program alive.
      worker.unref();
      return () => void worker.terminate();
    },
  });
}
