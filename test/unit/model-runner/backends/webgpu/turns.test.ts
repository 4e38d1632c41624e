import { setImmediate as soon } from 'node:timers/promises';
import { Turns } from '../../../../../src/model-runner/backends/webgpu/turns';

describe('turns', () => {
  it('come at once where nothing is under way, and else one after the other', async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} begins`);
      await soon();
      seen.push(`${name} ends`);
      return name;
    };
    const first = turns.take(work('a'));
    expect(seen).toEqual(['a begins']);
    turns.post(() => seen.push('posted'));
    const second = turns.take(work('b'));
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
    expect(seen).toEqual(['a begins', 'a ends', 'posted', 'b begins', 'b ends']);
    turns.post(() => seen.push('at once'));
    expect(seen.at(-1)).toBe('at once');
  });

  it('go on after one that fails', async () => {
    const turns = new Turns();
    const failing = turns.take(() => Promise.reject(new Error('no')));
    const next = turns.take(() => Promise.resolve(1));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe(1);
  });

  it('tell once what went wrong while nobody waited', async () => {
    const turns = new Turns();
    expect(turns.settled()).toBeNull();
    turns.post(() => {
      throw new Error('moving failed');
    });
    await expect(turns.settled()).rejects.toThrow('moving failed');
    expect(turns.settled()).toBeNull();
  });
});
