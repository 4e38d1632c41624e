import { errorMessage, RequestError } from '../../../src/core/errors';
import type { ModelFacts } from '../../../src/core/model-facts';
import { Template } from '@huggingface/jinja';
import type {
  DecodeOptions,
  EncodedPair,
  EncodeOptions,
  TemplateVariables,
  Tokenizer,
} from '../../../src/tokenizer/tokenizer';
import type { AsyncTokenizer } from '../../../src/tokenizer/tokenizer-pool';
import { parseCommandLine, resolveServerArgs, type ServerArgs } from '../../../src/server-args';

/** The parts most tests start from: one model's facts, the flags of a server, and a tokenizer of bytes. */

export const FACTS: ModelFacts = {
  kind: 'generation',
  architectures: ['LlamaForCausalLM'],
  modelType: 'llama',
  labels: null,
  vectors: null,
  vocabSize: 260,
  contextLen: 64,
  eosTokenIds: [257],
  generationDefaults: {},
  hasExperts: false,
  maxTotalNumTokens: 1000,
  maxReqInputLen: 58,
  maxRunningRequests: 8,
};

const DEFAULTS = resolveServerArgs(
  parse(['--model-path', '/models/tiny', '--served-model-name', 'org/tiny']),
  {
    env: {},
    cudaMemoryMiB: null,
    drawnSeed: 1,
    bundledModelPath: '/models/tiny',
  },
).args;

function parse(argv: readonly string[]) {
  const command = parseCommandLine(argv);
  if (command.kind !== 'run') throw new Error('not a run');
  return command.flags;
}

/** The flags of a server that was given next to none. */
export function makeArgs(overrides: Partial<ServerArgs> = {}): ServerArgs {
  return {
    ...DEFAULTS,
    memFractionStatic: 0.8,
    chunkedPrefillSize: 256,
    cudaGraphBs: [1, 2, 4],
    ...overrides,
  };
}

export const BOS = 256;
export const EOS = 257;

/** Each byte of Latin-1 text is a token; `BOS` stands before a text. */
export class ByteTokenizer implements Tokenizer {
  readonly vocabSize = 258;
  readonly eosTokenId = EOS;
  readonly bosTokenId = BOS;
  readonly modelMaxLength = 2048;
  readonly maxTokenLength = 1;

  encode(text: string, { addSpecialTokens = true } = {}): number[] {
    return [...(addSpecialTokens ? [BOS] : []), ...Buffer.from(text, 'latin1')];
  }

  encodePair(text: string, pair: string): EncodedPair {
    const first = this.encode(text);
    return { ids: [...first, ...this.encode(pair)], pairAt: first.length };
  }

  decode(ids: ArrayLike<number>, { skipSpecialTokens = false } = {}): string {
    return Array.from(ids, (id) => (skipSpecialTokens && id >= BOS ? '' : this.tokenText(id))).join('');
  }

  renderChat(template: string, variables: TemplateVariables): string {
    try {
      return new Template(template).render({ ...variables, bos_token: '<s>', eos_token: '</s>' });
    } catch (error) {
      throw new RequestError('bad_value', `The chat template refuses this: ${errorMessage(error)}`);
    }
  }

  tokenText(id: number): string {
    return id === BOS ? '<s>' : id === EOS ? '</s>' : String.fromCharCode(id);
  }
}

/** Does all work at once, as is right for the texts of tests. */
export class InlineTokenizer implements AsyncTokenizer {
  constructor(readonly sync: Tokenizer = new ByteTokenizer()) {}

  async encode(text: string, options: EncodeOptions): Promise<number[]> {
    return this.sync.encode(text, options);
  }

  async encodePair(text: string, pair: string): Promise<EncodedPair> {
    return this.sync.encodePair(text, pair);
  }

  async decode(ids: readonly number[], options: DecodeOptions): Promise<string> {
    return this.sync.decode(ids, options);
  }

  async renderChat(template: string, variables: TemplateVariables): Promise<string> {
    return this.sync.renderChat(template, variables);
  }
}
