/** Every format but extended XYZ, which has a room of its own. */
import { deepmd } from './deepmd.ts';
import type { Format } from './format.ts';

export const FORMATS: readonly Format[] = [deepmd];
