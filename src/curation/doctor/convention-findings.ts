/** Deviations from nearsight's conventions, and energies and stresses that do not go together. */
import type { Frame } from '../../data/dataset.ts';
import { GPA } from '../../units.ts';
import type { Diagnosis } from './diagnosis.ts';
import { settledEnergies, settledStress } from './diagnosis.ts';
import { noisyStresses, type StressCheck } from './energy-stress.ts';
import { type Finding, finding, indicesWhere, listed } from './finding.ts';
import { clearShifts, isDetermined } from './shifts.ts';
import type { Verdict } from './verdicts.ts';

/** Offsets between stresses and energies that are worth a word, eV/Å³. */
const LARGE_OFFSET = GPA;

export function conventionFindings(
  frames: readonly Frame[],
  diagnosis: Diagnosis,
  stressCheck: StressCheck,
): (Finding | null)[] {
  return [
    ...energyFindings(diagnosis),
    ...stressFindings(frames, diagnosis),
    ...shiftFindings(frames, diagnosis),
    offsetFinding(stressCheck),
    noiseFinding(frames, diagnosis),
  ];
}

/** "odds of e^35 to 1" is for nobody: a power of ten. */
function odds({ logOdds }: Pick<Verdict<string>, 'logOdds'>): string {
  return `10^${Math.floor(logOdds / Math.LN10)} to 1`;
}

function energyFindings({ verdicts, evidence, energiesAsTheyAre }: Diagnosis): (Finding | null)[] {
  const { energyScale, energyUnit, forceSign } = verdicts;
  const fixable = settledEnergies(verdicts) !== null;
  const numbers = (verdict: Verdict<string>): Record<string, number> => ({
    log_odds: verdict.logOdds,
    ...(evidence.pairSlope === null ? {} : { energy_over_work: evidence.pairSlope, pairs: evidence.forcePairs }),
    ...(evidence.energySlope === null ? {} : { energy_over_model: evidence.energySlope, frames: evidence.asked }),
  });
  const told = (code: string, verdict: Verdict<string>, [message, hint]: readonly [string, string]): Finding =>
    finding({ code, severity: 'error' }, [], {
      ...{ message: `${message} (odds ${odds(verdict)})`, hint, fixable },
      evidence: numbers(verdict),
    });
  const found: Finding[] = [];
  if (energyScale.verdict === 'per-atom') {
    const words = [
      'the energies are per atom, not of the whole structure',
      'multiply them by the number of atoms',
    ] as const;
    found.push(told('energy-per-atom', energyScale, words));
  }
  if (energyUnit.verdict === 'another-factor') {
    const message = 'energies and forces do not fit: their ratio is that of no unit that is known here';
    found.push(told('energy-unit', energyUnit, [message, 'look up in which units energies and forces were written']));
  } else if (!['ok', 'mixed', 'cannot-tell', 'not-labelled'].includes(energyUnit.verdict)) {
    found.push(told('energy-unit', energyUnit, energyUnitWords(energyUnit.verdict)));
  }
  if (forceSign.verdict === 'opposite') {
    const message = 'energies rise where the forces push: the forces are gradients, or have the wrong sign';
    found.push(told('force-sign', forceSign, [message, 'forces must be −∂E/∂r: change their sign']));
  }
  if (found.length === 0 && energiesAsTheyAre.verdict === 'deviating') {
    const guesses = [energyScale, energyUnit].map(({ likeliest, next }) =>
      [likeliest, next].filter((name) => name !== 'ok' && name !== 'none'),
    );
    const names = [...new Set(guesses.flat())].join(', or ');
    const message = `energies do not fit the forces, but it cannot be told in which way (${names})`;
    const doubt = told('energy-unit', energiesAsTheyAre, [
      message,
      'look up in which units energies and forces were written',
    ]);
    // No pair of frames bears this out: the model may know the forces, and not these energies (strained perfect crystals).
    found.push(evidence.pairSlope === null ? { ...doubt, severity: 'warning' } : doubt);
  }
  return found;
}

