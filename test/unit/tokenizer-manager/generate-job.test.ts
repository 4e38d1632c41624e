import type { TextOutput } from '../../../src/ipc/messages';
import { GenerateJob } from '../../../src/tokenizer-manager/generate-job';
import { RequestState } from '../../../src/tokenizer-manager/request-state';
import { generateMsg } from '../scheduler/generation/support';

const output = (rid: string, id: number, isLast: boolean): TextOutput => ({
  rid,
  text: `${id} `,
  newIds: Int32Array.of(id),
  finish: isLast ? { type: 'length', length: 2 } : null,
  promptTokens: 3,
  completionTokens: id,
  reasoningTokens: 0,
  cachedTokens: 0,
  retractions: 0,
  inputLogprobs: null,
  outputLogprobs: null,
});

const states = () => ['a', 'b'].map((rid) => new RequestState(generateMsg({ rid }), 0));

/** Lets `count` turns of the microtask queue pass. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

describe.each([0, 1, 2, 3, 4, 5, 6])('an end that arrives %i turns after earlier news', (count) => {
  it('is streamed once, and no other request loses its own', async () => {
    const [a, b] = states() as [RequestState, RequestState];
    const job = new GenerateJob([a, b], true, () => undefined);
    const ends: [index: number, ids: number[]][] = [];
    const reading = (async () => {
      const chunks = job.chunks(({ index, result }) => ({
        index,
        isLast: result.finish !== null,
        ids: [...result.outputIds],
      }));
      for await (const { index, isLast, ids } of chunks) if (isLast) ends.push([index, ids]);
    })();
    await turns(10);
    a.apply(output('a', 1, false));
    await turns(count);
    a.apply(output('a', 2, true));
    await turns(20);
    b.apply(output('b', 1, false));
    await turns(20);
    b.apply(output('b', 2, true));
    await reading;
    expect(ends).toEqual([
      [0, [1, 2]],
      [1, [1, 2]],
    ]);
  });

  it('does not end a whole reply early', async () => {
    const [a, b] = states() as [RequestState, RequestState];
    const results = new GenerateJob([a, b], true, () => undefined).results();
    await turns(10);
    a.apply(output('a', 1, false));
    await turns(count);
    a.apply(output('a', 2, true));
    await turns(20);
    b.apply(output('b', 2, true));
    expect((await results).map(({ finish }) => finish?.type)).toEqual(['length', 'length']);
  });
});
