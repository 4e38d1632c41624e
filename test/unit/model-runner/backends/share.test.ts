import fc from 'fast-check';
import { hostMemory, threadsOf, WHOLE } from '../../../../src/model-runner/backends/share';

it('divides the threads of the machine, and leaves nobody without', () => {
  expect(threadsOf(WHOLE, 7)).toBe(7);
  expect([0, 1, 2].map((rank) => threadsOf({ rank, of: 3 }, 8))).toEqual([3, 3, 2]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (threads, of) => {
      const each = Array.from({ length: of }, (_, rank) => threadsOf({ rank, of }, threads));
      expect(Math.min(...each)).toBeGreaterThan(0);
      expect(each.reduce((sum, count) => sum + count)).toBe(Math.max(threads, of));
    }),
  );
});

describe('the memory of the host', () => {
  const machine = { free: 1000, rss: 100 };
  const memoryUsage = Object.assign(() => ({}) as NodeJS.MemoryUsage, { rss: () => machine.rss });
  const read = { availableMemory: () => machine.free, memoryUsage };
  beforeEach(() => Object.assign(machine, { free: 1000, rss: 100 }));

  it('is asked of the system by one who has it alone', () => {
    const free = hostMemory(WHOLE, read);
    Object.assign(machine, { free: 300, rss: 700 });
    expect(free()).toBe(300);
  });

  it('is divided at the start; what others load later takes nothing from a part', () => {
    const free = hostMemory({ rank: 1, of: 4 }, read);
    expect(free()).toBe(250);
    Object.assign(machine, { free: 300, rss: 150 });
    expect(free()).toBe(200);
    machine.rss = 900;
    expect(free()).toBe(0);
  });
});
