export { createApp } from './app';
export type { AppDeps } from './app-deps';
export { ServerStatus, type ServerPhase } from './server-status';
