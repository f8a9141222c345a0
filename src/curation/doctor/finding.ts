/** Something that a person should know before training on the data. One per code. */
export interface Finding {
  /** Stable, kebab-case. */
  readonly code: string;
  /** `error`: the data cannot be used so; `warning`: a model would suffer; `note`: good to know. */
  readonly severity: 'error' | 'warning' | 'note';
  /** The frame that shows it best, from 0; null where it is about all of them. */
  readonly frame: number | null;
  /** All frames that show it, ascending; empty where it is about all of them. */
  readonly frames: readonly number[];
  readonly message: string;
  /** What to do. */
  readonly hint: string;
  /** The numbers behind it, units in the keys. */
  readonly evidence: Readonly<Record<string, number>>;
  /** Whether `fixDataset` mends it. */
  readonly fixable: boolean;
}

export type Kind = Pick<Finding, 'code' | 'severity'>;

export type Told = Pick<Finding, 'message' | 'hint'> & Partial<Pick<Finding, 'evidence' | 'fixable'>>;

/** @param frame the one that shows it best; the first one when absent */
export function finding(
  kind: Kind,
  frames: readonly number[],
  told: Told,
  frame: number | undefined = frames[0],
): Finding {
  return { evidence: {}, fixable: false, ...kind, frame: frame ?? null, frames, ...told };
}

/** 0 … count − 1 where `test` holds. */
export function indicesWhere(count: number, test: (index: number) => boolean): number[] {
  const indices: number[] = [];
  for (let index = 0; index < count; index++) if (test(index)) indices.push(index);
  return indices;
}

/** The index among `indices` with the largest value. */
export function worst(indices: readonly number[], value: (index: number) => number): number {
  return indices.reduce((best, index) => (value(index) > value(best) ? index : best), indices[0]);
}

/** "3 of 20 frames" */
export function share(indices: readonly number[], total: number): string {
  return `${indices.length} of ${total} frame${total === 1 ? '' : 's'}`;
}

/** "Elastic", "Elastic and Surface", "a, b and 3 more"; frames without a group count as one. */
export function listed(groups: readonly string[]): string {
  const names = groups.map((group) => (group === '' ? '(no group)' : group));
  if (names.length > 4) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
  const last = names[names.length - 1];
  return names.length === 1 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
