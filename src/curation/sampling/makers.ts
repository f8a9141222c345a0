/** What each kind of part makes of a structure. */
import type { InfoValue } from '../../data/dataset.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import type { Potential } from '../../model/potential.ts';
import type { Random } from '../../random.ts';
import { exactCounts, randomAlloy } from '../../structure/alloys.ts';
import { rattled, strained } from '../../structure/builders.ts';
import { substituted, uniquePairs, voidsOf, withAtom, withoutAtoms } from '../../structure/point-defects.ts';
import { type StrainComponent, strainTensor, uniqueStrains } from '../../structure/strains.ts';
import { massesOf, type Structure } from '../../structure/structure.ts';
import { isEquivalent, type Miller, millerIn, slab, terminationsOf, uniquePlanes } from '../../structure/surfaces.ts';
import { knownSymmetry } from '../../structure/symmetry.ts';
import { debyeDisplacement, einsteinDisplacement } from './amplitudes.ts';
import type { Made, MakerTools, Variant } from './draft.ts';
import { dynamicsOf } from './dynamics.ts';
import type { PartKind, PartSettings, RattleSettings } from './plan.ts';
import { vibrating, vibrationsOf } from './vibrations.ts';

type Maker<S> = (parent: Structure, settings: S, tools: MakerTools) => Iterable<Made> | AsyncIterable<Made>;

export const MAKERS: { readonly [K in PartKind]: Maker<PartSettings[K]> } = {
  'as-is': (structure) => [{ tag: '', make: () => ({ structure }) }],
  hydrostatic: hydrostaticStrains,
  uniaxial: (parent, { axes, strain, count }, tools) =>
    componentStrains(parent, 'uniaxial', { axes, values: spaced(strain, count) }, tools),
  shear: (parent, { axes, strain, count }, tools) =>
    componentStrains(parent, 'shear', { axes, values: spaced(strain, count) }, tools),
  rattle: rattles,
  harmonic: vibrations,
  dynamics: (parent, settings, tools) => dynamicsOf(parent, potentialFrom(tools), settings, tools),
  vacancy: vacancies,
  interstitial: interstitials,
  substitution: substitutions,
  surface: surfaces,
  alloy: alloys,
};

function spaced([from, to]: readonly [number, number], count: number): number[] {
  // Rounded, so that the strain in the middle of −0.1 … 0.1 is 0 and tags are what was written.
  return Array.from({ length: count }, (_, k) => Number((from + ((to - from) * k) / (count - 1)).toFixed(12)) + 0);
}

function* hydrostaticStrains(
  parent: Structure,
  { strain, count }: PartSettings['hydrostatic'],
): Generator<Made, void, undefined> {
  checkCell(parent, 'a strain');
  for (const value of spaced(strain, count)) {
    const make = (): Variant => ({
      structure: strained(parent, [value, 0, 0, 0, value, 0, 0, 0, value]),
      info: { strain: value },
    });
    yield { tag: 'hydrostatic', make };
  }
}

function* componentStrains(
  parent: Structure,
  name: string,
  { axes, values }: { readonly axes: readonly StrainComponent[]; readonly values: readonly number[] },
  { symmetry }: MakerTools,
): Generator<Made, void, undefined> {
  checkCell(parent, 'a strain');
  const scans = axes.flatMap((axis) => values.map((value) => ({ axis, value, tensor: strainTensor(axis, value) })));
  const { pointGroup } = knownSymmetry(parent, symmetry);
  const unique = uniqueStrains(
    scans.map(({ tensor }) => tensor),
    pointGroup,
  );
  for (const k of unique) {
    const { axis, value, tensor } = scans[k];
    const make = (): Variant => ({
      structure: strained(parent, tensor),
      info: { strain: value, strain_component: axis },
    });
    yield { tag: `${name}-${axis}`, make };
  }
}

