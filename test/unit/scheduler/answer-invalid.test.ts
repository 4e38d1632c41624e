import { logger } from '../../../src/logging/logger';
import { answerInvalid } from '../../../src/scheduler/answer-invalid';

beforeEach(() => jest.spyOn(logger, 'error').mockReturnValue(logger));
afterEach(() => jest.restoreAllMocks());

const reason = 'malformed message of type generate';

function answers(rids: string[], callId: number | null) {
  const here: unknown[] = [];
  const there: unknown[] = [];
  answerInvalid(
    { reason, requests: rids.map((rid) => ({ rid, isLast: true })), callId },
    (message) => here.push(message),
    (message) => there.push(message),
  );
  return { here, there };
}

it('ends the requests that the message spoke of, here and at their clients', () => {
  const message = `The request could not be read: ${reason}`;
  expect(answers(['a', 'b'], null)).toEqual({
    here: [
      { type: 'abort', rid: 'a' },
      { type: 'abort', rid: 'b' },
    ],
    there: [
      { type: 'failed', rid: 'a', message },
      { type: 'failed', rid: 'b', message },
    ],
  });
});

it('answers a call, and says nothing where nobody waits', () => {
  expect(answers([], 7)).toMatchObject({
    here: [],
    there: [{ type: 'control_reply', callId: 7, result: { of: 'error' } }],
  });
  expect(answers([], null)).toEqual({ here: [], there: [] });
  expect(logger.error).toHaveBeenCalledTimes(2);
});
