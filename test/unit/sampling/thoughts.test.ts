import type { GrammarMatcher } from '../../../src/core/grammar';
import type { Thinking, TokenTexts } from '../../../src/core/thinking';
import { RequestSampler } from '../../../src/sampling/request-sampler';
import { Thoughts } from '../../../src/sampling/thoughts';
import { PLAIN } from './reference';

/** By id; the last four are a text's end, and answers. */
const TOKENS = ['a', '<', '/t', '>', '>\n', '<t>', '</t>', 'b</', '<eos>', '{', '}', 't>'];
const id = (text: string) => TOKENS.indexOf(text);
const EOS = id('<eos>');
const texts: TokenTexts = {
  textOf: (i) => TOKENS[i] ?? '',
  overrunning: (mark) =>
    TOKENS.flatMap((text, i) => (text.length > mark.length && text.startsWith(mark) ? [i] : [])),
};
const SINGLE = { start: { text: '<t>', ids: [id('<t>')] }, end: { text: '</t>', ids: [id('</t>')] } };
const SEVERAL = {
  start: { text: '<t>', ids: [id('<'), id('t>')] },
  end: { text: '</t>', ids: [id('<'), id('/t'), id('>')] },
};
const BASE = {
  ...SINGLE,
  isBegun: true,
  otherEnds: [],
  budget: null,
  isGrammarAfter: true,
  eosTokenIds: [EOS],
};

/** Takes `{`, then `}`, then the end of the text. */
class Braces implements GrammarMatcher {
  readonly taken: string[] = [];
  constructor(private readonly first: readonly string[] = ['{']) {}
  private get next(): readonly string[] {
    return [this.first, ['}'], ['<eos>'], []][this.taken.length] ?? [];
  }
  mask(): Promise<Int32Array> {
    return Promise.resolve(Int32Array.of(this.next.reduce((bits, text) => bits | (1 << id(text)), 0)));
  }
  accept(token: number): boolean {
    const text = TOKENS[token] ?? '';
    if (!this.next.includes(text)) return false;
    this.taken.push(text);
    return true;
  }
  forced(): number[] {
    return [];
  }
  get isTerminated(): boolean {
    return this.taken.length === 3;
  }
  dispose(): void {}
}

class Run {
  readonly matcher = new Braces();
  readonly sampler: RequestSampler;
  constructor(thinking: Partial<Thinking> = {}, matcher: Braces | null = this.matcher) {
    const grammar = matcher && { kind: 'ebnf' as const, source: '' };
    const all = { ...BASE, isGrammarAfter: matcher !== null, ...thinking };
    const thoughts = new Thoughts(all, texts);
    const params = { ...PLAIN, temperature: 0, grammar };
    this.sampler = new RequestSampler(params, TOKENS.length, new Int32Array(0), 1, 0, thoughts);
    if (matcher !== null) this.sampler.constrain(matcher);
  }

  /** What may come next. */
  async allowed(): Promise<string[]> {
    await this.sampler.prepare();
    const logits = new Float32Array(TOKENS.length);
    this.sampler.sample(logits);
    return TOKENS.filter((_, i) => logits[i] !== -Infinity);
  }

  /** Has tokens come, each of which must be allowed. */
  async write(...written: string[]): Promise<this> {
    for (const text of written) {
      expect(await this.allowed()).toContain(text);
      this.sampler.observe(id(text));
    }
    return this;
  }

  /** What comes of a model that always likes one token best. */
  async draw(liked: string, count: number): Promise<string> {
    let out = '';
    for (let i = 0; i < count; i++) {
      await this.sampler.prepare();
      const logits = new Float32Array(TOKENS.length);
      logits[id(liked)] = 5;
      const drawn = this.sampler.sample(logits);
      this.sampler.observe(drawn);
      out += TOKENS[drawn];
    }
    return out;
  }
}

describe('a grammar after thoughts', () => {
  it('sleeps while the model thinks, and holds from the token after their end on', async () => {
    const run = new Run();
    expect(await run.allowed()).toEqual(TOKENS.filter((text) => text !== '<eos>'));
    await run.write('a', '{', '</t>');
    expect(await run.allowed()).toEqual(['{']);
    await run.write('{', '}', '<eos>');
    expect(run.matcher.taken).toEqual(['{', '}', '<eos>']);
    expect(run.sampler.isTerminated).toBe(true);
    expect(run.sampler.reasoningTokens).toBe(3);
  });

  it('finds an end of several tokens however it is written, and lets none run over it', async () => {
    const run = new Run(SEVERAL);
    await run.write('<', 'a', 'b</');
    expect(await run.allowed()).toContain('t>');
    await run.write('a', '<', '/t');
    expect(await run.allowed()).not.toContain('>\n');
    await run.write('>');
    expect(await run.allowed()).toEqual(['{']);
    expect(await new Run(SEVERAL).write('b</', 't>').then((other) => other.allowed())).toEqual(['{']);
  });

  it('holds at once where the model begins no thoughts, and sleeps where it does', async () => {
    const answer = new Run({ isBegun: false });
    expect(await answer.allowed()).toEqual(['<t>', '{']);
    expect(await answer.write('{').then((run) => run.allowed())).toEqual(['}']);
    expect(answer.sampler.reasoningTokens).toBe(0);
    const thought = await new Run({ isBegun: false }).write('<t>', 'a', '</t>');
    expect(await thought.allowed()).toEqual(['{']);
    expect(thought.sampler.reasoningTokens).toBe(3);
  });

  it('has a start of several tokens follow its first, unless an answer may begin with that', async () => {
    const run = await new Run({ ...SEVERAL, isBegun: false }).write('<');
    expect(await run.allowed()).toEqual(['t>']);
    expect(await run.write('t>').then((other) => other.allowed())).toContain('a');
    const matcher = new Braces(['<']);
    const answer = await new Run({ ...SEVERAL, isBegun: false }, matcher).write('<');
    expect(await answer.allowed()).toEqual(['}']);
  });
});

describe('a budget', () => {
  it.each<[string, object, string, number, string]>([
    ['none', { budget: 0 }, 'a', 2, '</t>{'],
    ['two', { budget: 2 }, 'a', 5, 'aa</t>{}'],
    ['more than is used', { budget: 9 }, '</t>', 3, '</t>{}'],
    ['an end of several tokens', { ...SEVERAL, budget: 2 }, 'a', 6, 'aa</t>{'],
    ['an end that is begun', { ...SEVERAL, budget: 1 }, '<', 4, '</t>{'],
  ])('of %s', async (_, thinking, liked, count, expected) => {
    expect(await new Run(thinking).draw(liked, count)).toBe(expected);
  });

  it('ends thoughts without a grammar too, after the start that the model writes', async () => {
    const run = new Run({ isBegun: false, budget: 1 }, null);
    await run.write('<t>');
    expect(await run.draw('a', 3)).toBe('a</t>a');
    expect(run.sampler.reasoningTokens).toBe(3);
  });

  it('gives way to a grammar that holds all the while', async () => {
    const run = new Run({ budget: 0, isGrammarAfter: false });
    await run.write('{', '}');
    expect(run.matcher.taken).toEqual(['{', '}']);
  });

  it('does not outlive thoughts that are interrupted', async () => {
    const run = new Run({ budget: 3, otherEnds: ['{'] }, null);
    expect(await run.draw('{', 5)).toBe('{{{{{');
    expect(run.sampler.reasoningTokens).toBe(1);
  });
});

it('without a grammar or a budget rules nothing out', async () => {
  const run = new Run({}, null);
  expect(await run.allowed()).toEqual(TOKENS);
});
