import { timeStatsLine } from '../../../src/scheduler/time-stats';

const times = { rid: 'r', inputLen: 7, outputLen: 3, arrivedAt: 100, endedAt: 190.128 };

it('is SGLang’s line, with the parts of the forward duration behind it', () => {
  const start = ((performance.timeOrigin + 100) / 1000).toFixed(3);
  expect(timeStatsLine({ ...times, startedAt: 110.5, firstTokenAt: 150.5 })).toBe(
    'Req Time Stats(rid=r, input len=7, output len=3, type=unified): queue_duration=10.50ms, forward_duration=79.63ms, ' +
      `start_time=${start}, prefill_duration=40.00ms, decode_duration=39.63ms`,
  );
});

it('counts what never came as nothing', () => {
  expect(timeStatsLine({ ...times, startedAt: 110, firstTokenAt: null })).toMatch(
    /prefill_duration=80\.13ms, decode_duration=0\.00ms$/,
  );
  expect(timeStatsLine({ ...times, startedAt: null, firstTokenAt: null })).toMatch(
    /queue_duration=90\.13ms, forward_duration=0\.00ms, /,
  );
});
