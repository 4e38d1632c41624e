import protobuf from 'protobufjs';

/**
 * PagedAttention for a CPU, which has no kernel for it: each such node of a model becomes operators of ONNX that do what
 * the operator's documentation says, in float32. Written from that (com.microsoft.PagedAttention of ONNX Runtime 1.30), and knows nothing of
 * who wrote the model.
 */
export function mimePagedAttention(model: Uint8Array): Uint8Array {
  const decoded = Model.toObject(Model.decode(model), { defaults: false }) as ModelProto;
  const { graph } = decoded;
  if (!graph.node.some(isPaged)) return model;
  graph.node = graph.node.flatMap((node) => (isPaged(node) ? new Mime(node).nodes : [node]));
  return Model.encode(Model.fromObject(decoded)).finish();
}

/** What of onnx.proto models of these tests have; the numbers are the format's. */
const Model = protobuf
  .parse(
    `syntax = "proto3";
  message OperatorSetId { string domain = 1; int64 version = 2; }
  message Entry { string key = 1; string value = 2; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Tensor {
    repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9;
    repeated Entry external_data = 13; int32 data_location = 14;
  }
  message Attribute {
    string name = 1; float f = 2; int64 i = 3; bytes s = 4; Tensor t = 5; repeated int64 ints = 8; int32 type = 20;
  }
  message Node {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated Attribute attribute = 5; string domain = 7;
  }
  message Graph {
    repeated Node node = 1; string name = 2; repeated Tensor initializer = 5;
    repeated ValueInfo input = 11; repeated ValueInfo output = 12;
  }
  message Model {
    int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated OperatorSetId opset_import = 8;
  }`,
  )
  .root.lookupType('Model');

interface AttributeProto {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number | { toNumber(): number };
  readonly ints?: readonly number[];
  readonly t?: object;
}

interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute?: readonly AttributeProto[];
  readonly domain?: string;
}

interface ModelProto {
  readonly graph: { node: NodeProto[] };
}

function isPaged({ opType }: NodeProto): boolean {
  return opType === 'PagedAttention';
}

const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_TENSOR = 4;
const ATTRIBUTE_INTS = 7;

/** The operators in place of one node. */
class Mime {
  readonly nodes: NodeProto[] = [];
  private readonly attributes: ReadonlyMap<string, number>;

  constructor(private readonly node: NodeProto) {
    this.attributes = new Map((node.attribute ?? []).map(({ name, f, i }) => [name, f ?? Number(i ?? 0)]));
    this.write();
  }

