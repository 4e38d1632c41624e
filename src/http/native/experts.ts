import { z } from 'zod';
import type { ExpertOrder } from '../../ipc/messages';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';

const noFields = z.object({}, { error: NOT_AN_OBJECT });

/** `/start_expert_distribution_record` and the two that follow it. */
export function expertRoutes({ args, facts, manager }: AppDeps): RouteSpec[] {
  const route = (order: ExpertOrder, summary: string, text: string): RouteSpec => ({
    path: `/${order}_expert_distribution_record`,
    methods: ['get', 'post'],
    level: 'admin_optional',
    body: 'json',
    about: {
      area: 'Operators',
      summary,
      body: noFields,
      examples: { 'As it is': {} },
      reply: 'text',
      refusal: refusal(args.expertDistributionRecorderMode !== null, facts.hasExperts),
    },
    async handler(req, res) {
      parseBody(noFields, req.body ?? {});
      const files = await manager.recordExperts(order);
      res.type('text/plain').send([text, ...files].map((line) => `${line}\n`).join(''));
    },
  });
  return [
    route(
      'start',
      'Begins to record which experts the model chooses',
      'Start recording the expert distribution.',
    ),
    route('stop', 'Ends the recording; what was recorded is kept', 'Stop recording the expert distribution.'),
    route('dump', 'Writes what was recorded to files and forgets it', 'Dump expert distribution record.'),
  ];
}

function refusal(isRecorded: boolean, hasExperts: boolean): string | null {
  if (!hasExperts) return 'The model of this server has no experts.';
  return isRecorded
    ? null
    : 'Only a server that was started with --expert-distribution-recorder-mode answers this.';
}
