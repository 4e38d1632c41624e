import { env, type EnvSource } from '../../core/env';
import { StartupError } from '../../core/errors';
import { logger } from '../../logging/logger';
import type { ModelConfig } from './model-config';

/**
 * Tokens of prompt and output together that a request may have.
 * @param requested of --context-length; null takes the model's own
 * @param source of `SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN`, which allows more than the model was made for, with a
 *   warning
 * @throws StartupError when more is requested and not allowed
 */
export function deriveContextLen(
  config: Pick<ModelConfig, 'contextLen'>,
  requested: number | null,
  source?: EnvSource,
): number {
  if (requested === null || requested <= config.contextLen) return requested ?? config.contextLen;
  const message =
    `User-specified context_length (${requested}) is greater than the derived context_length ` +
    `(${config.contextLen}). The model was not made for positions beyond it, so its output there may be wrong.`;
  if (!env('SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN', source)) {
    throw new StartupError(
      `${message} To allow overriding this maximum, set the env var SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN=1`,
    );
  }
  logger.log('warning', message);
  return requested;
}
