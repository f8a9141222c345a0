/** One line on stderr that says how far long work has come. */

/** Where the work stands; `note` is what else is worth seeing, such as the present errors. */
export interface Stage {
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
  /** What is counted, in the plural: `steps`. Without it no rate is shown. */
  readonly unit?: string;
  /** Estimated from the rate when absent. */
  readonly secondsLeft?: number;
  readonly note?: string;
}

export interface Progress {
  update(stage: Stage): void;
  /** Takes the line away. */
  end(): void;
}

/** Runs `work` to its end with each step shown; the line is taken away however it ends. */
export async function followed<Step, Result>(
  progress: Progress,
  work: AsyncGenerator<Step, Result>,
  stageOf: (step: Step) => Stage,
): Promise<Result> {
  try {
    let next = await work.next();
    for (; next.done !== true; next = await work.next()) progress.update(stageOf(next.value));
    return next.value;
  } finally {
    progress.end();
  }
}

/** What is needed of `process.stderr`. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly quiet?: boolean;
  readonly screen?: Screen;
  /** Milliseconds; the time of day does not matter. */
  readonly clock?: () => number;
}

const BAR = 20;
/** A live line is redrawn this often, a plain line is printed this often, ms. */
const REDRAW = 100;
const REPEAT = 5000;

/** A bar that is redrawn in place where somebody watches, a plain line every five seconds where not. */
export function createProgress(label: string, options: ProgressOptions = {}): Progress {
  const { quiet = false, screen = process.stderr, clock = () => performance.now() } = options;
  const live = screen.isTTY === true;
  let start: { time: number; done: number } | null = null;
  let shown = clock();
  return {
    update(stage) {
      const now = clock();
      // Work that is resumed does not start at zero, and what was done before says nothing about the rate.
      start ??= { time: now, done: stage.done };
      if (quiet || now - shown < (live ? REDRAW : REPEAT)) return;
      shown = now;
      const text = describe(label, stage, { elapsed: (now - start.time) / 1000, from: start.done, bar: live });
      screen.write(live ? `\r${cut(text, (screen.columns || 80) - 1)}\u001b[K` : `${text}\n`);
    },
    end() {
      if (live && !quiet) screen.write('\r\u001b[K');
    },
  };
}

function describe(label: string, stage: Stage, at: { elapsed: number; from: number; bar: boolean }): string {
  const { done, total, unit, note } = stage;
  const fraction = total > 0 ? Math.min(1, done / total) : 0;
  const rate = at.elapsed > 0 ? (done - at.from) / at.elapsed : 0;
  const left = stage.secondsLeft ?? (rate > 0 ? (total - done) / rate : undefined);
  const full = Math.round(fraction * BAR);
  const parts = [
    label,
    at.bar && total > 0 ? `${'━'.repeat(full)}${'·'.repeat(BAR - full)}` : '',
    total > 0 ? `${String(Math.floor(100 * fraction)).padStart(3)} %` : '',
    left === undefined || total <= 0 ? '' : `${formatDuration(left)} left`,
    unit === undefined || rate <= 0 ? '' : `${rate < 10 ? rate.toFixed(1) : rate.toFixed(0)} ${unit}/s`,
    note ?? '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** `0.8 s`, `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (n: number): string => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

function cut(text: string, columns: number): string {
  const letters = [...text];
  return letters.length <= columns ? text : letters.slice(0, Math.max(0, columns)).join('');
}
