/** @jest-environment ./test/shared-realm-environment.cjs */
import { Packr } from 'msgpackr';
import { receive } from '../../../src/ipc/receive';
import type { Receiver } from '../../../src/ipc/messages';
import { generateMsg } from '../scheduler/generation/support';

const packr = new Packr({ useRecords: false, moreTypes: true });

function received(receiver: Receiver, message: unknown) {
  const { message: taken, invalid } = receive(receiver, packr.pack(message));
  return { taken, invalid };
}

const output = (rid: unknown, more: object = {}) => ({
  rid,
  text: 'x',
  newIds: Int32Array.of(1),
  finish: null,
  promptTokens: 1,
  completionTokens: 1,
  reasoningTokens: 0,
  cachedTokens: 0,
  retractions: 0,
  inputLogprobs: null,
  outputLogprobs: null,
  ...more,
});

it('takes a sound message as it is', () => {
  const { taken, invalid } = received('scheduler', generateMsg({ rid: 'r' }));
  expect(taken).toEqual(generateMsg({ rid: 'r' }));
  expect(invalid).toBeNull();
});

it.each([
  [
    'a request with a field of another type',
    { ...generateMsg({ rid: 'r' }), sampling: 5 },
    [{ rid: 'r', isLast: true }],
    null,
  ],
  ['a message of an unknown type', { type: 'embed', rid: 'r' }, [{ rid: 'r', isLast: true }], null],
  ['a message without a type', { rid: 'r' }, [{ rid: 'r', isLast: true }], null],
  ['a call with an unknown mode', { type: 'pause', callId: 7, mode: 'soon' }, [], 7],
  ['a name that is none', { type: 'abort', rid: 5 }, [], null],
  ['what is no object', 5, [], null],
])('says of %s who waits for it', (_, message, requests, callId) => {
  const { taken, invalid } = received('scheduler', message);
  expect(taken).toBeNull();
  expect(invalid).toEqual({ reason: expect.stringContaining('message') as string, requests, callId });
});

it('drops bytes that are no message', () => {
  expect(receive('scheduler', Buffer.from('\xc1', 'latin1'))).toMatchObject({
    message: null,
    invalid: { requests: [], callId: null },
  });
});

it('takes the outputs that are sound and names the requests of the others', () => {
  const outputs = [output('a'), output('b', { newIds: null }), output('c'), output(5), 'nonsense'];
  const { taken, invalid } = received('tokenizerManager', { type: 'text_outputs', rank: 0, outputs });
  expect(taken).toEqual({ type: 'text_outputs', rank: 0, outputs: [output('a'), output('c')] });
  expect(invalid).toEqual({
    reason: 'malformed message of type text_outputs',
    requests: [{ rid: 'b', isLast: false }],
    callId: null,
  });
  const none = received('tokenizerManager', { type: 'text_outputs', outputs: [output('b', { finish: 1 })] });
  expect(none).toMatchObject({ taken: null, invalid: { requests: [{ rid: 'b', isLast: true }] } });
  expect(received('tokenizerManager', { type: 'text_outputs', outputs: 'all' }).taken).toBeNull();
});
