import { NearsightError } from '../../errors.ts';
import { langevin } from '../../md/integrators.ts';
import { runMd } from '../../md/run.ts';
import { maxwellBoltzmann, startMd } from '../../md/state.ts';
import type { Potential } from '../../model/potential.ts';
import { copyStructure, massesOf, type Structure } from '../../structure/structure.ts';
import type { Made, MakerTools, Variant } from './draft.ts';
import type { DynamicsSettings } from './plan.ts';

/**
 * Frames of Langevin dynamics at each temperature, after an equilibration, from several independent walkers. A walker
 * whose simulation explodes is refused whole: what it went through before that was on the way there. Frames of one walker
 * share `traj_id`, so that splits keep them together.
 */
export async function* dynamicsOf(
  parent: Structure,
  potential: Potential,
  settings: DynamicsSettings,
  tools: MakerTools,
): AsyncGenerator<Made, void, undefined> {
  for (const temperature of settings.temperature) {
    const tag = `md-${temperature}K`;
    for (let walker = 1; walker <= settings.walkers; walker++) {
      const kept: Variant[] = [];
      try {
        for await (const step of walk(parent, potential, { ...settings, kelvin: temperature }, tools)) {
          if ('structure' in step)
            kept.push({
              structure: step.structure,
              info: { ...step.info, traj_id: `${tools.origin}/${temperature}K/${walker}` },
            });
          const frame = Math.min(settings.frames, kept.length + 1);
          yield { note: `md at ${temperature} K, walker ${walker}, frame ${frame} of ${settings.frames}` };
        }
      } catch (error) {
        if (!(error instanceof NearsightError)) throw error;
        yield { tag, error };
        continue;
      }
      for (const variant of kept) yield { tag, make: () => variant };
    }
  }
}

async function* walk(
  parent: Structure,
  potential: Potential,
  settings: DynamicsSettings & { readonly kelvin: number },
  { random, signal }: MakerTools,
): AsyncGenerator<Variant | { readonly equilibrating: true }, void, undefined> {
  const { kelvin, frames, friction } = settings;
  const masses = massesOf(parent);
  const timestep = settings.timestep ?? usualTimestep(masses);
  const every = Math.max(1, Math.round(settings.every / timestep));
  const before = Math.round(settings.equilibrate / timestep);
  const velocities = maxwellBoltzmann(masses, kelvin, random);
  const integrator = langevin(timestep, { temperature: kelvin, friction, random });
  // The first kept frame comes one interval after the equilibration, and so are the others apart.
  const equilibration = runMd(startMd(parent, potential, { velocities }), potential, {
    ...{ integrator, steps: before, every },
    ...(signal && { signal }),
  });
  let next = await equilibration.next();
  for (; !next.done; next = await equilibration.next()) yield { equilibrating: true };
  signal?.throwIfAborted();
  const start = { ...next.value, time: 0, step: 0, heat: 0 };
  const steps = frames * every;
  for await (const sample of runMd(start, potential, { integrator, steps, every, ...(signal && { signal }) })) {
    signal?.throwIfAborted();
    if (sample.step === 0) continue;
    const structure = copyStructure(sample.state.structure);
    yield { structure, info: { temperature_K: kelvin, time_fs: sample.time } };
  }
}

/** fs; short enough for the lightest atom. */
function usualTimestep(masses: Float64Array): number {
  const lightest = masses.reduce((least, mass) => Math.min(least, mass), Number.POSITIVE_INFINITY);
  return lightest > 10 ? 1 : lightest > 3 ? 0.5 : 0.25;
}
