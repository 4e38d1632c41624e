import { dirname, relative, sep } from 'node:path';
import { StartupError, bug } from '../../core/errors';
import { ElementType, type ElementTypeName, type FloatType, type TensorData } from '../../onnxruntime/element-type';
import type { TensorRef, WeightSource } from '../../checkpoint/checkpoint';
import { holdsFloats } from '../../checkpoint/floats';
import { blockForm, isBlockType } from '../../checkpoint/gguf/blocks';
import type {
  BlockedForm,
  QuantizedTensors,
  QuantizedWeight,
  WeightForm,
} from '../../checkpoint/quantization/quantized-weight';
import { floatBytes } from './float-bytes';
import { AttributeType, EXTERNAL, encodeModel, type AttributeMessage, type GraphMessage } from './onnx-proto';

/** The name of a value in the graph. */
export type Value = string;

/** An attribute: integers and lists of them as they are, a float as `{ float }`, a string as it is. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** A dimension: a number, or the name of one that is known only at run time. */
export type Dim = number | string;

/** What not every device's kernels can do, or not well: it depends on the device where such a node runs. */
export type NodeTrait =
  /** Makes a shape of others, which lie on the host. */
  | 'shape'
  /** Gathers rows of the table of tokens. */
  | 'embedding'
  /** Attention without keys and values that outlive the run. */
  | 'uncached-attention'
  /** Attention to later tokens as well. */
  | 'bidirectional-attention'
  /** Attention whose scores are capped. */
  | 'capped-attention';

/** Names of the nodes that have a trait. */
export type NodeTraits = Readonly<Partial<Record<NodeTrait, readonly string[]>>>;

export interface NodeOptions {
  readonly traits?: readonly NodeTrait[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Empty for ONNX's operators. */
  readonly domain?: '' | 'com.microsoft' | 'sglang';
  /** How many outputs the node has. Defaults to 1. */
  readonly outputs?: number;
}

const WEIGHT_TYPES: Readonly<Record<string, ElementTypeName>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I8: 'int8',
  U8: 'uint8',
  I32: 'int32',
};

/** A tensor of the checkpoint, as it is expected to be. */
export interface CheckpointTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** By default any type of floats. */
  readonly type?: 'floats' | 'I8' | 'I32';
}

/** Weights in another form than the checkpoint's; empty for what the form has none of. See `WeightForm`. */
export type QuantizedValues = Readonly<Record<keyof QuantizedTensors, Value>>;

/**
 * How a device finds the largest logits: over whole rows at once, or first among the largest of each block, where whole rows
 * would be sorted.
 */
export type TopSearch = 'rows' | 'blocks';

/** What a graph may have, by what its session can compute. */
export interface GraphAbilities {
  /** Whether the session will have the operators of `native`. */
  readonly ownOperators?: boolean;
  /** Whether those multiply rows and weights in 8 bits, too. */
  readonly ownProducts?: boolean;
  /** Whether keys and values that outlive a run lie in pages. */
  readonly pages?: boolean;
  /** Whether inputs of products stay floats; by default weights in few bits are multiplied with inputs in 8 bits. */
  readonly floatInputs?: boolean;
  /** Whether its GroupQueryAttention attends to later tokens as well where it is told to; by default it does. */
  readonly groupsBothWays?: boolean;
  /** How it finds the largest logits of each row (see `outputTop`); null where all logits are looked at on the host. */
  readonly topSearch?: TopSearch | null;
  /** Whether tables that rows are gathered from are weights like all others, in the type of the graph; by default they stay as they are stored. */
  readonly tablesAreWeights?: boolean;
}

/** Where weights in few bits come from. */
export interface QuantizedSource {
  tensors(weight: QuantizedWeight): QuantizedTensors;
}

/**
 * Builds one ONNX graph. Weights are never copied into it: they are references into the checkpoint's own files, which
 * ONNX Runtime reads when the session is created, so the files must stay in place until then.
 */
export class GraphBuilder {
  private readonly graph: GraphMessage = { name: 'model', node: [], initializer: [], input: [], output: [] };
  private readonly named = new Set<string>();
  private readonly external = new Map<GraphMessage['initializer'][number], TensorRef>();
  private readonly made = new Map<string, unknown>();
  private readonly withTraits: Partial<Record<NodeTrait, string[]>> = {};
  /** Values that became outputs of the graph. */
  private readonly renamed = new Map<Value, Value>();
  private counter = 0;

