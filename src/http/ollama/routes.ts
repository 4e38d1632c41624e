import type { AppDeps } from '../app-deps';
import type { ChatService } from '../chat/chat-service';
import type { RouteSpec } from '../route';
import { chatRoutes } from './chat';
import { embedRoutes } from './embed';
import { generateRoutes } from './generate';
import { managementRoutes } from './management';
import { modelRoutes } from './models';

/** Ollama's API. */
export function ollamaRoutes(deps: AppDeps, chats: ChatService): RouteSpec[] {
  return [
    ...chatRoutes(deps, chats),
    ...generateRoutes(deps, chats),
    ...embedRoutes(deps),
    ...modelRoutes(deps),
    ...managementRoutes(deps),
  ];
}
