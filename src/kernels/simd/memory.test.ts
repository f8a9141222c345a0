import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBuffer, createHeap } from './memory.ts';

const memory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 1, maximum: 256, shared: true });

describe('heap', () => {
  test('blocks are aligned, zeroed, and never overlap, whatever the order of requests', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('allocate' as const), bytes: fc.integer({ min: 0, max: 20_000 }) }),
      fc.record({ kind: fc.constant('release' as const), which: fc.nat(50) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.boolean(), (actions, guards) => {
        const heap = createHeap(memory(), { start: 128, guards });
        const live: { address: number; bytes: number; mark: number }[] = [];
        let mark = 0;
        for (const a of actions) {
          if (a.kind === 'allocate') {
            const address = heap.allocate(a.bytes);
            expect(address % 64).toBe(0);
            const bytes = new Uint8Array(heap.memory.buffer, address, a.bytes);
            expect(bytes.every((b) => b === 0)).toBe(true);
            mark = (mark % 250) + 1;
            bytes.fill(mark);
            live.push({ address, bytes: a.bytes, mark });
          } else if (live.length > 0) {
            const [gone] = live.splice(a.which % live.length, 1);
            heap.release(gone.address);
          }
          heap.checkFences();
          for (const block of live) {
            expect(new Uint8Array(heap.memory.buffer, block.address, block.bytes).every((b) => b === block.mark)).toBe(
              true,
            );
          }
        }
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test('memory that was given back is used again', () => {
    const heap = createHeap(memory(), { start: 64 });
    for (let k = 0; k < 1000; k++) heap.release(heap.allocate(50_000));
    expect(heap.memory.buffer.byteLength).toBeLessThan(200_000);
    expect(heap.used()).toBe(0);
  });

  test('a write outside a block is noticed', () => {
    const heap = createHeap(memory(), { start: 64, guards: true });
    const address = heap.allocate(100);
    heap.f32(address + 128, 1)[0] = 1;
    expect(() => heap.checkFences()).toThrow('outside its block');
  });

  test('more than there is becomes an error that says so', () => {
    const heap = createHeap(memory(), { start: 64 });
    expect(() => heap.allocate(2 ** 30)).toThrowError(expect.objectContaining({ code: 'out-of-memory' }));
  });

  test('a buffer that could not grow is empty afterwards, not dangling', () => {
    const heap = createHeap(memory(), { start: 64 });
    const buffer = createBuffer(heap);
    buffer.ensure(1000);
    expect(() => buffer.ensure(2 ** 30)).toThrowError(expect.objectContaining({ code: 'out-of-memory' }));
    expect(heap.used()).toBe(0);
    const other = heap.allocate(64);
    expect(buffer.ensure(1000)).not.toBe(other);
  });

  test('a buffer keeps its block while that is large enough', () => {
    const heap = createHeap(memory(), { start: 64 });
    const buffer = createBuffer(heap);
    const first = buffer.ensure(1000);
    expect(buffer.ensure(500)).toBe(first);
    buffer.ensure(5000);
    expect(heap.used()).toBeGreaterThanOrEqual(5000);
    expect(heap.used()).toBeLessThan(8000);
  });
});
