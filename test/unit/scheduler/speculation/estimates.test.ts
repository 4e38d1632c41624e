import { AcceptanceMeter } from '../../../../src/scheduler/speculation/acceptance-meter';
import { HitRates } from '../../../../src/scheduler/speculation/hit-rates';
import { RunTimes } from '../../../../src/scheduler/speculation/run-times';

const repeat = (times: number, action: () => void) => {
  for (let i = 0; i < times; i++) action();
};

describe('hit rates', () => {
  it('believe more of longer matches before anything is known', () => {
    const chances = [1, 2, 3, 6, 12].map((length) => new HitRates(32).chance(length));
    expect(chances).toEqual([...new Set(chances)].sort());
  });

  it('learn each length for itself, and forget', () => {
    const rates = new HitRates(32);
    repeat(200, () => rates.observe(6, false));
    expect(rates.chance(6)).toBeLessThan(0.12);
    expect(rates.chance(12)).toBeGreaterThan(0.8);
    repeat(60, () => rates.observe(6, true));
    expect(rates.chance(6)).toBeGreaterThan(0.75);
  });

  it('start from what others have shown', () => {
    const shared = new HitRates(1000);
    repeat(1000, () => shared.observe(3, false));
    const rates = new HitRates(32, shared);
    expect(rates.chance(3)).toBeLessThan(0.02);
    repeat(8, () => rates.observe(3, true));
    expect(rates.chance(3)).toBeGreaterThan(0.5);
  });
});

describe('run times', () => {
  it('are unknown until they have been measured a few times', () => {
    const times = new RunTimes();
    expect(times.step(1)).toBeNull();
    repeat(2, () => times.stepTook(1, 10));
    expect(times.step(1)).toBeNull();
    times.stepTook(1, 10);
    expect(times.step(1)).toBe(10);
    expect(times.step(2)).toBeNull();
    expect(times.run(5)).toBeCloseTo(14);
  });

  it('lie between those of the sizes next to them', () => {
    const times = new RunTimes();
    repeat(3, () => times.stepTook(1, 10));
    repeat(3, () => times.runTook(5, 30));
    expect([1, 3, 5].map((tokens) => times.run(tokens))).toEqual([10, 20, 30]);
    expect(times.run(8)).toBeCloseTo(33);
    repeat(3, () => times.runTook(9, 38));
    expect(times.run(7)).toBe(34);
  });

  it('are those of late, without what held some of them up', () => {
    const times = new RunTimes();
    for (const held of [0, 500, 0, 0, 70, 0]) times.runTook(4, 10 + held);
    expect(times.run(4)).toBe(10);
    repeat(15, () => times.runTook(4, 20));
    expect(times.run(4)).toBe(20);
  });
});

test('acceptance counts runs without a draft, and starts anew with each interval', () => {
  const meter = new AcceptanceMeter();
  expect(meter.average).toEqual({ length: 0, rate: 0 });
  meter.count(4, 3);
  meter.count(0, 0);
  expect(meter.takeInterval()).toEqual({ length: 2.5, rate: 0.75 });
  meter.count(4, 1);
  expect(meter.takeInterval()).toEqual({ length: 2, rate: 0.25 });
  expect(meter.takeInterval()).toEqual({ length: 0, rate: 0 });
  expect(meter.average).toEqual({ length: 1 + 4 / 3, rate: 0.5 });
  for (let i = 0; i < 1000; i++) meter.count(0, 0);
  expect(meter.now.length).toBeCloseTo(1);
});
