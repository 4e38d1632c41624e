import Ajv from 'ajv/dist/2020';
import { join } from 'node:path';
import type { CompiledGrammar } from '../../../src/constrained/grammar-backend';
import { readGrammar } from '../../../src/constrained/read-grammar';
import { tokenTexts } from '../../../src/constrained/token-texts';
import { readVocabulary, type Vocabulary } from '../../../src/constrained/vocabulary';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';
import type { GrammarMatcher } from '../../../src/core/grammar';
import { forcedCalls, possibleCalls, type TagFormat } from '../../../src/tool-calls/call-forms/call-form';
import { callForm } from '../../../src/tool-calls/call-forms/registry';
import { TOOL_PARSER_NAMES, TOOL_PARSERS, type ToolParserName } from '../../../src/tool-calls/registry';
import { parseWhole } from '../../../src/tool-calls/whole-text';

/** What grammars let a model write is what the parsers read: tokens at random under the mask, parsed, judged by ajv. */

const plain = readVocabulary(join(__dirname, '../../model/checkpoints/random-qwen2'));
const EOS = plain.eosTokenId ?? -1;
const MARKS = [
  ...[
    '<tool_call>',
    '</tool_call>',
    '<arg_key>',
    '</arg_key>',
    '<arg_value>',
    '</arg_value>',
    '[TOOL_CALLS]',
  ],
  ...['[ARGS]', '<|action_start|>', '<|plugin|>', '<|action_end|>', '<｜tool▁calls▁begin｜>'],
  ...['<｜tool▁calls▁end｜>', '<｜tool▁call▁begin｜>', '<｜tool▁call▁end｜>', '<｜tool▁sep｜>', '｜DSML｜'],
  ...[
    '<|tool_calls_section_begin|>',
    '<|tool_calls_section_end|>',
    '<|tool_call_begin|>',
    '<|tool_call_end|>',
  ],
  ...[
    '<|tool_call_argument_begin|>',
    '<minimax:tool_call>',
    '</minimax:tool_call>',
    '<｜tool_calls_begin｜>',
  ],
  ...['<｜tool_calls_end｜>', '<｜tool_call_begin｜>', '<｜tool_call_end｜>', '<｜tool_sep｜>', '<other>'],
];
/** With each mark as a special token. */
const special: Vocabulary = {
  ...plain,
  tokens: [...plain.tokens, ...MARKS.map(() => '')],
  added: new Map([...plain.added, ...MARKS.map((mark, i) => [plain.tokens.length + i, mark] as const)]),
};
const idOf = (mark: string) => plain.tokens.length + MARKS.indexOf(mark);

/** What ends a text among the arguments, for formats in which texts stand as they are. */
const ENDINGS: Partial<Record<ToolParserName, string>> = {
  deepseekv32: '</｜DSML｜parameter>',
  glm: '</arg_value>',
  glm45: '</arg_value>',
  glm47: '</arg_value>',
  mimo: '</parameter>',
  'minimax-m2': '</parameter>',
  qwen3_coder: '\n</parameter>',
  step3: '</steptml:parameter>',
  step3p5: '\n</parameter>',
};
const NAMES = TOOL_PARSER_NAMES.filter((name) => callForm(name, '') !== null);
const FORMS: [string, ToolParserName, string][] = [
  ...NAMES.map((name): [string, ToolParserName, string] => [name, name, '']),
  ['mistral with [ARGS]', 'mistral', '[ARGS]'],
];
const tools = [
  {
    name: 'note',
    parameters: {
      type: 'object',
      properties: {
        text: { type: 'string', description: 'less than <10' },
        mood: { enum: ['glad', 'sad'] },
        count: { type: ['integer', 'null'], minimum: 0 },
        place: { $ref: '#/$defs/Place' },
        tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
        done: { type: 'boolean' },
      },
      required: ['text', 'place'],
      $defs: { Place: { type: 'object', properties: { x: { type: 'integer' } }, required: ['x'] } },
      additionalProperties: false,
    },
  },
  { name: 'ping', parameters: { type: 'object', properties: {} } },
];
const ajv = new Ajv();
const fits = new Map(tools.map(({ name, parameters }) => [name, ajv.compile(parameters)]));

const engines = new Map<Vocabulary, Promise<XGrammarBackend>>();
function engineOf(vocabulary: Vocabulary): Promise<XGrammarBackend> {
  const known =
    engines.get(vocabulary) ??
    XGrammarBackend.create({
      vocabulary,
      vocabSize: vocabulary.tokens.length,
      eosTokenIds: [EOS],
      style: { anyWhitespace: true },
    });
  engines.set(vocabulary, known);
  return known;
}

async function compile(format: TagFormat | null, vocabulary: Vocabulary): Promise<CompiledGrammar> {
  const grammar = readGrammar({ structural_tag: { type: 'structural_tag', format } });
  if (grammar === null) throw new Error('no grammar');
  return (await engineOf(vocabulary)).compile(grammar);
}

