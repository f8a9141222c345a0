/** Which things belong together, when only pairs are told: disjoint sets with path halving (Tarjan 1975). */
export interface Components {
  /** Puts the sets of both into one. @returns whether they were two */
  join(a: number, b: number): boolean;
  together(a: number, b: number): boolean;
  /** For each thing the number of its set: 0, 1, … in the order of their first members. */
  labels(): Int32Array;
}

/** `count` things, each by itself. */
export function createComponents(count: number): Components {
  const parent = Int32Array.from({ length: count }, (_, k) => k);
  const root = (k: number): number => {
    while (parent[k] !== k) {
      parent[k] = parent[parent[k]];
      k = parent[k];
    }
    return k;
  };
  return {
    join(a, b) {
      const [p, q] = [root(a), root(b)];
      // The first member stays the root, so that sets are numbered in its order.
      parent[Math.max(p, q)] = Math.min(p, q);
      return p !== q;
    },
    together: (a, b) => root(a) === root(b),
    labels() {
      const labels = new Int32Array(count);
      let sets = 0;
      for (let k = 0; k < count; k++) labels[k] = root(k) === k ? sets++ : labels[root(k)];
      return labels;
    },
  };
}

/** Joins all things with the same label; those with the label null are left alone. */
export function joinEqual(components: Components, labels: Iterable<string | number | null>): void {
  const first = new Map<string | number, number>();
  let index = 0;
  for (const label of labels) {
    const known = label === null ? index : first.get(label);
    if (known === undefined) first.set(label!, index);
    else components.join(known, index);
    index++;
  }
}
