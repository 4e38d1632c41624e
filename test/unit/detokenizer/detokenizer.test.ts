import fc from 'fast-check';
import type { DecodeParams, FinishReason, PositionLogprobs } from '../../../src/core/request';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer';
import { Detokenizer } from '../../../src/detokenizer/detokenizer';
import type { TokenDecoder } from '../../../src/detokenizer/request-text';
import type { TextOutput, TokenOutput } from '../../../src/ipc/messages';
import { logger } from '../../../src/logging/logger';
import { TINY_TOKENIZERS } from './tokenizers';

const PARAMS: DecodeParams = {
  skipSpecialTokens: true,
  noStopTrim: false,
  stop: [],
  stopRegex: [],
};
const STOP_TOKEN = 'x'.charCodeAt(0);
const LENGTH: FinishReason = { type: 'length', length: 9 };
const EOS: FinishReason = { type: 'stop', matched: STOP_TOKEN };

let tokenizer: Tokenizer;
beforeAll(async () => {
  const [byteLevel] = TINY_TOKENIZERS;
  tokenizer = (await byteLevel?.load()) as Tokenizer;
});
beforeEach(() => {
  logger.silent = true;
});
afterEach(() => {
  logger.silent = false;
});

const bytes = (text: string) => Int32Array.from(Buffer.from(text));
const logprobsOf = (ids: Int32Array): PositionLogprobs[] =>
  Array.from(ids, (id) => ({ token: [-1, id], top: null, chosen: null }));

/** The outputs of one request, as the scheduler sends them: one for each chunk of its tokens. */
function outputsOf(
  rid: string,
  decode: Partial<DecodeParams>,
  chunks: Int32Array[],
  finish: FinishReason | null = null,
  minNewTokens = 0,
): TokenOutput[] {
  let completionTokens = 0;
  return chunks.map((newIds, i) => {
    completionTokens += newIds.length;
    return {
      rid,
      start:
        i === 0
          ? { decode: { ...PARAMS, ...decode }, minNewTokens, promptTail: bytes('p'), trace: null }
          : null,
      newIds,
      finish: i === chunks.length - 1 ? finish : null,
      promptTokens: 3,
      completionTokens,
      cachedTokens: 2,
      reasoningTokens: 0,
      retractions: 1,
      inputLogprobs: i === 0 ? logprobsOf(bytes('p')) : null,
      outputLogprobs: logprobsOf(newIds),
    };
  });
}

/** Feeds outputs one message each and joins what comes out. */
function run(outputs: TokenOutput[], detokenizer = new Detokenizer(tokenizer, 10)) {
  const texts: TextOutput[] = [];
  const stopped: string[] = [];
  for (const output of outputs) {
    const result = detokenizer.handle([output]);
    texts.push(...result.texts);
    stopped.push(...result.stopped);
  }
  const ids = texts.flatMap(({ newIds }) => Array.from(newIds));
  return { texts, stopped, ids, text: texts.map(({ text }) => text).join(''), last: texts.at(-1) };
}

