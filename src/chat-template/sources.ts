import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf } from '../checkpoint/gguf/locate';
import { readModelText } from '../checkpoint/model-files';
import { StartupError } from '../core/errors';
import type { TemplateSource } from './built-in';
import { readTemplateFlag } from './template-file';

const MAX_TEMPLATE_BYTES = 2 ** 20;
const NAMED_TEMPLATES = 'additional_chat_templates';
/** The name of the template that is taken where none is asked for. */
const DEFAULT = 'default';

/** What the operator says of the template. */
export interface TemplateFlags {
  /** `--chat-template` */
  readonly chatTemplate: string | null;
  /** `--hf-chat-template-name` */
  readonly hfChatTemplateName: string | null;
}

/**
 * The template that a server renders conversations with: the operator's, else the checkpoint's.
 * @param place folder of the tokenizer, or its GGUF file
 * @param config its tokenizer_config.json
 * @returns null where there is none
 * @throws StartupError of one line when the flags name what is not there
 */
export function findTemplate(
  place: string,
  config: Readonly<Record<string, unknown>>,
  { chatTemplate, hfChatTemplateName }: TemplateFlags,
): TemplateSource | null {
  if (chatTemplate !== null) return readTemplateFlag(chatTemplate);
  const templates = readChatTemplates(folderOf(place), config);
  const names = Object.keys(templates);
  const name = hfChatTemplateName ?? (names.length === 1 ? (names[0] ?? DEFAULT) : DEFAULT);
  const text = templates[name];
  if (text !== undefined) return { text, stop: [] };
  if (hfChatTemplateName === null) return null;
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  throw new StartupError(`--hf-chat-template-name: the checkpoint has no template '${name}': ${known}`);
}

/**
 * The chat templates of a folder by their names: `chat_template.jinja` wins over the one in tokenizer_config.json, and named
 * ones may lie in a folder of their own. Empty where there is none.
 * @throws StartupError in one line that names the file
 */
export function readChatTemplates(
  dir: string,
  config: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const inConfig = config['chat_template'];
  const listed = Array.isArray(inConfig) ? inConfig.filter(isNamed) : [];
  const templates = Object.fromEntries(listed.map(({ name, template }) => [name, template]));
  const own = readModelText(dir, 'chat_template.jinja', MAX_TEMPLATE_BYTES);
  const fallback = typeof inConfig === 'string' ? inConfig : null;
  const main = own ?? fallback;
  if (main !== null) templates['default'] = main;
  for (const name of namedTemplates(dir)) {
    const text = readModelText(dir, `${NAMED_TEMPLATES}/${name}.jinja`, MAX_TEMPLATE_BYTES);
    if (text !== null) templates[name] = text;
  }
  return templates;
}

function isNamed(entry: unknown): entry is { readonly name: string; readonly template: string } {
  const { name, template } = (entry ?? {}) as Record<string, unknown>;
  return typeof name === 'string' && typeof template === 'string';
}

function namedTemplates(dir: string): string[] {
  try {
    const names = readdirSync(join(dir, NAMED_TEMPLATES));
    return names.filter((name) => name.endsWith('.jinja')).map((name) => name.slice(0, -'.jinja'.length));
  } catch {
    return [];
  }
}
