import fc from 'fast-check';
import {
  parserOfTemplate,
  REASONING_PARSERS,
  type ReasoningParserName,
} from '../../../src/reasoning/parsers';
import type { AnswerPiece } from '../../../src/reasoning/splitter';

type Split = readonly [reasoning: string, text: string];

/** What the pieces of a text add up to, however it was cut. */
function split(name: ReasoningParserName, chunks: readonly string[], prompt = ''): Split {
  const splitter = REASONING_PARSERS[name].splitter(prompt);
  const pieces = [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.finish()];
  const of = (type: AnswerPiece['type']) =>
    pieces.map((piece) => (piece.type === type ? piece.text : '')).join('');
  return [of('reasoning'), of('text')];
}

const OPEN = '<|im_start|>assistant\n<think>\n';
const CLOSED = '<|im_start|>assistant\n<think>\n\n</think>\n\n';

describe.each<[ReasoningParserName, string, string, Split]>([
  ['qwen3', '', '<think>\nhm\n</think>\n\nYes', ['\nhm\n', '\n\nYes']],
  ['qwen3', '', '\n<think>hm</think>Yes', ['hm', 'Yes']],
  ['qwen3', '', 'Yes', ['', 'Yes']],
  ['qwen3', '', 'Use <think> for that', ['', 'Use <think> for that']],
  ['qwen3', OPEN, 'hm\n</think>Yes', ['hm\n', 'Yes']],
  ['qwen3', OPEN, '<think>\nhm</think>Yes', ['\nhm', 'Yes']],
  ['qwen3', CLOSED, 'Yes', ['', 'Yes']],
  ['qwen3', '', '<think>never ends </thin', ['never ends </thin', '']],
  ['qwen3', '', '<think></think>Yes', ['', 'Yes']],
  ['qwen3', '', '<thinking', ['', '<thinking']],
  ['qwen3', '', '<thi', ['', '<thi']],
  ['qwen3', '', 'a</think>b', ['', 'a</think>b']],
  ['deepseek-r1', '', 'hm</think>Yes', ['hm', 'Yes']],
  ['deepseek-r1', '', '<think>hm</think>Yes</think>', ['hm', 'Yes</think>']],
  ['deepseek-r1', CLOSED, 'Yes', ['', 'Yes']],
  ['deepseek-v3', '', 'Yes', ['', 'Yes']],
  ['kimi', '', '◁think▷hm◁/think▷Yes', ['hm', 'Yes']],
  ['kimi_k2', OPEN, 'hm<|tool_calls_section_begin|>x', ['hm', '<|tool_calls_section_begin|>x']],
  ['glm45', '', '<think>hm<tool_call>f</tool_call>', ['hm', '<tool_call>f</tool_call>']],
  ['mistral', '', '[THINK]hm[/THINK]Yes', ['hm', 'Yes']],
  ['minimax-append-think', '', 'hm</think>Yes', ['', '<think>hm</think>Yes']],
  [
    'gpt-oss',
    '',
    '<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>',
    ['hm', 'Yes'],
  ],
  ['gpt-oss', '', '<|channel|>final<|message|>Yes', ['', 'Yes']],
  ['gpt-oss', '', 'plain', ['', 'plain']],
  [
    'gpt-oss',
    '',
    '<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>',
    ['hm', '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>'],
  ],
])('%s after %j: %j', (name, prompt, text, expected) => {
  it('is split', () => {
    expect(split(name, [text], prompt)).toEqual(expected);
  });

  it('is split the same in single characters', () => {
    expect(split(name, [...text], prompt)).toEqual(expected);
  });
});

it('any cut of any text gives the same', () => {
  const word = fc.constantFrom(
    '<think>',
    '</think>',
    '<thi',
    'nk>',
    ' ',
    '\n',
    'word',
    '<',
    '</',
    '<tool_call>',
    '◁think▷',
    '◁/think▷',
    '<|channel|>',
    'analysis',
    'final',
    '<|message|>',
    '<|end|>',
    '<|start|>assistant',
  );
  const names = Object.keys(REASONING_PARSERS) as ReasoningParserName[];
  const texts = fc.array(word, { maxLength: 12 }).map((words) => words.join(''));
  const cuts = fc.array(fc.nat(80), { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.constantFrom('', OPEN, CLOSED),
      texts,
      cuts,
      (name, prompt, text, at) => {
        const bounds = [0, ...at.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const chunks = bounds.slice(1).map((end, i) => text.slice(bounds[i], end));
        expect(split(name, chunks, prompt)).toEqual(split(name, [text], prompt));
      },
    ),
    { numRuns: 5000 },
  );
});

it('loses nothing but the marks', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (thought, answer) => {
      fc.pre(!thought.includes('</think>') && !`${thought}</think>`.slice(0, -1).includes('</think>'));
      expect(split('qwen3', [`<think>${thought}</think>${answer}`])).toEqual([thought, answer]);
    }),
  );
});

it('takes linear time for marks that never end', () => {
  const splitter = REASONING_PARSERS.qwen3.splitter(OPEN);
  const started = performance.now();
  for (let i = 0; i < 100_000; i++) splitter.push('</thin');
  splitter.finish();
  expect(performance.now() - started).toBeLessThan(5_000);
});

it.each([
  ['{{ "<think>" }}', 'qwen3'],
  ['[gMASK]<sop> <think>', 'glm45'],
  ['<|channel|>final', 'gpt-oss'],
  ['◁think▷', 'kimi'],
  ['<|im_start|>', null],
])('a template with %j speaks for %s', (template, name) => {
  expect(parserOfTemplate(template)).toBe(name);
});