  private write(): void {
    const { input, output } = this.node;
    const [query, key, value, keyCache, valueCache, cumulative, pasts, table, cos, sin, slots] = input;
    const metadata = input[16];
    const [out, keyCacheOut, valueCacheOut] = output;
    const heads = this.number('num_heads');
    const kvHeads = this.number('kv_num_heads');
    const wide = (name: string | undefined) => this.op('Cast', [name], { to: FLOAT });
    const long = (name: string | undefined) => this.op('Cast', [name], { to: INT64 });
    const cacheDims = this.op('Shape', [keyCache]);
    const pageSize = this.op('Gather', [cacheDims, this.ints([1])]);
    const headDim = this.op('Gather', [cacheDims, this.ints([3])]);
    const dims = (...parts: string[]) => this.op('Concat', parts, { axis: 0 });

    // Queries, keys and values of all tokens: [tokens, heads, head_dim].
    const sizeOf = (count: number) => this.op('Mul', [headDim, this.ints([count])]);
    const parts = key
      ? [query, key, value]
      : this.ops('Split', [query, dims(...[heads, kvHeads, kvHeads].map(sizeOf))], { axis: 1 }, 3);
    const [q, k, v] = parts.map((part, i) =>
      this.op('Reshape', [
        wide(part),
        dims(this.ints([-1]), this.ints([i === 0 ? heads : kvHeads]), headDim),
      ]),
    );

    // Which row a token is of, and where in it.
    const tokens = this.op('Gather', [this.op('Shape', [q]), this.int(0)]);
    const numbers = this.op('Range', [this.int(0), tokens, this.int(1)]);
    const starts = long(cumulative);
    const ends = this.op('Slice', [starts, this.ints([1]), this.ints([2 ** 31 - 1])]);
    const column = this.op('Unsqueeze', [numbers, this.ints([1])]);
    const isBehind = long(this.op('GreaterOrEqual', [column, this.op('Unsqueeze', [ends, this.ints([0])])]));
    const rowOf = this.op('ReduceSum', [isBehind, this.ints([1])], { keepdims: 0 });
    const inRow = this.op('Sub', [numbers, this.op('Gather', [starts, rowOf])]);
    const positions = this.op('Add', [inRow, this.op('Gather', [long(pasts), rowOf])]);

    // Rotation.
    const turned = (x: string | undefined): string => {
      if (this.number('do_rotary', 0) === 0) return x as string;
      const at = (name: string | undefined) =>
        this.op('Unsqueeze', [this.op('Gather', [wide(name), positions]), this.ints([1])]);
      const [c, s] = [at(cos), at(sin)];
      const half = this.op('Gather', [this.op('Shape', [cos]), this.ints([1])]);
      const whole = this.op('Add', [half, half]);
      const rest = this.op('Sub', [headDim, whole]);
      const [a, b, other] = this.ops('Split', [x, dims(half, half, rest)], { axis: 2 }, 3);
      const mul = (left: string | undefined, right: string) => this.op('Mul', [left, right]);
      const first = this.op('Sub', [mul(a, c), mul(b, s)]);
      const second = this.op('Add', [mul(b, c), mul(a, s)]);
      return this.op('Concat', [first, second, other], { axis: 2 });
    };
    const [queries, keys] = [turned(q), turned(k)];

    // What is new goes to its slots, but for slot -1.
    const isWritten = this.op('GreaterOrEqual', [long(slots), this.int(0)]);
    const kept = (x: string | undefined) => this.op('Compress', [x, isWritten], { axis: 0 });
    const flat = dims(this.ints([-1]), this.ints([kvHeads]), headDim);
    const targets = kept(long(slots));
    const pages = this.op('Div', [targets, pageSize]);
    const offsets = this.op('Mod', [targets, pageSize]);
    const places = this.op(
      'Concat',
      [pages, offsets].map((x) => this.op('Unsqueeze', [x, this.ints([1])])),
      { axis: 1 },
    );
    const write = (cache: string | undefined, x: string | undefined, name: string | undefined) => {
      const typed = this.op('CastLike', [kept(x), cache]);
      this.named('ScatterND', [cache, places, typed], [name as string]);
      return this.op('Reshape', [name, flat]);
    };
    const allKeys = write(keyCache, keys, keyCacheOut);
    const allValues = write(valueCache, v, valueCacheOut);

    // The places of the tokens that a row can have, as far as the metadata says there are any: [rows, most].
    const bound = this.op('Gather', [long(metadata), this.int(1)]);
    const most = this.op('Range', [this.int(0), bound, this.int(1)]);
    const ownPages = this.op('Gather', [long(table), this.op('Div', [most, pageSize])], { axis: 1 });
    const ownSlots = this.op('Add', [this.op('Mul', [ownPages, pageSize]), this.op('Mod', [most, pageSize])]);
    const seen = this.op('Gather', [ownSlots, rowOf]);

    // A token sees those of its row before it, and itself; of a window of n so many at most, itself among them.
    const own = this.op('Unsqueeze', [positions, this.ints([1])]);
    const others = this.op('Unsqueeze', [most, this.ints([0])]);
    let mask = this.op('LessOrEqual', [others, own]);
    const window = this.number('local_window_size', -1);
    if (window > 0) {
      const first = this.op('Sub', [own, this.int(window)]);
      mask = this.op('And', [mask, this.op('Greater', [others, first])]);
    }

    // [tokens, kv_heads, queries that share them, …]
    const grouped = dims(this.ints([-1]), this.ints([kvHeads]), this.ints([heads / kvHeads]), headDim);
    const gathered = (all: string) => {
      const x = wide(this.op('Gather', [all, seen]));
      // What was never written may be anything.
      const clean = this.op('Where', [this.op('Unsqueeze', [mask, this.ints([2, 3])]), x, this.float(0)]);
      return clean;
    };
    const asKeys = this.op('Transpose', [gathered(allKeys)], { perm: [0, 2, 3, 1] });
    const asValues = this.op('Transpose', [gathered(allValues)], { perm: [0, 2, 1, 3] });
    const scale = this.number('scale', 0);
    const factor = scale > 0 ? this.float(scale) : this.op('Reciprocal', [this.op('Sqrt', [wide(headDim)])]);
    let scores = this.op('Mul', [
      this.op('MatMul', [this.op('Reshape', [queries, grouped]), asKeys]),
      factor,
    ]);
    const cap = this.number('softcap', 0);
    if (cap > 0) {
      scores = this.op('Mul', [
        this.op('Tanh', [this.op('Div', [scores, this.float(cap)])]),
        this.float(cap),
      ]);
    }
    const hidden = this.op('Unsqueeze', [mask, this.ints([1, 2])]);
    const masked = this.op('Where', [hidden, scores, this.float(-1e30)]);
    const attended = this.op('MatMul', [this.op('Softmax', [masked], { axis: -1 }), asValues]);
    const shaped = this.op('Reshape', [attended, dims(this.ints([-1]), sizeOf(heads))]);
    this.named('CastLike', [shaped, query], [out as string]);
  }

