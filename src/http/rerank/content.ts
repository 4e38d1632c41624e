import { z } from 'zod';

/** A text, as it is or as parts of a message. */
export type Content = string | readonly TextPart[];

interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

const TEXT = { type: 'string' } as const;
const PARTS = {
  type: 'array',
  items: {
    type: 'object',
    properties: { type: { const: 'text' }, text: TEXT },
    required: ['type', 'text'],
  },
} as const;

function isPart(value: unknown): value is TextPart {
  const part = value as Partial<TextPart> | null;
  return typeof part === 'object' && part?.type === 'text' && typeof part.text === 'string';
}

function isContent(value: unknown): value is Content {
  return typeof value === 'string' || (Array.isArray(value) && value.every(isPart));
}

/** Texts of a body, each a string or a list of text parts: nothing else can be read here. */
export const texts = {
  text: z
    .custom<Content>(isContent, { error: 'must be a string or a list of parts of type text' })
    .meta({ anyOf: [TEXT, PARTS] }),
  list: z
    .custom<Content[]>((value) => Array.isArray(value) && value.every(isContent), {
      error: 'must be a list of strings, or of lists of parts of type text',
    })
    .meta({ type: 'array', items: { anyOf: [TEXT, PARTS] } }),
};

/** The text of parts is that of all of them. */
export function textOf(content: Content): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('');
}
