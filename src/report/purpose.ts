/** What a potential is wanted for, held against what it was trained on. */
import { HEAVIEST_ELEMENT, symbolOf } from '../elements.ts';
import { GPA } from '../units.ts';
import type { ReportData } from './report-data.ts';
import { formatNumber } from './text.ts';
import type { ScopeReport } from './trust-data.ts';

/** What the training data say to one word of a purpose. */
export interface PurposeAnswer {
  readonly topic: string;
  readonly standing: 'seen' | 'unseen' | 'unknown';
  /** `no surfaces in the training data`. */
  readonly sentence: string;
}

/** A topic: the words that name it, in purposes and in names of groups, and how frames themselves can show it. */
interface Topic {
  readonly name: string;
  readonly words: RegExp;
  readonly seen?: (scope: ScopeReport) => boolean;
}

const TOPICS: readonly Topic[] = [
  { name: 'surfaces', words: /surface|slab|facet|adsor/i, seen: ({ kinds }) => kinds.surface > 0 },
  { name: 'molecules or clusters', words: /molecul|cluster|isolated|dimer/i, seen: ({ kinds }) => kinds.molecule > 0 },
  { name: 'vacancies', words: /vacan|divac/i },
  { name: 'interstitials', words: /interstitial/i },
  { name: 'dislocations', words: /dislocation/i },
  { name: 'grain boundaries', words: /grain.?bound|twin.?bound|\bgb\b/i },
  { name: 'stacking faults', words: /stacking|gamma.?surface/i },
  { name: 'cracks', words: /crack|fractur/i },
  { name: 'liquids', words: /liquid|molten|\bmelt/i },
  { name: 'amorphous structures', words: /amorph|glass/i },
];

/** Symbols that are words, too. */
const AMBIGUOUS: ReadonlySet<string> = new Set(['I', 'K', 'In', 'As', 'At', 'No', 'He', 'Be', 'Am']);

/** How much farther than the data a purpose may go before that is said: they are read from names. */
const TOLERANCE = 1.02;

/**
 * What the training data say to each topic, element, temperature and pressure that the purpose names; of the elements
 * alone where nobody has these data.
 */
export function purposeAnswers({
  purpose,
  scope,
  elements,
}: Pick<ReportData, 'purpose' | 'scope' | 'elements'>): PurposeAnswer[] {
  if (purpose === undefined) return [];
  const topics = TOPICS.filter(({ words }) => words.test(purpose)).map((topic) => topicAnswer(topic, scope));
  return [...elementAnswers(purpose, elements), ...topics, ...reachAnswers(purpose, scope ?? {})];
}

function topicAnswer({ name, words, seen }: Topic, scope: ScopeReport | undefined): PurposeAnswer {
  if (scope === undefined) {
    const sentence = `whether the training data hold ${name} is not known: they were not found`;
    return { topic: name, standing: 'unknown', sentence };
  }
  const groups = scope.groups.filter((group) => words.test(group.name));
  if (groups.length > 0) {
    const frames = formatNumber(
      groups.reduce((sum, group) => sum + group.frames, 0),
      { decimals: 0 },
    );
    return { topic: name, standing: 'seen', sentence: `${name}: ${frames} training frames by name` };
  }
  if (seen?.(scope) === true) return { topic: name, standing: 'seen', sentence: `${name} are in the training data` };
  // Names are all there is to go by: what no group is named after may still be in one.
  if (seen === undefined) {
    return { topic: name, standing: 'unknown', sentence: `no group of the training data is named after ${name}` };
  }
  return { topic: name, standing: 'unseen', sentence: `no ${name} in the training data` };
}

function elementAnswers(purpose: string, known: readonly string[]): PurposeAnswer[] {
  const symbols = new Set(Array.from({ length: HEAVIEST_ELEMENT }, (_, z) => symbolOf(z + 1)));
  const words = purpose.match(/\b(?:[A-Z][a-z]?\d*)+\b/g) ?? [];
  const named = words.flatMap((word) => {
    const parts = word.match(/[A-Z][a-z]?/g) ?? [];
    return parts.every((part) => symbols.has(part)) && !(parts.length === 1 && AMBIGUOUS.has(parts[0])) ? parts : [];
  });
  return [...new Set(named)].map((symbol): PurposeAnswer => {
    const seen = known.includes(symbol);
    const sentence = seen ? `${symbol} is one of its elements` : `${symbol} is none of its elements`;
    return { topic: symbol, standing: seen ? 'seen' : 'unseen', sentence };
  });
}

/** Temperatures and pressures: the highest ones that are named. */
function reachAnswers(
  purpose: string,
  { temperature, pressure }: Pick<ScopeReport, 'temperature' | 'pressure'>,
): PurposeAnswer[] {
  const largest = (unit: RegExp): number =>
    Math.max(...Array.from(purpose.matchAll(unit), ([, number]) => Number(number.replaceAll(',', ''))), 0);
  const answers: PurposeAnswer[] = [];
  const hottest = largest(/(\d[\d,]*(?:\.\d+)?)\s*K\b/g);
  if (hottest > 0) answers.push(reach('temperatures', 'K', hottest, temperature?.max));
  const highest = largest(/(\d[\d,]*(?:\.\d+)?)\s*GPa\b/g);
  if (highest > 0)
    answers.push(reach('pressures', 'GPa', highest, pressure === undefined ? undefined : pressure.max / GPA));
  return answers;
}

function reach(topic: string, unit: string, wanted: number, reached: number | undefined): PurposeAnswer {
  if (reached === undefined) {
    return { topic, standing: 'unknown', sentence: `the ${topic} of the training data are not known` };
  }
  const seen = wanted <= TOLERANCE * reached;
  const sentence = `the training data reach ${formatNumber(reached)} ${unit}, the purpose ${formatNumber(wanted)} ${unit}`;
  return { topic, standing: seen ? 'seen' : 'unseen', sentence };
}
