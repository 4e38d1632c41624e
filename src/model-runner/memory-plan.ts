import { StartupError } from '../core/errors';
import { logger } from '../logging/logger';
import type { ServerArgs } from '../server-args/server-args';
import type { MemoryBudget } from './backends/backend';
import type { KvShape } from './kv-store';

/** How many tokens and requests fit, derived once after the weights are loaded. */
export interface MemoryPlan {
  /** Tokens of the KV cache: running and cached together; a multiple of the page size. */
  readonly maxTotalNumTokens: number;
  /** KV rows. */
  readonly maxRunningRequests: number;
  /** Tokens a request can have at most: prompt and output. Also the length of a row. */
  readonly maxReqLen: number;
  readonly maxReqInputLen: number;
}

type PlanArgs = Pick<
  ServerArgs,
  'dpSize' | 'memFractionStatic' | 'maxTotalTokens' | 'maxRunningRequests' | 'pageSize'
>;

/** More cached tokens than this are reserved only on request: the books of the cache cost time and memory as well. */
const DEFAULT_TOKEN_LIMIT = 262_144;

/** Rows that are reserved without being asked for: beyond this the CPU gains no throughput from a larger batch. */
const DEFAULT_ROWS = 64;

/** Kept free of a prompt for the tokens that follow, as upstream does. */
const RESERVED_TOKENS = 5;

/**
 * The plan of one of `--dp-size` runners: all of them together take what one alone would.
 * @param budget of the runner's part of the device, once the weights are loaded
 * @throws StartupError when not even one short request fits
 */
export function planMemory(
  shape: KvShape,
  contextLen: number,
  args: PlanArgs,
  budget: MemoryBudget,
): MemoryPlan {
  const profiled = Math.min(
    Math.floor(
      (budget.cacheBytes?.() ?? budget.freeBytes() * args.memFractionStatic) / budget.tokenBytes(shape),
    ),
    budget.slotLimit(shape),
  );
  const asked = args.maxTotalTokens === null ? null : Math.floor(args.maxTotalTokens / args.dpSize);
  const wanted = asked ?? Math.min(profiled, Math.floor(DEFAULT_TOKEN_LIMIT / args.dpSize));
  if (wanted > profiled) {
    logger.log(
      'warning',
      `max_total_tokens=${wanted} is larger than the profiled value ${profiled}. Use the profiled value instead.`,
    );
  }
  if (asked !== null && asked < args.pageSize) {
    throw new StartupError(
      `--max-total-tokens leaves room for ${asked} tokens, which is less than a page: raise it, or lower --page-size (${args.pageSize}).`,
    );
  }
  const maxTotalNumTokens = Math.floor(Math.min(wanted, profiled) / args.pageSize) * args.pageSize;
  if (maxTotalNumTokens <= 0) {
    throw new StartupError(
      'Not enough memory. Please try to increase --mem-fraction-static. ' +
        `Current value: self.server_args.mem_fraction_static=${args.memFractionStatic}`,
    );
  }
  const maxReqLen = Math.min(contextLen - 1, maxTotalNumTokens - 1);
  const maxReqInputLen = maxReqLen - RESERVED_TOKENS;
  if (maxReqInputLen <= 0) {
    throw new StartupError(
      `Memory pool size is too small: it has room for ${maxTotalNumTokens} tokens, and a request needs ${RESERVED_TOKENS + 2}. ` +
        'Raise --mem-fraction-static or --max-total-tokens.',
    );
  }
  const rowLimit = Math.max(1, budget.rowLimit(shape, maxReqLen, maxTotalNumTokens));
  // Each has a page of its own, and more than one token.
  const possibleRows = Math.max(1, Math.floor(maxTotalNumTokens / Math.max(2, args.pageSize)));
  const wantedRows = args.maxRunningRequests ?? Math.min(budget.defaultRows ?? DEFAULT_ROWS, possibleRows);
  if (wantedRows > rowLimit && (args.maxRunningRequests !== null || budget.defaultRows === undefined)) {
    logger.log(
      'warning',
      `max_running_requests=${wantedRows} is lowered to ${rowLimit}: the keys and values of that many rows of ` +
        `${maxReqLen} tokens would not fit. A smaller --context-length leaves room for more.`,
    );
  }
  return { maxTotalNumTokens, maxRunningRequests: Math.min(wantedRows, rowLimit), maxReqLen, maxReqInputLen };
}
