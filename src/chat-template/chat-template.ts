import { RequestError, StartupError } from '../core/errors';
import { logger } from '../logging/logger';
import { readTokenizerFiles } from '../tokenizer/tokenizer-files';
import type { AsyncTokenizer } from '../tokenizer/tokenizer-pool';
import { contentFormatOf } from './content-format';
import { prepareMessages, type ChatTool, type Conversation, type MessageForm } from './conversation';
import { dryRender, type DryRender } from './dry-render';
import { findTemplate, type TemplateFlags } from './sources';

/** Variables that a template is given by the server alone. */
const RESERVED: ReadonlySet<string> = new Set([
  'messages',
  'tools',
  'add_generation_prompt',
  'chat_template',
  'tokenize',
  'padding',
  'truncation',
  'max_length',
  'return_tensor',
  'return_dict',
  'tokenizer_kwargs',
]);

export interface TemplateArgs extends TemplateFlags {
  /** `--default-chat-template-kwargs` */
  readonly defaultChatTemplateKwargs: Readonly<Record<string, unknown>> | null;
}

/** A conversation as the model reads it. */
export interface ChatPrompt {
  /** Holds all special tokens: none may be added when it is tokenized. */
  readonly text: string;
  /** The end of it that is part of the answer already (`continueFinalMessage`). */
  readonly begun: string;
  /** Texts that end the answer, besides those that the request names. */
  readonly stop: readonly string[];
}

/** `dryRender`, or what stands for it. */
type TryOut = (template: string, variables: Readonly<Record<string, unknown>>) => Promise<DryRender>;

interface Usable extends MessageForm {
  readonly text: string;
  readonly stop: readonly string[];
}

/** Turns conversations into prompts by the template of the checkpoint or of the operator. */
export class ChatTemplate {
  private constructor(
    /** The template, or in words why there is none. */
    private readonly template: Usable | string,
    private readonly tokenizer: AsyncTokenizer,
    private readonly defaults: Readonly<Record<string, unknown>>,
  ) {}

  /**
   * Reads the template and tries it once. A checkpoint's template that is missing or cannot be used is no error here: whoever
   * asks for a prompt is told.
   * @param dir folder of the tokenizer
   * @throws StartupError of one line when the flags name a template that cannot be used
   */
  static async load(
    dir: string,
    args: TemplateArgs,
    tokenizer: AsyncTokenizer,
    tryOut: TryOut = dryRender,
  ): Promise<ChatTemplate> {
    const template = await readUsable(dir, args, tryOut);
    return new ChatTemplate(template, tokenizer, args.defaultChatTemplateKwargs ?? {});
  }

  /** The template itself; null where there is none. */
  get source(): string | null {
    return typeof this.template === 'string' ? null : this.template.text;
  }

  /** Whether the template looks at a variable of this name. */
  reads(variable: string): boolean {
    return new RegExp(`\\b${variable}\\b`).test(this.source ?? '');
  }

  /**
   * The prompt for the next answer.
   * @param gone the work is dropped when it fires
   * @throws RequestError `not_available` where there is no template, `bad_value` when it refuses the conversation
   */
  async prompt(conversation: Conversation, gone: AbortSignal): Promise<ChatPrompt> {
    const { template } = this;
    if (typeof template === 'string') throw new RequestError('not_available', template, 'messages');
    const { messages, prefix } = prepareMessages(conversation, template);
    const variables = { ...this.defaults, ...checkVariables(conversation.variables ?? {}) };
    const given = { ...variables, messages, add_generation_prompt: true };
    const rendered = await this.withTools(conversation.tools ?? [], (tools) =>
      this.tokenizer.renderChat(template.text, { ...given, tools }, gone),
    );
    return { text: rendered + prefix, begun: prefix, stop: template.stop };
  }

  /**
   * What the template makes of variables alone, where it is not for conversations.
   * @throws RequestError as `prompt`
   */
  async fill(variables: Readonly<Record<string, unknown>>, gone: AbortSignal): Promise<string> {
    const { template, defaults } = this;
    if (typeof template === 'string') throw new RequestError('not_available', template);
    const given = { ...defaults, ...variables, messages: [], tools: null, add_generation_prompt: true };
    return this.tokenizer.renderChat(template.text, given, gone);
  }

  /** Some templates take the functions themselves, without what says that they are functions. */
  private async withTools(
    tools: readonly ChatTool[],
    render: (tools: readonly object[] | null) => Promise<string>,
  ): Promise<string> {
    if (tools.length === 0) return render(null);
    try {
      return await render(tools);
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== 'bad_value') throw error;
      return render(tools.map((tool) => tool.function));
    }
  }
}

/** Their names must not be those that the rendering itself uses, nor those of special tokens. */
function checkVariables(variables: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const name = Object.keys(variables).find((key) => RESERVED.has(key) || key.endsWith('_token'));
  if (name === undefined) return variables;
  throw new RequestError(
    'bad_value',
    `chat_template_kwargs must not contain ${name.slice(0, 64)}.`,
    'chat_template_kwargs',
  );
}

/** The text of the template that `load` would read; null where there is none, or none that can be read. */
export function templateText(dir: string, flags: TemplateFlags): string | null {
  try {
    return findTemplate(dir, readTokenizerFiles(dir).config, flags)?.text ?? null;
  } catch (error) {
    if (error instanceof StartupError) return null;
    throw error;
  }
}

async function readUsable(dir: string, args: TemplateArgs, tryOut: TryOut): Promise<Usable | string> {
  const { config } = readTokenizerFiles(dir);
  const source = findTemplate(dir, config, args);
  if (source === null) {
    return 'This model has no chat template. Start the server with --chat-template, or use /v1/completions.';
  }
  const fault = await faultOf(source.text, config, tryOut);
  if (fault === null) {
    const knowsDeveloper = source.text.includes('developer');
    return { ...source, format: contentFormatOf(source.text), knowsDeveloper };
  }
  const message = `The chat template cannot be used: ${fault}.`;
  if (args.chatTemplate !== null) throw new StartupError(`--chat-template ${args.chatTemplate}: ${message}`);
  logger.log('warning', `${message} Chat requests are refused.`);
  return message;
}

/** What makes a template unusable; null for one that can be used. */
async function faultOf(
  template: string,
  config: Readonly<Record<string, unknown>>,
  tryOut: TryOut,
): Promise<string | null> {
  const tokens = Object.entries(config).filter(
    ([key, value]) => key.endsWith('_token') && typeof value === 'string',
  );
  const result = await tryOut(template, {
    ...Object.fromEntries(tokens),
    messages: [{ role: 'user', content: 'Hello' }],
    tools: null,
    documents: null,
    add_generation_prompt: true,
  });
  if (result.outcome === 'refused') {
    logger.log('warning', `The chat template refused a conversation of one message: ${result.message}`);
  }
  return result.outcome === 'unusable' ? result.message : null;
}
