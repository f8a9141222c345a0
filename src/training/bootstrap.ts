/**
 * Which heads of a committee learn from which frames: a bootstrap for each head, at no cost and without weights in the
 * loss. Theory and measurements: docs/theory/committees.md.
 */
import { createRandom, type Random } from '../random.ts';
import type { TrainingFrame } from './prepare.ts';
import type { TrainingSettings } from './settings.ts';

/** Some of the heads of a model. */
export interface HeadRange {
  readonly first: number;
  readonly count: number;
}

/** With fewer frames of a level than this a head could be left with nothing to learn from. */
export const FEWEST_BOOTSTRAPPED = 20;

/** Keeps these draws apart from those of the training, which start from the seed itself. */
const STREAM = 0x62_6f_6f_74;

/**
 * The heads that learn from each frame, each of them n times in its list, n ~ Poisson(1): a head that is not there never
 * sees the frame, and at least one is there. The trainer goes round the list, one head for each visit; so every frame
 * counts alike for what the heads share, and n times for each head. All heads once where there is nothing to draw:
 * without a bootstrap, with a single head, with fewer than `FEWEST_BOOTSTRAPPED` frames of a level.
 *
 * The draws follow from the seed, the number of heads and the order of the frames alone.
 * @param levels heads of each level of theory, as in `TrainingInput`
 */
export function headsOfFrames(
  frames: readonly Pick<TrainingFrame, 'level'>[],
  levels: readonly HeadRange[],
  { bootstrap, seed }: Pick<TrainingSettings, 'bootstrap' | 'seed'>,
): readonly (readonly number[])[] {
  const random = createRandom(seed ^ STREAM);
  const counts = levels.map((_, level) => frames.filter((frame) => (frame.level ?? 0) === level).length);
  return frames.map(({ level = 0 }) => {
    const { first, count } = levels[level];
    const all = Array.from({ length: count }, (_, k) => first + k);
    if (bootstrap === 'none' || count === 1 || counts[level] < FEWEST_BOOTSTRAPPED) return all;
    for (;;) {
      const drawn = all.flatMap((head) => new Array<number>(poissonOfOne(random)).fill(head));
      if (drawn.length > 0) return drawn;
    }
  });
}

/** A Poisson deviate of mean 1 (Knuth): uniform deviates until their product falls below 1/e. */
function poissonOfOne(random: Random): number {
  let count = 0;
  for (let product = random.uniform(); product > Math.exp(-1); product *= random.uniform()) count++;
  return count;
}
