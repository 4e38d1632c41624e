export { ChatTemplate } from './chat-template';
export type { ChatMessage } from './conversation';
