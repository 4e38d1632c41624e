import { StartupError } from '../core/errors';
import { readChatTemplates, readTokenizerFiles } from './tokenizer-files';

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Turns a conversation into the prompt for its next answer. */
export type ChatTemplate = (messages: readonly ChatMessage[]) => string;

/** The chat template of the tokenizer in `folder`. @throws StartupError when it has none */
export async function loadChatTemplate(folder: string): Promise<ChatTemplate> {
  const { definition, config } = readTokenizerFiles(folder);
  const templates = readChatTemplates(folder, config);
  const template = templates['default'];
  if (template === undefined) throw new StartupError(`${folder}: the checkpoint has no chat template`);
  const { PreTrainedTokenizer } = await import('@huggingface/transformers');
  const tokenizer = new PreTrainedTokenizer(definition, { ...config, chat_template: template });
  return (messages) => {
    const options = { tokenize: false, add_generation_prompt: true } as const;
    return String(tokenizer.apply_chat_template([...messages], options));
  };
}
