import type { ServerArgs } from '../server-args/server-args';
import type { ModelFacts } from '../core/model-facts';
import type { TokenizerManager } from '../tokenizer-manager';
import type { ServerStatus } from './server-status';

/** What the routes work with. */
export interface AppDeps {
  readonly args: ServerArgs;
  readonly facts: ModelFacts;
  readonly manager: TokenizerManager;
  readonly status: ServerStatus;
}
