/** Checkpoints of a training on disk, and the trainer run with them. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { NearsightError } from '../errors.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../training/checkpoint-file.ts';
import type { ErrorSummary } from '../training/loss-terms.ts';
import { type TrainingCheckpoint, type TrainingInput, type TrainingResult, train } from '../training/trainer.ts';
import { writeFileAtomically } from './files.ts';
import type { TrainRequest, TrainRunProgress } from './train-run.ts';

/** Seconds between two checkpoints. */
const CHECKPOINT_INTERVAL = 5;

/** Where the checkpoint of a training stands while it runs. */
export const checkpointPath = (out: string): string => `${out}.checkpoint`;

/** The checkpoint to go on from; one that is there unasked is an error, since it would be lost. */
export async function findCheckpoint(request: TrainRequest, plan: string): Promise<TrainingCheckpoint | undefined> {
  const path = checkpointPath(request.out);
  if (!existsSync(path)) {
    // Killed before the first checkpoint: from the start is the same as from where it was.
    return undefined;
  }
  if (request.resume !== true) {
    throw new NearsightError('unfinished-training', `${path} is the checkpoint of a training that did not end`, {
      hint: 'add --resume to finish it, or remove the file to start anew',
    });
  }
  return decodeCheckpoint(await readFile(path), path, plan);
}

/** Refuses to go on over another number of epochs than those that the run was started with. */
export function checkEpochs(request: TrainRequest, { epochs }: TrainingCheckpoint): void {
  if (request.epochs === undefined || request.epochs === epochs) return;
  throw new NearsightError(
    'other-epochs',
    `the checkpoint is of a training over ${epochs} epochs, not ${request.epochs}`,
    {
      hint: `resume with --epochs ${epochs}, or without --epochs`,
      place: { path: checkpointPath(request.out) },
    },
  );
}

/** Runs the trainer, saving a checkpoint now and then and when it is told to stop. */
export async function* trainWithCheckpoints(
  request: TrainRequest,
  input: TrainingInput,
  plan: string,
): AsyncGenerator<TrainRunProgress, TrainingResult> {
  // Not told of the signal: it would stop before the epoch that is to be saved.
  const run = train({ ...input, signal: undefined });
  const path = checkpointPath(request.out);
  const interval = 1000 * (request.checkpointEvery ?? CHECKPOINT_INTERVAL);
  const began = performance.now();
  let saved = began;
  let validation: ErrorSummary | null = null;
  const start = input.checkpoint?.epoch ?? 0;
  try {
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
      const { epoch, epochs } = next.value;
      validation = next.value.validation ?? validation;
      const now = performance.now();
      const stopping = input.signal?.aborted === true;
      if (stopping || (now - saved > interval && epoch < epochs)) {
        await writeFileAtomically(path, encodeCheckpoint(next.value.checkpoint(), plan));
        saved = now;
      }
      const secondsLeft = ((now - began) / 1000 / (epoch - start)) * (epochs - epoch);
      yield { phase: 'training', epoch, epochs, secondsLeft, train: next.value.train, validation };
      if (stopping) input.signal?.throwIfAborted();
      // Timers and signals get their turn.
      await new Promise<void>((resolve) => setImmediate(() => resolve()));
    }
  } finally {
    // Whoever leaves early leaves no engine behind.
    await run.return(undefined as never);
  }
}

/** Seconds per epoch here and now, from a short trial whose outcome is thrown away. */
export async function timeEpoch(input: TrainingInput): Promise<number> {
  const trial = train({ ...input, validation: [], settings: { ...input.settings, epochs: 1000 } });
  const began = performance.now();
  let before = began;
  let seconds = Number.POSITIVE_INFINITY;
  // The first epochs compile and start threads: at least three, and half a second, are looked at.
  for (let epoch = 0; epoch < 3 || before - began < 500; epoch++) {
    if ((await trial.next()).done === true) break;
    const now = performance.now();
    if (epoch > 0) seconds = Math.min(seconds, (now - before) / 1000);
    before = now;
    if (epoch > 0 && now - began > 10_000) break;
  }
  await trial.return(undefined as never);
  return seconds;
}
