export { createApp } from './app';
export { ServerStatus } from './server-status';
