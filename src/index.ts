/** The package's public API: a server or an engine inside another program. */
export type { ChatMessage } from './chat-template';
export { RequestError, StartupError, UsageError } from './core/errors';
export type { ArgValue, EngineArgs } from './engine/args';
export { Engine, type CallOptions } from './engine/engine';
export { launchServer, type RunningServer } from './engine/launch-server';
export type {
  EncodeRequest,
  GenerateRequest,
  MemoryTags,
  OpenSessionRequest,
  ReplyTo,
  ScoreRequest,
  SessionParams,
  UpdateWeightsRequest,
} from './engine/wire';
export type { EncodeReply } from './http/native/encode';
export type { GenerateReply, Logprob } from './http/native/generate-reply';
export type { UpdateReply, Values } from './http/native/weights';
export type { SamplingParamsBody as SamplingParams } from './tokenizer-manager/sampling-params';
