export { createApp, type AppDeps } from './app';
export { ServerStatus, type ServerPhase } from './server-status';
