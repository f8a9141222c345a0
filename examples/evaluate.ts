/**
 * What the README shows: a model file, a crystal, its energy, and what follows from it.
 *   node scripts/run.mjs examples/evaluate.ts [MODEL]      after `npm start`, which leaves the model
 */
import { crystal, elasticConstants, finish, potentialOf, relax } from 'nearsight';
import { createEngine, readModel } from 'nearsight/node';

const file = await readModel(process.argv[2] ?? 'runs/quickstart/silicon.safetensors');
const potential = potentialOf(file, await createEngine());

const guess = crystal('diamond', ['Si'], 5.3);
const { energy, forces } = potential.evaluate(guess);
console.log(`${(energy / 8).toFixed(3)} eV/atom, ${forces.length / 3} atoms`);

const { structure } = await finish(relax(guess, potential, { cell: true }));
console.log(`lattice constant ${structure.cell[0].toFixed(3)} Å`);

const { C11_GPa, C12_GPa, C44_GPa } = await finish(elasticConstants(structure, potential));
console.log(`C11 ${C11_GPa.toFixed(1)}, C12 ${C12_GPa.toFixed(1)}, C44 ${C44_GPa.toFixed(1)} GPa`);
potential.close();
