/**
 * A small expression graph: enough to write the invariants once and to derive from that one text their gradient
 * (reverse mode), and both again in dual numbers (forward mode).
 */

export type Node = Input | Product | Combination;
/** A number that the generated function loads. */
export interface Input {
  readonly kind: 'input';
  readonly id: number;
  readonly name: string;
}
export interface Product {
  readonly kind: 'product';
  readonly id: number;
  readonly a: Node;
  readonly b: Node;
}
/** Σ coefficient · node; never empty. */
export interface Combination {
  readonly kind: 'combination';
  readonly id: number;
  readonly terms: readonly Term[];
}
export interface Term {
  readonly coefficient: number;
  readonly node: Node;
}

/** Contributions to the adjoints of other nodes, given the adjoint of one. */
export type AdjointRule = (adjoint: Node) => readonly { readonly to: Node; readonly amount: Node }[];

/** Builds nodes; equal nodes are the same object, so common subexpressions are computed once. */
export interface Graph {
  /** The number 1: products with it (or with a multiple of it) are not computed. */
  readonly one: Node;
  input(name: string): Node;
  product(a: Node, b: Node): Node;
  combination(terms: readonly Term[]): Node;
  sum(nodes: readonly Node[]): Node;
  scale(coefficient: number, node: Node): Node;
  /** Replaces the derived adjoint of a node by a cheaper equivalent that symmetry allows. */
  setRule(node: Node, rule: AdjointRule): void;
  rule(node: Node): AdjointRule | undefined;
}

export function createGraph(): Graph {
  const known = new Map<string, Node>();
  const rules = new Map<number, AdjointRule>();
  let count = 0;
  const intern = (key: string, make: (id: number) => Node): Node => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const node = make(count++);
    known.set(key, node);
    return node;
  };
  const combination = (terms: readonly Term[]): Node => {
    const merged = new Map<Node, number>();
    for (const { coefficient, node } of terms) merged.set(node, (merged.get(node) ?? 0) + coefficient);
    const kept = [...merged]
      .filter(([, c]) => Math.abs(c) > 1e-14)
      .map(([node, coefficient]) => ({ coefficient, node }));
    if (kept.length === 1 && kept[0].coefficient === 1) return kept[0].node;
    const key = `+${kept.map((t) => `${t.coefficient.toPrecision(15)}*${t.node.id}`).join(' ')}`;
    return intern(key, (id) => ({ kind: 'combination', id, terms: kept }));
  };
  const input = (name: string): Node => intern(`in ${name}`, (id) => ({ kind: 'input', id, name }));
  const one = input('one');
  /** How many times 1 a node is, or undefined. */
  const multipleOfOne = (node: Node): number | undefined => {
    if (node === one) return 1;
    if (node.kind !== 'combination') return undefined;
    let sum = 0;
    for (const { coefficient, node: inner } of node.terms) {
      const multiple = multipleOfOne(inner);
      if (multiple === undefined) return undefined;
      sum += coefficient * multiple;
    }
    return sum;
  };
  return {
    one,
    input,
    product: (a, b) => {
      for (const [node, other] of [
        [a, b],
        [b, a],
      ]) {
        const coefficient = multipleOfOne(node);
        if (coefficient !== undefined) return combination([{ coefficient, node: other }]);
      }
      const [p, q] = a.id <= b.id ? [a, b] : [b, a];
      return intern(`${p.id}*${q.id}`, (id) => ({ kind: 'product', id, a: p, b: q }));
    },
    combination,
    sum: (nodes) => combination(nodes.map((node) => ({ coefficient: 1, node }))),
    scale: (coefficient, node) => combination([{ coefficient, node }]),
    setRule: (node, rule) => void rules.set(node.id, rule),
    rule: (node) => rules.get(node.id),
  };
}

/** All nodes that `outputs` need, each after what it is made of. */
export function topological(outputs: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<number>();
  const visit = (node: Node): void => {
    if (seen.has(node.id)) return;
    seen.add(node.id);
    if (node.kind === 'product') {
      visit(node.a);
      visit(node.b);
    } else if (node.kind === 'combination') {
      for (const term of node.terms) visit(term.node);
    }
    order.push(node);
  };
  for (const output of outputs) visit(output);
  return order;
}

/** Σ_o seed_o · ∂o/∂(each input of `inputs`), as nodes of the same graph. */
export function gradient(
  graph: Graph,
  outputs: readonly Node[],
  seeds: readonly Node[],
  inputs: readonly Node[],
): Node[] {
  const parts = new Map<number, Node[]>();
  const give = (to: Node, amount: Node): void => void parts.set(to.id, [...(parts.get(to.id) ?? []), amount]);
  for (const [o, output] of outputs.entries()) give(output, seeds[o]);
  for (const node of topological(outputs).reverse()) {
    const received = parts.get(node.id);
    if (received === undefined || node.kind === 'input') continue;
    const adjoint = graph.sum(received);
    const rule = graph.rule(node);
    if (rule !== undefined) {
      for (const { to, amount } of rule(adjoint)) give(to, amount);
    } else if (node.kind === 'product') {
      if (node.a === node.b) give(node.a, graph.product(graph.scale(2, adjoint), node.a));
      else {
        give(node.a, graph.product(adjoint, node.b));
        give(node.b, graph.product(adjoint, node.a));
      }
    } else {
      for (const term of node.terms) give(term.node, graph.scale(term.coefficient, adjoint));
    }
  }
  return inputs.map((input) => graph.sum(parts.get(input.id) ?? []));
}

/** Tangents of `outputs` when input `name` moves by the input `tangentOf(name)`. */
export function tangents(graph: Graph, outputs: readonly Node[], tangentOf: (name: string) => string): Node[] {
  const moved = new Map<number, Node>();
  for (const node of topological(outputs)) {
    if (node.kind === 'input') moved.set(node.id, graph.input(tangentOf(node.name)));
    else if (node.kind === 'product') {
      const da = moved.get(node.a.id)!;
      const db = moved.get(node.b.id)!;
      const tangent =
        node.a === node.b
          ? graph.scale(2, graph.product(node.a, da))
          : graph.sum([graph.product(node.a, db), graph.product(da, node.b)]);
      moved.set(node.id, tangent);
    } else {
      moved.set(
        node.id,
        graph.combination(node.terms.map(({ coefficient, node: n }) => ({ coefficient, node: moved.get(n.id)! }))),
      );
    }
  }
  return outputs.map((output) => moved.get(output.id)!);
}