function* rattles(
  parent: Structure,
  { width, count }: PartSettings['rattle'],
  { random }: MakerTools,
): Generator<Made, void, undefined> {
  for (const { widths, tag, info } of rattleWidths(parent, width)) {
    const make = (): Variant => {
      const unit = rattled({ ...parent, positions: new Float64Array(parent.positions.length) }, 1, random).positions;
      const positions = parent.positions.map((r, c) => r + widths[Math.floor(c / 3)] * unit[c]);
      return { structure: { ...parent, positions }, info };
    };
    for (let k = 0; k < count; k++) yield { tag, random: true, make };
  }
}

/** Standard deviation of the coordinates of each atom, Å, for each temperature. */
function rattleWidths(
  parent: Structure,
  width: RattleSettings['width'],
): { widths: Float64Array; tag: string; info: Record<string, InfoValue> }[] {
  if (typeof width === 'number') {
    return [{ widths: new Float64Array(parent.numbers.length).fill(width), tag: 'rattle', info: { rattle_A: width } }];
  }
  const masses = massesOf(parent);
  return width.temperature.map((temperature) => ({
    widths: masses.map((mass) =>
      Math.sqrt(
        'debye' in width
          ? debyeDisplacement(mass, temperature, width.debye)
          : einsteinDisplacement(mass, temperature, width.einstein),
      ),
    ),
    tag: `rattle-${temperature}K`,
    info: { temperature_K: temperature },
  }));
}

async function* vibrations(
  parent: Structure,
  { temperature, count, quantum }: PartSettings['harmonic'],
  tools: MakerTools,
): AsyncGenerator<Made, void, undefined> {
  const work = vibrationsOf(parent, potentialFrom(tools), tools.signal);
  let next = await work.next();
  for (; !next.done; next = await work.next()) {
    yield { note: `force constants, ${next.value.done} of ${next.value.total} displacements` };
  }
  const modes = next.value;
  for (const kelvin of temperature) {
    const make = (): Variant => ({
      structure: vibrating(modes, kelvin, quantum, tools.random),
      info: { temperature_K: kelvin },
    });
    for (let k = 0; k < count; k++) yield { tag: `harmonic-${kelvin}K`, random: true, make };
  }
}

function* vacancies(
  parent: Structure,
  { of, atoms, within, count }: PartSettings['vacancy'],
  { symmetry, random }: MakerTools,
): Generator<Made, void, undefined> {
  const { orbits, operations } = knownSymmetry(parent, symmetry);
  const may = (i: number): boolean => of === null || of.includes(symbolOf(parent.numbers[i]));
  const firsts = [...new Set(orbits)].filter(may);
  const names = new Set(parent.numbers).size > 1;
  const label = (chosen: readonly number[]): string =>
    names
      ? `-${chosen
          .map((i) => symbolOf(parent.numbers[i]))
          .sort()
          .join('-')}`
      : '';
  if (atoms === 1) {
    for (const i of drawn(firsts, count, random))
      yield { tag: `vacancy${label([i])}`, make: () => ({ structure: withoutAtoms(parent, [i]) }) };
    return;
  }
  const pairs = uniquePairs(parent, firsts, within, operations).filter((pair) => pair.atoms.every(may));
  for (const { atoms: pair, distance } of drawn(pairs, count, random)) {
    const make = (): Variant => ({
      structure: withoutAtoms(parent, pair),
      info: { vacancy_distance_A: Number(distance.toFixed(6)) },
    });
    yield { tag: `divacancy${label(pair)}`, make };
  }
}

function* interstitials(
  parent: Structure,
  { elements, voids }: PartSettings['interstitial'],
  { symmetry }: MakerTools,
): Generator<Made, void, undefined> {
  checkCell(parent, 'a void between atoms');
  const { orbits, operations } = knownSymmetry(parent, symmetry);
  const largest = voidsOf(parent, [...new Set(orbits)], operations).slice(0, voids);
  for (const symbol of elements ?? symbolsOf(parent)) {
    for (const { position, radius, coordination } of largest) {
      const make = (): Variant => ({
        structure: withAtom(parent, symbol, position),
        info: { void_radius_A: Number(radius.toFixed(6)), void_coordination: coordination },
      });
      const place = { 4: '-tetrahedral', 6: '-octahedral' }[coordination] ?? '';
      yield { tag: `interstitial-${symbol}${place}`, make };
    }
  }
}