function energyUnitWords(unit: string): readonly [string, string] {
  if (unit === 'atomic-units') {
    return ['energies and forces are in Hartree and Hartree/bohr', 'convert both: 27.2114 eV and 51.4221 eV/Å'];
  }
  if (unit === 'forces-hartree/bohr') return ['the forces are in Hartree/bohr', 'multiply them by 51.4221'];
  const factors: Readonly<Record<string, string>> = {
    hartree: 'multiply them by 27.2114',
    rydberg: 'multiply them by 13.6057',
    'kcal/mol': 'multiply them by 0.0433641',
    'kJ/mol': 'multiply them by 0.0103643',
  };
  const name = unit === 'hartree' ? 'Hartree' : unit === 'rydberg' ? 'Rydberg' : unit;
  return [`the energies are in ${name}, or the forces are not in eV/Å`, `${factors[unit]} if the forces are in eV/Å`];
}

/** Frames of the groups whose verdict deviates; [] for all. */
function framesOf(
  frames: readonly Frame[],
  verdict: Verdict<string>,
  settled: (group: string) => string | null,
): number[] {
  if (verdict.verdict !== 'mixed') return [];
  const wrong = new Set(Object.keys(verdict.groups).filter((group) => settled(group) !== 'ok'));
  return indicesWhere(frames.length, (index) => wrong.has(frames[index].group));
}

function stressFindings(frames: readonly Frame[], { verdicts, evidence, stressesAsTheyAre }: Diagnosis): Finding[] {
  const { stressSign, stressUnit, voigtOrder } = verdicts;
  const settledAll = [...new Set(frames.map(({ group }) => group))].every(
    (group) => settledStress(verdicts, group) !== null,
  );
  const numbers = (verdict: Verdict<string>): Record<string, number> => ({
    log_odds: verdict.logOdds,
    pairs: evidence.stressPairs,
    ...(evidence.stressSlope === null ? {} : { stress_over_model: evidence.stressSlope, frames: evidence.asked }),
  });
  const told = (code: string, verdict: Verdict<string>, [what, hint]: readonly [string, string]): Finding => {
    const where = verdict.verdict === 'mixed' ? mixture(verdict) : '';
    return finding(
      { code, severity: 'error' },
      framesOf(frames, verdict, (group) => verdict.groups[group] ?? null),
      {
        ...{
          message: `${what}${where} (odds ${odds(verdict)})`,
          hint,
          evidence: numbers(verdict),
          fixable: settledAll,
        },
      },
    );
  };
  const wrong = (verdict: Verdict<string>): boolean => !['ok', 'cannot-tell', 'not-labelled'].includes(verdict.verdict);
  const found: Finding[] = [];
  if (wrong(stressSign)) {
    const hint =
      'stress must be (1/V) ∂E/∂ε, positive in tension: change its sign, or name it virial if that is what it is';
    found.push(
      told('stress-sign', stressSign, ['the stresses have the wrong sign: they are positive in compression', hint]),
    );
  }
  if (wrong(stressUnit)) {
    const known = stressUnit.verdict !== 'another-factor' && stressUnit.verdict !== 'mixed';
    const what = known
      ? `the stresses are in ${unitName(stressUnit.verdict)}, not in eV/Å³`
      : 'the stresses are not in eV/Å³';
    found.push(
      told('stress-unit', stressUnit, [
        what,
        '1 GPa is 0.00624 eV/Å³, 1 kbar a tenth of that, and a virial is −V times the stress',
      ]),
    );
  }
  if (wrong(voigtOrder)) {
    const order =
      voigtOrder.verdict === 'mixed'
        ? 'another order'
        : `the order xx yy zz ${voigtOrder.verdict.replaceAll('-', ' ')}`;
    const vasp = voigtOrder.verdict === 'xy-yz-xz' ? ', as VASP writes it' : '';
    const hint = 'the six numbers were read in the wrong order: in nearsight it is xx yy zz yz xz xy';
    found.push(told('stress-order', voigtOrder, [`the shear stresses stand in ${order}${vasp}`, hint]));
  }
  if (found.length === 0 && stressesAsTheyAre.verdict === 'deviating') {
    const message = 'stresses do not fit energies and forces, but it cannot be told in which way';
    found.push(told('stress-unit', stressesAsTheyAre, [message, 'look up unit, sign and order of the stresses']));
  }
  return found;
}

