/** The result of long work, when its progress is of no interest. */
export async function finish<Step, Result>(work: AsyncGenerator<Step, Result>): Promise<Result> {
  let next = await work.next();
  while (!next.done) next = await work.next();
  return next.value;
}

/** Lets timers, input and other promises have a turn of the event loop. */
export function giveTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Evaluated atoms between two turns: some tens of milliseconds of a machine-learned potential. */
const ATOMS_PER_TURN = 5000;

/** Counts evaluated atoms and gives the event loop a turn when it is due; no clock, hence no chance. */
export function turnTaker(atoms: number): () => Promise<void> | undefined {
  let done = 0;
  return () => {
    done += atoms;
    if (done < ATOMS_PER_TURN) return undefined;
    done = 0;
    return giveTurn();
  };
}
