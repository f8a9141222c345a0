/** What a training finds out about its model before it is written: its domain, the noise of the labels, calibration. */
import type { Frame } from '../data/dataset.ts';
import type { Kernel } from '../kernels/kernels.ts';
import type { LoadedPotential, ModelFile } from '../model/index.ts';
import { fitNoise, measureDomain, type SourcedFrame } from '../uncertainty/index.ts';

export interface TrustFrames {
  readonly train: readonly Frame[];
  readonly validation: readonly Frame[];
  /** Name of the file that a frame is from. */
  sourceOf(frame: Frame): string;
  /** How the validation frames were kept apart, in words. */
  readonly how: string;
}

/** Domain, noise and calibration of a model; each null where the frames say too little. */
export async function trustOf(
  draft: ModelFile,
  potential: LoadedPotential,
  kernel: Kernel,
  frames: TrustFrames,
): Promise<Pick<ModelFile, 'calibration' | 'domain' | 'noise'>> {
  const sourced = (list: readonly Frame[]): SourcedFrame[] =>
    list.map((frame) => ({ frame, source: frames.sourceOf(frame) }));
  const { train, validation } = frames;
  const domain = measureDomain(draft, kernel, { train: sourced(train), heldOut: sourced(validation) });
  const noise = fitNoise(potential, { train, heldOut: validation }, { seed: draft.provenance.seed });
  return { calibration: null, domain, noise };
}
