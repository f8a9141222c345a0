import { expect, test } from 'vitest';
import { createProgress, followed, formatDuration, type Stage } from './progress.ts';

function screenOf(isTTY: boolean): { written: string[]; isTTY: boolean; columns: number; write(text: string): void } {
  const written: string[] = [];
  return { written, isTTY, columns: 60, write: (text) => void written.push(text) };
}

test('a watched terminal gets one line with bar, share, time left and rate, and it is taken away', () => {
  const screen = screenOf(true);
  let now = 0;
  const progress = createProgress('md', { screen, clock: () => now });
  progress.update({ done: 0, total: 100, unit: 'steps' });
  now = 2000;
  progress.update({ done: 50, total: 100, unit: 'steps' });
  now = 2050;
  progress.update({ done: 51, total: 100, unit: 'steps' });
  progress.end();
  expect(screen.written).toEqual([
    `\rmd  ${'━'.repeat(10)}${'·'.repeat(10)}   50 %  2.0 s left  25 steps/s\u001b[K`,
    '\r\u001b[K',
  ]);
});

test('a line never wraps', () => {
  const screen = screenOf(true);
  let now = 0;
  const progress = createProgress('md', { screen, clock: () => now });
  now = 1000;
  progress.update({ done: 50, total: 100, note: 'x'.repeat(200) });
  expect(
    [...screen.written[0]]
      .filter((c) => c >= ' ')
      .join('')
      .replace('[K', '').length,
  ).toBe(59);
});

test('a file gets a plain line every five seconds', () => {
  const screen = screenOf(false);
  let now = 0;
  const progress = createProgress('train', { screen, clock: () => now });
  for (; now <= 12_000; now += 500) progress.update({ done: now, total: 24_000 });
  progress.end();
  expect(screen.written).toEqual(['train   20 %  19 s left\n', 'train   41 %  14 s left\n']);
});

test('resumed work is timed from where it went on', () => {
  const screen = screenOf(false);
  let now = 0;
  const progress = createProgress('train', { screen, clock: () => now });
  progress.update({ done: 900, total: 1000, unit: 'epochs' });
  now = 5000;
  progress.update({ done: 950, total: 1000, unit: 'epochs' });
  expect(screen.written).toEqual(['train   95 %  5.0 s left  10 epochs/s\n']);
});

test('quiet says nothing', () => {
  const screen = screenOf(true);
  let now = 0;
  const progress = createProgress('train', { screen, quiet: true, clock: () => now });
  now = 60_000;
  progress.update({ done: 1, total: 2 });
  progress.end();
  expect(screen.written).toEqual([]);
});

test.each([
  [0.84, '0.8 s'],
  [42.4, '42 s'],
  [59.7, '1 min 00 s'],
  [185, '3 min 05 s'],
  [7800, '2 h 10 min'],
])('%d s are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test('work that is followed gives its result, and the line goes away when it fails', async () => {
  const calls: string[] = [];
  const progress = { update: ({ done }: Stage) => void calls.push(`at ${done}`), end: () => void calls.push('end') };
  async function* work(fails: boolean): AsyncGenerator<number, string> {
    yield 1;
    if (fails) throw new Error('broken');
    yield 2;
    return 'result';
  }
  const stageOf = (done: number): Stage => ({ done, total: 2 });
  expect(await followed(progress, work(false), stageOf)).toBe('result');
  await expect(followed(progress, work(true), stageOf)).rejects.toThrow('broken');
  expect(calls).toEqual(['at 1', 'at 2', 'end', 'at 1', 'end']);
});
