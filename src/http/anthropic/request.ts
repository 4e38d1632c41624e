import { z } from 'zod';
import { NOT_AN_OBJECT } from '../body';

const text = z.string({ error: 'must be a string' });
const boolean = z.boolean({ error: 'must be true or false' });

/** A part of a message. What else it holds depends on its type. */
const blockSchema = z.looseObject({ type: text }, { error: 'must be an object with a type' });
export type Block = z.output<typeof blockSchema>;

const contentSchema = z.union([text, z.array(blockSchema)], {
  error: 'must be a string or a list of blocks',
});
export type Content = z.output<typeof contentSchema>;

const toolSchema = z.looseObject(
  {
    name: text.min(1, { error: 'must not be empty' }),
    type: text.nullish(),
    description: text.nullish(),
    input_schema: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
    strict: boolean.nullish(),
  },
  { error: 'must be an object with a name' },
);
export type Tool = z.output<typeof toolSchema>;

/** What both a message and its tokens alone are asked by. */
export const promptFields = {
  model: text.min(1, { error: 'must not be empty' }),
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['user', 'assistant', 'system'], { error: 'must be user, assistant or system' }),
        content: contentSchema,
      }),
      { error: 'must be a list of messages' },
    )
    .min(1, { error: 'must hold at least one message' }),
  system: contentSchema.nullish(),
  tools: z.array(toolSchema, { error: 'must be a list of tools' }).nullish(),
  tool_choice: z
    .looseObject(
      {
        type: z.enum(['auto', 'any', 'tool', 'none'], { error: 'must be auto, any, tool or none' }),
        name: text.nullish(),
        disable_parallel_tool_use: boolean.nullish(),
      },
      { error: 'must be an object with a type' },
    )
    .nullish(),
  thinking: z
    .looseObject(
      {
        type: z.enum(['enabled', 'disabled', 'adaptive'], { error: 'must be enabled, disabled or adaptive' }),
        budget_tokens: z
          .int({ error: 'must be an integer' })
          .min(1024, { error: 'must be at least 1024' })
          .nullish(),
        display: text.nullish(),
      },
      { error: 'must be an object with a type' },
    )
    .refine(({ type, budget_tokens }) => type !== 'enabled' || budget_tokens != null, {
      error: 'budget_tokens is required where thinking is enabled',
    })
    .nullish(),
  output_config: z
    .looseObject(
      {
        effort: text.nullish(),
        format: z
          .looseObject(
            { type: z.literal('json_schema', { error: 'must be json_schema' }), schema: z.unknown() },
            { error: 'must be an object with type json_schema and a schema' },
          )
          .nullish(),
      },
      { error: 'must be an object' },
    )
    .nullish(),
};

const promptSchema = z.looseObject(promptFields, { error: NOT_AN_OBJECT });
/** A conversation, as `/v1/messages/count_tokens` takes it. Unknown fields have no effect: clients send many. */
export const countSchema = promptSchema;
export type PromptRequest = z.output<typeof promptSchema>;

const number = z.number({ error: 'must be a number' });

/** A body of `/v1/messages`. */
export const messageSchema = z.looseObject(
  {
    ...promptFields,
    max_tokens: z.int({ error: 'must be an integer' }).min(1, { error: 'must be at least 1' }),
    stop_sequences: z.array(text, { error: 'must be a list of strings' }).nullish(),
    stream: boolean.nullish(),
    temperature: number.nullish(),
    top_p: number.nullish(),
    top_k: z.int({ error: 'must be an integer' }).nullish(),
    metadata: z.looseObject({}, { error: 'must be an object' }).nullish(),
  },
  { error: NOT_AN_OBJECT },
);
export type MessageRequest = z.output<typeof messageSchema>;