describe('Detokenizer', () => {
  it('passes everything on but the start, with the text of the new tokens', () => {
    const [output] = outputsOf('r', {}, [bytes('hi')]);
    const { start, ...rest } = output as TokenOutput;
    expect(start).not.toBeNull();
    expect(run([output as TokenOutput]).texts).toStrictEqual([{ ...rest, text: 'hi' }]);
  });

  it('keeps the requests of a batch apart', () => {
    const detokenizer = new Detokenizer(tokenizer, 10);
    const face = bytes('😀');
    const a = outputsOf('a', {}, [face.subarray(0, 2), face.subarray(2)], LENGTH);
    const b = outputsOf('b', { stop: ['##'] }, [bytes('1#'), bytes('2#')], LENGTH);
    const first = detokenizer.handle([a[0], b[0]] as TokenOutput[]);
    expect(first.texts.map(({ text }) => text)).toEqual(['', '1']);
    expect(detokenizer.size).toBe(2);
    const second = detokenizer.handle([b[1], a[1]] as TokenOutput[]);
    expect(second.texts.map(({ rid, text }) => [rid, text])).toEqual([
      ['b', '#2#'],
      ['a', '😀'],
    ]);
    expect(detokenizer.size).toBe(0);
    expect([...first.stopped, ...second.stopped]).toEqual([]);
  });

  it('gives the remains of a character when the request ends', () => {
    const outputs = outputsOf('r', {}, [bytes('a'), bytes('😀').subarray(0, 3)], LENGTH);
    expect(run(outputs).texts.map(({ text }) => text)).toEqual(['a', '\ufffd']);
  });

  it('applies skip_special_tokens', () => {
    const end = Int32Array.from(tokenizer.encode('a<|end|>b', { addSpecialTokens: false }));
    expect(run(outputsOf('r', {}, [end])).text).toBe('ab');
    expect(run(outputsOf('r', { skipSpecialTokens: false }, [end])).text).toBe('a<|end|>b');
  });

  it('does not tidy spaces, so that token texts add up', () => {
    expect(run(outputsOf('r', {}, [bytes('a .'), bytes(" n't")])).text).toBe("a . n't");
  });

  describe('a stop token', () => {
    it('is no text and stays in the ids', () => {
      const { text, ids, stopped } = run(outputsOf('r', {}, [bytes('ab'), bytes('cx')], EOS));
      expect(text).toBe('abc');
      expect(ids).toEqual([...bytes('abcx')]);
      expect(stopped).toEqual([]);
    });

    it('is kept as text with no_stop_trim', () => {
      expect(run(outputsOf('r', { noStopTrim: true }, [bytes('abx')], EOS)).text).toBe('abx');
    });

    it('lets the text before it out, although it may be the beginning of a stop', () => {
      expect(run(outputsOf('r', { stop: ['b#'] }, [bytes('ab'), bytes('x')], EOS)).text).toBe('ab');
    });

    it('that comes without a token takes no text away', () => {
      expect(run(outputsOf('r', {}, [bytes('ax'), bytes('')], EOS)).text).toBe('ax');
    });
  });

  describe('a stop string', () => {
    it('ends the request at the token that completes it', () => {
      const detokenizer = new Detokenizer(tokenizer, 10);
      const outputs = outputsOf('r', { stop: ['lo w'] }, [bytes('hel'), bytes('lo world')]);
      const { texts, stopped, text, last } = run(outputs, detokenizer);
      expect(texts.map((output) => output.text)).toEqual(['he', 'l']);
      expect(text).toBe('hel');
      expect(last).toMatchObject({ finish: { type: 'stop', matched: 'lo w' }, completionTokens: 7 });
      expect([...(last?.newIds ?? [])]).toEqual([...bytes('lo w')]);
      expect(last?.outputLogprobs).toEqual(logprobsOf(bytes('lo w')));
      expect(stopped).toEqual(['r']);
      expect(detokenizer.size).toBe(0);
    });

    it('ends the request once: what the scheduler still sends is ignored', () => {
      const outputs = outputsOf('r', { stop: ['b'] }, [bytes('ab'), bytes('ab'), bytes('')], {
        type: 'abort',
        message: 'x',
      });
      const { texts, stopped } = run(outputs);
      expect(texts).toHaveLength(1);
      expect(stopped).toEqual(['r']);
    });

    it('need not be reported to a scheduler that has ended the request meanwhile', () => {
      const { last, stopped } = run(outputsOf('r', { stop: ['b'] }, [bytes('abcd')], LENGTH));
      expect(last).toMatchObject({ text: 'a', finish: { type: 'stop', matched: 'b' }, completionTokens: 2 });
      expect(stopped).toEqual([]);
    });

    it('comes after a stop token that would complete it', () => {
      const { last, text } = run(
        outputsOf('r', { stop: ['bx'], noStopTrim: true }, [bytes('a'), bytes('bx')], EOS),
      );
      expect(last?.finish).toEqual(EOS);
      expect(text).toBe('abx');
    });

    it.each([false, true])('that the last allowed token completes wins over the length', (noStopTrim) => {
      const chunks = [bytes('a'), bytes('bx')];
      const { last, text, ids, stopped } = run(outputsOf('r', { stop: ['bx'], noStopTrim }, chunks, LENGTH));
      expect(last?.finish).toEqual({ type: 'stop', matched: 'bx' });
      expect(text).toBe(noStopTrim ? 'abx' : 'a');
      expect(ids).toEqual([...bytes('abx')]);
      // The scheduler has ended the request itself.
      expect(stopped).toEqual([]);
    });

    it.each([
      ['ab', 2, 'ababab', 'ab', 4],
      ['ab', 1, 'ababab', '', 2],
      ['ab', 3, 'ababab', 'ab', 4],
      ['ab', 4, 'ababab', 'abab', 6],
      // It may begin among the first tokens, but must not end there.
      ['bb', 3, 'abbbb', 'ab', 4],
    ])('%j does not count in the first %i tokens of %j', (stop, minNewTokens, all, text, tokens) => {
      const oneByOne = Array.from(bytes(all), (id) => Int32Array.of(id));
      for (const chunks of [oneByOne, [bytes(all)]]) {
        const result = run(outputsOf('r', { stop: [stop] }, chunks, null, minNewTokens));
        expect(result.text).toBe(text);
        expect(result.last).toMatchObject({ finish: { type: 'stop' }, completionTokens: tokens });
      }
    });

    it('that only the first tokens hold is text', () => {
      const { text, last } = run(outputsOf('r', { stop: ['ab'] }, [bytes('abc'), bytes('d')], LENGTH, 3));
      expect([text, last?.finish]).toEqual(['abcd', LENGTH]);
      const all = run(outputsOf('r', { stop: ['cd'] }, [bytes('abcd')], LENGTH, 4));
      expect([all.text, all.last?.finish]).toEqual(['abcd', LENGTH]);
    });

    it('is kept with no_stop_trim, with all the text of its token', () => {
      const merged = Int32Array.of(tokenId('ab'));
      const outputs = (noStopTrim: boolean) =>
        outputsOf('r', { stop: ['.a'], noStopTrim }, [bytes('x.'), merged]);
      expect(run(outputs(true)).text).toBe('x.ab');
      expect(run(outputs(false)).text).toBe('x');
    });

    it('does not match in the prompt', () => {
      expect(run(outputsOf('r', { stop: ['pa'] }, [bytes('a')], LENGTH)).text).toBe('a');
    });
  });

  describe('a stop regex', () => {
    it('ends the request and is reported by its source', () => {
      const { text, last, stopped } = run(
        outputsOf('r', { stopRegex: ['\\d{2,}'] }, [bytes('a1b2'), bytes('3c')]),
      );
      expect(text).toBe('a1b');
      expect(last).toMatchObject({ finish: { type: 'stop', matched: '\\d{2,}' }, completionTokens: 5 });
      expect(stopped).toEqual(['r']);
    });

    it('does not count in the first tokens either', () => {
      const outputs = outputsOf('r', { stopRegex: ['\\d{2}'] }, [bytes('a12b'), bytes('34c')], null, 3);
      expect(run(outputs)).toMatchObject({ text: 'a12b', last: { completionTokens: 6 } });
      const touching = outputsOf('r', { stopRegex: ['\\d{2}'] }, [bytes('a12'), bytes('3')], null, 3);
      expect(run(touching)).toMatchObject({ text: 'a1', last: { completionTokens: 4 } });
    });

    it('that does not compile ends its own request only', () => {
      const detokenizer = new Detokenizer(tokenizer, 10);
      const bad = outputsOf('bad', { stopRegex: ['('] }, [bytes('a')]);
      const good = outputsOf('good', {}, [bytes('b')]);
      const { texts, stopped } = detokenizer.handle([...bad, ...good]);
      expect(texts[0]).toMatchObject({ rid: 'bad', text: '', finish: { type: 'abort', status_code: 500 } });
      expect(texts[1]).toMatchObject({ rid: 'good', text: 'b', finish: null });
      expect(stopped).toEqual(['bad']);
    });
  });

  it('gives the same text, ids and verdict however the tokens are cut into outputs', () => {
    const stop = fc.array(fc.stringMatching(/^[ab中]{1,3}$/), { maxLength: 2 });
    const stopRegex = fc.subarray(['a+b', '中.', '[^a]{3}', 'b$', '(?:ab)+a'], { maxLength: 2 });
    const finish = fc.constantFrom<FinishReason | null>(LENGTH, EOS, null);
    fc.assert(
      fc.property(
        fc.stringMatching(/^[abx中😀]{1,10}$/u),
        fc.array(fc.nat(50)),
        fc.record({ stop, stopRegex, noStopTrim: fc.boolean() }),
        finish,
        fc.constantFrom(0, 0, 2, 5),
        (text, cuts, params, verdict, minNewTokens) => {
          const ids = bytes(verdict === EOS ? `${text}x` : text);
          const borders = [0, ...cuts.map((cut) => cut % ids.length).sort((a, b) => a - b), ids.length];
          const chunks = borders.slice(1).map((end, i) => ids.subarray(borders[i], end));
          const oneByOne = Array.from(ids, (_, i) => ids.subarray(i, i + 1));
          const expected = run(outputsOf('r', params, oneByOne, verdict, minNewTokens));
          const actual = run(outputsOf('r', params, chunks, verdict, minNewTokens));
          const summary = ({ last, ids: all, text: whole }: typeof actual) => ({
            ids: all,
            finish: last?.finish,
            completionTokens: last?.completionTokens,
            // What is withheld at the end of a request that goes on depends on nothing but its text, too.
            whole,
          });
          expect(summary(actual)).toEqual(summary(expected));
          if (params.noStopTrim || minNewTokens > 0 || expected.last?.finish === verdict) return;
          for (const word of params.stop) expect(actual.text).not.toContain(word);
        },
      ),
      { numRuns: 1000 },
    );
  });

  describe('with too many requests', () => {
    it('ends the oldest with an error that says what to do', () => {
      const detokenizer = new Detokenizer(tokenizer, 2);
      const requests = ['a', 'b', 'c'].map((rid) => outputsOf(rid, {}, [bytes('12'), bytes('3')]));
      const { texts, stopped } = detokenizer.handle(requests.map(([output]) => output as TokenOutput));
      expect(texts.map(({ rid }) => rid)).toEqual(['a', 'b', 'a', 'c']);
      expect(texts[2]).toMatchObject({
        text: '',
        completionTokens: 2,
        finish: { type: 'abort', status_code: 503 },
      });
      expect(texts[2]?.newIds).toHaveLength(0);
      expect((texts[2]?.finish as { message: string }).message).toContain('SGLANG_DETOKENIZER_MAX_STATES');
      expect(stopped).toEqual(['a']);
      expect(detokenizer.size).toBe(2);
      expect(detokenizer.handle([requests[0]?.[1] as TokenOutput])).toEqual({ texts: [], stopped: [] });
    });

    it('does not count a request twice that starts again', () => {
      const detokenizer = new Detokenizer(tokenizer, 2);
      const again = outputsOf('a', {}, [bytes('new')]);
      detokenizer.handle([...outputsOf('a', {}, [bytes('old')]), ...outputsOf('b', {}, [bytes('x')])]);
      expect(detokenizer.handle(again).texts.map(({ rid, text }) => [rid, text])).toEqual([['a', 'new']]);
      expect(detokenizer.size).toBe(2);
    });
  });

  it('ends only the request whose tokens cannot be decoded', () => {
    const fragile: TokenDecoder = {
      decode(ids, options) {
        if (Array.from(ids).includes(7)) throw new Error('no such token');
        return tokenizer.decode(ids, options);
      },
    };
    const detokenizer = new Detokenizer(fragile, 10);
    const bad = outputsOf('bad', {}, [bytes('a'), Int32Array.of(7)]);
    const good = outputsOf('good', {}, [bytes('a'), bytes('b')]);
    detokenizer.handle([bad[0], good[0]] as TokenOutput[]);
    const { texts, stopped } = detokenizer.handle([bad[1], good[1]] as TokenOutput[]);
    expect(texts.map(({ rid, text, finish }) => [rid, text, finish?.type])).toEqual([
      ['bad', '', 'abort'],
      ['good', 'b', undefined],
    ]);
    expect(stopped).toEqual(['bad']);
    expect(detokenizer.size).toBe(1);
  });

  it('without a tokenizer passes ids through with empty text', () => {
    const detokenizer = new Detokenizer(null, 10);
    const outputs = outputsOf('r', { stop: ['a'] }, [bytes('a'), bytes('b')], LENGTH);
    const { texts, stopped } = run(outputs, detokenizer);
    expect(texts.map(({ text, newIds, finish }) => [text, newIds.length, finish])).toEqual([
      ['', 1, null],
      ['', 1, LENGTH],
    ]);
    expect(texts[0]).not.toHaveProperty('start');
    expect(stopped).toEqual([]);
    expect(detokenizer.size).toBe(0);
  });
});

/** The token whose text is exactly `text`. */
function tokenId(text: string): number {
  for (let id = 256; id < tokenizer.vocabSize; id++) if (tokenizer.decode([id]) === text) return id;
  throw new Error(`no token for ${text}`);
}
