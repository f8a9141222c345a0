/** Trainable parameters as one flat array with named blocks, and what ties them to the weights of a kernel. */

/** One block of trainable parameters. */
export interface ParameterBlock {
  readonly name: string;
  readonly offset: number;
  /** Dimensions, slowest first. */
  readonly dimensions: readonly number[];
  /** As a stack of matrices [count, rows, columns], for optimisers that treat matrices as such; else null. */
  readonly matrices: readonly [number, number, number] | null;
}

export interface ParameterLayout {
  readonly blocks: readonly ParameterBlock[];
  readonly length: number;
}

/** Both directions between trainable parameters and kernel weights. */
export interface Folding {
  readonly layout: ParameterLayout;
  /** Number of kernel weights. */
  readonly weights: number;
  /**
   * Kernel weights of these parameters, into `weights`. With `species`, a batch may hold no others: their weights need
   * not be made, and what stands in their places means nothing.
   */
  fold(parameters: Float64Array, weights: Float64Array, species?: readonly number[]): void;
  /** ∂L/∂parameters from ∂L/∂weights at these parameters, into `gradient`; ∂L/∂weights of species left out are zero. */
  unfold(parameters: Float64Array, dWeights: Float64Array, gradient: Float64Array, species?: readonly number[]): void;
}

/** Blocks one after the other: name, dimensions, and as what stack of matrices. */
export function layOut<Name extends string>(
  wanted: readonly (readonly [Name, readonly number[], ParameterBlock['matrices']])[],
): { readonly blocks: (ParameterBlock & { readonly name: Name })[]; readonly length: number } {
  let length = 0;
  const blocks = wanted.map(([name, dimensions, matrices]) => {
    const offset = length;
    length += dimensions.reduce((p, q) => p * q, 1);
    return { name, offset, dimensions, matrices };
  });
  return { blocks, length };
}
