import Ajv from 'ajv/dist/2020';
import { join } from 'node:path';
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

const ENDINGS = [
  '\n</parameter>',
  '</parameter>',
  '</arg_value>',
  '</｜DSML｜parameter>',
  '</steptml:parameter>',
];
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

async function matcherOf(format: TagFormat | null, vocabulary: Vocabulary): Promise<GrammarMatcher> {
  const grammar = readGrammar({ structural_tag: { type: 'structural_tag', format } });
  if (grammar === null) throw new Error('no grammar');
  return (await (await engineOf(vocabulary)).compile(grammar)).matcher();
}

/** A text of tokens at random, which ends values now and then; null where it does not come to its end. */
async function write(matcher: GrammarMatcher, vocabulary: Vocabulary, random: () => number) {
  const bytes = tokenTexts(vocabulary).map((text) => Buffer.from(text, 'latin1'));
  const letters = new Map(bytes.map((text, id) => [text.toString('latin1'), id]));
  const written: number[] = [];
  let intended: number[] = [];
  while (!matcher.isTerminated && written.length < 400) {
    const mask = await matcher.mask();
    const isAllowed = (id: number) => ((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1;
    if (intended.length === 0 && random() < 0.1) {
      const ending = Buffer.from(ENDINGS[Math.floor(random() * ENDINGS.length)] ?? '');
      intended = [...ending].map((byte) => letters.get(String.fromCharCode(byte)) ?? -1);
      if (ending.includes('｜DSML｜') && vocabulary === special) intended = endingOfDsml(letters);
      if (special === vocabulary && ending.includes('arg_value')) intended = [idOf('</arg_value>')];
    }
    const allowed = bytes.flatMap((_, id) => (isAllowed(id) ? [id] : []));
    if (!isAllowed(intended[0] ?? -1)) intended = [];
    const closing = allowed.filter((id) => id === EOS || ['"', '}', ']'].includes(String(bytes[id])));
    const from = closing.length > 0 && random() < 0.4 ? closing : allowed;
    const id = intended.shift() ?? from[Math.floor(random() * from.length)] ?? -1;
    if (!matcher.accept(id)) throw new Error(`token ${id} is under the mask and refused`);
    if (id !== EOS) written.push(id);
  }
  const isFinished = matcher.isTerminated;
  matcher.dispose();
  return isFinished
    ? { ids: written, text: Buffer.concat(written.map((id) => bytes[id] ?? Buffer.of())).toString() }
    : null;
}

function endingOfDsml(letters: ReadonlyMap<string, number>): number[] {
  const plainIds = (text: string) => [...text].map((letter) => letters.get(letter) ?? -1);
  return [...plainIds('</'), idOf('｜DSML｜'), ...plainIds('parameter>')];
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
    for (let run = 0; run < 12; run++) {
      const matcher = await matcherOf(forcedCalls(form, calls, run % 2 === 0), vocabulary);
      const drawn = await write(matcher, vocabulary, random);
      if (drawn === null) continue;
      finished += 1;
      const parsed = parseWhole(TOOL_PARSERS[name]({ tools }), drawn.text);
      expect([parsed.text.trim(), drawn.text]).toEqual(['', drawn.text]);
      expect(parsed.calls.length).toBeGreaterThan(0);
      if (run % 2 === 1) expect(parsed.calls).toHaveLength(1);
      for (const call of parsed.calls) {
        expect([call, fits.get(call.name)?.(JSON.parse(call.arguments))]).toEqual([call, true]);
      }
      expect(drawn.ids).not.toContain(idOf('<other>'));
    }
    expect(finished).toBeGreaterThan(2);
  });

  it('leaves other text free where calls only may come', async () => {
    const format = form && possibleCalls(form, calls, true);
    if (format === null) return expect(form?.trigger).toBeNull();
    const matcher = await matcherOf(format, special);
    const mask = await matcher.mask();
    const allows = (id: number) => ((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1;
    expect([allows(EOS), allows(idOf('<other>'))]).toEqual([1, 0]);
    matcher.dispose();
  });
});
