import { z } from 'zod';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { toolParserName } from '../chat/tools';
import { parseBody } from '../fields';
import type { RouteSpec } from '../route';
import { OTHER_FIELDS } from './common-fields';
import { modelFields, modelOf } from './model-name';
import { architectureInfo, parameterSize } from './model-info';

/** The release of Ollama whose interface these routes have: clients ask whether it is new enough. */
const OLLAMA_VERSION = '0.13.0';
/** Models stay until the server ends. */
const NEVER = '9999-12-31T23:59:59Z';

const showSchema = z.object(
  { ...modelFields, verbose: z.boolean({ error: 'must be true or false' }).nullish() },
  { error: NOT_AN_OBJECT },
);

/** What Ollama's clients ask about the one model there is. */
export function modelRoutes(deps: AppDeps): RouteSpec[] {
  const { args, facts, manager } = deps;
  const listed = () => {
    const { bytes: size, digest } = deps.card();
    const { name } = manager.served;
    return { name, model: name, size, digest, details: detailsOf(deps) };
  };
  const modified = () => ({ modified_at: new Date(deps.card().modifiedAt).toISOString() });
  const get = (path: string, summary: string, reply: () => object): RouteSpec => ({
    path,
    methods: ['get'],
    level: 'normal',
    about: { area: 'Ollama', summary },
    handler: (_req, res) => void res.json(reply()),
  });
  return [
    get('/api/tags', 'The one model there is', () => ({ models: [{ ...listed(), ...modified() }] })),
    get('/api/ps', 'The model that is loaded', () => ({
      models: [
        {
          ...listed(),
          expires_at: NEVER,
          size_vram: args.device === 'cpu' ? 0 : deps.card().bytes,
          context_length: facts.contextLen,
        },
      ],
    })),
    get('/api/version', 'The release of Ollama whose interface this is', () => ({ version: OLLAMA_VERSION })),
    {
      path: '/api/show',
      methods: ['post'],
      level: 'normal',
      body: 'any_type',
      about: {
        area: 'Ollama',
        summary: 'What the model is and can do',
        body: showSchema,
        examples: { 'The model': { model: 'default' } },
      },
      handler(req, res) {
        modelOf(parseBody(showSchema, req.body, OTHER_FIELDS), manager.served.name);
        res.json({ ...describe(deps), ...modified() });
      },
    },
  ];
}

function detailsOf({ facts, card }: AppDeps): object {
  const { format, parameters, precision } = card();
  return {
    parent_model: '',
    format,
    family: facts.modelType,
    families: [facts.modelType],
    parameter_size: parameterSize(parameters),
    quantization_level: precision ?? '',
  };
}

function describe(deps: AppDeps): object {
  const { facts, card, chat, manager } = deps;
  const template = chat?.source ?? '';
  return {
    modelfile: `FROM ${manager.served.name}\nTEMPLATE """${template}"""\n`,
    parameters: Object.entries(facts.generationDefaults)
      .map(([name, value]) => `${name.padEnd(30)} ${value}`)
      .join('\n'),
    template,
    details: detailsOf(deps),
    model_info: architectureInfo(facts, card()),
    capabilities: capabilitiesOf(deps),
  };
}

/** Clients offer what is named here, and nothing else. */
function capabilitiesOf(deps: AppDeps): string[] {
  const { facts, manager, chat } = deps;
  if (facts.kind === 'embedding') return ['embedding'];
  return [
    'completion',
    ...(chat?.reads('tools') && toolParserName(deps) !== null ? ['tools'] : []),
    ...(manager.reasoning === null ? [] : ['thinking']),
  ];
}
