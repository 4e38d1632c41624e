import type { ConfigFile } from './config/config-file';
import type { Routers } from './config/experts';
import type { ModelConfig } from './config/model-config';
import type { PoolingMode } from './config/sentence-modules';
import type { GraphBuilder } from './graph/graph-builder';
import type { VectorFacts } from '../core/model-facts';
import type { Head } from './layers/heads';
import type { KvType } from './kv-planes';
import type { LinearMethod } from './layers/linear-method';

/** What a graph is built for. */
export interface GraphOptions {
  /** Tokens of prompt and output together. */
  readonly capacity: number;
  /** What comes out for the tokens asked for: logits, or the hidden state before the vocabulary projection. */
  readonly tail: 'logits' | 'hidden';
  /** What a hidden state goes through before it comes out; null is nothing. */
  readonly head: Head | null;
  /** Number type of keys and values. */
  readonly kvType: KvType;
  /** How linear layers are stored and computed. */
  readonly linear: LinearMethod;
  /** Whether the experts of every token come out as well; without effect where there are none. */
  readonly routing?: boolean;
}

/** A checkpoint as its family reads it. */
export interface FamilyModel {
  readonly config: ModelConfig;
  /** Of an encoder: how a text's vector, or its scores, come of its tokens' where the checkpoint does not say. */
  readonly pooling?: PoolingMode;
  /** Whether tokens of some layers attend to the nearest ones only. */
  readonly hasWindows?: boolean;
  /** null, or absent, where no layer has experts. */
  readonly routers?: Routers | null;
  /** Writes the graph; what weights it needs, and of which shapes, it asks the builder for. */
  build(g: GraphBuilder, options: GraphOptions): void;
}

/** A model that can be built. */
export interface Model extends FamilyModel {
  /** How its linear layers are stored. */
  readonly linear: LinearMethod;
  /** Of a classifier: what it has behind its body. */
  readonly head: Head | null;
  /** To which lengths its vectors may be cut; null for none, and where it gives none. */
  readonly matryoshka: VectorFacts['matryoshka'];
  /** What it is served for: encoders and classifiers give vectors, or scores, whatever was asked for. */
  readonly purpose: Purpose;
}

/** What a model is to be served for. */
export type Purpose = 'generation' | 'embedding';

/** A model family: one file of `families`, one line of the registry. */
export interface Family {
  /** Names in config.json's `architectures` that can do what the family is for: generate, or give vectors. */
  readonly architectures: readonly string[];
  /** Names of the same body without vocabulary projection: they give vectors only. */
  readonly bodies?: readonly string[];
  /** Names of the same body with a head that scores texts, and how each one's is read. */
  readonly classifiers?: Readonly<Record<string, (config: ConfigFile) => Head>>;
  /** @throws StartupError of one line for a config that this family cannot be built from */
  read(config: ConfigFile): FamilyModel;
}
