import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { Labels } from '../../core/model-facts';
import { isStringList } from '../../core/parse';
import { PLAIN_EMBED, type TextPair } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody } from '../fields';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { asProbabilities, labelsOf, scoresRefusal } from '../scores';
import { tei } from './dialect';
import { truncateOf, truncationFields } from './truncation';

/** A text; two that belong together; or several of these, each in a list of its own. */
type Inputs = string | readonly string[] | readonly (readonly string[])[];

const isInputs = (value: unknown) =>
  typeof value === 'string' || isStringList(value) || (Array.isArray(value) && value.every(isStringList));

const TEXT = { type: 'string' };
const TEXTS = { type: 'array', items: TEXT };

const schema = z.object(
  {
    inputs: z
      .custom<Inputs>(isInputs, {
        error: 'must be a string, a list of strings or a list of lists of one or two strings',
      })
      .meta({ anyOf: [TEXT, TEXTS, { type: 'array', items: TEXTS }] }),
    raw_scores: z.boolean({ error: 'must be true or false' }).nullish(),
    ...truncationFields,
  },
  { error: NOT_AN_OBJECT },
);

/** `/predict` of Text Embeddings Inference: how much each label fits a text, the best first. */
export function predictRoutes({ manager, facts }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/predict',
      methods: ['post'],
      level: 'normal',
      body: 'any_type',
      dialect: tei,
      about: {
        area: 'Vectors and ranks',
        summary: 'How much each label fits a text, in the form of Text Embeddings Inference',
        body: schema,
        examples: { 'A text': { inputs: 'What a lovely day.' } },
        refusal: scoresRefusal(facts),
      },
      async handler(req, res) {
        const body = parseBody(schema, req.body);
        const labels = labelsOf(facts);
        const { text, isList } = textsOf(body.inputs);
        const request = { ...PLAIN_EMBED, text, truncate: truncateOf(body), origin: originOf(req, res) };
        const reply = await untilGone(res, (gone) => manager.encode(request, gone));
        if (reply === null) return;
        const found = reply.results.map(({ vector }) =>
          predictions(vector, labels, body.raw_scores === true),
        );
        res.json(isList ? found : found[0]);
      },
    },
  ];
}

function textsOf(inputs: Inputs): { text: readonly (string | TextPair)[]; isList: boolean } {
  if (typeof inputs === 'string') return { text: [inputs], isList: false };
  if (inputs.length === 0) throw new RequestError('bad_value', 'inputs cannot be empty', 'inputs');
  // As there: a plain list is one input, of a text or of a pair.
  if (isStringList(inputs)) return { text: [textOf(inputs)], isList: false };
  return { text: (inputs as readonly (readonly string[])[]).map(textOf), isList: true };
}

function textOf(texts: readonly string[]): string | TextPair {
  const [first, second] = texts;
  if (first === undefined || texts.length > 2) {
    throw new RequestError('bad_value', `an input must be one or two texts, got ${texts.length}`, 'inputs');
  }
  return second === undefined ? first : [first, second];
}

function predictions(
  scores: Float32Array,
  labels: Labels,
  isRaw: boolean,
): { score: number; label: string | undefined }[] {
  const values = isRaw ? Array.from(scores) : asProbabilities(scores, labels);
  return values.map((score, i) => ({ score, label: labels.names[i] })).sort((a, b) => b.score - a.score);
}
