import type { ChatTemplate } from '../chat-template';
import type { ServerArgs } from '../server-args/server-args';
import type { MetricsRegistry } from '../metrics/registry';
import type { ModelCard } from '../core/model-card';
import type { ModelFacts } from '../core/model-facts';
import type { TokenizerManager } from '../tokenizer-manager';

/** What the routes work with. */
export interface AppDeps {
  readonly args: ServerArgs;
  readonly facts: ModelFacts;
  /** Of what is served now. */
  readonly card: () => ModelCard;
  readonly manager: TokenizerManager;
  /** null where only token ids go in and out, and where the model gives vectors. */
  readonly chat: ChatTemplate | null;
  /** The text of the chat template, also where it serves nobody because the model gives vectors; null where there is none. */
  readonly templateText?: string | null;
  /** null without `--enable-metrics`. */
  readonly metrics: MetricsRegistry | null;
  readonly profiler: ProfileControl;
  readonly status: ServerStatus;
}

/** What is to be profiled. */
export interface ProfileOptions {
  /** Where the folder of the profile is made; null where the environment says (`SGLANG_TORCH_PROFILER_DIR`). */
  readonly outputDir: string | null;
  /** First part of the folder's name. */
  readonly prefix: string | null;
  /** Runs of the model after which it ends by itself; null where it is to be stopped. */
  readonly steps: number | null;
}

/** Profiles of the whole server, one at a time. */
export interface ProfileControl {
  /** @throws RequestError when one is in progress, or the folder cannot be written */
  start(options: ProfileOptions): Promise<void>;
  /**
   * @returns the folder, once all files are written
   * @throws RequestError when none is in progress
   */
  stop(): Promise<string>;
}

/** Where the server stands in its life; the launcher moves it on. */
export type ServerPhase = 'starting' | 'up' | 'draining';

export class ServerStatus {
  phase: ServerPhase = 'starting';
}
