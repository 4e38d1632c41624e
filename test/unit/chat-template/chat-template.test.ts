import { join } from 'node:path';
import { ChatTemplate, type ChatMessage } from '../../../src/chat-template';
import { dryRender } from '../../../src/chat-template/dry-render';
import { logger } from '../../../src/logging/logger';
import { captureLog } from '../capture-log';
import { Folders } from '../checkpoint/folders';
import { TINY_TOKENIZERS } from '../detokenizer/tokenizers';
import { InlineTokenizer } from '../tokenizer-manager/fixtures';

const folders = new Folders();
afterAll(() => folders.removeAll());

const CHILD = join(__dirname, 'fixtures/dry-render-child.cjs');
const NO_FLAGS = { chatTemplate: null, hfChatTemplateName: null, defaultChatTemplateKwargs: null };
const stays = new AbortController().signal;

/** Shows all that a template is given. */
const SHOW =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}|{{ m.content }}{{ '|' + m.name if m.name }}]{% endfor %}" +
  "{{ '>' if add_generation_prompt }}{{ mood }}";
const PARTS =
  '{% for m in messages %}[{{ m.role }}|{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}<{{ p.text }}>' +
  '{% endfor %}{% endif %}]{% endfor %}';

function load(template: string | null, flags: object = {}, timeoutMs = 30_000): Promise<ChatTemplate> {
  const dir = folders.create({
    'tokenizer.json': TINY_TOKENIZERS[0]?.definition ?? {},
    ...(template === null ? {} : { 'chat_template.jinja': template }),
  });
  return ChatTemplate.load(dir, { ...NO_FLAGS, ...flags }, new InlineTokenizer(), (text, variables) =>
    dryRender(text, variables, { timeoutMs, file: CHILD }),
  );
}

async function prompt(template: string, messages: ChatMessage[], more: object = {}, flags: object = {}) {
  return (await (await load(template, flags)).prompt({ messages, ...more }, stays)).text;
}

const user = (content: ChatMessage['content']): ChatMessage => ({ role: 'user', content });
const text = (value: string) => ({ type: 'text' as const, text: value });

describe('prompt', () => {
  it('renders roles in small letters, contents and further fields', async () => {
    expect(
      await prompt(SHOW, [
        { role: 'System', content: 's' },
        { ...user('u'), name: 'Ada' },
      ]),
    ).toBe('<s>[system|s][user|u|Ada]>');
  });

  it('joins parts where the template wants strings, and leaves them where it wants parts', async () => {
    const messages = [
      user([text('a'), text('b')]),
      user('c'),
      { role: 'tool', content: [text('x'), text('y')] },
    ];
    expect(await prompt(SHOW, messages)).toBe('<s>[user|a b][user|c][tool|x y]>');
    expect(await prompt(PARTS, messages)).toBe('[user|<a><b>][user|c][tool|x y]');
  });

  it('gives an empty text where there is none', async () => {
    expect(await prompt(SHOW, [{ role: 'user', content: null }, { role: 'user' }])).toBe(
      '<s>[user|][user|]>',
    );
  });

  it('calls developers the system unless the template knows them', async () => {
    const messages = [{ role: 'developer', content: 'd' }, user('u')];
    expect(await prompt(SHOW, messages)).toBe('<s>[system|d][user|u]>');
    expect(await prompt(`${SHOW}{# developer #}`, messages)).toBe('<s>[developer|d][user|u]>');
  });

  it('answers an answer, or goes on with it', async () => {
    const messages = [user('u'), { role: 'assistant', content: 'Once upon' }];
    expect(await prompt(SHOW, messages)).toBe('<s>[user|u][user|Once upon]>');
    expect(await prompt(SHOW, messages, { continueFinalMessage: true })).toBe('<s>[user|u]>Once upon');
    const parts = [user('u'), { role: 'assistant', content: [text('Once'), text(' upon')] }];
    expect(await prompt(SHOW, parts, { continueFinalMessage: true })).toBe('<s>[user|u]>Once upon');
    expect(await prompt(SHOW, [user('u')], { continueFinalMessage: true })).toBe('<s>[user|u]>');
  });

  it('gives the variables of the request before those of the server', async () => {
    const flags = { defaultChatTemplateKwargs: { mood: 'sad' } };
    expect(await prompt(SHOW, [user('u')], {}, flags)).toBe('<s>[user|u]>sad');
    expect(await prompt(SHOW, [user('u')], { variables: { mood: 'glad' } }, flags)).toBe('<s>[user|u]>glad');
  });

  it.each(['messages', 'tools', 'add_generation_prompt', 'chat_template', 'bos_token', 'tokenize'])(
    'does not let a request set %s',
    async (name) => {
      await expect(prompt(SHOW, [user('u')], { variables: { [name]: 1 } })).rejects.toMatchObject({
        code: 'bad_value',
        message: `chat_template_kwargs must not contain ${name}.`,
      });
    },
  );

  it('refuses in the words of the template', async () => {
    const picky = "{{ raise_exception('Roles must alternate') if messages | length > 1 }}";
    await expect(prompt(picky, [user('a'), user('b')])).rejects.toMatchObject({
      code: 'bad_value',
      message: 'The chat template refuses this: Roles must alternate',
    });
  });

  it('brings the stops of a built-in template', async () => {
    const template = await load(null, { chatTemplate: 'chatml' });
    expect((await template.prompt({ messages: [user('u')] }, stays)).stop).toEqual(['<|im_end|>']);
  });
});

it('knows which variables a template looks at', async () => {
  const template = await load(SHOW);
  expect([template.reads('mood'), template.reads('moo')]).toEqual([true, false]);
});

describe('a template that cannot be used', () => {
  beforeAll(() => (logger.level = 'critical'));
  afterAll(() => (logger.level = 'info'));

  it.each([
    ['is none', null, 'This model has no chat template.'],
    ['is no Jinja', '{% for %}', 'The chat template cannot be used: it is not valid'],
    [
      'never ends',
      '{% for i in range(50000) %}{% for j in range(50000) %}{% endfor %}{% endfor %}',
      'more than 2 seconds',
    ],
    ['takes all memory', '{% for i in range(1000000000) %}{% endfor %}', 'takes too much memory'],
    [
      'writes without end',
      `{% for i in range(2000) %}${'x'.repeat(1000)}{% endfor %}`,
      'makes 2000000 characters of one message',
    ],
  ])('that %s is told to whoever asks', async (_, template, reason) => {
    const chat = await load(template, {}, reason.includes('seconds') ? 2_000 : 60_000);
    await expect(chat.prompt({ messages: [user('u')] }, stays)).rejects.toMatchObject({
      code: 'not_available',
      message: expect.stringContaining(reason) as string,
    });
  });

  it('ends the start where the operator named it', async () => {
    const file = join(folders.create({ 'bad.jinja': '{% for %}' }), 'bad.jinja');
    await expect(load(SHOW, { chatTemplate: file })).rejects.toThrow(
      `--chat-template ${file}: The chat template cannot be used`,
    );
  });
});

it('may refuse the conversation it is tried with', async () => {
  const log = captureLog();
  const needsSystem = "{{ raise_exception('no system') if messages[0].role != 'system' }}ok";
  const chat = await load(needsSystem);
  expect(log).toContain('The chat template refused a conversation of one message: no system');
  jest.restoreAllMocks();
  expect((await chat.prompt({ messages: [{ role: 'system', content: '' }] }, stays)).text).toBe('ok');
});