function* substitutions(
  parent: Structure,
  { elements, of, count }: PartSettings['substitution'],
  { symmetry, random }: MakerTools,
): Generator<Made, void, undefined> {
  const { orbits } = knownSymmetry(parent, symmetry);
  const hostOf = (i: number): string => symbolOf(parent.numbers[i]);
  const sites = [...new Set(orbits)].filter((i) => of === null || of.includes(hostOf(i)));
  const choices = sites.flatMap((i) =>
    (elements ?? symbolsOf(parent)).filter((symbol) => symbol !== hostOf(i)).map((symbol) => ({ i, symbol })),
  );
  for (const { i, symbol } of drawn(choices, count, random)) {
    yield { tag: `${symbol}-on-${hostOf(i)}`, make: () => ({ structure: substituted(parent, i, symbol) }) };
  }
}

/** At most `count` of the choices, at random but in their order; all of them for null. */
function drawn<T>(choices: readonly T[], count: number | null, random: Random): readonly T[] {
  if (count === null || count >= choices.length) return choices;
  return Array.from(random.permutation(choices.length).subarray(0, count).sort(), (k) => choices[k]);
}

function* surfaces(
  parent: Structure,
  { miller, largest, layers, vacuum, terminations }: PartSettings['surface'],
  { symmetry }: MakerTools,
): Generator<Made, void, undefined> {
  const { primitive, pointGroup } = symmetry(parent);
  const { operations } = symmetry(primitive);
  const planes: Miller[] = [];
  for (const plane of miller ?? uniquePlanes(largest ?? 1, parent.cell, pointGroup)) {
    if (!planes.some((other) => isEquivalent(plane, other, parent.cell, pointGroup))) planes.push(plane);
  }
  for (const plane of planes) {
    const indices = millerIn(plane, parent.cell, primitive.cell);
    const cuts = terminationsOf(primitive, indices, operations).slice(0, terminations === 'all' ? undefined : 1);
    for (const [k, cut] of cuts.entries()) {
      const make = (): Variant => ({
        structure: slab(primitive, indices, { layers, vacuum, cut }),
        info: { miller: [...plane], vacuum_A: vacuum },
      });
      yield { tag: `surface-${nameOf(plane)}${cuts.length > 1 ? `-t${k + 1}` : ''}`, make };
    }
  }
}

/** `111`; with a sign or two digits `1_-1_0`. */
const nameOf = (plane: Miller): string => plane.join(plane.every((n) => n >= 0 && n <= 9) ? '' : '_');

function* alloys(
  parent: Structure,
  { composition, of, count }: PartSettings['alloy'],
  { random }: MakerTools,
): Generator<Made, void, undefined> {
  const sites = Array.from(parent.numbers.keys()).filter(
    (i) => of === null || of.includes(symbolOf(parent.numbers[i])),
  );
  if (sites.length === 0) {
    throw new NearsightError('no-sites', `no atom is one of ${of?.join(', ')}`, {
      hint: `the structure holds ${symbolsOf(parent).join(', ')}`,
    });
  }
  for (const shares of composition) {
    const counts = [...exactCounts(shares, sites.length)].filter(([, n]) => n > 0);
    const formula = counts.map(([symbol, n]) => `${symbol}${n}`).join('');
    const make = (): Variant => ({ structure: randomAlloy(parent, sites, shares, random) });
    for (let k = 0; k < count; k++) yield { tag: `alloy-${formula}`, random: true, make };
  }
}

function symbolsOf({ numbers }: Structure): string[] {
  return [...new Set(numbers)].map(symbolOf);
}

function potentialFrom({ potential }: MakerTools): Potential {
  if (potential !== undefined) return potential;
  throw new NearsightError('no-potential', 'this part moves atoms by the forces of a potential, and there is none', {
    hint: 'name one in the plan (potential: model.safetensors), or take a rattle instead',
  });
}

function checkCell({ pbc }: Structure, what: string): void {
  if (pbc.every((repeats) => repeats)) return;
  throw new NearsightError('not-periodic', `${what} needs a structure that repeats in three dimensions`, {
    hint: 'give it a cell, with pbc set to true along all three lattice vectors',
  });
}
