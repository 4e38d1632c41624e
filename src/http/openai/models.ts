import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';

/** `/v1/models`: the one model this server has. */
export function modelsRoutes({ manager, facts }: AppDeps): RouteSpec[] {
  const { served } = manager;
  const card = () => ({
    id: served.name,
    object: 'model',
    created: Math.floor(Date.now() / 1000),
    owned_by: 'sglang',
    root: served.name,
    parent: null,
    max_model_len: facts.contextLen,
  });
  return [
    {
      path: '/v1/models',
      methods: ['get'],
      level: 'normal',
      about: { area: 'OpenAI', summary: 'The one model there is' },
      handler: (_req, res) => void res.json({ object: 'list', data: [card()] }),
    },
    {
      // Names such as `org/model` have slashes of their own.
      path: '/v1/models/*name',
      methods: ['get'],
      level: 'normal',
      about: { area: 'OpenAI', summary: 'The model, by its name' },
      handler(req, res) {
        const wanted = [req.params['name']].flat().join('/');
        if (wanted === served.name) return void res.json(card());
        throw new RequestError('model_not_found', `The model '${wanted}' does not exist`, 'model');
      },
    },
  ];
}
