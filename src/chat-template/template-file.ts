import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { z } from 'zod';
import { errorMessage, StartupError } from '../core/errors';
import { suggest } from '../core/suggest';
import { BUILT_IN, templateOf, type TemplateSource } from './built-in';

/** What the JSON file of a template says: SGLang's own form, without Jinja. */
const conversationSchema = z.object({
  name: z.string().optional(),
  system: z.string(),
  system_message: z.string().optional(),
  user: z.string(),
  assistant: z.string(),
  sep_style: z.string(),
  sep: z.string().optional(),
  stop_str: z.union([z.string(), z.array(z.string())]).nullish(),
});

type ConversationFile = z.output<typeof conversationSchema>;

/** What stands between the mark of a role and its text, and after the text, by `sep_style`. */
const STYLES: Readonly<Record<string, (sep: string) => { between: string; after: string }>> = {
  CHATML: (sep) => ({ between: '\n', after: `${sep}\n` }),
  ADD_COLON_SINGLE: (sep) => ({ between: ': ', after: sep }),
  ADD_COLON_SPACE_SINGLE: (sep) => ({ between: ': ', after: sep }),
  NO_COLON_SINGLE: (sep) => ({ between: '', after: sep }),
  ADD_NEW_LINE_SINGLE: (sep) => ({ between: '\n', after: sep }),
};

/**
 * The template that `--chat-template` names: a .jinja or .json file, or one that comes with this server.
 * @throws StartupError of one line
 */
export function readTemplateFlag(value: string): TemplateSource {
  if (Object.hasOwn(BUILT_IN, value)) return BUILT_IN[value] as TemplateSource;
  const kind = extname(value);
  if (kind !== '.jinja' && kind !== '.json') {
    const names = Object.keys(BUILT_IN);
    const near = suggest(value, names);
    const hint = near === null ? '' : ` Did you mean ${near}?`;
    throw new StartupError(
      `--chat-template: '${value}' is neither a .jinja or .json file nor one of ${names.join(', ')}.${hint}`,
    );
  }
  const text = read(value);
  return kind === '.jinja' ? { text: text.replace(/^\n+|\n+$/g, ''), stop: [] } : fromJson(value, text);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartupError(`--chat-template: ${file} cannot be read: ${errorMessage(error)}`);
  }
}

function fromJson(file: string, text: string): TemplateSource {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new StartupError(`--chat-template: ${file} is not JSON: ${errorMessage(error)}`);
  }
  const parsed = conversationSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new StartupError(
      `--chat-template: ${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  return fromConversation(file, parsed.data);
}

function fromConversation(file: string, conversation: ConversationFile): TemplateSource {
  const { system, user, assistant, sep_style, sep = '\n', stop_str, system_message } = conversation;
  const style = STYLES[sep_style];
  if (style === undefined) {
    throw new StartupError(
      `--chat-template: ${file}: sep_style '${sep_style}' is not known; use ${Object.keys(STYLES).join(', ')} or a .jinja file`,
    );
  }
  const { between, after } = style(sep);
  const turn = (mark: string) => ({ before: mark + between, after });
  const source = templateOf({
    system: { before: `${system}\n`, after },
    user: turn(user),
    assistant: turn(assistant),
    stop: [stop_str ?? []].flat(),
  });
  if (system_message === undefined) return source;
  const own = JSON.stringify({ role: 'system', content: system_message });
  const text = `{%- if messages[0]['role'] != 'system' -%}{%- set messages = [${own}] + messages -%}{%- endif -%}${source.text}`;
  return { ...source, text };
}
