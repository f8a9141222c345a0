/** How far a potential can be trusted, as one letter with its reasons. The rules stand here and nowhere else. */
import { countVerdicts } from './display.ts';
import { purposeAnswers } from './purpose.ts';
import type { CheckRow, ReportData } from './report-data.ts';
import { formatNumber, formatValue } from './text.ts';

export type Letter = 'A' | 'B' | 'C' | 'D' | 'E';

/** One question, what was found, and the best grade that this leaves. */
export interface GradeReason {
  readonly question: string;
  /** With its number. */
  readonly finding: string;
  readonly allows: Letter;
  /** Id of the section where it is shown. */
  readonly section: string;
}

/** The worst of what the reasons allow. */
export interface Grade {
  readonly letter: Letter;
  /** What the letter means. */
  readonly meaning: string;
  readonly reasons: readonly GradeReason[];
}

/** What each letter stands for. */
export const MEANINGS: Readonly<Record<Letter, string>> = {
  A: 'every question of this report has a good answer',
  B: 'sound, with small gaps',
  C: 'usable with care: something that matters is unknown or poor',
  D: 'not to be relied on before it is mended',
  E: 'not to be used',
};

/** Held-out frames that make a test. */
const ENOUGH_FRAMES = 20;
/** Force errors (RMSE) as shares of the forces (root mean square): more than these leave B, C and D. */
const FORCE_SHARES = [0.15, 0.3, 0.6] as const;
/** What a 90 % interval may hold, for A and for B. */
const COVERAGE = { good: [0.86, 0.94], fair: [0.8, 0.99] } as const;
/** Area between reliability curve and diagonal. */
const AREA = { good: 0.05, fair: 0.1 } as const;
/** Share of atoms outside the training domain. */
const OUTSIDE = { good: 0.01, fair: 0.1 } as const;
/** Drift of the conserved energy, meV/atom/ps: more than these leave B, C and D. */
const DRIFT = [0.1, 1, 10] as const;
/** Groups of checks that a potential passes by construction: one that fails here is broken, not merely imprecise. */
const LAWS: ReadonlySet<string> = new Set(['symmetry', 'derivatives']);
/** A law that is broken by more than this times the limit is not a matter of rounding. */
const BROKEN = 10;

/**
 * The grade of a potential; undefined for a record without checks, which is no trust report but a page of errors.
 * Each reason allows a best grade, and the worst of these is the grade.
 */
export function gradeOf(data: ReportData): Grade | undefined {
  if (data.checks === undefined) return undefined;
  const reasons = [
    testReason(data),
    leakReason(data),
    accuracyReason(data),
    calibrationReason(data),
    coverageReason(data),
    domainReason(data),
    checkReason(data),
    dynamicsReason(data),
    purposeReason(data),
    doctorReason(data),
    provenanceReason(data),
  ].filter((reason) => reason !== undefined);
  const letter = reasons.map(({ allows }) => allows).sort()[reasons.length - 1];
  return { letter, meaning: MEANINGS[letter], reasons };
}

/** `Grade C: usable with care …. Held back by: …`; the reasons that allow no more than the grade. */
export function gradeSentence({ letter, meaning, reasons }: Grade): string {
  const holding = reasons.filter(({ allows }) => allows === letter && letter !== 'A').map(({ finding }) => finding);
  const why = holding.length === 0 ? '' : ` Held back by: ${holding.join('; ')}.`;
  return `Grade ${letter}: ${meaning}.${why}`;
}

const whole = (n: number): string => formatNumber(n, { decimals: 0 });
const percent = (share: number): string => formatValue(100 * share, '%', { digits: 3 });

/** Letter of a value that should be small. */
function graded(value: number, limits: readonly number[]): Letter {
  const place = limits.findIndex((limit) => value <= limit);
  return (['A', 'B', 'C', 'D'] as const)[place < 0 ? limits.length : place];
}

