import type { ModelFolders } from '../checkpoint/hub';
import type { ModelFacts } from '../core/model-facts';
import type { Endpoints } from '../ipc/endpoints';
import type { ServerArgs } from '../server-args/server-args';

/** What the launcher and a child say to each other over the fork channel. Requests never travel here. */

/** The processes that the launcher forks; also the last part of their process title, `sglang::<name>`. */
export type ChildName = 'scheduler' | 'detokenizer';

/** Everything a child works with. */
export interface ChildInit extends ModelFolders {
  readonly args: ServerArgs;
  readonly endpoints: Endpoints;
}

/** From the launcher to a child: `init` once, first; `shutdown` at any time after it. */
export type ChildOrder =
  | { readonly type: 'init'; readonly init: ChildInit }
  /** Close and exit with code 0, whatever is still in progress. */
  | { readonly type: 'shutdown' }
  /** Answered with `alive` by a child whose event loop turns. */
  | { readonly type: 'ask' };

/** From a child to the launcher. */
export type ChildReport =
  | { readonly type: 'scheduler_ready'; readonly facts: ModelFacts }
  | { readonly type: 'detokenizer_ready' }
  | { readonly type: 'alive' }
  /** The child is about to exit. `expected` errors are one line for the operator; others were logged with a trace. */
  | { readonly type: 'fatal'; readonly message: string; readonly expected: boolean };
