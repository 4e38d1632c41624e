import express, { type Express, type RequestHandler } from 'express';
import { RequestError } from '../core/errors';
import type { AppDeps } from './app-deps';
import { accessLog } from './access-log';
import { messagesRoutes } from './anthropic/messages';
import { authenticate } from './auth';
import { cors } from './cors';
import { dialectOfPath, speak } from './dialect';
import { errorHandler } from './error-handler';
import { healthRoutes } from './health';
import { ChatService } from './chat/chat-service';
import { HttpMetrics } from './http-metrics';
import { metricsRoutes } from './metrics-route';
import { controlRoutes } from './native/control';
import { encodeRoutes } from './native/encode';
import { expertRoutes } from './native/experts';
import { generateRoutes } from './native/generate';
import { infoRoutes } from './native/info';
import { loadRoutes } from './native/loads';
import { loggingRoutes } from './native/logging';
import { functionCallRoutes } from './native/function-calls';
import { memoryRoutes } from './native/memory-occupation';
import { profileRoutes } from './native/profile';
import { separateReasoningRoutes } from './native/separate-reasoning';
import { sessionRoutes } from './native/sessions';
import { tokenizeRoutes } from './native/tokenize';
import { traceRoutes } from './native/trace-level';
import { weightRoutes } from './native/weights';
import { ollamaRoutes } from './ollama/routes';
import { chatRoutes } from './openai/chat';
import { classifyRoutes } from './openai/classify';
import { completionRoutes } from './openai/completions';
import { embeddingRoutes } from './openai/embeddings';
import { modelsRoutes } from './openai/models';
import { scoreRoutes } from './openai/score';
import { openapiRoutes } from './openapi/openapi-routes';
import { pageRoutes } from './playground/pages';
import { requestIdOf } from './request-id';
import { rerankRoutes } from './rerank/rerank';
import { serviceRoutes } from './rerank/services';
import { responsesRoutes } from './responses/responses';
import { addRoutes } from './route';
import { embedRoutes } from './tei/embed';
import { predictRoutes } from './tei/predict';
import { stripRootPath } from './root-path';

/** The HTTP application; listens to nothing by itself. */
export function createApp(deps: AppDeps): Express {
  const { args, metrics } = deps;
  const allowsLabels = args.tokenizerMetricsAllowedCustomLabels !== null;
  const labelsHeader = allowsLabels ? args.tokenizerMetricsCustomLabelsHeader.toLowerCase() : null;
  const http = metrics && new HttpMetrics(metrics, labelsHeader);
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple');
  if (http !== null) app.use(http.watch);
  app.use(
    accessLog(args.uvicornAccessLogExcludePrefixes),
    cors,
    stripRootPath(args.fastapiRootPath),
    speakAsPath,
  );
  const chats = new ChatService(deps);
  const routes = [
    ...pageRoutes(deps),
    ...healthRoutes(deps),
    ...metricsRoutes(deps),
    ...generateRoutes(deps),
    ...sessionRoutes(deps),
    ...encodeRoutes(deps),
    ...infoRoutes(deps),
    ...loadRoutes(deps),
    ...controlRoutes(deps),
    ...weightRoutes(deps),
    ...memoryRoutes(deps),
    ...loggingRoutes(deps),
    ...profileRoutes(deps),
    ...expertRoutes(deps),
    ...traceRoutes(deps),
    ...tokenizeRoutes(deps),
    ...functionCallRoutes(deps),
    ...separateReasoningRoutes(),
    ...modelsRoutes(deps),
    ...embeddingRoutes(deps),
    ...classifyRoutes(deps),
    ...rerankRoutes(deps),
    ...serviceRoutes(deps),
    ...predictRoutes(deps),
    ...embedRoutes(deps),
    ...scoreRoutes(deps),
    ...completionRoutes(deps),
    ...chatRoutes(deps, chats),
    ...responsesRoutes(deps, chats),
    ...messagesRoutes(deps, chats),
    ...ollamaRoutes(deps, chats),
  ];
  addRoutes(app, { ...deps, http }, [...routes, ...openapiRoutes(deps, routes)]);
  app.use(authenticate('normal', args), () => {
    throw new RequestError('unknown_route', 'Not Found');
  });
  app.use(errorHandler);
  return app;
}

const speakAsPath: RequestHandler = (req, res, next) => {
  const dialect = dialectOfPath(req.path);
  speak(res, dialect);
  if (dialect.idHeader !== undefined) res.setHeader(dialect.idHeader, requestIdOf(res));
  next();
};
