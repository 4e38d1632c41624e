import type { ChatMessage, ChatTemplate } from '../../chat-template';
import { RequestError } from '../../core/errors';

/** What the template is tried with. */
const FIRST = 'Be brief (1).';
const QUESTION = 'Is it so (2)?';
const LATER = 'Be kind (3).';

/** Whether the template shows instructions where they stand in the conversation; many know only those at its beginning. */
export async function showsLateInstructions(chat: ChatTemplate, gone: AbortSignal): Promise<boolean> {
  const messages = [
    { role: 'system', content: FIRST },
    { role: 'user', content: QUESTION },
    { role: 'assistant', content: 'Yes.' },
    { role: 'system', content: LATER },
    { role: 'user', content: QUESTION },
  ];
  try {
    const { text } = await chat.prompt({ messages }, gone);
    return text.includes(FIRST) && text.indexOf(LATER) > text.indexOf(QUESTION);
  } catch (error) {
    if (error instanceof RequestError && error.code === 'bad_value') return false;
    throw error;
  }
}

/** Whether there are instructions after the first message. */
export function hasLateInstructions(messages: readonly ChatMessage[]): boolean {
  return messages.slice(1).some(isInstruction);
}

/** All instructions in one message at the beginning, in their order. */
export function withInstructionsFirst(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const texts = messages.filter(isInstruction).map(({ content }) => textOf(content));
  if (texts.length === 0) return messages;
  return [
    { role: 'system', content: texts.join('\n') },
    ...messages.filter((message) => !isInstruction(message)),
  ];
}

function isInstruction({ role }: ChatMessage): boolean {
  return role === 'system' || role === 'developer';
}

function textOf(content: ChatMessage['content']): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n');
}
