import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Profiler, type ProfiledChild } from '../../../src/launcher/profiler';
import type { ProfileOrder } from '../../../src/profiling/process-profile';
import { until } from './launcher';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'profile-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A child that records what it is told. */
class Child implements ProfiledChild {
  readonly orders: ProfileOrder[] = [];
  stops = 0;
  over: () => void = () => undefined;

  constructor(
    readonly name: string,
    private readonly failure: string | null = null,
  ) {}

  async startProfile(order: ProfileOrder, onOver: () => void): Promise<void> {
    if (this.failure !== null) throw new Error(this.failure);
    this.orders.push(order);
    this.over = onOver;
  }

  async stopProfile(): Promise<void> {
    this.stops += 1;
  }
}

const options = () => ({ outputDir: folder, prefix: null, steps: 5 });

it('tells every child where to write, under its name', async () => {
  const children = [new Child('scheduler_DP0'), new Child('scheduler_DP1'), new Child('detokenizer')];
  const profiler = new Profiler(children);
  await profiler.start(options());
  const path = await profiler.stop();
  expect(children.map(({ orders }) => orders)).toEqual([
    [{ folder: path, label: 'scheduler_DP0', steps: 5 }],
    [{ folder: path, label: 'scheduler_DP1', steps: 5 }],
    [{ folder: path, label: 'detokenizer', steps: 5 }],
  ]);
  expect(children.map(({ stops }) => stops)).toEqual([1, 1, 1]);
});

it('ends by itself when the steps are done, once, and says where its files are', async () => {
  const child = new Child('scheduler');
  const profiler = new Profiler([child]);
  await profiler.start(options());
  child.over();
  child.over();
  await until(() => child.stops > 0, 'the profile has ended');
  await expect(profiler.stop()).rejects.toMatchObject({
    code: 'bad_value',
    message: expect.stringContaining(`its files are in ${join(folder, readdirSync(folder)[0] ?? '')}.`),
  });
  expect(child.stops).toBe(1);
});

it('does not end the next profile when the last one is over late', async () => {
  const child = new Child('scheduler');
  const profiler = new Profiler([child]);
  await profiler.start(options());
  const { over } = child;
  await profiler.stop();
  await profiler.start(options());
  over();
  await profiler.stop();
  expect(child.stops).toBe(2);
});

it('ends when it has taken too long', async () => {
  const child = new Child('scheduler');
  const profiler = new Profiler([child], 20);
  await profiler.start({ ...options(), steps: null });
  await until(() => child.stops > 0, 'the profile has ended');
});

it('leaves nothing behind when one of the children cannot', async () => {
  const child = new Child('scheduler');
  const profiler = new Profiler([child, new Child('detokenizer', 'no inspector')]);
  await expect(profiler.start(options())).rejects.toMatchObject({
    code: 'internal',
    message: 'Profiling could not be started: no inspector',
  });
  expect(child.stops).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
  await expect(profiler.stop()).rejects.toMatchObject({ code: 'bad_value' });
});

it('is written when the server closes', async () => {
  const child = new Child('scheduler');
  const profiler = new Profiler([child]);
  await profiler.close();
  await profiler.start(options());
  await profiler.close();
  await profiler.close();
  expect(child.stops).toBe(1);
});