  /**
   * @param quantized asked for weights in few bits; null where none are wanted
   * @param floatType of activations, and of the weights and constants that they meet
   * @param abilities of the session that the graph is for
   */
  constructor(
    private readonly weights: WeightSource,
    private readonly quantized: QuantizedSource | null = null,
    readonly floatType: FloatType = 'float32',
    private readonly abilities: GraphAbilities = {},
  ) {}

  get hasOwnOperators(): boolean {
    return this.abilities.ownOperators === true;
  }

  get hasOwnProducts(): boolean {
    return this.abilities.ownProducts === true;
  }

  get hasPages(): boolean {
    return this.abilities.pages === true;
  }

  get floatInputs(): boolean {
    return this.abilities.floatInputs === true;
  }

  get groupsBothWays(): boolean {
    return this.abilities.groupsBothWays !== false;
  }

  get topSearch(): TopSearch | null {
    return this.abilities.topSearch ?? null;
  }

  /**
   * The folder that the locations of external data are relative to, once a weight was used: the deepest one that holds all
   * files, because ONNX Runtime takes one folder and no way out of it.
   */
  get externalDataFolder(): string | null {
    const folders = [...this.external.values()].map(({ file }) => dirname(file));
    return folders.length === 0 ? null : folders.reduce(commonFolder);
  }

  get traits(): NodeTraits {
    return this.withTraits;
  }

  input(name: string, type: ElementTypeName, dims: readonly Dim[]): Value {
    this.graph.input.push(valueInfo(name, type, dims));
    return name;
  }

  /**
   * Declares `value` as a graph output called `name`, which is its name from here on: a value that is used beside an output would be
   * copied into it.
   */
  output(name: string, value: Value, type: ElementTypeName, dims: readonly Dim[]): void {
    const maker = this.graph.node.find(({ output }) => output.includes(value));
    if (maker === undefined) this.namedNode('Identity', [value], [name]);
    else if (value !== name) this.rename(value, name);
    this.graph.output.push(valueInfo(name, type, dims));
  }

  /** Adds a node and returns its first output. */
  node(opType: string, inputs: readonly Value[], options: NodeOptions = {}): Value {
    return this.nodes(opType, inputs, options)[0] as Value;
  }

  /** Adds a node and returns all its outputs. */
  nodes(opType: string, inputs: readonly Value[], options: NodeOptions = {}): Value[] {
    const name = `${opType}_${this.counter++}`;
    const count = options.outputs ?? 1;
    const output = Array.from({ length: count }, (_, index) => (count === 1 ? name : `${name}:${index}`));
    this.addNode(opType, inputs, output, name, options);
    return output;
  }

  /** Adds a node whose outputs carry given names (a `''` leaves an optional output out). */
  namedNode(
    opType: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    options: NodeOptions = {},
  ): void {
    this.addNode(opType, inputs, [...outputs], `${opType}_${this.counter++}`, options);
  }

  /** A constant in the type of the graph. */
  floats(name: string, dims: readonly number[], data: Float32Array): Value {
    return this.constant(name, this.floatType, dims, floatBytes(this.floatType, data));
  }

  /** A float32 constant, whatever the type of the graph. */
  wideFloats(name: string, dims: readonly number[], data: Float32Array): Value {
    return this.constant(name, 'float32', dims, data);
  }

  /** A value of the graph's type as float32: what leaves the graph, and what is too delicate for fewer bits. */
  wide(value: Value): Value {
    return this.floatType === 'float32' ? value : this.cast(value, 'float32');
  }

  /** A float32 value in the type of the graph. */
  narrow(value: Value): Value {
    return this.floatType === 'float32' ? value : this.cast(value, this.floatType);
  }

  /** A uint8 constant. */
  bytes(name: string, dims: readonly number[], data: Uint8Array): Value {
    return this.constant(name, 'uint8', dims, data);
  }

