import { watchLiveness, type Witness } from '../../../src/launcher/liveness';

let now = 0;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['performance'] });
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  now = 0;
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

function pass(seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    now += 1000;
    jest.advanceTimersByTime(1000);
  }
}

class Child implements Witness {
  readonly pid = 1;
  answers = true;
  constructor(readonly name: string) {}
  ask(onSign: () => void): void {
    if (this.answers) onSign();
  }
}

test('processes that answer are left alone, one that does not is told of once', () => {
  const [scheduler, detokenizer] = [new Child('scheduler'), new Child('detokenizer')];
  const silent: string[] = [];
  watchLiveness([scheduler, detokenizer], 5000, ({ name }) => silent.push(name));
  pass(60);
  expect(silent).toEqual([]);
  detokenizer.answers = false;
  pass(5);
  expect(silent).toEqual([]);
  pass(20);
  expect(silent).toEqual(['detokenizer']);
});

test('the time in which this process itself stood still does not count', () => {
  const child = new Child('scheduler');
  const silent: string[] = [];
  const stop = watchLiveness([child], 5000, ({ name }) => silent.push(name));
  child.answers = false;
  pass(2);
  now += 3_600_000;
  pass(1);
  child.answers = true;
  pass(60);
  expect(silent).toEqual([]);
  child.answers = false;
  stop();
  pass(60);
  expect(silent).toEqual([]);
});
