import { answerFacts } from '../../../src/playground/answer-facts';
import { blocksOf, spansOf } from '../../../src/playground/markdown';
import { eventData } from '../../../src/playground/sse';

describe('blocksOf', () => {
  it('tells code, lists, headings and prose apart', () => {
    const text = '# Title\nfirst\nsecond\n\n- a\n- b\n1. one\n```ts\nlet x = 1;\n\n- no item\n```\nend';
    expect(blocksOf(text)).toEqual([
      { type: 'heading', text: 'Title' },
      { type: 'paragraph', text: 'first\nsecond' },
      { type: 'list', ordered: false, items: ['a', 'b'] },
      { type: 'list', ordered: true, items: ['one'] },
      { type: 'code', text: 'let x = 1;\n\n- no item' },
      { type: 'paragraph', text: 'end' },
    ]);
  });

  it('takes a fence that is still being written to the end', () => {
    expect(blocksOf('so:\n```\na\nb')).toEqual([
      { type: 'paragraph', text: 'so:' },
      { type: 'code', text: 'a\nb' },
    ]);
  });

  it('ends on any text, without losing a word of prose', () => {
    for (const text of ['', '\n\n', '```', '-', '#', '1.', '<b>x</b>', '- \n', '```\n```\n```']) {
      expect(Array.isArray(blocksOf(text))).toBe(true);
    }
    expect(blocksOf('<img onerror=alert(1)>')).toEqual([
      { type: 'paragraph', text: '<img onerror=alert(1)>' },
    ]);
  });
});

test('spansOf finds bold and code, and leaves lone marks alone', () => {
  expect(spansOf('a **b** `c*d` ** e ` f')).toEqual([
    { type: 'text', text: 'a ' },
    { type: 'bold', text: 'b' },
    { type: 'text', text: ' ' },
    { type: 'code', text: 'c*d' },
    { type: 'text', text: ' ** e ` f' },
  ]);
});

describe('eventData', () => {
  const streamOf = (chunks: readonly string[], onCancel = () => {}) => {
    const bytes = chunks.map((chunk) => Buffer.from(chunk, 'latin1'));
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = bytes.shift();
        if (next === undefined) controller.close();
        else controller.enqueue(next);
      },
      cancel: onCancel,
    });
  };

  it('puts events together however they are cut, characters too', async () => {
    const text = Buffer.from('data: {"a":"é"}\n\ndata: b\n\ndata: [DONE]\n\n').toString('latin1');
    for (let at = 1; at < text.length; at++) {
      const found: string[] = [];
      for await (const data of eventData(streamOf([text.slice(0, at), text.slice(at)]))) found.push(data);
      expect(found).toEqual(['{"a":"é"}', 'b']);
    }
  });

  it('cancels the stream of a reader that leaves', async () => {
    const cancelled = jest.fn();
    for await (const data of eventData(streamOf(['data: a\n\n', 'data: b\n\n'], cancelled))) {
      expect(data).toBe('a');
      break;
    }
    expect(cancelled).toHaveBeenCalledTimes(1);
  });
});

describe('answerFacts', () => {
  const usage = { prompt_tokens: 20, completion_tokens: 11, prompt_tokens_details: null };

  it('counts the pace from the first token on', () => {
    const facts = Object.fromEntries(answerFacts({ askedAt: 0, firstAt: 1500, lastAt: 2000, usage }));
    expect(facts).toEqual({ 'tokens/s': '20.0', 'first token': '1.50 s', prompt: '20', completion: '11' });
  });

  it('tells of cached tokens where the server does', () => {
    const cached = { ...usage, prompt_tokens_details: { cached_tokens: 16 } };
    expect(answerFacts({ askedAt: 0, firstAt: 40, lastAt: 40, usage: cached })).toEqual([
      ['first token', '40 ms'],
      ['prompt', '20'],
      ['completion', '11'],
      ['cached', '16'],
    ]);
  });

  it('says nothing of what never came', () => {
    expect(answerFacts({ askedAt: 0, firstAt: null, lastAt: null, usage: null })).toEqual([]);
  });
});
