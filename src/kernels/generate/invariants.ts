import { coupling } from './coupling.ts';
import { createGraph, type Graph, gradient, type Node, tangents } from './graph.ts';

/** The invariants of one channel as a graph over the inputs a{l}_{m}; the order is that of the contract. */
export interface InvariantGraph {
  readonly graph: Graph;
  /** a[l][m] */
  readonly a: readonly (readonly Node[])[];
  readonly invariants: readonly Node[];
}

/** T^{l l'}_M = Σ C^{l l' 2} a_l a_l': the symmetric part of two harmonics that transforms like l = 2. */
function secondRank(graph: Graph, a: readonly (readonly Node[])[], l: number, k: number): Node[] {
  const parts: { coefficient: number; node: Node }[][] = [[], [], [], [], []];
  for (const { m, coefficient } of coupling(l, k, 2)) {
    parts[m[2]].push({ coefficient, node: graph.product(a[l][m[0]], a[k][m[1]]) });
  }
  return parts.map((terms) => graph.combination(terms));
}

/**
 * All ν = 3 invariants up to l = 3 contain a factor of degree 2 and are therefore written as T · a₂; those of
 * ν = 4 are T · T. That shares the T's between the invariants.
 */
export function invariantGraph(lmax: 2 | 3, order: 2 | 3 | 4): InvariantGraph {
  const graph = createGraph();
  const a = Array.from({ length: lmax + 1 }, (_, l) =>
    Array.from({ length: 2 * l + 1 }, (_, m) => graph.input(`a${l}_${m}`)),
  );
  const dot = (u: readonly Node[], v: readonly Node[]): Node => graph.sum(u.map((x, i) => graph.product(x, v[i])));
  const invariants: Node[] = [a[0][0]];
  for (let l = 1; l <= lmax; l++) invariants.push(dot(a[l], a[l]));
  if (order >= 3) {
    const a2 = a[2];
    const t11 = secondRank(graph, a, 1, 1);
    const t22 = secondRank(graph, a, 2, 2);
    const cubic = dot(t22, a2);
    // T²²·a₂ is symmetric in its three factors: its gradient is 3 T²² g.
    graph.setRule(cubic, (g) => {
      const g3 = graph.scale(3, g);
      return a2.map((to, m) => ({ to, amount: graph.product(g3, t22[m]) }));
    });
    invariants.push(dot(t11, a2));
    if (lmax === 3) invariants.push(dot(secondRank(graph, a, 1, 3), a2));
    invariants.push(cubic);
    if (lmax === 3) invariants.push(dot(secondRank(graph, a, 3, 3), a2));
    // T¹¹·T¹¹ and T²²·T²² are left out: they are squares of the invariants of ν = 2.
    if (order >= 4) invariants.push(dot(t11, t22));
  }
  return { graph, a, invariants };
}

/** One derivative ∂x_p/∂a_lm that is not zero everywhere. */
export interface JacobianEntry {
  readonly p: number;
  readonly lm: number;
  readonly value: Node;
}

/** Nodes of the functions that the kernels need, for one (lmax, ν). */
export interface InvariantFunctions {
  readonly forward: Node[];
  /** ∂(Σ g_p x_p)/∂a, flat over (l, m), over the inputs a and g{p}. */
  readonly backward: Node[];
  readonly forwardTangent: Node[];
  readonly backwardTangent: Node[];
  /** ∂x_p/∂a_lm of all invariants but x_0 = a_00, ordered by lm. */
  readonly jacobian: JacobianEntry[];
}

/** Inputs named `t…` are the tangents of the inputs named `…`. */
export const tangentName = (name: string): string => `t${name}`;

export function invariantFunctions(lmax: 2 | 3, order: 2 | 3 | 4): InvariantFunctions {
  const { graph, a, invariants } = invariantGraph(lmax, order);
  const seeds = invariants.map((_, p) => graph.input(`g${p}`));
  const backward = gradient(graph, invariants, seeds, a.flat());
  const rows = invariants.map((invariant) => gradient(graph, [invariant], [graph.one], a.flat()));
  const isZero = (node: Node): boolean => node.kind === 'combination' && node.terms.length === 0;
  const jacobian = a
    .flat()
    .flatMap((_, lm) => rows.flatMap((row, p) => (p === 0 || isZero(row[lm]) ? [] : [{ p, lm, value: row[lm] }])));
  return {
    forward: [...invariants],
    backward,
    forwardTangent: tangents(graph, invariants, tangentName),
    backwardTangent: tangents(graph, backward, tangentName),
    jacobian,
  };
}
