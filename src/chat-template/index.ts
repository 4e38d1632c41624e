export { ChatTemplate, type ChatPrompt } from './chat-template';
export type { ChatMessage, ChatTool, Conversation } from './conversation';
