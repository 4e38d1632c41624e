import { z } from 'zod';
import { env } from '../../core/env';
import { RequestError } from '../../core/errors';
import { TOOL_PARSERS, type ToolParserName } from '../../tool-calls/registry';
import { parserOfTemplate } from '../../tool-calls/template-parser';
import { parseWhole } from '../../tool-calls/whole-text';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';

const text = z.string({ error: 'must be a string' });
const toolSchema = z.looseObject(
  {
    type: z.literal('function', { error: "must be 'function'" }).nullish(),
    function: z.looseObject(
      {
        name: text.min(1, { error: 'must not be empty' }),
        description: text.nullish(),
        parameters: z
          .record(z.string(), z.unknown(), { error: 'must be a JSON schema, an object' })
          .nullish(),
      },
      { error: 'must be an object with the name of a function' },
    ),
  },
  { error: 'must be an object with a function' },
);

const schema = z.object(
  {
    text,
    tools: z.array(toolSchema, { error: 'must be a list of tools' }),
    tool_call_parser: text.nullish(),
  },
  { error: NOT_AN_OBJECT },
);

const CALL = {
  text: '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>',
  tools: [{ type: 'function', function: { name: 'weather' } }],
  tool_call_parser: 'hermes',
};

/** `/parse_function_call`: the calls in a text, without the model. */
export function functionCallRoutes({ args, chat }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/parse_function_call',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: {
        area: 'Texts and tokens',
        summary: 'The tool calls in what a model wrote',
        body: schema,
        examples: { "Hermes' form": CALL },
      },
      handler(req, res) {
        const body = parseBody(schema, req.body);
        const makeParser =
          TOOL_PARSERS[parserName(body.tool_call_parser ?? args.toolCallParser, chat?.source ?? '')];
        const tools = body.tools.map(({ function: { name, parameters } }) => ({
          name,
          parameters: parameters ?? null,
        }));
        const forwardUnknown = env('SGLANG_FORWARD_UNKNOWN_TOOLS');
        const parsed = parseWhole(makeParser({ tools, forwardUnknown }), body.text);
        const calls = parsed.calls.map(({ name, arguments: parameters }) => ({
          tool_index: tools.findIndex((tool) => tool.name === name),
          name,
          parameters,
        }));
        res.json({ normal_text: parsed.text, calls });
      },
    },
  ];
}

/**
 * @param template text of the chat template, by which `auto` goes
 * @throws RequestError that lists the parsers there are
 */
function parserName(name: string | null, template: string): ToolParserName {
  const chosen = name === 'auto' ? parserOfTemplate(template) : name;
  if (chosen !== null && Object.hasOwn(TOOL_PARSERS, chosen)) return chosen as ToolParserName;
  const reason = name === 'auto' ? 'the chat template tells of none; ' : '';
  throw new RequestError(
    'bad_value',
    `tool_call_parser: ${reason}must be auto or one of ${Object.keys(TOOL_PARSERS).join(', ')}.`,
    'tool_call_parser',
  );
}
