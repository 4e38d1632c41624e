import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isReasoningParser, REASONING_PARSERS } from '../../reasoning/parsers';
import type { AnswerPiece } from '../../reasoning/splitter';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';

const schema = z.object(
  {
    text: z.string({ error: 'must be a string' }),
    reasoning_parser: z.string({ error: 'must be a string' }),
  },
  { error: NOT_AN_OBJECT },
);

/** `/separate_reasoning`: a text of a model that thinks, as thought and answer. */
export function separateReasoningRoutes(): RouteSpec[] {
  return [
    {
      path: '/separate_reasoning',
      methods: ['post'],
      level: 'normal',
      body: 'json',
      about: {
        area: 'Texts and tokens',
        summary: 'The thoughts and the answer in what a model wrote',
        body: schema,
        examples: {
          "Qwen's form": { text: '<think>It is in France.</think>Paris.', reasoning_parser: 'qwen3' },
        },
      },
      handler(req, res) {
        const { text, reasoning_parser: name } = parseBody(schema, req.body);
        const splitter = parserNamed(name).splitter('');
        const pieces = [...splitter.push(text), ...splitter.finish()];
        res.json({ reasoning_text: join(pieces, 'reasoning'), text: join(pieces, 'text') });
      },
    },
  ];
}

function parserNamed(name: string) {
  if (isReasoningParser(name)) return REASONING_PARSERS[name];
  const known = Object.keys(REASONING_PARSERS).join(', ');
  throw new RequestError(
    'bad_value',
    `reasoning_parser must be one of ${known}, got '${name.slice(0, 64)}'.`,
  );
}

function join(pieces: readonly AnswerPiece[], type: AnswerPiece['type']): string {
  return pieces.map((piece) => (piece.type === type ? piece.text : '')).join('');
}
