import protobuf from 'protobufjs';

/**
 * The subset of onnx.proto (ONNX IR version 10) that a decoder graph needs. Field numbers are ONNX's own; fields that
 * are never written are left out, which the format allows.
 */
const SOURCE = `
syntax = "proto3";
package onnx;
message OperatorSetId { string domain = 1; int64 version = 2; }
message StringStringEntry { string key = 1; string value = 2; }
message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
message Shape { repeated Dimension dim = 1; }
message TensorType { int32 elem_type = 1; Shape shape = 2; }
message Type { TensorType tensor_type = 1; }
message ValueInfo { string name = 1; Type type = 2; }
message Tensor {
  repeated int64 dims = 1;
  int32 data_type = 2;
  string name = 8;
  bytes raw_data = 9;
  repeated StringStringEntry external_data = 13;
  int32 data_location = 14;
}
message Attribute {
  string name = 1;
  float f = 2;
  int64 i = 3;
  bytes s = 4;
  repeated int64 ints = 8;
  int32 type = 20;
}
message Node {
  repeated string input = 1;
  repeated string output = 2;
  string name = 3;
  string op_type = 4;
  repeated Attribute attribute = 5;
  string domain = 7;
}
message Graph {
  repeated Node node = 1;
  string name = 2;
  repeated Tensor initializer = 5;
  repeated ValueInfo input = 11;
  repeated ValueInfo output = 12;
}
message Model {
  int64 ir_version = 1;
  string producer_name = 2;
  Graph graph = 7;
  repeated OperatorSetId opset_import = 8;
}
`;

const Model = protobuf.parse(SOURCE, { keepCase: false }).root.lookupType('onnx.Model');

/** `AttributeProto.AttributeType`. */
export const AttributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** `TensorProto.DataLocation`: 0 in the message, 1 in a file beside it. */
export const EXTERNAL = 1;

export interface AttributeMessage {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: number[];
}

export interface NodeMessage {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeMessage[];
  domain: string;
}

export interface TensorMessage {
  name: string;
  dims: number[];
  dataType: number;
  rawData?: Uint8Array;
  externalData?: { key: string; value: string }[];
  dataLocation?: number;
}

export interface ValueMessage {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: ({ dimValue: number } | { dimParam: string })[] } } };
}

export interface GraphMessage {
  name: string;
  node: NodeMessage[];
  initializer: TensorMessage[];
  input: ValueMessage[];
  output: ValueMessage[];
}

/** The bytes of a model: what ONNX Runtime reads. */
export function encodeModel(
  graph: GraphMessage,
  opsets: readonly { domain: string; version: number }[],
): Uint8Array {
  const IR_VERSION = 10;
  return Model.encode(
    Model.create({ irVersion: IR_VERSION, producerName: 'sglang-node', graph, opsetImport: opsets }),
  ).finish();
}