  /** An int64 constant vector. */
  ints(name: string, values: readonly number[]): Value {
    return this.constant(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /**
   * A weight in the checkpoint's own precision; of what lies in blocks in float32.
   * @throws StartupError when it is missing or of another shape
   */
  rawWeight(name: string, shape: readonly number[]): Value {
    const tensor = this.stored({ name, shape });
    if (isBlockType(tensor.dtype)) return this.unpacked(name, tensor);
    if (!this.named.has(name)) {
      this.named.add(name);
      this.addExternal(name, tensor);
    }
    return name;
  }

  /** The form that holds a weight of the checkpoint without loss; null for floats. */
  blockedForm(name: string, shape: readonly number[]): BlockedForm | null {
    const { dtype } = this.weights.get(name, shape);
    if (!isBlockType(dtype)) return null;
    const { bits, group, hasMinimums } = blockForm(dtype);
    return { kind: 'blocks', bits, block: group, offset: hasMinimums ? 'minimums' : 'none' };
  }

  /**
   * The weights of linear layers in another form than the checkpoint's.
   * @param name of its own among the weights of the model
   * @param compose asked what they are made of, with a way to look up stored tensors
   * @throws StartupError when one of those is missing, or of another type
   */
  quantizedWeight(
    name: string,
    form: WeightForm,
    compose: (stored: (weight: CheckpointTensor) => TensorRef) => QuantizedWeight['stored'],
  ): QuantizedValues {
    return this.memo(`${name}:quantized`, () => {
      if (this.quantized === null) throw bug('nobody quantizes weights for this graph');
      const stored = compose((weight) => this.stored(weight));
      const tensors = this.quantized.tensors({ name, form, stored });
      const valueOf = (tensor: TensorRef | null): Value => {
        if (tensor === null) return '';
        this.addExternal(tensor.name, tensor);
        return tensor.name;
      };
      return {
        values: valueOf(tensors.values),
        scales: valueOf(tensors.scales),
        zeros: valueOf(tensors.zeros),
        minimums: valueOf(tensors.minimums),
      };
    });
  }

  /**
   * Weights that lie in blocks, one behind the other.
   * @param form that holds all of them: see `blockedForm`
   */
  blockedWeight(form: BlockedForm, weights: readonly CheckpointTensor[]): QuantizedValues {
    const name = weights.map((weight) => weight.name).join('+');
    return this.quantizedWeight(`${name}:blocks`, form, (stored) => ({
      layout: 'blocks',
      parts: weights.map(stored),
    }));
  }

  /** What is made once for a key, and is the same whenever it is asked for again. */
  memo<T>(key: string, make: () => T): T {
    if (!this.made.has(key)) this.made.set(key, make());
    return this.made.get(key) as T;
  }

  /** A weight in the type of the graph: cast there where it is stored in another, which ONNX Runtime folds when the session is created. */
  weight(name: string, shape: readonly number[]): Value {
    const raw = this.rawWeight(name, shape);
    if (this.storedType(name, shape) === this.floatType) return raw;
    const cast = `${name}:${this.floatType}`;
    if (!this.named.has(cast)) {
      this.named.add(cast);
      this.addNode('Cast', [raw], [cast], `cast_${name}`, { attributes: { to: ElementType[this.floatType] } });
    }
    return cast;
  }

  /** Rows of a table in the type of the graph, gathered as they are stored where nothing speaks against it: the table stays small. */
  rowsOf(name: string, shape: readonly number[], indices: Value): Value {
    if (this.abilities.tablesAreWeights === true) return this.node('Gather', [this.weight(name, shape), indices]);
    const form = this.blockedForm(name, shape);
    if (form !== null) return this.rowsOfBlocks(form, { name, shape }, indices);
    const options = { traits: ['embedding'] } as const;
    const rows = this.node('Gather', [this.rawWeight(name, shape), indices], options);
    return this.storedType(name, shape) === this.floatType ? rows : this.cast(rows, this.floatType, options);
  }

  build(): Uint8Array {
    const folder = this.externalDataFolder;
    for (const [initializer, { file, offset, byteLength }] of this.external) {
      initializer.externalData = [
        { key: 'location', value: relative(folder ?? '', file) },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(byteLength) },
      ];
    }
    return encodeModel(this.graph, [
      { domain: '', version: 21 },
      { domain: 'com.microsoft', version: 1 },
      { domain: 'sglang', version: 1 },
    ]);
  }

  private rowsOfBlocks(form: BlockedForm, table: CheckpointTensor, indices: Value): Value {
    const { name, shape } = table;
    const [rows, width] = shape as [number, number];
    const { bits, block } = form;
    const { values, scales, minimums } = this.blockedWeight(form, [table]);
    // Products want an axis for the blocks.
    const flat = this.node('Reshape', [values, this.ints(`${name}:flat`, [rows, (width * bits) / 8])]);
    const options = { traits: ['embedding'] } as const;
    const gathered = this.node('GatherBlockQuantized', [flat, indices, scales], {
      ...options,
      domain: 'com.microsoft',
      attributes: { bits, block_size: block, gather_axis: 0, quantize_axis: 1 },
    });
    if (minimums === '') return this.narrow(gathered);
    const least = this.node('Gather', [minimums, indices], options);
    const inBlocks = (value: Value, size: number) =>
      this.node('Reshape', [value, this.ints(`${name}:blocks of ${size}`, [-1, width / block, size])]);
    const sum = this.node('Add', [inBlocks(gathered, block), inBlocks(least, 1)]);
    return this.narrow(this.node('Reshape', [sum, this.ints(`${name}:rows`, [-1, width])]));
  }

  private unpacked(name: string, tensor: TensorRef): Value {
    const form: WeightForm = { kind: 'floats' };
    return this.quantizedWeight(`${name}:floats`, form, () => ({ layout: 'floats', turn: null, parts: [tensor] })).values;
  }

  private cast(value: Value, to: FloatType, options: NodeOptions = {}): Value {
    return this.node('Cast', [value], { ...options, attributes: { to: ElementType[to] } });
  }

  private storedType(name: string, shape: readonly number[]): ElementTypeName | undefined {
    const { dtype } = this.weights.get(name, shape);
    return isBlockType(dtype) ? 'float32' : WEIGHT_TYPES[dtype];
  }

  /** @throws StartupError when it is missing, or of another type */
  private stored({ name, shape, type = 'floats' }: CheckpointTensor): TensorRef {
    const tensor = this.weights.get(name, shape);
    if (type === 'floats' ? holdsFloats(tensor.dtype) : tensor.dtype === type) return tensor;
    throw new StartupError(`${tensor.file}: tensor '${tensor.name}' has the unsupported type ${tensor.dtype}`);
  }

  private constant(
    name: string,
    type: ElementTypeName,
    dims: readonly number[],
    data: TensorData,
  ): Value {
    if (this.named.has(name)) return name;
    this.named.add(name);
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.graph.initializer.push({ name, dims: [...dims], dataType: ElementType[type], rawData });
    return name;
  }

  private addExternal(name: string, tensor: TensorRef): void {
    const type = WEIGHT_TYPES[tensor.dtype];
    if (!type) throw bug(`tensor '${tensor.name}' of type ${tensor.dtype}`);
    const initializer = {
      name,
      dims: [...tensor.shape],
      dataType: ElementType[type],
      dataLocation: EXTERNAL,
    };
    this.graph.initializer.push(initializer);
    this.external.set(initializer, tensor);
  }

  private rename(value: Value, name: Value): void {
    this.renamed.set(value, name);
    for (const node of this.graph.node) {
      node.input = node.input.map((input) => (input === value ? name : input));
      node.output = node.output.map((output) => (output === value ? name : output));
    }
  }

  private addNode(
    opType: string,
    input: readonly Value[],
    output: Value[],
    name: string,
    options: NodeOptions,
  ): void {
    const attribute = Object.entries(options.attributes ?? {}).map(([key, value]) =>
      attributeMessage(key, value),
    );
    for (const trait of options.traits ?? []) (this.withTraits[trait] ??= []).push(name);
    this.graph.node.push({
      input: input.map((value) => this.renamed.get(value) ?? value),
      output,
      name,
      opType,
      attribute,
      domain: options.domain ?? '',
    });
  }
}

/** The deepest folder that holds both. */
function commonFolder(a: string, b: string): string {
  const [first, second] = [a.split(sep), b.split(sep)];
  const differs = first.findIndex((part, at) => part !== second[at]);
  return differs === -1 ? a : first.slice(0, differs).join(sep) || sep;
}

function attributeMessage(name: string, value: Attribute): AttributeMessage {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw bug(`attribute ${name} is a bare float`);
    return { name, type: AttributeType.int, i: value };
  }
  if (typeof value === 'string') return { name, type: AttributeType.string, s: Buffer.from(value) };
  if ('float' in value) return { name, type: AttributeType.float, f: value.float };
  return { name, type: AttributeType.ints, ints: [...value] };
}

function valueInfo(name: string, type: ElementTypeName, dims: readonly Dim[]): GraphMessage['input'][number] {
  const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ElementType[type], shape: { dim } } } };
}
