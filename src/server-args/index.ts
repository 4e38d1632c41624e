export { usageErrorText } from './command';
export { readMachine } from './machine';
export { parseCommandLine } from './parse';
export { formatServerArgs, toPublicArgs } from './public-args';
export { resolveServerArgs } from './resolve';
export type { ServerArgs } from './server-args';
