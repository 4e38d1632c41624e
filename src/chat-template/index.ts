export { ChatTemplate, type ChatPrompt } from './chat-template';
export type { ChatMessage } from './conversation';
