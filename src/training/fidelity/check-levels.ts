/** What makes no sense to fit together is refused before anything is computed. */
import type { Frame } from '../../data/dataset.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import type { Structure } from '../../structure/structure.ts';
import type { LevelFrames } from './problem.ts';

/** Equal for structures whose atoms lie within some 1e-5 Å of each other. */
export function geometryKey({ numbers, positions, cell }: Structure): string {
  const rounded = (values: Float64Array): string => Array.from(values, (v) => Math.round(v * 1e5)).join(' ');
  return `${numbers.join(' ')}|${rounded(positions)}|${rounded(cell)}`;
}

function elementsIn(frames: readonly Frame[]): Set<number> {
  return new Set(frames.flatMap(({ structure }) => [...new Set(structure.numbers)]));
}

/** Geometry and labels of a frame, as far as they can be told apart. */
function labelKey({ structure, labels }: Frame): string {
  return `${geometryKey(structure)}|${labels.energy ?? ''}|${labels.forces?.join(' ') ?? ''}`;
}

/**
 * @param levels the target first
 * @throws NearsightError `no-common-element`, and `same-labels` for frames that are said to be of two levels
 */
export function checkTogether([target, ...others]: readonly LevelFrames[]): void {
  const wanted = elementsIn(target.frames);
  const known = new Set(target.frames.map(labelKey));
  for (const { name, frames } of others) {
    const elements = elementsIn(frames);
    if (frames.length > 0 && ![...wanted].some((z) => elements.has(z))) {
      const list = (set: Set<number>): string => [...set].map(symbolOf).join(', ');
      throw new NearsightError(
        'no-common-element',
        `${name} is of ${list(elements)}, the target ${target.name} of ${list(wanted)}`,
        { hint: 'levels of theory are compared on the same kind of matter' },
      );
    }
    const same = frames.filter((frame) => known.has(labelKey(frame))).length;
    if (same > 0) {
      throw new NearsightError(
        'same-labels',
        `${same} of ${frames.length} frames of ${name} have the very labels that the target ${target.name} has for them`,
        { hint: 'are they of the target? leave them out of the cheaper level' },
      );
    }
  }
}
