import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FEWEST_BOOTSTRAPPED, headsOfFrames } from './bootstrap.ts';

const four = [{ first: 0, count: 4 }];
const frames = (count: number, level?: number): { readonly level?: number }[] =>
  Array.from({ length: count }, () => (level === undefined ? {} : { level }));
const poisson = (seed: number) => ({ bootstrap: 'poisson', seed }) as const;

/** How often each head stands in the lists. */
const countsOf = (lists: readonly (readonly number[])[], heads: number): number[] =>
  Array.from({ length: heads }, (_, head) => lists.reduce((n, list) => n + list.filter((h) => h === head).length, 0));

describe('heads of frames', () => {
  test('each head draws as many frames as there are, and leaves about 1/e of them out', () => {
    const N = 20_000;
    const lists = headsOfFrames(frames(N), four, poisson(1));
    // Lists that come out empty, e⁻⁴ of them, are drawn again: 1 and 1/e become a little more and a little less.
    const full = 1 - Math.exp(-4);
    const expected = { count: 1 / full, absent: (Math.exp(-1) - Math.exp(-4)) / full };
    for (const count of countsOf(lists, 4)) {
      expect(Math.abs(count / N - expected.count)).toBeLessThan(4 / Math.sqrt(N));
    }
    for (let head = 0; head < 4; head++) {
      const absent = lists.filter((list) => !list.includes(head)).length / N;
      expect(Math.abs(absent - expected.absent)).toBeLessThan(2 / Math.sqrt(N));
    }
  });

  test('heads draw independently of each other', () => {
    const N = 20_000;
    const lists = headsOfFrames(frames(N), four, poisson(2));
    const share = (heads: readonly number[]): number =>
      lists.filter((list) => heads.every((head) => list.includes(head))).length / N;
    // P(a and b) = P(a) P(b) before empty lists are drawn again; that condition adds 0.7 %.
    expect(Math.abs(share([0, 3]) - (1 - Math.exp(-1)) ** 2 / (1 - Math.exp(-4)))).toBeLessThan(2 / Math.sqrt(N));
  });

  test('no frame is left without a head, and heads are those of the level of the frame', () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 5 }),
        (seed, of, count) => {
          const levels = [0, 1, 2].map((level) => ({ first: level * count, count }));
          const lists = headsOfFrames(
            of.map((level) => ({ level })),
            levels,
            poisson(seed),
          );
          for (const [k, list] of lists.entries()) {
            expect(list.length).toBeGreaterThan(0);
            for (const head of list) expect(Math.floor(head / count)).toBe(of[k]);
          }
        },
      ),
    );
  });

  test('the same seed draws the same, another one does not', () => {
    const draw = (seed: number): unknown => headsOfFrames(frames(40), four, poisson(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
  });

  test('levels that go on as the replay of another one keep their draws', () => {
    const others = [...frames(30, 0), ...frames(25, 1)];
    const alone = headsOfFrames(
      others,
      [0, 4].map((first) => ({ first, count: 4 })),
      poisson(3),
    );
    const beside = headsOfFrames(
      others.map(({ level = 0 }) => ({ level: level + 1 })),
      [0, 4, 8].map((first) => ({ first, count: 4 })),
      poisson(3),
    );
    expect(beside.map((list) => list.map((head) => head - 4))).toEqual(alone);
  });

  test('all heads once: asked for no bootstrap, with one head, with few frames of a level', () => {
    const all = [0, 1, 2, 3];
    for (const list of headsOfFrames(frames(50), four, { bootstrap: 'none', seed: 1 })) expect(list).toEqual(all);
    for (const list of headsOfFrames(frames(50), [{ first: 2, count: 1 }], poisson(1))) expect(list).toEqual([2]);
    for (const list of headsOfFrames(frames(FEWEST_BOOTSTRAPPED - 1), four, poisson(1))) expect(list).toEqual(all);
    const some = headsOfFrames([...frames(50, 0), ...frames(5, 1)], [...four, { first: 4, count: 4 }], poisson(1));
    for (const list of some.slice(50)) expect(list).toEqual([4, 5, 6, 7]);
    expect(some.slice(0, 50).some((list) => list.length !== 4)).toBe(true);
  });
});
