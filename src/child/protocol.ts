import type { ModelFolders } from '../checkpoint/hub';
import type { ModelFacts } from '../core/model-facts';
import type { Endpoints } from '../ipc/endpoints';
import type { ProfileOrder } from '../profiling/process-profile';
import type { ServerArgs } from '../server-args/server-args';

/** What the launcher and a child say to each other over the fork channel. Requests never travel here. */

/** The processes that the launcher forks; also the last part of their process title, `sglang::<name>`. */
export type ChildName = 'scheduler' | 'detokenizer';

/** Everything a child works with. */
export interface ChildInit extends ModelFolders {
  readonly args: ServerArgs;
  readonly endpoints: Endpoints;
}

/**
 * From the launcher to a child: `init` once, first; `shutdown` at any time after it. `rank` counts the schedulers, from 0;
 * it is 0 for every other child.
 */
export type ChildOrder =
  | { readonly type: 'init'; readonly init: ChildInit; readonly rank: number }
  /** Close and exit with code 0, whatever is still in progress. */
  | { readonly type: 'shutdown' }
  /** Answered with `alive` by a child whose event loop turns. */
  | { readonly type: 'ask' }
  /** Both are answered with `profile`; one profile at a time. */
  | { readonly type: 'start_profile'; readonly order: ProfileOrder }
  | { readonly type: 'stop_profile' };

/** From a child to the launcher. */
export type ChildReport =
  | { readonly type: 'scheduler_ready'; readonly facts: ModelFacts }
  | { readonly type: 'detokenizer_ready' }
  | { readonly type: 'alive' }
  /** A profile was begun, or ended and written; `error` says why not. */
  | { readonly type: 'profile'; readonly error: string | null }
  /** The steps of the profile are done: it waits to be stopped. */
  | { readonly type: 'profile_over' }
  /** The child is about to exit. `expected` errors are one line for the operator; others were logged with a trace. */
  | { readonly type: 'fatal'; readonly message: string; readonly expected: boolean };
