import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChatTemplate, type ChatMessage } from '../../../src/chat-template';
import { Folders } from '../checkpoint/folders';
import { TINY_TOKENIZERS } from '../detokenizer/tokenizers';
import { InlineTokenizer } from '../tokenizer-manager/fixtures';

/** Prompts in the formats of popular checkpoints are those that Python's Jinja makes (tools/golden/record_templates.py). */
interface Entry {
  readonly template: string;
  readonly conversation: string;
  readonly messages: readonly ChatMessage[];
  readonly variables: Readonly<Record<string, unknown>>;
  /** null where the template refuses the conversation. */
  readonly prompt: string | null;
}

const FORMATS = join(__dirname, 'formats');
const NO_FLAGS = {
  chatTemplate: null,
  hfChatTemplateName: null,
  defaultChatTemplateKwargs: { date_string: '26 Jul 2024' },
};
const golden = JSON.parse(readFileSync(join(FORMATS, 'golden.json'), 'utf8')) as Entry[];
const names = readdirSync(FORMATS).flatMap((file) =>
  file.endsWith('.jinja') ? [file.slice(0, -'.jinja'.length)] : [],
);

const folders = new Folders();
const templates = new Map<string, ChatTemplate>();
beforeAll(async () => {
  for (const name of names) {
    const dir = folders.create({
      'tokenizer.json': TINY_TOKENIZERS[0]?.definition ?? {},
      'chat_template.jinja': readFileSync(join(FORMATS, `${name}.jinja`), 'utf8'),
    });
    const template = await ChatTemplate.load(dir, NO_FLAGS, new InlineTokenizer(), () =>
      Promise.resolve({ outcome: 'rendered' }),
    );
    templates.set(name, template);
  }
});
afterAll(() => folders.removeAll());

it('covers twenty formats, all of them with a record', () => {
  expect(names.length).toBeGreaterThanOrEqual(20);
  expect([...new Set(golden.map(({ template }) => template))].sort()).toEqual([...names].sort());
});

it.each(golden.map((entry) => [entry.template, entry.conversation, entry] as const))(
  '%s: %s',
  async (name, _, entry) => {
    const { messages, variables, prompt } = entry;
    const rendered = await templates
      .get(name)
      ?.prompt({ messages, variables }, new AbortController().signal)
      .then(
        ({ text }) => text,
        () => null,
      );
    expect(rendered).toBe(prompt);
  },
);

it.each(['gemma-3', 'glm-4.5', 'kimi-k2', 'qwen3'])(
  '%s says the same of a text and of its parts',
  async (name) => {
    const prompt = async (content: ChatMessage['content']) =>
      (
        await templates
          .get(name)
          ?.prompt({ messages: [{ role: 'user', content }] }, new AbortController().signal)
      )?.text;
    expect(await prompt([{ type: 'text', text: 'Hello there' }])).toBe(await prompt('Hello there'));
  },
);