function mixture({ groups }: Verdict<string>): string {
  const byValue = new Map<string, string[]>();
  for (const [group, value] of Object.entries(groups)) byValue.set(value, [...(byValue.get(value) ?? []), group]);
  return `, but not in all groups (${[...byValue].map(([value, names]) => `${value}: ${listed(names)}`).join('; ')})`;
}

function unitName(unit: string): string {
  if (unit === 'virial') return 'eV (a virial or its negative)';
  if (unit === 'virial-per-atom') return 'eV/atom (a virial per atom or its negative)';
  return unit.replace('hartree/bohr3', 'Hartree/bohr³').replace('rydberg/bohr3', 'Rydberg/bohr³').replace('Å3', 'Å³');
}

function shiftFindings(frames: readonly Frame[], { shifts, verdicts }: Diagnosis): Finding[] {
  const clear = clearShifts(shifts);
  // A model whose energies have not been seen to fit the labels explains nothing between groups.
  const trusted = shifts.withModel && settledEnergies(verdicts) !== null;
  if (clear.length === 0) return [];
  const groups = new Set(clear.map(({ group }) => group));
  const [most] = [...clear].sort((a, b) => Math.abs(b.shift) - Math.abs(a.shift));
  const words = clear.map(
    ({ group, shift, error }) => `${listed([group])} by ${shift.toFixed(2)} ± ${error.toFixed(2)} eV/atom`,
  );
  const shifted = indicesWhere(frames.length, (index) => groups.has(frames[index].group));
  return [
    finding({ code: 'energy-reference', severity: trusted ? 'error' : 'warning' }, shifted, {
      message: `the energies of some groups have another zero than the others, beyond what ${shifts.withModel ? 'composition and forces explain' : 'their composition explains'}: ${words.slice(0, 4).join(', ')}`,
      hint: 'other settings, pseudopotentials or references: compute them again alike, or shift them onto the others',
      evidence: { shift_eV_per_atom: most.shift, error_eV_per_atom: most.error },
      fixable: trusted && clear.every(isDetermined),
    }),
  ];
}

function offsetFinding({ offset, offsetError }: StressCheck): Finding | null {
  if (offset === null || offsetError === null) return null;
  if (Math.abs(offset) < LARGE_OFFSET || Math.abs(offset) < 5 * offsetError) return null;
  return finding({ code: 'stress-offset', severity: 'warning' }, [], {
    message: `the stresses lie ${(offset / GPA).toFixed(2)} ± ${(offsetError / GPA).toFixed(2)} GPa off what the energies show`,
    hint: 'a plane-wave cut-off that is low for stresses does that (Pulay stress): give the stress little weight',
    evidence: { offset_GPa: offset / GPA, error_GPa: offsetError / GPA },
  });
}

function noiseFinding(frames: readonly Frame[], { pairs, verdicts }: Diagnosis): Finding | null {
  if (verdicts.stressUnit.verdict !== 'ok' || verdicts.stressSign.verdict !== 'ok') return null;
  const noisy = noisyStresses(frames, pairs);
  if (noisy.length === 0) return null;
  const groups = new Set(noisy.map(({ group }) => group));
  const [{ explained }] = noisy;
  return finding(
    { code: 'noisy-stress', severity: 'warning' },
    indicesWhere(
      frames.length,
      (index) => groups.has(frames[index].group) && frames[index].labels.stress !== undefined,
    ),
    {
      message: `in ${listed([...groups])} the stresses explain only ${(100 * explained).toFixed(0)} % of how the energies change from one strained cell to the next: they are noisy`,
      hint: 'too few k-points for such small strains do that: leave the stresses of these frames out, or converge them',
      evidence: { explained_percent: 100 * explained },
    },
  );
}
