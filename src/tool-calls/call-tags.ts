import type { ToolParserName } from './registry';

/** A call as a tag of a structural tag: fixed text around the arguments. */
export interface CallTag {
  readonly type: 'tag';
  readonly begin: string;
  readonly content: { readonly type: 'json_schema'; readonly json_schema: unknown };
  readonly end: string;
}

/** How a grammar has a model write calls in its own format. */
export interface CallTagForm {
  /** What begins a call and nothing else; null where a call may look like any other text. */
  readonly trigger: string | null;
  /** Between calls. */
  readonly separator: string;
  /** @param schema of the arguments */
  readonly tag: (name: string, schema: unknown) => CallTag;
}

const HERMES: CallTagForm = {
  trigger: '<tool_call>',
  separator: '\n',
  tag: (name, schema) => ({
    type: 'tag',
    begin: `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": `,
    content: { type: 'json_schema', json_schema: schema },
    end: '}\n</tool_call>',
  }),
};

const LLAMA3: CallTagForm = {
  trigger: null,
  separator: '; ',
  tag: (name, schema) => ({
    type: 'tag',
    begin: `{"name": ${JSON.stringify(name)}, "parameters": `,
    content: { type: 'json_schema', json_schema: schema },
    end: '}',
  }),
};

/**
 * The formats whose calls a grammar can describe. The marks of most others are special tokens, which no grammar produces; of
 * `qwen3_coder` the engine knows a form, in which no argument may contain `<`.
 */
const FORMS: Readonly<Partial<Record<ToolParserName, CallTagForm>>> = {
  hermes: HERMES,
  qwen: HERMES,
  qwen25: HERMES,
  llama3: LLAMA3,
};

export function callTagForm(parser: ToolParserName | null): CallTagForm | null {
  return (parser && FORMS[parser]) ?? null;
}
