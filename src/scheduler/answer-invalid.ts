import type { SchedulerMsg, TokenizerManagerMsg } from '../ipc/messages';
import type { InvalidMessage } from '../ipc/receive';
import { logger } from '../logging/logger';

/**
 * Answers whoever waits because of a message that could not be read: requests it speaks of end, here and at their
 * client, and a call gets an error.
 * @param receive the scheduler's inbox
 * @param answer to the TokenizerManager
 */
export function answerInvalid(
  { reason, requests, callId }: InvalidMessage,
  receive: (message: SchedulerMsg) => void,
  answer: (message: TokenizerManagerMsg) => void,
): void {
  logger.error(`Dropped a message: ${reason}`);
  const message = `The request could not be read: ${reason}`;
  for (const { rid } of requests) {
    receive({ type: 'abort', rid });
    answer({ type: 'failed', rid, message });
  }
  if (callId !== null) answer({ type: 'control_reply', callId, result: { of: 'error', message } });
}