  private number(name: string, otherwise?: number): number {
    const value = this.attributes.get(name) ?? otherwise;
    if (value === undefined) throw new Error(`PagedAttention without ${name}`);
    return value;
  }

  private op(opType: string, inputs: readonly (string | undefined)[], attributes: object = {}): string {
    return this.ops(opType, inputs, attributes, 1)[0] as string;
  }

  private ops(
    opType: string,
    inputs: readonly (string | undefined)[],
    attributes: object,
    count: number,
  ): string[] {
    const names = Array.from({ length: count }, (_, i) => `${this.node.name}/${this.nodes.length}.${i}`);
    this.named(opType, inputs, names, attributes);
    return names;
  }

  private named(
    opType: string,
    inputs: readonly (string | undefined)[],
    output: readonly string[],
    attributes: object = {},
  ): void {
    const input = inputs.map((name) => name ?? '');
    const attribute = Object.entries(attributes).map(([name, value]: [string, unknown]) =>
      Array.isArray(value)
        ? { name, type: ATTRIBUTE_INTS, ints: value as number[] }
        : { name, type: ATTRIBUTE_INT, i: value as number },
    );
    this.nodes.push({ name: `${this.node.name}/${this.nodes.length}`, opType, input, output, attribute });
  }

  private int(value: number): string {
    return this.constant([], INT64, BigInt64Array.of(BigInt(value)));
  }

  private ints(values: readonly number[]): string {
    return this.constant([values.length], INT64, BigInt64Array.from(values, BigInt));
  }

  private float(value: number): string {
    return this.constant([], FLOAT, Float32Array.of(value));
  }

  private constant(dims: readonly number[], dataType: number, data: Float32Array | BigInt64Array): string {
    const output = `${this.node.name}/${this.nodes.length}`;
    const rawData = new Uint8Array(data.buffer);
    const attribute = [{ name: 'value', type: ATTRIBUTE_TENSOR, t: { dims, dataType, rawData } }];
    this.nodes.push({ name: output, opType: 'Constant', input: [], output: [output], attribute });
    return output;
  }
}
