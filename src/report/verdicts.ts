/** The doctor's verdicts on unit, sign and order of the labels, in words. */
import type { Inspection, Verdict } from '../curation/index.ts';

type Verdicts = Inspection['verdicts'];

/** What each convention is called, and what it is when all is well. */
const CONVENTIONS: readonly (readonly [key: keyof Verdicts, name: string, right: string])[] = [
  ['energyScale', 'energies', 'of the whole structure'],
  ['energyUnit', 'unit of energies, by the forces', 'eV'],
  ['forceSign', 'sign of forces', '−∂E/∂r'],
  ['stressSign', 'sign of stresses', 'positive in tension'],
  ['stressUnit', 'unit of stresses', 'eV/Å³'],
  ['voigtOrder', 'order of stresses', 'xx yy zz yz xz xy'],
];

/** One convention, what was found of it, and how sure that is. */
export interface VerdictRow {
  readonly name: string;
  readonly verdict: string;
  readonly odds: string;
  readonly tone: 'pass' | 'fail' | 'skipped';
}

/** A row for each convention that the labels have. */
export function verdictRows({ verdicts }: Pick<Inspection, 'verdicts'>): VerdictRow[] {
  return CONVENTIONS.flatMap(([key, name, right]) => {
    const verdict: Verdict<string> = verdicts[key];
    if (verdict.verdict === 'not-labelled') return [];
    const tone = verdict.verdict === 'ok' ? 'pass' : verdict.verdict === 'cannot-tell' ? 'skipped' : 'fail';
    return [{ name, ...wordsOf(verdict, right), tone }];
  });
}

function wordsOf(
  { verdict, likeliest, logOdds, next }: Verdict<string>,
  right: string,
): { verdict: string; odds: string } {
  const named = (value: string): string => (value === 'ok' ? right : value.replaceAll('-', ' '));
  const odds = formatOdds(logOdds);
  if (verdict === 'ok') return { verdict: right, odds };
  if (verdict === 'mixed') return { verdict: 'not the same in all groups', odds };
  if (verdict !== 'cannot-tell') return { verdict: `${named(verdict)}, NOT ${right}`, odds };
  if (likeliest === null) return { verdict: 'cannot tell: nothing to judge it by', odds: '' };
  const rival = next === null || next === 'none' ? '' : ` rather than ${named(next)}`;
  return { verdict: `cannot tell (likeliest: ${named(likeliest)}${rival})`, odds };
}

/** `1000 to 1`, `10^35 to 1`. */
function formatOdds(logOdds: number): string {
  const powers = logOdds / Math.LN10;
  return powers < 5 ? `${Number((10 ** powers).toPrecision(1))} to 1` : `10^${Math.floor(powers)} to 1`;
}

/** What the verdicts rest on. */
export function evidenceSentence({ evidence }: Pick<Inspection, 'evidence'>): string {
  const { forcePairs, stressPairs, asked } = evidence;
  const parts = [
    forcePairs > 0 ? `${forcePairs} pairs of similar frames` : '',
    stressPairs > 0 ? `${stressPairs} pairs of similar cells` : '',
    asked > 0 ? `a linear model of the forces, asked about ${asked} frames` : '',
  ].filter((part) => part !== '');
  return parts.length === 0
    ? 'No two frames are similar enough to be compared.'
    : `Judged by ${parts.join(', ')}; 1000 to 1 make a verdict.`;
}