function testReason({ errors }: ReportData): GradeReason {
  const question = 'Are the errors measured on frames that were held out?';
  const section = 'errors';
  if (errors?.test !== undefined) {
    // Those with relatives in training are no test.
    const { frames } = errors.leakFree ?? errors.test;
    const few = frames !== undefined && frames < ENOUGH_FRAMES;
    const kind = errors.leakFree === undefined ? 'held-out frames' : 'held-out frames without relatives in training';
    const finding = `${frames === undefined ? '' : `${whole(frames)} `}${kind}${few ? ', which are few' : ''}`;
    return { question, finding, allows: few ? 'B' : 'A', section };
  }
  if (errors?.validation !== undefined) {
    const finding = 'no test data: errors are known on the validation frames alone, which chose the model';
    return { question, finding, allows: 'C', section };
  }
  return { question, finding: 'no error on held-out frames is known', allows: 'E', section };
}

function leakReason({ errors }: ReportData): GradeReason | undefined {
  if (errors?.test === undefined) return undefined;
  const question = 'Are they free of frames that the training has seen in another form?';
  const section = 'errors';
  const { related, leakFree } = errors;
  if (related === undefined) return { question, finding: 'leakage was not looked for', allows: 'B', section };
  const finding = `${whole(related.frames)} of ${whole(related.of)} test frames have relatives in the training data`;
  if (related.frames === 0)
    return { question, finding: 'no test frame has relatives in training', allows: 'A', section };
  if (leakFree === undefined)
    return { question, finding: `${finding}: no error is free of them`, allows: 'C', section };
  return { question, finding: `${finding}; errors are given without them, too`, allows: 'A', section };
}

function accuracyReason({ errors }: ReportData): GradeReason | undefined {
  const row = errors?.leakFree ?? errors?.test ?? errors?.validation;
  const { forces } = row ?? {};
  if (forces === undefined || !(errors?.forceSize !== undefined && errors.forceSize > 0)) return undefined;
  const share = forces.rmse / errors.forceSize;
  const finding = `the force error (RMSE) is ${percent(share)} of the forces (root mean square)`;
  return {
    question: 'Are the force errors small beside the forces?',
    finding,
    allows: graded(share, FORCE_SHARES),
    section: 'errors',
  };
}

function calibrationReason({ uncertainty }: ReportData): GradeReason {
  const question = 'Are its uncertainties calibrated?';
  const section = 'uncertainty';
  if (uncertainty === undefined) return { question, finding: 'it states no uncertainty', allows: 'C', section };
  if (!uncertainty.calibrated)
    return { question, finding: 'the uncertainties are not calibrated', allows: 'C', section };
  const on = uncertainty.forces?.given ?? uncertainty.forces?.heldOut ?? uncertainty.energy?.heldOut;
  if (on === undefined) return { question, finding: 'calibrated', allows: 'B', section };
  const area = on.metrics.miscalibrationArea;
  const where = on === uncertainty.forces?.given ? 'the given frames' : 'the frames it was calibrated on';
  const finding = `miscalibration area ${formatNumber(area, { digits: 2 })} on ${where}`;
  return { question, finding, allows: graded(area, [AREA.good, AREA.fair]), section };
}

function coverageReason({ uncertainty }: ReportData): GradeReason | undefined {
  const on = uncertainty?.forces?.given ?? uncertainty?.forces?.heldOut;
  const found = on?.metrics.coverage.find(({ stated }) => Math.abs(stated - 0.9) < 1e-9)?.observed;
  if (uncertainty?.calibrated !== true || found === undefined) return undefined;
  const given = uncertainty.forces?.given !== undefined;
  const within = ([low, high]: readonly [number, number]): boolean => found >= low && found <= high;
  return {
    question: 'Do its 90 % intervals hold 90 % of the forces?',
    finding: `${percent(found)} of the force components${given ? '' : ', on the frames it was calibrated on'}`,
    allows: !within(COVERAGE.fair) ? 'C' : within(COVERAGE.good) && given ? 'A' : 'B',
    section: 'uncertainty',
  };
}

function domainReason({ domain }: ReportData): GradeReason {
  const question = 'Does it know what it was trained on?';
  const section = 'domain';
  if (domain === undefined) return { question, finding: 'its domain is not recorded', allows: 'B', section };
  if (domain.atoms === 0)
    return { question, finding: 'its domain is recorded; no frames were given', allows: 'B', section };
  const share = domain.atomsOutside / domain.atoms;
  const finding = `${percent(share)} of the atoms of the given frames are outside its domain`;
  return { question, finding, allows: graded(share, [OUTSIDE.good, OUTSIDE.fair]), section };
}

