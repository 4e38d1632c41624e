import type { ThoughtPhase } from '../core/thinking';
import { HarmonySplitter } from './harmony';
import { BlockSplitter, type AnswerPiece, type ReasoningMarks, type ReasoningSplitter } from './splitter';

/** What stands around thoughts, as the model writes it. */
export interface Thoughts extends ReasoningMarks {
  /** Texts of which each ends thoughts as well. */
  readonly otherEnds?: readonly string[];
}

/** How the thoughts of a family of models are told from its answers. */
export interface ReasoningParser {
  readonly thoughts: Thoughts;
  /** Where an answer stands before its first token. @param prompt what the model goes on with */
  phaseAfter(prompt: string): ThoughtPhase;
  /**
   * @param prompt what the model goes on with: it may have begun the thoughts, or ended them
   * @param isGrammarAfter whether a grammar holds the answer, which then begins with the end of the thoughts and nowhere else
   */
  splitter(prompt: string, isGrammarAfter?: boolean): ReasoningSplitter;
}

const THINK: ReasoningMarks = { start: '<think>', end: '</think>' };

/** @param implied whether the model leaves out the start, whatever the prompt says of it */
function blocks(marks: ReasoningMarks, implied: boolean): ReasoningParser {
  const phaseAfter = (prompt: string) => phaseOf(prompt, marks, implied);
  return {
    thoughts: marks,
    phaseAfter,
    splitter: (prompt, isGrammarAfter = false) => {
      const { start, end } = marks;
      return new BlockSplitter(isGrammarAfter ? { start, end } : marks, phaseAfter(prompt) === 'inside');
    },
  };
}

/** What the prompt begins counts for more than what a family usually does. */
function phaseOf(prompt: string, { start, end }: ReasoningMarks, implied: boolean): ThoughtPhase {
  const tail = prompt.trimEnd();
  if (tail.endsWith(start)) return 'inside';
  if (tail.endsWith(end)) return 'after';
  return implied ? 'inside' : 'before';
}

const APPENDED: ReasoningParser = {
  thoughts: THINK,
  phaseAfter: (prompt) => phaseOf(prompt, THINK, true),
  splitter: () => new PrefixSplitter(),
};
const ANSWER = '<|channel|>final<|message|>';
const HARMONY: ReasoningParser = {
  thoughts: {
    start: '<|channel|>analysis<|message|>',
    end: `<|end|><|start|>assistant${ANSWER}`,
    otherEnds: [ANSWER, '<|channel|>final <|constrain|>json<|message|>'],
  },
  phaseAfter(prompt) {
    if (prompt.endsWith(this.thoughts.start)) return 'inside';
    return prompt.endsWith(ANSWER) ? 'after' : 'before';
  },
  splitter: () => new HarmonySplitter(),
};

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
