import { expect, test } from 'vitest';
import { writeFrame } from '../data/index.ts';
import { createStructure } from '../structure/structure.ts';
import type { Caveats } from '../uncertainty/index.ts';
import { withUncertainty } from './evaluate-uncertainty.ts';

test('an element without training frames is infinitely far, which a file has no number for', () => {
  const frame = { structure: createStructure(['Ge'], [0, 0, 0]), info: {}, arrays: {} };
  const far = { atom: 0, element: 'Ge', distance: Number.POSITIVE_INFINITY, nearest: null };
  const written = (distance: number): string => {
    const farthest = { ...far, distance };
    const domain = { inside: false, limit: 2, outside: [farthest], farthest, centre: farthest, sentence: '' };
    const caveats = { energyPerAtom: null, forces: null, domain } as unknown as Caveats;
    return [...writeFrame(withUncertainty(frame, caveats))].join('');
  };
  expect(written(4.5)).toContain('domain_distance=4.5');
  expect(written(Number.POSITIVE_INFINITY)).not.toContain('domain_distance');
});
