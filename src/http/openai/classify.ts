import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Labels } from '../../core/model-facts';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody } from '../fields';
import { originOf } from '../origin';
import { OTHER_FIELDS } from '../request-fields/request-fields';
import type { RouteSpec } from '../route';
import { asProbabilities, labelsOf, scoresRefusal } from '../scores';
import { embedFields, embedRequestOf } from './embed-fields';

const schema = z.object(embedFields, { error: NOT_AN_OBJECT });

/** `/v1/classify`: the label of each text, and how probable each is. */
export function classifyRoutes({ facts, manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/v1/classify',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: {
        area: 'OpenAI',
        summary: 'The label of each text, and how probable each label is',
        body: schema,
        examples: { 'A text': { model: 'default', input: 'What a lovely day.' } },
        refusal: scoresRefusal(facts),
      },
      async handler(req, res) {
        const body = parseBody(schema, req.body, OTHER_FIELDS);
        const labels = labelsOf(facts);
        const request = embedRequestOf(body, originOf(req, res));
        const reply = await untilGone(res, (gone) => manager.encode(request, gone));
        if (reply === null) return;
        const tokens = reply.promptTokens;
        res.json({
          id: `classify-${randomUUID().replaceAll('-', '')}`,
          object: 'list',
          created: Math.floor(Date.now() / 1000),
          model: body.model ?? manager.served.name,
          data: reply.results.map(({ vector }, index) => ({ index, ...verdict(vector, labels) })),
          usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0 },
        });
      },
    },
  ];
}

function verdict(
  scores: Float32Array,
  labels: Labels,
): { label: string | undefined; probs: number[]; num_classes: number } {
  const probs = asProbabilities(scores, labels);
  const best = probs.indexOf(Math.max(...probs));
  return { label: labels.names[best], probs, num_classes: probs.length };
}
