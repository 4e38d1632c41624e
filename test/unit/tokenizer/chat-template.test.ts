import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { loadChatTemplate } from '../../../src/tokenizer/chat-template';
import { readChatTemplates } from '../../../src/tokenizer/tokenizer-files';
import { Folders } from '../checkpoint/folders';
import { TINY_TOKENIZERS } from '../detokenizer/tokenizers';

const folders = new Folders();
afterAll(() => folders.removeAll());

const definition = TINY_TOKENIZERS[0]?.definition ?? {};
const messages = [{ role: 'user', content: 'Hello' }] as const;
const template = (mark: string) =>
  `{% for message in messages %}${mark}{{ message.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}`;

const load = (files: Record<string, string | object>) =>
  loadChatTemplate(folders.create({ 'tokenizer.json': definition, ...files }));

it.each<[string, Record<string, string | object>, string]>([
  ['tokenizer_config.json', { 'tokenizer_config.json': { chat_template: template('a') } }, 'aHello>'],
  [
    'chat_template.jinja, which wins',
    { 'tokenizer_config.json': { chat_template: template('a') }, 'chat_template.jinja': template('b') },
    'bHello>',
  ],
  ['chat_template.jinja alone', { 'chat_template.jinja': template('b') }, 'bHello>'],
  [
    'the list of tokenizer_config.json',
    {
      'tokenizer_config.json': {
        chat_template: [
          { name: 'tool_use', template: template('t') },
          { name: 'default', template: template('d') },
        ],
      },
    },
    'dHello>',
  ],
])('is read from %s', async (_, files, prompt) => {
  expect((await load(files))(messages)).toBe(prompt);
});

it('is missed by name', async () => {
  await expect(load({})).rejects.toThrow('the checkpoint has no chat template');
});

it('may have others beside it in a folder of their own', () => {
  const dir = folders.create({
    'chat_template.jinja': 'main',
    'additional_chat_templates/rag.jinja': 'rag',
    'additional_chat_templates/notes.txt': 'no template',
  });
  expect(readChatTemplates(dir, { chat_template: 'not this' })).toEqual({ default: 'main', rag: 'rag' });
});

it('is never read through a link out of the folder, nor at any size', () => {
  const secret = folders.create({ secret: 'TOP SECRET' });
  const dir = folders.create();
  symlinkSync(join(secret, 'secret'), join(dir, 'chat_template.jinja'));
  expect(() => readChatTemplates(dir, {})).toThrow('is a link that leaves the folder');
  const large = folders.create({ 'chat_template.jinja': 'x'.repeat(2 ** 20 + 1) });
  expect(() => readChatTemplates(large, {})).toThrow('1048577 bytes are too many');
});