/** A text as tokens: marks by theirs, all else byte by byte. */
function spell(text: string, vocabulary: Vocabulary): number[] {
  const letters = tokenTexts(vocabulary);
  const marks = vocabulary === special ? MARKS.filter((mark) => text.includes(mark)) : [];
  const [mark] = marks;
  if (mark === undefined)
    return [...Buffer.from(text).toString('latin1')].map((byte) => letters.indexOf(byte));
  const [before = '', after = ''] = text.split(mark);
  return [...spell(before, vocabulary), idOf(mark), ...spell(after, vocabulary)];
}

/** A text of tokens at random, with endings now and then; null where it does not come to its end. */
async function write(matcher: GrammarMatcher, vocabulary: Vocabulary, ending: string, random: () => number) {
  const texts = tokenTexts(vocabulary);
  const ends = spell(ending, vocabulary);
  const written: number[] = [];
  let intended: number[] = [];
  while (!matcher.isTerminated && written.length < 300) {
    const mask = await matcher.mask();
    if (intended.length === 0 && random() < 0.15) intended = [...ends];
    if (!allows(mask, intended[0] ?? -1)) intended = [];
    const allowed = texts.flatMap((_, id) => (allows(mask, id) ? [id] : []));
    const closing = allowed.filter((id) => id === EOS || ['"', '}', ']'].includes(texts[id] ?? ''));
    const from = closing.length > 0 && random() < 0.4 ? closing : allowed;
    const id = intended.shift() ?? from[Math.floor(random() * from.length)] ?? -1;
    if (!matcher.accept(id)) throw new Error(`token ${id} is under the mask and refused`);
    if (id !== EOS) written.push(id);
  }
  const isFinished = matcher.isTerminated;
  matcher.dispose();
  const bytes = written.map((id) => texts[id] ?? '').join('');
  return isFinished ? { ids: written, text: Buffer.from(bytes, 'latin1').toString() } : null;
}

function allows(mask: Int32Array, id: number): boolean {
  return id >= 0 && (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
}

/** Numbers from 0 to 1, the same ones each time. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe.each(FORMS)('%s', (_, name, template) => {
  const form = callForm(name, template);
  const calls = tools.map((tool) => form?.call(tool.name, tool.parameters) ?? null) as TagFormat[];

  it.each([
    ['with marks that are special tokens', special],
    ['with marks that are text', plain],
  ])('has calls written that are read as such, %s', async (__, vocabulary) => {
    if (form === null) throw new Error('no form');
    expect(calls).not.toContain(null);
    const random = randomOf(name.length);
    let finished = 0;
    for (const isParallel of [true, false]) {
      const compiled = await compile(forcedCalls(form, calls, isParallel), vocabulary);
      for (let run = 0; run < 6; run++) {
        const drawn = await write(await compiled.matcher(), vocabulary, ENDINGS[name] ?? '', random);
        if (drawn === null) continue;
        finished += 1;
        const parsed = parseWhole(TOOL_PARSERS[name]({ tools }), drawn.text);
        expect([parsed.text.trim(), drawn.text]).toEqual(['', drawn.text]);
        expect(parsed.calls.length).toBeGreaterThan(0);
        if (!isParallel) expect(parsed.calls).toHaveLength(1);
        for (const call of parsed.calls) {
          expect([call, fits.get(call.name)?.(JSON.parse(call.arguments))]).toEqual([call, true]);
        }
        expect(drawn.ids).not.toContain(idOf('<other>'));
      }
      compiled.dispose();
    }
    expect(finished).toBeGreaterThan(2);
  });

  it('leaves other text free where calls only may come', async () => {
    const format = form && possibleCalls(form, calls, true);
    if (format === null) return expect(form?.trigger).toBeNull();
    const compiled = await compile(format, special);
    const matcher = await compiled.matcher();
    const mask = await matcher.mask();
    expect([allows(mask, EOS), allows(mask, idOf('<other>'))]).toEqual([true, false]);
    matcher.dispose();
    compiled.dispose();
  });
});

it.each<[string, object]>([
  ['a text with a length', { type: 'string', maxLength: 9 }],
  ['one of two types', { type: ['integer', 'boolean'] }],
  ['a listed text that would be read as none', { enum: ['null', 'a'] }],
  ['two lists', { enum: ['a', 'b'], const: 'a' }],
  ['patterns within JSON', { type: 'array', items: { type: 'string', pattern: '^<' } }],
  ['the whole within itself', { type: 'array', items: { $ref: '#' } }],
])('describes no argument of plain text that is %s', (_, schema) => {
  const parameters = { type: 'object', properties: { of: schema } };
  expect(callForm('qwen3_coder', '')?.call('f', parameters)).toBeNull();
  expect(callForm('hermes', '')?.call('f', parameters)).not.toBeNull();
});

it.each<[string, object]>([
  ['text or nothing', { anyOf: [{ type: 'string' }, { type: 'null' }] }],
  ['text by reference', { $ref: '#/$defs/Text' }],
  ['anything', {}],
  ['a list by reference', { type: 'array', items: { $ref: '#/$defs/Text' }, description: 'less than <3>' }],
])('describes an argument that is %s', (_, schema) => {
  const parameters = { type: 'object', properties: { of: schema }, $defs: { Text: { type: 'string' } } };
  expect(callForm('qwen3_coder', '')?.call('f', parameters)).not.toBeNull();
});
