/** A helper thread of the fast kernel: works until it is told to stop. */
import { workerData } from 'node:worker_threads';
import { serve } from '../kernels/simd/crew.ts';

const { module, memory, control } = workerData as {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  control: number;
};
serve(module, memory, control);
