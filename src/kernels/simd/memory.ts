/**
 * Blocks of a WebAssembly memory. First fit over a sorted list of free blocks, 64-byte aligned; the memory grows
 * when nothing fits. With `guards`, each block is fenced by bytes that a test can check: WASM itself notices a
 * stray write only at the very end of the memory.
 */
import { NearsightError } from '../../errors.ts';

const PAGE = 65536;
const ALIGN = 64;
/** Bytes of fence on either side, all 0xFF: a NaN in either precision, so that a stray read shows as well. */
const FENCE = 64;

export interface Heap {
  readonly memory: WebAssembly.Memory;
  /** Address of a zeroed block of at least `bytes` bytes. */
  allocate(bytes: number): number;
  release(address: number): void;
  f64(address: number, length: number): Float64Array;
  f32(address: number, length: number): Float32Array;
  i32(address: number, length: number): Int32Array;
  /** Bytes of the blocks in use. */
  used(): number;
  /** Throws when a fence was written to. */
  checkFences(): void;
}

interface Range {
  start: number;
  end: number;
}

export function createHeap(memory: WebAssembly.Memory, options: { start: number; guards?: boolean }): Heap {
  const fence = options.guards === true ? FENCE : 0;
  let free: Range[] = [{ start: options.start, end: memory.buffer.byteLength }];
  const blocks = new Map<number, Range>();

  const grow = (bytes: number): void => {
    const last = free.at(-1);
    const end = memory.buffer.byteLength;
    const have = last !== undefined && last.end === end ? end - last.start : 0;
    const pages = Math.ceil((bytes - have) / PAGE);
    try {
      memory.grow(pages);
    } catch (cause) {
      throw new NearsightError('out-of-memory', `the engine needs ${((end + pages * PAGE) / 2 ** 30).toFixed(1)} GiB`, {
        hint: 'one engine addresses at most 4 GiB; use fewer atoms or fewer threads, and look whether atoms have too many neighbours: is the structure in Å?',
        cause,
      });
    }
    if (have > 0) last!.end = memory.buffer.byteLength;
    else free.push({ start: end, end: memory.buffer.byteLength });
  };

  const fences = (block: Range): Uint8Array[] => [
    new Uint8Array(memory.buffer, block.start, fence),
    new Uint8Array(memory.buffer, block.end - fence, fence),
  ];

  return {
    memory,
    allocate(bytes) {
      const size = Math.ceil((Math.max(bytes, 1) + 2 * fence) / ALIGN) * ALIGN;
      let at = free.findIndex((r) => r.end - r.start >= size);
      if (at < 0) {
        grow(size);
        at = free.length - 1;
      }
      const range = free[at];
      const block = { start: range.start, end: range.start + size };
      range.start += size;
      if (range.start === range.end) free.splice(at, 1);
      const address = block.start + fence;
      blocks.set(address, block);
      new Uint8Array(memory.buffer, block.start, size).fill(0);
      if (fence > 0) for (const bytesOfFence of fences(block)) bytesOfFence.fill(0xff);
      return address;
    },
    release(address) {
      const block = blocks.get(address);
      if (block === undefined) throw new Error(`no block at ${address}`);
      blocks.delete(address);
      free = [...free, block].sort((p, q) => p.start - q.start);
      for (let i = free.length - 1; i > 0; i--) {
        if (free[i - 1].end === free[i].start) {
          free[i - 1].end = free[i].end;
          free.splice(i, 1);
        }
      }
    },
    f64: (address, length) => new Float64Array(memory.buffer, address, length),
    f32: (address, length) => new Float32Array(memory.buffer, address, length),
    i32: (address, length) => new Int32Array(memory.buffer, address, length),
    used: () => [...blocks.values()].reduce((sum, b) => sum + b.end - b.start, 0),
    checkFences() {
      for (const [address, block] of blocks) {
        for (const bytes of fence > 0 ? fences(block) : []) {
          if (!bytes.every((b) => b === 0xff)) throw new Error(`a kernel wrote outside its block at ${address}`);
        }
      }
    },
  };
}

/** A block that is replaced by a larger one when it has become too small; its content is not kept. */
export interface Buffer {
  /** Address of at least `bytes` bytes. */
  ensure(bytes: number): number;
  release(): void;
}

export function createBuffer(heap: Heap): Buffer {
  let address = 0;
  let size = 0;
  const release = (): void => {
    if (address !== 0) heap.release(address);
    address = 0;
    size = 0;
  };
  return {
    release,
    ensure(bytes) {
      if (address !== 0 && bytes <= size) return address;
      // Exactly what is asked for at first; some room to spare once it turns out that sizes vary.
      const wanted = address === 0 ? bytes : Math.ceil(bytes * 1.25);
      release();
      address = heap.allocate(wanted);
      size = wanted;
      return address;
    },
  };
}
