export { ChatTemplate, templateText, type ChatPrompt } from './chat-template';
export type { ChatMessage, ChatTool, Conversation } from './conversation';
