import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSamples } from '../../../bench/serving/datasets';
import { drive } from '../../../bench/serving/drive';
import { LineReader } from '../../../bench/serving/event-lines';
import { parseOptions } from '../../../bench/serving/options';
import { exponential, randomInt, seededRandom, shuffled } from '../../../bench/serving/random';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer';

describe('seededRandom', () => {
  const draw = (seed: number, count: number) => Array.from({ length: count }, seededRandom(seed));

  it('repeats itself, and differs by seed', () => {
    expect(draw(1, 5)).toEqual(draw(1, 5));
    expect(draw(1, 5)).not.toEqual(draw(2, 5));
  });

  it('is uniform enough', () => {
    const values = draw(7, 20_000);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
  });

  it('gives whole numbers, waiting times and orders', () => {
    const random = seededRandom(3);
    const numbers = Array.from({ length: 500 }, () => randomInt(random, 2, 5));
    expect(new Set(numbers)).toEqual(new Set([2, 3, 4]));
    const waits = Array.from({ length: 20_000 }, () => exponential(random, 4));
    expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length).toBeCloseTo(0.25, 1);
    expect(shuffled(random, [1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('parseOptions', () => {
  it('has the defaults of the original', () => {
    expect(parseOptions([])).toMatchObject({
      backend: 'sglang',
      port: 30000,
      numPrompts: 1000,
      randomInputLen: 1024,
      randomRangeRatio: 0,
      requestRate: Infinity,
      maxConcurrency: null,
      seed: 1,
      warmupRequests: 1,
      header: {},
      extraRequestBody: {},
    });
  });

  it('reads rates, headers and bodies', () => {
    const options = parseOptions([
      ...['--request-rate', '2.5', '--header', 'a=1', '--header', 'b=c=d'],
      ...['--extra-request-body', '{"x":1}', '--disable-stream'],
    ]);
    expect(options).toMatchObject({ requestRate: 2.5, header: { a: '1', b: 'c=d' }, disableStream: true });
    expect(options.extraRequestBody).toEqual({ x: 1 });
    expect(parseOptions(['--request-rate', 'inf']).requestRate).toBe(Infinity);
  });

  it.each([
    [['--request-rate', '0'], 'positive'],
    [['--num-prompts', '1.5'], 'whole number'],
    [['--random-range-ratio', '2'], 'between 0 and 1'],
    [['--header', 'novalue'], 'name=value'],
    [['--extra-request-body', '[1]'], 'JSON object'],
    [['--dataset-name', 'nothing'], 'Allowed choices'],
    [['--unknown'], 'unknown option'],
  ])('refuses %j', (argv, reason) => {
    const written = jest.spyOn(process.stderr, 'write').mockImplementation(() => true);
    expect(() => parseOptions(argv)).toThrow(reason);
    written.mockRestore();
  });
});

describe('makeSamples', () => {
  const words: Tokenizer = {
    vocabSize: 50,
    eosTokenId: null,
    bosTokenId: null,
    modelMaxLength: -1,
    maxTokenLength: 10,
    encode: (text) => text.split(' ').map(Number),
    encodePair: () => ({ ids: [], pairAt: null }),
    decode: (ids) => Array.from(ids).join(' '),
    tokenText: String,
    renderChat: () => '',
  };
  const make = (argv: string[], tokenizer: Tokenizer | null = null) =>
    makeSamples(parseOptions(argv), { random: seededRandom(5), tokenizer, vocabSize: 50 });

  it('draws random ids and lengths in the range', () => {
    const flags = ['--num-prompts', '200', '--random-input-len', '20', '--random-output-len', '10'];
    const samples = make([...flags, '--random-range-ratio', '0.5']);
    expect(samples).toHaveLength(200);
    expect(new Set(samples.map(({ promptLen }) => promptLen)).size).toBe(11);
    for (const { prompt, promptLen, outputLen } of samples) {
      expect(prompt).toHaveLength(promptLen);
      expect(Math.max(...(prompt as number[]))).toBeLessThan(50);
      expect(outputLen).toBeGreaterThanOrEqual(5);
      expect(outputLen).toBeLessThanOrEqual(10);
    }
    expect(make([...flags, '--random-range-ratio', '0.5'])).toEqual(samples);
    for (const sample of make([...flags, '--random-range-ratio', '1'])) {
      expect(sample).toMatchObject({ promptLen: 20, outputLen: 10 });
    }
  });

  it('sends text where a tokenizer can make it', () => {
    const flags = ['--dataset-name', 'random', '--num-prompts', '1', '--random-input-len', '4'];
    const [text] = make(flags, words);
    expect(typeof text?.prompt).toBe('string');
    expect(String(text?.prompt).split(' ')).toHaveLength(text?.promptLen ?? 0);
    expect(Array.isArray(make([...flags, '--tokenize-prompt'], words)[0]?.prompt)).toBe(true);
    expect(Array.isArray(make(flags)[0]?.prompt)).toBe(true);
  });

  it('makes groups that share a prefix', () => {
    const samples = make([
      ...[
        '--dataset-name',
        'generated-shared-prefix',
        '--gsp-num-groups',
        '3',
        '--gsp-prompts-per-group',
        '4',
      ],
      ...['--gsp-system-prompt-len', '8', '--gsp-question-len', '6', '--gsp-output-len', '5'],
    ]);
    expect(samples).toHaveLength(12);
    const prefixes = samples.map(({ prompt }) => prompt.slice(0, 8).toString());
    expect(new Set(prefixes).size).toBe(3);
    expect(new Set(samples.map(({ prompt }) => prompt.toString())).size).toBe(12);
    expect(samples[0]).toMatchObject({ promptLen: 14, outputLen: 5 });
  });

  describe('from a file', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'dataset-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    const write = (text: string) => {
      writeFileSync(join(folder, 'data'), text);
      return ['--dataset-name', 'sharegpt', '--dataset-path', join(folder, 'data')];
    };
    const conversation = (question: string, answer: string) => ({
      conversations: [{ value: question }, { value: answer }, { value: 'more' }],
    });

    it('takes the first two turns and skips what is too short or too long', () => {
      const records = [
        conversation('1 2 3', '4 5'),
        conversation('1', '4 5'),
        conversation('1 2 3', '4'),
        conversation('1 2 3 4 5 6 7 8 9', '1 2'),
        { conversations: [{ value: 'alone' }] },
        'nonsense',
      ];
      const flags = write(JSON.stringify(records));
      expect(make([...flags, '--sharegpt-context-len', '8'], words)).toEqual([
        { prompt: '1 2 3', promptLen: 3, outputLen: 2 },
      ]);
      expect(make([...flags, '--sharegpt-output-len', '7'], words)).toHaveLength(3);
    });

    it('reads JSON lines and estimates lengths without a tokenizer', () => {
      const line = { conversation: [{ content: 'x'.repeat(40) }, { content: 'y'.repeat(20) }] };
      const flags = write(`${JSON.stringify(line)}\n\n${JSON.stringify(line)}\n`);
      expect(make(flags)).toEqual(Array(2).fill({ prompt: 'x'.repeat(40), promptLen: 10, outputLen: 5 }));
    });

    it('says what is wrong with the file', () => {
      expect(() => make(write('{"conversations":'))).toThrow('neither JSON nor JSONL');
      expect(() => make(write('[]'))).toThrow('no conversation of two turns');
      expect(() => make(['--dataset-name', 'custom'])).toThrow('--dataset-name custom needs --dataset-path');
    });
  });
});

describe('drive', () => {
  const samples = Array.from({ length: 20 }, (_, i) => ({ prompt: [i], promptLen: 1, outputLen: 1 }));

  async function observe(requestRate: number, maxConcurrency: number | null) {
    let running = 0;
    let most = 0;
    const order: unknown[] = [];
    const results = await drive(
      samples,
      { requestRate, maxConcurrency, random: seededRandom(1) },
      async (sample) => {
        order.push(sample);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        const { promptLen, outputLen } = sample;
        return {
          error: null,
          promptLen,
          outputLen,
          startedAt: 0,
          latency: 0,
          ttft: 0,
          itl: [],
          text: String(sample.prompt),
        };
      },
    );
    return { most, order, texts: results.map(({ text }) => text) };
  }

  it('sends everything at once, or as much as is allowed', async () => {
    expect((await observe(Infinity, null)).most).toBe(20);
    const limited = await observe(Infinity, 3);
    expect(limited.most).toBe(3);
    expect(limited.order).toEqual(samples);
    expect(limited.texts).toEqual(samples.map(({ prompt }) => String(prompt)));
  });

  it('keeps order and results with a rate', async () => {
    const { order, texts } = await observe(5000, 2);
    expect(order).toEqual(samples);
    expect(texts).toEqual(samples.map(({ prompt }) => String(prompt)));
  });
});

describe('LineReader', () => {
  it('puts lines together from any chunks', () => {
    const text = 'data: {"text":"é😀"}\r\n\ndata: [DONE]\nrest';
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const lines: string[] = [];
      const reader = new LineReader((line) => lines.push(line.toString()));
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      expect(lines).toEqual(['data: {"text":"é😀"}', '', 'data: [DONE]']);
    }
  });
});
