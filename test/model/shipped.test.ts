import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer';
import { ChatTemplate, type ChatMessage } from '../../src/chat-template';
import { TokenizerPool } from '../../src/tokenizer/tokenizer-pool';
import { readGolden, SHIPPED, type GoldenCase } from './support';

/** The shipped checkpoint's tokenizer and chat template agree with those of the reference that made the golden record. */
interface ChatCase extends GoldenCase {
  readonly prompt: string;
  /** null where the prompt is plain text. */
  readonly messages: readonly ChatMessage[] | null;
  readonly text: string;
}

const NO_FLAGS = { chatTemplate: null, hfChatTemplateName: null, defaultChatTemplateKwargs: null };
const folder = join(SHIPPED, 'demo-chat');
const cases = readGolden(join(__dirname, 'golden', 'demo-chat.json')) as ChatCase[];

let tokenizer: Tokenizer;
let template: ChatTemplate;

beforeAll(async () => {
  tokenizer = await loadTokenizer(folder);
  template = await ChatTemplate.load(folder, NO_FLAGS, new TokenizerPool(tokenizer, folder), () =>
    Promise.resolve({ outcome: 'rendered' }),
  );
});

it('covers a dozen prompts, plain and chat', () => {
  expect(cases.length).toBeGreaterThanOrEqual(12);
  expect(new Set(cases.map(({ messages }) => messages === null)).size).toBe(2);
});

it.each(cases.map((entry) => [entry.prompt, entry] as const))('%j', async (_, entry) => {
  if (entry.messages) {
    const { messages } = entry;
    expect(await template.prompt({ messages }, new AbortController().signal)).toEqual({
      text: entry.prompt,
      begun: '',
      stop: [],
    });
  }
  expect(tokenizer.encode(entry.prompt)).toEqual(entry.input_ids);
  expect(tokenizer.decode(entry.greedy_ids, { skipSpecialTokens: true })).toBe(entry.text);
});
