import { expect } from 'vitest';
import type { Frame } from '../../src/data/dataset.ts';
import { symbolOf } from '../../src/elements.ts';
import type { Reference, ReferenceFrame } from './samples.ts';

/** Largest deviation from ASE's numbers as a share of the largest of them. */
const SHARE = 1e-6;

/**
 * The first and the last frame of a VASP file, the numbers of frames and atoms and the formula are those of the
 * reference. ASE's `energy` is that for sigma → 0, its `free_energy` is our energy.
 */
export function expectAsReference(frames: readonly Frame[], reference: Reference): void {
  expect(frames.length).toBe(reference.frames);
  expect(frames[0].structure.numbers.length).toBe(reference.natoms);
  expect(formulaOf(frames[0].structure.numbers)).toBe(reference.formula);
  expectFrame(frames[0], reference.first);
  expectFrame(frames.at(-1)!, reference.last);
}

function expectFrame({ structure, labels, info }: Frame, reference: ReferenceFrame): void {
  expectNear([labels.energy!, Number(info.energy_sigma0)], [reference.free_energy!, reference.energy!]);
  expectNear([...labels.forces!.subarray(0, 3)], reference.force0!);
  const s = labels.stress;
  expect(s === undefined).toBe(reference.stress_voigt === undefined);
  if (s !== undefined) expectNear([s[0], s[4], s[8], s[5], s[2], s[1]], reference.stress_voigt!);
  // Written with six digits behind the point.
  cellParameters(structure.cell).forEach((value, k) => {
    expect(Math.abs(value - reference.cellpar![k])).toBeLessThan(1e-6);
  });
}

/** Equal to a share of 1e-6 of the largest. */
export function expectNear(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  found.forEach((value, k) => {
    expect(Math.abs(value - expected[k]), `${value} instead of ${expected[k]}`).toBeLessThanOrEqual(SHARE * largest);
  });
}

/** Lengths, Å, and angles, degrees. */
function cellParameters(cell: Float64Array): number[] {
  const rows = [0, 3, 6].map((k) => cell.subarray(k, k + 3));
  const dot = (p: Float64Array, q: Float64Array): number => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  const lengths = rows.map((row) => Math.sqrt(dot(row, row)));
  const angle = (j: number, k: number): number =>
    (180 / Math.PI) * Math.acos(dot(rows[j], rows[k]) / (lengths[j] * lengths[k]));
  return [...lengths, angle(1, 2), angle(0, 2), angle(0, 1)];
}

/** As ASE writes it: C and H first where there is carbon, else by the alphabet. */
function formulaOf(numbers: Int32Array): string {
  const counts = new Map<string, number>();
  for (const z of numbers) counts.set(symbolOf(z), 1 + (counts.get(symbolOf(z)) ?? 0));
  const first = counts.has('C') ? ['C', 'H'] : [];
  const rank = (symbol: string): string => (first.includes(symbol) ? `0${first.indexOf(symbol)}` : symbol);
  return [...counts.keys()]
    .sort((p, q) => (rank(p) < rank(q) ? -1 : 1))
    .map((symbol) => (counts.get(symbol) === 1 ? symbol : `${symbol}${counts.get(symbol)}`))
    .join('');
}
