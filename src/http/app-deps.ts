import type { ChatTemplate } from '../chat-template';
import type { ServerArgs } from '../server-args/server-args';
import type { MetricsRegistry } from '../metrics/registry';
import type { ModelFacts } from '../core/model-facts';
import type { TokenizerManager } from '../tokenizer-manager';

/** What the routes work with. */
export interface AppDeps {
  readonly args: ServerArgs;
  readonly facts: ModelFacts;
  readonly manager: TokenizerManager;
  /** null where only token ids go in and out, and where the model gives vectors. */
  readonly chat: ChatTemplate | null;
  /** null without `--enable-metrics`. */
  readonly metrics: MetricsRegistry | null;
  readonly status: ServerStatus;
}

/** Where the server stands in its life; the launcher moves it on. */
export type ServerPhase = 'starting' | 'up' | 'draining';

export class ServerStatus {
  phase: ServerPhase = 'starting';
}
