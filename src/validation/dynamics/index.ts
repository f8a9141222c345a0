/** Checks that let atoms move. */

import type { Check } from '../check.ts';
import { nveDrift } from './nve-drift.ts';
import { phonons } from './phonons.ts';
import { relaxesBack } from './relaxes-back.ts';
import { stability } from './stability.ts';
import { timestepOrder } from './timestep-order.ts';

export { hessianOf, type Vibrations, vibrations } from './phonons.ts';
export { type TrainingTemperature, trainingTemperature } from './training-temperature.ts';

export const dynamicsChecks: readonly Check[] = [nveDrift, timestepOrder, stability, relaxesBack, phonons];