function checkReason(data: ReportData): GradeReason {
  const question = 'Does it pass the checks?';
  const section = 'checks';
  const { pass, fail, skipped, total } = countVerdicts(data);
  if (total === skipped) return { question, finding: 'no check could be run', allows: 'D', section };
  if (fail === 0) return { question, finding: `all ${pass} that apply`, allows: 'A', section };
  const failed = (data.checks ?? []).filter(({ verdict }) => verdict === 'fail');
  const names = failed.slice(0, 3).map(({ id }) => id);
  const more = failed.length > names.length ? ` and ${failed.length - names.length} more` : '';
  const finding = `${fail} of ${pass + fail} checks ${fail === 1 ? 'fails' : 'fail'}: ${names.join(', ')}${more}`;
  const laws = failed.filter(({ group = '' }) => LAWS.has(group));
  const allows = laws.some(isBroken) ? 'E' : laws.length > 0 || fail > 2 ? 'D' : 'C';
  return { question, finding, allows, section };
}

function isBroken({ value, limit }: CheckRow): boolean {
  return value === undefined || limit === undefined || !(Math.abs(value) <= BROKEN * Math.abs(limit));
}

function dynamicsReason({ dynamics }: ReportData): GradeReason {
  const question = 'Is dynamics stable?';
  const section = 'dynamics';
  if (dynamics === undefined) return { question, finding: 'no run of dynamics came to its end', allows: 'C', section };
  const drift = dynamics.driftMeVPerAtomPerPs;
  if (drift === undefined) return { question, finding: 'the drift of the energy is not known', allows: 'B', section };
  const finding = `the energy drifts by ${formatValue(Math.abs(drift), 'meV/atom/ps', { digits: 2 })}`;
  return { question, finding, allows: graded(Math.abs(drift), DRIFT), section };
}

function purposeReason(data: ReportData): GradeReason | undefined {
  const answers = purposeAnswers(data);
  if (answers.length === 0) return undefined;
  const question = 'Do the training data suit the purpose?';
  const section = 'scope';
  const unseen = answers.filter(({ standing }) => standing === 'unseen');
  const unknown = answers.filter(({ standing }) => standing === 'unknown');
  if (unseen.length > 0) {
    return { question, finding: unseen.map(({ sentence }) => sentence).join(', '), allows: 'C', section };
  }
  if (unknown.length > 0) {
    return { question, finding: unknown.map(({ sentence }) => sentence).join(', '), allows: 'B', section };
  }
  return { question, finding: 'they hold what it names', allows: 'A', section };
}

function doctorReason({ data }: ReportData): GradeReason {
  const question = 'Are the training data sound?';
  const section = 'data';
  const findings = data?.findings;
  if (findings === undefined) return { question, finding: 'the data doctor did not see them', allows: 'B', section };
  const number = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings] = [number('error'), number('warning')];
  if (errors > 0)
    return {
      question,
      finding: `the data doctor found ${errors} ${errors === 1 ? 'error' : 'errors'}`,
      allows: 'C',
      section,
    };
  if (warnings > 0)
    return {
      question,
      finding: `the data doctor warns of ${warnings} ${warnings === 1 ? 'thing' : 'things'}`,
      allows: 'B',
      section,
    };
  return { question, finding: 'the data doctor has no complaint', allows: 'A', section };
}

function provenanceReason({ method, data }: ReportData): GradeReason {
  const question = 'Can it be made again?';
  const section = 'card';
  const missing: string[] = [];
  const hashed =
    method !== undefined && method.sources.length > 0 && method.sources.every(({ sha256 }) => sha256 !== '');
  if (!hashed) missing.push('hashes of the training data');
  if ((method?.levelOfTheory ?? data?.levelOfTheory) === undefined) missing.push('level of theory');
  if (missing.length === 0) {
    const finding = 'data (hashes), settings, seed, version and level of theory are recorded';
    return { question, finding, allows: 'A', section };
  }
  return { question, finding: `not recorded: ${missing.join(', ')}`, allows: hashed ? 'B' : 'C', section };
}
