import { HttpServer } from '../../../src/http/server';
import { WarmupError, warmUp } from '../../../src/launcher/warmup';

interface Seen {
  readonly call: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

let http: HttpServer;
let seen: Seen[];
let generateStatus: number;
let generateReply: string;

beforeEach(async () => {
  seen = [];
  generateStatus = 200;
  generateReply = '{"error":{"message":"no"}}';
  http = await HttpServer.listen('127.0.0.1', 0);
  http.serve((request, reply) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({
        call: `${request.method} ${request.url}`,
        authorization: request.headers.authorization,
        body,
      });
      reply.statusCode = request.url === '/generate' ? generateStatus : 200;
      reply.end(generateReply);
    });
  });
});
afterEach(() => http.close());

test('asks for the model, then generates, with the key', async () => {
  await warmUp(
    http.localUrl,
    { apiKey: 'secret', dpSize: 1, skipTokenizerInit: false },
    { kind: 'generation', vocabSize: 512 },
  );
  expect(seen.map(({ call, authorization }) => [call, authorization])).toEqual([
    ['GET /model_info', 'Bearer secret'],
    ['POST /generate', 'Bearer secret'],
  ]);
  expect(JSON.parse(seen[1]?.body ?? '')).toEqual({
    text: 'The capital city of France is',
    sampling_params: { temperature: 0, max_new_tokens: 8 },
  });
});

test('without a tokenizer it sends ids of the vocabulary', async () => {
  await warmUp(
    http.localUrl,
    { apiKey: null, dpSize: 1, skipTokenizerInit: true },
    { kind: 'generation', vocabSize: 12 },
  );
  expect(seen[1]?.authorization).toBeUndefined();
  expect(JSON.parse(seen[1]?.body ?? '')).toMatchObject({ input_ids: [10, 11, 11] });
});

test('a refusal is an error with the reply in it', async () => {
  generateStatus = 500;
  const warmup = warmUp(
    http.localUrl,
    { apiKey: null, dpSize: 1, skipTokenizerInit: false },
    { kind: 'generation', vocabSize: 512 },
  );
  await expect(warmup).rejects.toThrow(WarmupError);
  await expect(warmup).rejects.toThrow(
    `Initialization failed. warmup error: POST ${http.localUrl}/generate answered 500: {"error":{"message":"no"}}`,
  );
});

test('a model that computes NaN is an error, although its reply is none', async () => {
  generateReply = '{"text":"","meta_info":{"finish_reason":{"type":"stop","matched":"NaN happened"}}}';
  const warmup = warmUp(
    http.localUrl,
    { apiKey: null, dpSize: 1, skipTokenizerInit: false },
    { kind: 'generation', vocabSize: 512 },
  );
  await expect(warmup).rejects.toThrow(
    /^Initialization failed\. warmup error: the model's logits are NaN\. [^\n]*$/,
  );
});

test('a server that is gone is an error', async () => {
  const url = http.localUrl;
  http.close();
  await expect(
    warmUp(
      url,
      { apiKey: null, dpSize: 1, skipTokenizerInit: false },
      { kind: 'generation', vocabSize: 512 },
    ),
  ).rejects.toThrow(/^Initialization failed\. warmup error: .*ECONNREFUSED/);
});
