/** A template with the texts that end an answer besides the tokenizer's own end of sequence. */
export interface TemplateSource {
  /** Jinja. */
  readonly text: string;
  readonly stop: readonly string[];
}

/** How a format writes a turn: what stands before and after it. */
interface Turn {
  readonly before: string;
  readonly after: string;
}

/** A format in which each turn stands between marks of its role. */
export interface TurnFormat {
  /** Before everything, such as a token that begins the sequence. */
  readonly start?: string;
  readonly system: Turn;
  readonly user: Turn;
  readonly assistant: Turn;
  readonly stop: readonly string[];
}

/** Roles that no format has marks for are written as the user's. */
export function templateOf({ start = '', system, user, assistant, stop }: TurnFormat): TemplateSource {
  const turn = ({ before, after }: Turn) => `${literal(before)}{{ message['content'] }}${literal(after)}`;
  const text =
    literal(start) +
    '{%- for message in messages -%}' +
    `{%- if message['role'] == 'system' -%}${turn(system)}` +
    `{%- elif message['role'] == 'assistant' -%}${turn(assistant)}` +
    `{%- else -%}${turn(user)}{%- endif -%}` +
    '{%- endfor -%}' +
    `{%- if add_generation_prompt -%}${literal(assistant.before)}{%- endif -%}`;
  return { text, stop };
}

/** Text as an expression of Jinja, whatever is in it. */
function literal(text: string): string {
  return text === '' ? '' : `{{ ${JSON.stringify(text)} }}`;
}

const LLAMA_3_HEADER = (role: string): Turn => ({
  before: `<|start_header_id|>${role}<|end_header_id|>\n\n`,
  after: '<|eot_id|>',
});
const CHATML = (role: string): Turn => ({ before: `<|im_start|>${role}\n`, after: '<|im_end|>\n' });

const CHATML_FORMAT: TurnFormat = {
  system: CHATML('system'),
  user: CHATML('user'),
  assistant: CHATML('assistant'),
  stop: ['<|im_end|>'],
};

const LLAMA_3_FORMAT: TurnFormat = {
  start: '<|begin_of_text|>',
  system: LLAMA_3_HEADER('system'),
  user: LLAMA_3_HEADER('user'),
  assistant: LLAMA_3_HEADER('assistant'),
  stop: ['<|eot_id|>'],
};

const FORMATS: Readonly<Record<string, TurnFormat>> = {
  chatml: CHATML_FORMAT,
  'llama-3-instruct': LLAMA_3_FORMAT,
  llama_3: LLAMA_3_FORMAT,
  'vicuna_v1.1': {
    system: { before: '', after: ' ' },
    user: { before: 'USER: ', after: ' ' },
    assistant: { before: 'ASSISTANT:', after: '</s>' },
    stop: ['</s>', 'USER:'],
  },
  zephyr: {
    system: { before: '<|system|>\n', after: '</s>\n' },
    user: { before: '<|user|>\n', after: '</s>\n' },
    assistant: { before: '<|assistant|>\n', after: '</s>\n' },
    stop: ['</s>'],
  },
  'phi-3': {
    system: { before: '<|system|>\n', after: '<|end|>\n' },
    user: { before: '<|user|>\n', after: '<|end|>\n' },
    assistant: { before: '<|assistant|>\n', after: '<|end|>\n' },
    stop: ['<|end|>'],
  },
};

/** Formats in which the system's text goes into the first turn of the user. */
const FOLDED: Readonly<Record<string, TemplateSource>> = {
  'llama-2': {
    text:
      "{%- if messages[0]['role'] == 'system' -%}" +
      "{%- set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}{%- set turns = messages[1:] -%}" +
      "{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}" +
      '{%- for message in turns -%}' +
      "{%- if message['role'] == 'assistant' -%}{{ ' ' + message['content'] + ' </s>' }}" +
      "{%- else -%}{{ '<s>[INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}{%- endif -%}" +
      '{%- endfor -%}',
    stop: ['</s>'],
  },
  mistral: {
    text:
      "{%- if messages[0]['role'] == 'system' -%}" +
      "{%- set system = messages[0]['content'] + '\\n\\n' -%}{%- set turns = messages[1:] -%}" +
      "{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}" +
      "{{ '<s>' }}" +
      '{%- for message in turns -%}' +
      "{%- if message['role'] == 'assistant' -%}{{ ' ' + message['content'] + '</s>' }}" +
      "{%- else -%}{{ '[INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}{%- endif -%}" +
      '{%- endfor -%}',
    stop: ['</s>'],
  },
  'gemma-it': {
    text:
      "{%- if messages[0]['role'] == 'system' -%}" +
      "{%- set system = messages[0]['content'] + '\\n\\n' -%}{%- set turns = messages[1:] -%}" +
      "{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}" +
      "{{ '<bos>' }}" +
      '{%- for message in turns -%}' +
      "{%- set role = 'model' if message['role'] == 'assistant' else 'user' -%}" +
      "{{ '<start_of_turn>' + role + '\\n' + (system if loop.first else '') + message['content'] + '<end_of_turn>\\n' }}" +
      '{%- endfor -%}' +
      "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}",
    stop: ['<end_of_turn>'],
  },
};

/** The prompt of Qwen's rerankers, which is filled with a query and a document in place of a conversation. */
const QWEN3_RERANKER: TemplateSource = {
  text:
    "{{ '<|im_start|>system\\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. " +
    'Note that the answer can only be "yes" or "no".<|im_end|>\\n<|im_start|>user\\n\' }}' +
    "{{ '<Instruct>: ' + (instruct or 'Given a web search query, retrieve relevant passages that answer the query') }}" +
    "{{ '\\n<Query>: ' + (query or '') + '\\n<Document>: ' + (document or '') }}" +
    "{{ '<|im_end|>\\n<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' }}",
  stop: ['<|im_end|>'],
};

/** Templates that --chat-template knows by name. */
export const BUILT_IN: Readonly<Record<string, TemplateSource>> = {
  ...Object.fromEntries(Object.entries(FORMATS).map(([name, format]) => [name, templateOf(format)])),
  ...FOLDED,
  qwen3_reranker: QWEN3_RERANKER,
};
