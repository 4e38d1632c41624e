export { usageErrorText } from './command';
export { readMachine, type Machine } from './machine';
export { parseCommandLine, type CommandLine, type ParsedFlags } from './parse';
export { formatServerArgs, toPublicArgs } from './public-args';
export { resolveServerArgs, type ResolvedServerArgs } from './resolve';
export type { ServerArgs } from './server-args';
