/** Several potentials over the same symmetry functions as one model with as many heads. */
import { NearsightError } from '../../errors.ts';
import { type SymmetryModel, symmetryParameters } from '../symmetry-model.ts';

/**
 * A committee of models with embedding 0, as `readN2p2` gives them: its energy is the mean of theirs.
 * @throws NearsightError `unlike-members` where they differ in more than their weights
 */
export function committeeOf(members: readonly SymmetryModel[]): SymmetryModel {
  const [first] = members;
  if (members.length === 1) return first;
  const common = JSON.stringify(commonOf(first));
  const unlike = members.findIndex((member) => JSON.stringify(commonOf(member)) !== common);
  if (unlike >= 0) {
    throw new NearsightError(
      'unlike-members',
      `member ${unlike + 1} of the committee differs from the first in more than its weights`,
      { hint: 'members share input.nn and scaling.data; import them one by one otherwise' },
    );
  }
  const shape = { ...first.shape, heads: members.length };
  const parameters = new Float64Array(symmetryParameters(shape, 0).length);
  const { blocks } = symmetryParameters(first.shape, 0);
  let at = 0;
  for (const [k, { offset }] of blocks.entries()) {
    const end = blocks[k + 1]?.offset ?? first.parameters.length;
    for (const member of members) {
      parameters.set(member.parameters.subarray(offset, end), at);
      at += end - offset;
    }
  }
  return { ...first, shape, parameters };
}

/** All but the weights. */
function commonOf({ elements, shape, statistics, referenceEnergies }: SymmetryModel): unknown {
  const { centre, deviation, scale } = statistics;
  return [elements, shape, [...centre], [...deviation], scale, [...referenceEnergies]];
}
