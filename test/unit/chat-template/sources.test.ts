import { Template } from '@huggingface/jinja';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { contentFormatOf } from '../../../src/chat-template/content-format';
import { BUILT_IN } from '../../../src/chat-template/built-in';
import { findTemplate, readChatTemplates } from '../../../src/chat-template/sources';
import { Folders } from '../checkpoint/folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

const NO_FLAGS = { chatTemplate: null, hfChatTemplateName: null };

it.each<[string, object, Record<string, string>, string]>([
  ['tokenizer_config.json', { chat_template: 'a' }, {}, 'a'],
  ['chat_template.jinja, which wins', { chat_template: 'a' }, { 'chat_template.jinja': 'b' }, 'b'],
  ['chat_template.jinja alone', {}, { 'chat_template.jinja': 'b' }, 'b'],
  [
    'the list of tokenizer_config.json',
    {
      chat_template: [
        { name: 'tool_use', template: 't' },
        { name: 'default', template: 'd' },
      ],
    },
    {},
    'd',
  ],
  ['the only one of a list', { chat_template: [{ name: 'chat', template: 'c' }] }, {}, 'c'],
])('is read from %s', (_, config, files, text) => {
  const dir = folders.create(files);
  expect(findTemplate(dir, config as Record<string, unknown>, NO_FLAGS)).toEqual({ text, stop: [] });
});

it('may be missing, and be ambiguous', () => {
  const dir = folders.create({});
  expect(findTemplate(dir, {}, NO_FLAGS)).toBeNull();
  const two = ['a', 'b'].map((name) => ({ name, template: name }));
  expect(findTemplate(dir, { chat_template: two }, NO_FLAGS)).toBeNull();
});

it('is chosen by name', () => {
  const dir = folders.create({ 'chat_template.jinja': 'main', 'additional_chat_templates/rag.jinja': 'rag' });
  expect(findTemplate(dir, {}, { chatTemplate: null, hfChatTemplateName: 'rag' })?.text).toBe('rag');
  expect(() => findTemplate(dir, {}, { chatTemplate: null, hfChatTemplateName: 'tool_use' })).toThrow(
    "--hf-chat-template-name: the checkpoint has no template 'tool_use': it has default, rag",
  );
});

describe('--chat-template', () => {
  const read = (chatTemplate: string) =>
    findTemplate(
      folders.create({ 'chat_template.jinja': 'own' }),
      {},
      { chatTemplate, hfChatTemplateName: null },
    );
  const file = (name: string, content: string | object) => join(folders.create({ [name]: content }), name);
  const render = (text: string, messages: object[], variables: object = {}) =>
    new Template(text).render({ messages, add_generation_prompt: true, ...variables });
  const chat = [
    { role: 'system', content: 'S' },
    { role: 'user', content: 'U' },
    { role: 'assistant', content: 'A' },
    { role: 'user', content: 'V' },
  ];

  it('names a file of Jinja', () => {
    expect(read(file('my.jinja', '\n{{ messages }}\n'))).toEqual({ text: '{{ messages }}', stop: [] });
  });

  it("names a file of SGLang's JSON", () => {
    const conversation = {
      name: 'mine',
      system: '<|im_start|>system',
      user: '<|im_start|>user',
      assistant: '<|im_start|>assistant',
      sep_style: 'CHATML',
      sep: '<|im_end|>',
      stop_str: ['<|im_end|>', '<|im_start|>'],
    };
    const source = read(file('my.json', conversation));
    expect(source?.stop).toEqual(['<|im_end|>', '<|im_start|>']);
    expect(render(source?.text ?? '', chat)).toBe(render(BUILT_IN['chatml']?.text ?? '', chat));
    const withDefault = read(file('my.json', { ...conversation, system_message: 'Be "brief".' }));
    expect(render(withDefault?.text ?? '', chat.slice(1, 2))).toBe(
      '<|im_start|>system\nBe "brief".<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(render(withDefault?.text ?? '', chat)).toBe(render(source?.text ?? '', chat));
  });

  it.each([
    ['chatm', "'chatm' is neither a .jinja or .json file nor one of chatml"],
    ['chatm', 'Did you mean chatml?'],
    ['/nowhere/a.jinja', 'cannot be read'],
    [file('a.json', '{'), 'is not JSON'],
    [file('b.json', { system: '' }), 'b.json: user'],
    [
      file('c.json', { system: '', user: '', assistant: '', sep_style: 'ODD' }),
      "sep_style 'ODD' is not known; use CHATML",
    ],
  ])('refuses %s', (value, reason) => {
    expect(() => read(value)).toThrow(reason);
  });

  it.each([
    [
      'chatml',
      '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n' +
        '<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n',
    ],
    [
      'llama-3-instruct',
      '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU' +
        '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV' +
        '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    ],
    ['llama-2', '<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]'],
    ['mistral', '<s>[INST] S\n\nU [/INST] A</s>[INST] V [/INST]'],
    [
      'gemma-it',
      '<bos><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\nV<end_of_turn>\n' +
        '<start_of_turn>model\n',
    ],
    ['vicuna_v1.1', 'S USER: U ASSISTANT:A</s>USER: V ASSISTANT:'],
    ['zephyr', '<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n<|assistant|>\n'],
    [
      'phi-3',
      '<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|assistant|>\n',
    ],
  ])('knows %s', (name, prompt) => {
    const text = read(name)?.text ?? '';
    expect(render(text, chat)).toBe(prompt);
    expect(contentFormatOf(text)).toBe('string');
  });
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

it("has the prompt of Qwen's rerankers", () => {
  const template = new Template(BUILT_IN['qwen3_reranker']?.text ?? '');
  const prompt = (instruct: string) =>
    '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. ' +
    'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n' +
    `<Instruct>: ${instruct}\n<Query>: what's it?\n<Document>: a "bear"<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n`;
  const given = { query: "what's it?", document: 'a "bear"', messages: [] };
  expect(template.render({ ...given, instruct: 'Find animals' })).toBe(prompt('Find animals'));
  expect(template.render({ ...given, instruct: null })).toBe(
    prompt('Given a web search query, retrieve relevant passages that answer the query'),
  );
});
