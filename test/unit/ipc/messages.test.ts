/** @jest-environment ./test/shared-realm-environment.cjs */
import { encode, unpack } from '../../../src/ipc/codec';
import { MESSAGES, type Receiver, type TextOutput, type TokenOutput } from '../../../src/ipc/messages';
import { accept } from '../../../src/ipc/receive';
import { DECODE, generateMsg } from '../scheduler/generation/support';

const common = {
  rid: 'r',
  newIds: Int32Array.of(1, 2),
  finish: { type: 'length', length: 2 } as const,
  promptTokens: 3,
  completionTokens: 2,
  reasoningTokens: 0,
  cachedTokens: 0,
  retractions: 0,
  inputLogprobs: null,
  outputLogprobs: [{ token: [-1, 4], top: null, chosen: null }] as const,
};
const tokenOutput: TokenOutput = {
  ...common,
  start: { decode: DECODE, minNewTokens: 0, promptTail: Int32Array.of(7), trace: null },
};
const textOutput: TextOutput = { ...common, text: 'hello' };
const generate = generateMsg({
  logprobs: { startLen: 0, topNum: 2, tokenIds: [3] },
  sampling: { logitBias: [[1, 0.5]], stopTokenIds: [2], seed: 4 },
});
const state = { running: 1, queued: 0, forwardCount: 4, busyMs: 0.5 };
const calls = ['continue', 'flush_cache', 'get_internal_state', 'drop_weights'].map((type) => ({
  type,
  callId: 1,
}));

interface Message extends Readonly<Record<string, unknown>> {
  readonly type: string;
}

const wire = (message: Message): Message => unpack(encode(message)) as Message;
const receivers = Object.keys(MESSAGES) as Receiver[];

/** Whether the message's receiver lets it pass. */
function isWellFormed(message: Message): boolean {
  const receiver = receivers.find((name) => Object.hasOwn(MESSAGES[name], message.type));
  if (receiver === undefined) return false;
  try {
    return accept(receiver, message) === message;
  } catch (error) {
    expect(String(error)).toBe(`Error: malformed message of type ${message.type}`);
    return false;
  }
}

const without = (message: Message, field: string): Message => ({
  ...(Object.fromEntries(Object.entries(message).filter(([name]) => name !== field)) as Message),
});

const messages: readonly Message[] = [
  { ...generate },
  { ...generateMsg() },
  { type: 'embed', rid: 'r', inputIds: Int32Array.of(1, 2), pairAt: null, trace: null },
  { type: 'abort', rid: 'r' },
  { type: 'abort_all' },
  { type: 'stopped', rid: 'r' },
  { type: 'pause', callId: 1, mode: 'retract' },
  ...calls,
  { type: 'expert_distribution', callId: 1, order: 'dump', stamp: '1.5' },
  { type: 'load_weights', callId: 1, modelDir: '/model', loadFormat: 'auto' },
  { type: 'swap_weights', callId: 1, flushCache: true },
  { type: 'read_weights', callId: 1, name: 'model.norm.weight', rows: 2 },
  { type: 'release_memory', callId: 1, tags: ['weights'] },
  { type: 'resume_memory', callId: 1, tags: [] },
  { type: 'token_outputs', rank: 0, outputs: [tokenOutput, { ...tokenOutput, start: null, finish: null }] },
  { type: 'text_outputs', rank: 0, outputs: [textOutput] },
  {
    type: 'vector_outputs',
    rank: 0,
    outputs: [
      { rid: 'r', vector: Float32Array.of(0.6, 0.8), promptTokens: 2, finish: { type: 'length', length: 0 } },
      { rid: 's', vector: null, promptTokens: 2, finish: { type: 'abort', message: 'Aborted' } },
    ],
  },
  { type: 'failed', rid: 'r', message: 'malformed' },
  { type: 'heartbeat', rank: 0, state },
  { type: 'metrics', rank: 0, samples: [['num_running_reqs', 1, null]] },
  { type: 'control_reply', callId: 1, result: { of: 'pause' } },
];

it.each(messages)('lets $type pass as it comes from the wire, and not without a field', (message) => {
  const arrived = wire(message);
  expect(isWellFormed(arrived)).toBe(true);
  for (const field of Object.keys(arrived).filter((name) => name !== 'type')) {
    expect(isWellFormed(without(arrived, field))).toBe(false);
  }
});

it.each([
  ['ids that are no Int32Array', { inputIds: [1, 2] }],
  ['no ids', { inputIds: new Int32Array(0) }],
  ['a number for a key', { extraKey: 5 }],
  ['sampling without a temperature', { sampling: { ...generate.sampling, temperature: undefined } }],
  ['a bias without a value', { sampling: { ...generate.sampling, logitBias: [[1]] } }],
  ['stop strings that are none', { decode: { ...DECODE, stop: [1] } }],
])('refuses a request with %s', (_, fields) => {
  expect(isWellFormed(wire({ ...generate, ...fields }))).toBe(false);
});

it('refuses an unknown pause mode, an output without ids, and what is no message', () => {
  expect(isWellFormed(wire({ type: 'pause', callId: 1, mode: 'soon' }))).toBe(false);
  const outputs = [{ ...textOutput, newIds: null }];
  expect(isWellFormed(wire({ type: 'text_outputs', rank: 0, outputs }))).toBe(false);
  expect(isWellFormed({ type: 'constructor' })).toBe(false);
});

it.each([['one'], [['x', 1]], [['x', '1', null]], [[1, 1, null]], [['x', 1, 'labels']]])(
  'refuses the sample %j',
  (sample) => expect(isWellFormed(wire({ type: 'metrics', rank: 0, samples: [sample] }))).toBe(false),
);

it('refuses a message of another receiver', () => {
  for (const type of ['text_outputs', 'constructor']) {
    expect(() => accept('scheduler', { type })).toThrow(`message of unknown type "${type}"`);
  }
});

it('has every message of the table tried here', () => {
  const declared = receivers.flatMap((receiver) => Object.keys(MESSAGES[receiver]));
  expect(declared.sort()).toEqual([...new Set(messages.map(({ type }) => type))].sort());
});
