import fc from 'fast-check';
import { LeafHeap } from '../../../../src/scheduler/kv/leaf-heap';

interface Item {
  rank: number;
  heapIndex: number;
}

describe('LeafHeap', () => {
  it('always has the first item on top, whatever is pushed, removed or re-ranked', () => {
    const command = fc.record({
      kind: fc.constantFrom('push', 'push', 'push', 'push', 'remove', 'remove', 'update', 'pop'),
      at: fc.nat(),
      rank: fc.nat(500),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 300, size: 'max' }), (program) => {
        const heap = new LeafHeap<Item>((a, b) => a.rank - b.rank);
        const items: Item[] = [];
        for (const { kind, at, rank } of program) {
          const item = items[at % Math.max(1, items.length)];
          if (kind === 'push') {
            items.push({ rank, heapIndex: -1 });
            heap.push(items.at(-1)!);
          } else if (kind === 'update' && item) {
            item.rank = rank;
            heap.update(item);
          } else {
            const gone = kind === 'pop' ? heap.top : item;
            if (!gone) continue;
            heap.remove(gone);
            items.splice(items.indexOf(gone), 1);
            expect(gone.heapIndex).toBe(-1);
          }
          expect(heap.top?.rank).toBe(items.length > 0 ? Math.min(...items.map((i) => i.rank)) : undefined);
        }
        heap.clear();
        expect(heap.top).toBeUndefined();
        expect(items.every((i) => i.heapIndex === -1)).toBe(true);
      }),
    );
  });

  it('ignores items that are not in it, and refuses one twice', () => {
    const heap = new LeafHeap<Item>((a, b) => a.rank - b.rank);
    const item = { rank: 1, heapIndex: -1 };
    heap.remove(item);
    heap.update(item);
    expect(heap.top).toBeUndefined();
    heap.push(item);
    expect(() => heap.push(item)).toThrow('pushed twice');
  });
});
