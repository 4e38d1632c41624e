import { HarmonySplitter } from './harmony';
import { BlockSplitter, type AnswerPiece, type ReasoningMarks, type ReasoningSplitter } from './splitter';

/** How the thoughts of a family of models are told from its answers. */
export interface ReasoningParser {
  /** null where the family has channels in place of marks. */
  readonly marks: ReasoningMarks | null;
  /** @param prompt what the model goes on with: it may have begun the thoughts, or ended them */
  splitter(prompt: string): ReasoningSplitter;
}

const THINK: ReasoningMarks = { start: '<think>', end: '</think>' };

/** @param implied whether the model leaves out the start, whatever the prompt says of it */
function blocks(marks: ReasoningMarks, implied: boolean): ReasoningParser {
  return { marks, splitter: (prompt) => new BlockSplitter(marks, isInside(prompt, marks, implied)) };
}

/** What the prompt begins counts for more than what a family usually does. */
function isInside(prompt: string, { start, end }: ReasoningMarks, implied: boolean): boolean {
  const tail = prompt.trimEnd();
  return tail.endsWith(start) || (implied && !tail.endsWith(end));
}

const APPENDED: ReasoningParser = { marks: null, splitter: () => new PrefixSplitter() };
const HARMONY: ReasoningParser = { marks: null, splitter: () => new HarmonySplitter() };

/** By the names of `--reasoning-parser`. */
export const REASONING_PARSERS = {
  'deepseek-r1': blocks(THINK, true),
  'deepseek-v3': blocks(THINK, false),
  glm45: blocks({ ...THINK, interrupts: ['<tool_call>'] }, false),
  'gpt-oss': HARMONY,
  interns1: blocks(THINK, false),
  kimi: blocks({ start: '◁think▷', end: '◁/think▷' }, false),
  kimi_k2: blocks({ ...THINK, interrupts: ['<|tool_calls_section_begin|>'] }, false),
  minimax: blocks(THINK, true),
  'minimax-append-think': APPENDED,
  mistral: blocks({ start: '[THINK]', end: '[/THINK]' }, false),
  nano_v3: blocks({ ...THINK, interrupts: ['<tool_call>'] }, false),
  qwen3: blocks(THINK, false),
  'qwen3-thinking': blocks(THINK, true),
  step3: blocks(THINK, true),
  step3p5: blocks(THINK, true),
} as const satisfies Readonly<Record<string, ReasoningParser>>;

export type ReasoningParserName = keyof typeof REASONING_PARSERS;

/** Whether a name is that of a parser. */
export function isReasoningParser(name: string): name is ReasoningParserName {
  return Object.hasOwn(REASONING_PARSERS, name);
}

/** Puts the start mark, which the prompt has and the model leaves out, before the answer; splits nothing. */
class PrefixSplitter implements ReasoningSplitter {
  private isFirst = true;

  push(text: string): AnswerPiece[] {
    const before = this.isFirst ? THINK.start : '';
    this.isFirst = false;
    return [{ type: 'text', text: before + text }];
  }

  finish(): AnswerPiece[] {
    return [];
  }
}

/** The parser that a chat template speaks for; null where it knows no thoughts. */
export function parserOfTemplate(template: string): ReasoningParserName | null {
  const marks: readonly (readonly [string, ReasoningParserName])[] = [
    ['<|channel|>', 'gpt-oss'],
    ['◁think▷', 'kimi'],
    ['[THINK]', 'mistral'],
    ['<|tool_calls_section_begin|>', 'kimi_k2'],
    ['[gMASK]', 'glm45'],
  ];
  const own = marks.find(([mark]) => template.includes(mark))?.[1];
  if (own !== undefined && (own !== 'glm45' || template.includes('<think>'))) return own;
  return template.includes('<think>') || template.includes('</think>') ? 'qwen3' : null;
}
