import { Template } from '@huggingface/jinja';

/**
 * What a template expects as content of a message: one text (`string`), or OpenAI's list of parts, which it goes through itself
 * (`openai`).
 */
export type ContentFormat = 'string' | 'openai';

/** A node of the syntax tree, read without trust in its kind. */
interface Node {
  readonly type: string;
  readonly [member: string]: unknown;
}

/**
 * Finds out from a template's syntax tree whether it loops over the content of a message: over `message.content`, over a variable
 * that was set from it, or over a macro's parameter of that name, also behind filters and slices.
 * @throws Error when the template is no Jinja
 */
export function contentFormatOf(template: string): ContentFormat {
  const nodes = [...walk(new Template(template).parsed as unknown)];
  const names = new Set(['content']);
  for (const { type, assignee, value } of nodes) {
    if (type === 'Set' && isNode(assignee) && isNode(value) && isContent(value, new Set())) {
      names.add(String(assignee['value']));
    }
  }
  const loops = nodes.some(
    ({ type, iterable }) => type === 'For' && isNode(iterable) && isContent(iterable, names),
  );
  return loops ? 'openai' : 'string';
}

/** Whether an expression is a message's content, or one of `names`. */
function isContent(node: Node, names: ReadonlySet<string>): boolean {
  const { type, object, property, operand, lhs, callee } = node;
  switch (type) {
    case 'Identifier':
      return names.has(String(node['value']));
    case 'MemberExpression':
      if (isNode(property) && property.type === 'SliceExpression')
        return isNode(object) && isContent(object, names);
      return isNode(property) && property['value'] === 'content';
    case 'CallExpression':
      return isNode(callee) && isGetContent(callee, node['args']);
    case 'FilterExpression':
      return isNode(operand) && isContent(operand, names);
    case 'SelectExpression':
      return isNode(lhs) && isContent(lhs, names);
    default:
      return false;
  }
}

/** `message.get('content')` */
function isGetContent(callee: Node, args: unknown): boolean {
  const { property } = callee;
  const [first] = Array.isArray(args) ? (args as unknown[]) : [];
  return isNode(property) && property['value'] === 'get' && isNode(first) && first['value'] === 'content';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function membersOf(value: unknown): Iterable<unknown> {
  if (Array.isArray(value)) return value as unknown[];
  if (value instanceof Map) return [...value.entries()].flat() as unknown[];
  return isNode(value) ? Object.values(value) : [];
}

function* walk(value: unknown): Generator<Node> {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (isNode(next)) yield next;
    for (const member of membersOf(next)) waiting.push(member);
  }
}
