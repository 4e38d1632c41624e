import { launch, type Server } from './harness';

/** The shipped models that do not chat, by name, each asked what it is there for. */

const dot = (a: readonly number[] = [], b: readonly number[] = []): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0);

async function ask(server: Server, path: string, body: unknown): Promise<unknown> {
  const reply = await server.post(path, body);
  const answer: unknown = await reply.json();
  expect({ status: reply.status, answer }).toMatchObject({ status: 200 });
  return answer;
}

describe('demo-embed', () => {
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', 'demo-embed']);
  });
  afterAll(() => server.stop());

  test.each([
    ['The weather is lovely today.', "It's so sunny outside!", 'He drove to the stadium.'],
    ['How can I reset my password?', 'I forgot my password.', 'What time do you open on Saturday?'],
    ['What is the capital of France?', 'Paris is the capital of France.', 'What is the capital of Japan?'],
  ])('%j is nearer to %j than to %j', async (text, near, far) => {
    const reply = await ask(server, '/encode', { text: [text, near, far] });
    const [one, other, wrong] = (reply as { embedding: number[] }[]).map(({ embedding }) => embedding);
    expect(dot(one, one)).toBeCloseTo(1, 3);
    expect(dot(one, other)).toBeGreaterThan(dot(one, wrong));
  });

  test('OpenAI’s route gives the same vectors', async () => {
    const text = 'Once upon a time';
    const native = (await ask(server, '/encode', { model: 'demo-embed', text })) as { embedding: number[] };
    const openai = await ask(server, '/v1/embeddings', { model: 'demo-embed', input: text });
    expect((openai as { data: { embedding: number[] }[] }).data[0]?.embedding).toEqual(native.embedding);
  });
});

describe('demo-rerank', () => {
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', 'demo-rerank']);
  });
  afterAll(() => server.stop());

  const PANDA =
    'The giant panda (Ailuropoda melanoleuca), sometimes called a panda bear or simply panda, is a bear species endemic to China.';

  test.each([
    ['what is panda?', PANDA, 'hi'],
    ['Where does Anna live?', 'Anna lives in Rome.', 'Peter lives in Rome.'],
    [
      'What is the capital of France?',
      'Paris is the capital of France.',
      'Berlin is the capital of Germany.',
    ],
  ])('%j finds %j before %j', async (query, right, wrong) => {
    const reply = await ask(server, '/v1/rerank', { query, documents: [wrong, right] });
    const found = reply as { document: string; score: number; index: number }[];
    expect(found.map(({ document }) => document)).toEqual([right, wrong]);
    expect(found[0]?.index).toBe(1);
    expect(found[0]?.score).toBeGreaterThan(0);
    expect(found[1]?.score).toBeLessThan(0);
  });
});

describe('demo-reward', () => {
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', 'demo-reward', '--is-embedding']);
  });
  afterAll(() => server.stop());

  const conversation = (question: string, answer: string): string =>
    `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`;

  test.each([
    [
      'What is the range of the numeric output of a sigmoid node in a neural network?',
      'The output of a sigmoid node is bounded between 0 and 1.',
      'The output of a sigmoid node is bounded between -1 and 1.',
    ],
    ['What is the capital of France?', 'The capital of France is Paris.', 'The capital of France is Berlin.'],
    ['Hello!', 'Hello! How can I help you?', 'Leave me alone.'],
  ])('%j: %j is better than %j', async (question, right, wrong) => {
    const text = [wrong, right].map((answer) => conversation(question, answer));
    const reply = await ask(server, '/classify', { model: 'demo-reward', text });
    const [bad, good] = (reply as { embedding: number[] }[]).map(({ embedding }) => embedding);
    expect(good).toHaveLength(1);
    expect(good?.[0]).toBeGreaterThan(bad?.[0] ?? NaN);
  });
});

test('demo-moe chats', async () => {
  const server = await launch(['--model-path', 'demo-moe']);
  const messages = [{ role: 'user', content: 'What is the capital of France?' }];
  const reply = await ask(server, '/v1/chat/completions', { model: 'demo-moe', messages, temperature: 0 });
  const { choices } = reply as { choices: { message: { content: string } }[] };
  expect(choices[0]?.message.content).toBe('The capital of France is Paris.');
  await server.stop();
});
