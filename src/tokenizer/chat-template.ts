import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Turns a conversation into the prompt for its next answer. */
export type ChatTemplate = (messages: readonly ChatMessage[]) => string;

/** The chat template of the tokenizer in `folder`. @throws Error when it has none */
export async function loadChatTemplate(folder: string): Promise<ChatTemplate> {
  const { PreTrainedTokenizer } = await import('@huggingface/transformers');
  const read = (name: string) =>
    JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
  const tokenizer = new PreTrainedTokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  return (messages) => {
    const options = { tokenize: false, add_generation_prompt: true } as const;
    return String(tokenizer.apply_chat_template([...messages], options));
  };
}
