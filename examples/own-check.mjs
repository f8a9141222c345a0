/**
 * A check of one's own: does the potential keep silicon's bond length? Put it beside the others with
 *   nearsight validate model.safetensors --check examples/own-check.mjs
 */
import { crystal, finish, relax } from 'nearsight';

/** @type {import('nearsight').Check} */
export default {
  id: 'silicon-bond',
  question: 'Is the bond of diamond silicon as long as measured?',
  unit: 'Å',
  limit: { double: 0.05, single: 0.05 },
  limitReason: 'PBE bonds are 1 % too long; 2 % would be a poor potential.',
  source: 'CODATA 2018: lattice parameter of silicon 5.43102 Å, bond √3/4 of it.',
  async run({ potential }) {
    if (!potential.elements.includes(14)) return { skipped: 'the potential knows no silicon' };
    const { structure } = await finish(relax(crystal('diamond', ['Si'], 5.43), potential, { cell: true }));
    const bond = (Math.sqrt(3) / 4) * Math.hypot(...structure.cell.subarray(0, 3));
    return { value: Math.abs(bond - 2.3517), detail: `${bond.toFixed(3)} Å` };
  },
};
