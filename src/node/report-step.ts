/** How far one stage of a report is. */
export interface ReportStep {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** The result of `work`; its steps become steps of the report. */
export async function* staged<Step, Result>(
  stage: string,
  work: AsyncGenerator<Step, Result>,
  measure: (step: Step) => Omit<ReportStep, 'stage'>,
): AsyncGenerator<ReportStep, Result> {
  let next = await work.next();
  for (; !next.done; next = await work.next()) {
    const { done, total } = measure(next.value);
    yield { stage, done, total };
  }
  return next.value;
}
