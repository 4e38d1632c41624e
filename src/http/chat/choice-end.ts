import { assertNever } from '../../core/errors';
import type { FinishReason } from '../../core/request';

/** How a choice ended; nothing but nulls while it grows. */
export interface ChoiceEnd {
  readonly finish_reason: 'stop' | 'length' | 'tool_calls' | 'abort' | null;
  /** The stop string, or the token that ended the answer. */
  readonly matched_stop: number | string | null;
}

export function endOf(finish: FinishReason | null): ChoiceEnd {
  if (finish === null) return { finish_reason: null, matched_stop: null };
  switch (finish.type) {
    case 'stop':
      return { finish_reason: 'stop', matched_stop: finish.matched };
    case 'length':
    case 'abort':
      return { finish_reason: finish.type, matched_stop: null };
    default:
      return assertNever(finish);
  }
}
