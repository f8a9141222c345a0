/** Checks that let atoms move. */

import type { Check } from '../check.ts';
import { nveDrift } from './nve-drift.ts';

export const dynamicsChecks: readonly Check[] = [nveDrift];
