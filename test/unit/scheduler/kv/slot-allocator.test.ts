import fc from 'fast-check';
import { SlotAllocator } from '../../../../src/scheduler/kv/slot-allocator';

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const ids = (values: Iterable<number>) => Int32Array.from(values);

/** How many runs of adjacent slots there are. */
function runs(slots: Int32Array): number {
  return slots.reduce((count, slot, i) => count + (i > 0 && slot === slots[i - 1]! + 1 ? 0 : 1), 0);
}

describe('SlotAllocator', () => {
  it('hands out adjacent slots from the front', () => {
    const allocator = new SlotAllocator(100, 1);
    expect(allocator.alloc(10)).toEqual(ids(range(0, 10)));
    expect(allocator.alloc(1)).toEqual(ids([10]));
    expect(allocator.available).toBe(89);
    expect(allocator.isFree(10)).toBe(false);
    expect(allocator.isFree(11)).toBe(true);
  });

  it('rounds the total down to whole pages', () => {
    const allocator = new SlotAllocator(39, 16);
    expect(allocator.total).toBe(32);
    expect(allocator.available).toBe(32);
    expect(allocator.alloc(48)).toBeNull();
    expect(allocator.alloc(32)).toEqual(ids(range(0, 32)));
    expect(allocator.alloc(0)).toEqual(ids([]));
    expect(allocator.alloc(16)).toBeNull();
  });

  it('takes nothing when it cannot give all', () => {
    const allocator = new SlotAllocator(8, 1);
    allocator.alloc(5);
    expect(allocator.alloc(4)).toBeNull();
    expect(allocator.available).toBe(3);
    expect(allocator.alloc(3)).toEqual(ids([5, 6, 7]));
  });

  it('prefers one run over earlier, smaller holes', () => {
    const allocator = new SlotAllocator(200, 1);
    allocator.alloc(100);
    allocator.free(ids(range(10, 15)));
    allocator.free(ids(range(40, 60)));
    expect(allocator.alloc(20)).toEqual(ids(range(40, 60)));
    expect(allocator.alloc(50)).toEqual(ids(range(100, 150)));
    expect(allocator.alloc(5)).toEqual(ids(range(10, 15)));
  });

  it('joins the largest runs when no single one suffices', () => {
    const allocator = new SlotAllocator(100, 1);
    allocator.alloc(100);
    for (const page of range(0, 20)) allocator.free(ids([2 * page]));
    allocator.free(ids(range(50, 80)));
    allocator.free(ids(range(85, 100)));
    expect(allocator.alloc(40)).toEqual(ids([...range(50, 80), ...range(85, 95)]));
  });

  it('coalesces what is freed in any order', () => {
    const allocator = new SlotAllocator(1000, 1);
    const parts = range(0, 100).map(() => allocator.alloc(10)!);
    for (const i of range(0, 100)) allocator.free(parts[(i * 37) % 100]!);
    expect(runs(allocator.alloc(1000)!)).toBe(1);
  });

  it('frees a whole page for any part of it', () => {
    const allocator = new SlotAllocator(64, 16);
    allocator.alloc(64);
    allocator.free(ids([20, 21, 22, 48]));
    expect(allocator.available).toBe(32);
    expect(allocator.alloc(32)).toEqual(ids([...range(16, 32), ...range(48, 64)]));
  });

  it('refuses a double free, a foreign slot and part of a page', () => {
    const allocator = new SlotAllocator(64, 4);
    const slots = allocator.alloc(8)!;
    allocator.free(slots);
    expect(() => allocator.free(slots)).toThrow('slot 0 is freed twice');
    expect(() => allocator.free(ids([64]))).toThrow('does not exist');
    expect(() => allocator.free(ids([-1]))).toThrow('does not exist');
    expect(() => allocator.isFree(64)).toThrow('does not exist');
    expect(() => allocator.alloc(6)).toThrow('not whole pages');
    expect(() => allocator.alloc(-4)).toThrow('not whole pages');
  });

  it('forgets all holders on reset', () => {
    const allocator = new SlotAllocator(70, 1);
    allocator.alloc(33);
    allocator.reset();
    expect(allocator.available).toBe(70);
    expect(allocator.alloc(70)).toEqual(ids(range(0, 70)));
  });

  it('never owns or hands out a slot twice', () => {
    const commands = fc.array(fc.tuple(fc.boolean(), fc.nat(40)), { maxLength: 80 });
    fc.assert(
      fc.property(fc.constantFrom(1, 4, 16), fc.nat(200), commands, (pageSize, total, program) => {
        const allocator = new SlotAllocator(total, pageSize);
        const held: Int32Array[] = [];
        const owned = new Set<number>();
        for (const [takes, n] of program) {
          if (takes) {
            const slots = allocator.alloc(n * pageSize);
            expect(slots === null).toBe(n * pageSize > allocator.total - owned.size);
            if (!slots) continue;
            expect(slots).toHaveLength(n * pageSize);
            slots.forEach((slot, i) => {
              expect(owned.has(slot)).toBe(false);
              expect(slot % pageSize).toBe(i % pageSize);
              if (i % pageSize > 0) expect(slot).toBe(slots[i - 1]! + 1);
              owned.add(slot);
            });
            held.push(slots);
          } else if (held.length > 0) {
            const [slots] = held.splice(n % held.length, 1);
            allocator.free(slots!);
            slots!.forEach((slot) => owned.delete(slot));
          }
          expect(allocator.available).toBe(allocator.total - owned.size);
          for (let slot = 0; slot < allocator.total; slot++)
            expect(allocator.isFree(slot)).toBe(!owned.has(slot));
        }
      }),
      { numRuns: 150 },
    );
  });
});
