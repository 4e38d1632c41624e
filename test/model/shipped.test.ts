import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer';
import { ChatTemplate, type ChatMessage, type ChatTool } from '../../src/chat-template';
import { TokenizerPool } from '../../src/tokenizer/tokenizer-pool';
import { readGolden, SHIPPED, type GoldenCase } from './support';

/** The shipped checkpoints' tokenizers and chat templates agree with those of the reference that made the golden records. */
interface ChatCase extends GoldenCase {
  readonly prompt: string;
  /** null where the prompt is plain text. */
  readonly messages: readonly ChatMessage[] | null;
  readonly tools?: readonly ChatTool[];
  readonly text: string;
}

const NO_FLAGS = { chatTemplate: null, hfChatTemplateName: null, defaultChatTemplateKwargs: null };

describe.each(['demo-chat', 'demo-tools', 'demo-moe'])('%s', (name) => {
  const folder = join(SHIPPED, name);
  const cases = readGolden(join(__dirname, 'golden', `${name}.json`)) as ChatCase[];
  let tokenizer: Tokenizer;
  let template: ChatTemplate;

  beforeAll(async () => {
    tokenizer = await loadTokenizer(folder);
    template = await ChatTemplate.load(folder, NO_FLAGS, new TokenizerPool(tokenizer, folder), () =>
      Promise.resolve({ outcome: 'rendered' }),
    );
  });

  it('is recorded on a dozen prompts, plain and chat', () => {
    expect(cases.length).toBeGreaterThanOrEqual(12);
    expect(new Set(cases.map(({ messages }) => messages === null)).size).toBe(2);
  });

  it.each(cases.map((entry) => [entry.prompt, entry] as const))('%j', async (_, entry) => {
    if (entry.messages) {
      const { messages, tools = [] } = entry;
      expect(await template.prompt({ messages, tools }, new AbortController().signal)).toEqual({
        text: entry.prompt,
        begun: '',
        stop: [],
      });
    }
    expect(tokenizer.encode(entry.prompt)).toEqual(entry.input_ids);
    expect(tokenizer.decode(entry.greedy_ids, { skipSpecialTokens: true })).toBe(entry.text);
  });
});
