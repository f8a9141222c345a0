import type { Frame } from '../../data/dataset.ts';
import { conventionFindings } from './convention-findings.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { StressCheck } from './energy-stress.ts';
import type { FrameFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { labelFindings } from './label-findings.ts';
import { physicsFindings } from './physics-findings.ts';
import { clearShifts } from './shifts.ts';

export type { Finding } from './finding.ts';

/** What is wrong or odd, errors first. */
export function findingsOf(
  frames: readonly Frame[],
  facts: readonly FrameFacts[],
  { diagnosis, stressCheck }: { readonly diagnosis: Diagnosis; readonly stressCheck: StressCheck },
): Finding[] {
  const shifted = new Set(clearShifts(diagnosis.shifts).map(({ group }) => group));
  const wellScaled = diagnosis.verdicts.energyScale.verdict !== 'per-atom';
  const comparable = facts.map(
    ({ problem }, index) => problem === '' && wellScaled && !shifted.has(frames[index].group),
  );
  const found = [
    ...conventionFindings(frames, diagnosis, stressCheck),
    ...labelFindings(frames, facts),
    ...physicsFindings(frames, facts, comparable),
  ].filter((finding) => finding !== null);
  const order = ['error', 'warning', 'note'];
  return found.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}
