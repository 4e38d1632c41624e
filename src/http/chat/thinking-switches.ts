import type { ChatTemplate } from '../../chat-template';

/** Templates have several words for whether the model is to think. */
export const THINKING_SWITCHES = ['enable_thinking', 'thinking'];

/** Whether the model can be told to think, or not to. */
export function switchesThinking(chat: ChatTemplate): boolean {
  return THINKING_SWITCHES.some((name) => chat.reads(name));
}
