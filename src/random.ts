/**
 * The one seeded generator; passed in as an argument wherever chance is needed.
 * xoshiro128** (Blackman & Vigna 2021, doi:10.1145/3460772), seeded through splitmix32. Its state is data.
 */
export interface Random {
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Integer in 0 … n−1, without modulo bias worth speaking of (n ≪ 2³²). */
  below(n: number): number;
  /** A shuffled copy of 0 … n−1 (Fisher–Yates). */
  permutation(n: number): Int32Array;
  /** The whole state, to be stored in a checkpoint. */
  state(): RandomState;
}

/** Four 32-bit words, and the second normal deviate of a pair when one is waiting. */
export interface RandomState {
  readonly words: readonly [number, number, number, number];
  readonly spare: number | null;
}

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** A fresh generator from a seed, or one that goes on from a stored state. */
export function createRandom(from: number | RandomState): Random {
  const s = new Int32Array(4);
  let spare: number | null = null;
  if (typeof from === 'number') {
    let h = from >>> 0;
    for (let i = 0; i < 4; i++) {
      h = (h + 0x9e3779b9) | 0;
      let z = h ^ (h >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      s[i] = z ^ (z >>> 15);
    }
  } else {
    s.set(from.words);
    spare = from.spare;
  }

  const next = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  };
  const uniform = (): number => next() / 4294967296;
  const below = (n: number): number => Math.floor(uniform() * n);
  return {
    uniform,
    below,
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      // Marsaglia's polar method: two deviates from a point in the unit disc.
      for (;;) {
        const u = 2 * uniform() - 1;
        const v = 2 * uniform() - 1;
        const q = u * u + v * v;
        if (q > 0 && q < 1) {
          const f = Math.sqrt((-2 * Math.log(q)) / q);
          spare = v * f;
          return u * f;
        }
      }
    },
    permutation(n) {
      const p = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = below(i + 1);
        const t = p[i];
        p[i] = p[j];
        p[j] = t;
      }
      return p;
    },
    state: () => ({ words: [s[0], s[1], s[2], s[3]], spare }),
  };
}
