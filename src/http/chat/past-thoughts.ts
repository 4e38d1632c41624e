import type { ChatMessage } from '../../chat-template';
import type { ReasoningMarks } from '../../reasoning/splitter';

/** How the model reads what it thought in earlier turns. */
export interface PastThoughts {
  /** Whether its template has a place for thoughts (`reasoning_content`). */
  readonly hasPlace: boolean;
  /** What stands around thoughts in the text; null where nobody said. */
  readonly marks: ReasoningMarks | null;
}

/** What the assistant did in one turn. */
export interface AssistantTurn {
  readonly text: string;
  readonly thought: string;
  /** As `tool_calls` has them. */
  readonly calls: readonly object[];
}

/**
 * A turn of the assistant's as a message, with its thought where the model looks for it; one that it could not tell from text is
 * left out.
 */
export function assistantMessage(
  { text, thought, calls }: AssistantTurn,
  { hasPlace, marks }: PastThoughts,
): ChatMessage {
  const isInline = thought !== '' && !hasPlace && marks !== null;
  return {
    role: 'assistant',
    content: isInline ? `${marks.start}${thought}${marks.end}${text}` : text,
    ...(thought !== '' && hasPlace && { reasoning_content: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
