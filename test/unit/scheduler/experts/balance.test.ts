import type { Recorder } from '../../../../src/metrics/recorder';
import { balancedness, BalanceReport } from '../../../../src/scheduler/experts/balance';
import { captureLog } from '../../capture-log';

const ROUTERS = {
  numLayers: 3,
  numExperts: 4,
  layers: [
    { layer: 0, experts: 4, chosen: 2 },
    { layer: 2, experts: 2, chosen: 1 },
  ],
};
/** Loads of the four experts of one layer and of the two of the other. */
const counts = (first: number[], second: number[]) => Int32Array.from([...first, ...second, 0, 0]);

describe('balancedness', () => {
  it.each([
    ['even', counts([3, 3, 3, 3], [6, 6]), 1],
    ['all on one expert', counts([12, 0, 0, 0], [12, 0]), (1 / 4 + 1 / 2) / 2],
    ['without tokens', counts([0, 0, 0, 0], [0, 0]), 1],
    ['some', counts([4, 2, 1, 1], [3, 1]), (2 / 4 + 2 / 3) / 2],
  ])('%s', (_, loads, value) => {
    expect(balancedness(ROUTERS, loads)).toBeCloseTo(value, 4);
  });
});

describe('the report', () => {
  let log: string[];
  beforeEach(() => (log = captureLog()));
  afterEach(() => jest.restoreAllMocks());

  it('records each pass, logs every few, and forgets when it is reset', () => {
    const recorded: unknown[] = [];
    const metrics: Recorder = {
      record: (name, value, ...labels) => recorded.push([name, Number(value.toFixed(3)), ...labels]),
    };
    const report = new BalanceReport(ROUTERS, metrics, 2);
    expect(report.mean).toBeNull();
    report.add(7, 'extend', counts([3, 3, 3, 3], [6, 6]));
    expect(log).toEqual([]);
    report.add(8, 'decode', counts([12, 0, 0, 0], [6, 6]));
    expect(recorded).toEqual([
      ['eplb_balancedness', 1, { forward_mode: 'extend' }],
      ['eplb_balancedness', 0.625, { forward_mode: 'decode' }],
    ]);
    expect(log).toEqual([
      '[Expert Balancedness] forward_pass_id=8 current_pass_balancedness=0.625 ' +
        'last_10_average_balancedness=0.813 last_100_average_balancedness=0.813 last_1000_average_balancedness=0.813',
    ]);
    expect(report.mean).toBeCloseTo(0.8125, 4);
    report.reset();
    expect(report.mean).toBeNull();
  });
});
