import { argumentSchema } from '../../../src/tool-calls/xml/argument-schema';
import { typedArgument } from '../../../src/tool-calls/xml/typed-argument';

const typed = (text: string, schema: unknown, $defs = {}) =>
  typedArgument(text, argumentSchema({ properties: { a: schema }, $defs }, 'a'));

it.each([
  [{ type: 'string' }, '12', '"12"'],
  [{ type: 'string' }, ' a "b" ', '" a \\"b\\" "'],
  [{ type: 'string' }, 'NULL', 'null'],
  [{ type: 'integer' }, ' 12\n', '12'],
  [{ type: 'integer' }, '-007', '"-007"'],
  [{ type: 'integer' }, '1.5', '"1.5"'],
  [{ type: 'int64' }, '12345678901234567890', '12345678901234567890'],
  [{ type: 'number' }, '3', '3'],
  [{ type: 'number' }, '.5e3', '0.5e3'],
  [{ type: 'float' }, 'many', '"many"'],
  [{ type: 'number' }, 'NaN', '"NaN"'],
  [{ type: 'boolean' }, 'True', 'true'],
  [{ type: 'boolean' }, 'yes', 'false'],
  [{ type: 'object' }, '{"a": [1]}', '{"a": [1]}'],
  [{ type: 'dict' }, "{'a': (True, None)}", '{"a": [true, null]}'],
  [{ type: 'array' }, '[1, 2', '"[1, 2"'],
  [{ type: 'array' }, '[1] and more', '"[1] and more"'],
  [{ type: ['null', 'integer'] }, '1', '1'],
  [{ anyOf: [{ type: 'integer' }, { type: 'null' }] }, '1', '1'],
  [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, '1', '"1"'],
  [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, '1', '1'],
  [{ enum: [1, 2] }, '1', '1'],
  [{ enum: ['1', '2'] }, '1', '"1"'],
  [{ allOf: [{ description: 'x' }, { type: 'integer' }] }, '1', '1'],
  [{ properties: {} }, '{"b": 1}', '{"b": 1}'],
  [{ items: {} }, '[1]', '[1]'],
  [{ $ref: '#/$defs/Place' }, '{"b": 1}', '{"b": 1}'],
  [{ $ref: '#/$defs/Loop' }, '1', '"1"'],
  [{ $ref: '#/$defs/__proto__/x' }, '1', '"1"'],
  [undefined, '1', '"1"'],
  [true, '1', '"1"'],
])('%j turns %j into %s', (schema, text, json) => {
  const $defs = { Place: { type: 'object' }, Loop: { $ref: '#/$defs/Loop' } };
  expect(typed(text, schema, $defs)).toBe(json);
});

it('takes what no schema tells of for text', () => {
  for (const root of [null, 1, {}, { properties: [] }]) {
    expect(typedArgument('1', argumentSchema(root, 'a'))).toBe('"1"');
  }
  expect(typedArgument('1', argumentSchema({ properties: {} }, 'constructor'))).toBe('"1"');
});
