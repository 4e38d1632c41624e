import { RequestError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { pythonRepr } from '../../logging/python-repr';
import type { ChatMessage, ChatPrompt, ChatTemplate } from '../../chat-template';
import type {
  GenerateJob,
  GenerateRequest,
  RawSamplingParams,
  Reasoning,
  RequestOrigin,
} from '../../tokenizer-manager';
import { callForm } from '../../tool-calls/call-forms/registry';
import type { ToolParserName } from '../../tool-calls/registry';
import type { AppDeps } from '../app-deps';
import type { AnswerForm } from './answer';
import { parseChatBody, type ChatBody } from './chat-body';
import type { PastThoughts } from './past-thoughts';
import { splitterFor } from './reasoning';
import { hasLateInstructions, showsLateInstructions, withInstructionsFirst } from './system-messages';
import { toolParserFor, toolParserName } from './tools';

/** A conversation whose answers are on their way. */
export interface RunningChat {
  readonly job: GenerateJob;
  /** How the job's text is read (`chatEvents`, `wholeAnswer`). */
  readonly form: AnswerForm;
}

/**
 * Answers conversations. The chat of every dialect comes down to it: a dialect writes what it was asked as the body of a chat
 * completion, and the events of the answer in its own words.
 */
export class ChatService {
  /** Sampling parameters where a request leaves them out. */
  readonly defaults: RawSamplingParams;
  private readonly toolParser: ToolParserName | null;
  /** null until it matters. */
  private showsLate: boolean | null = null;

  constructor(private readonly deps: AppDeps) {
    this.defaults = chatDefaults(deps);
    this.toolParser = toolParserName(deps);
  }

  /** Whether thoughts can be told from answers. */
  get knowsReasoning(): boolean {
    return this.deps.manager.reasoning !== null;
  }

  get pastThoughts(): PastThoughts {
    const marks = this.deps.manager.reasoning?.parser.thoughts ?? null;
    return { hasPlace: templateOf(this.deps).reads('reasoning_content'), marks };
  }

  /**
   * A body of `/v1/chat/completions` whose template shows all instructions: where it knows only those at the beginning of a
   * conversation, later ones are put there.
   */
  async inOrder<B extends { readonly messages: readonly ChatMessage[] }>(
    body: B,
    gone: AbortSignal,
  ): Promise<B> {
    if (!hasLateInstructions(body.messages)) return body;
    this.showsLate ??= await showsLateInstructions(templateOf(this.deps), gone);
    return this.showsLate ? body : { ...body, messages: withInstructionsFirst(body.messages) };
  }

  /**
   * @param value a body of `/v1/chat/completions`
   * @throws RequestError for what is wrong with it, and where no conversation can be rendered
   */
  parse(value: unknown, origin: RequestOrigin): ChatBody {
    return parseChatBody(value, origin, {
      defaults: this.defaults,
      contextLength: this.deps.args.contextLength,
      chat: templateOf(this.deps),
      callForm: callForm(this.toolParser, this.deps.chat?.source ?? ''),
    });
  }

  /** @param gone fires when nobody waits for the answer any more */
  async start(body: ChatBody, gone: AbortSignal): Promise<RunningChat> {
    const prompt = await templateOf(this.deps).prompt(body.conversation, gone);
    const form = this.formOf(body, prompt);
    const request = requestOf(body, prompt, form, this.deps.manager.reasoning);
    return { job: await this.deps.manager.generate(request, gone), form };
  }

  private formOf(
    { conversation, callsAreList, isHeld, separatesReasoning, streamsReasoning }: ChatBody,
    prompt: ChatPrompt,
  ): AnswerForm {
    const { reasoning } = this.deps.manager;
    return {
      toolParser: toolParserFor(this.toolParser, conversation, callsAreList),
      splitter: reasoning !== null && separatesReasoning ? splitterFor(reasoning, prompt, isHeld) : null,
      streamsReasoning,
    };
  }
}

/** @throws RequestError where no conversation can be rendered */
export function templateOf({ chat, facts }: Pick<AppDeps, 'chat' | 'facts'>): ChatTemplate {
  if (facts.kind === 'embedding') refuse('This model gives vectors (--is-embedding): it cannot chat.');
  if (chat !== null) return chat;
  refuse('This server was started with --skip-tokenizer-init: it cannot render conversations.');
}

function refuse(message: string): never {
  throw new RequestError('not_available', message);
}

/** The request with its prompt. It ends where the client or the template says, and shows what the reading of the answer needs. */
function requestOf(
  { request, isHeld }: ChatBody,
  { text, begun, stop }: ChatPrompt,
  form: AnswerForm,
  reasoning: Reasoning | null,
): GenerateRequest {
  const params = request.samplingParams as RawSamplingParams;
  const own = (params['stop'] ?? []) as string | string[];
  const samplingParams = {
    ...params,
    ...(stop.length > 0 && { stop: [...new Set([own, stop].flat())] }),
    // Marks of calls and thoughts may be special tokens.
    ...((reasoning?.isSpecial || form.toolParser !== null) && { skip_special_tokens: false }),
  };
  return {
    ...request,
    text,
    begunLength: begun.length,
    thoughtsBefore: isHeld ? 'allowed' : 'none',
    samplingParams,
  };
}

/** What holds where a request says nothing: the operator's wishes before those of the model's authors. */
function chatDefaults({ args, facts }: AppDeps): RawSamplingParams {
  const model = args.samplingDefaults === 'model' ? facts.generationDefaults : {};
  if (facts.kind === 'generation' && Object.keys(model).length > 0) {
    const sorted = Object.fromEntries(Object.entries(model).sort(([a], [b]) => (a < b ? -1 : 1)));
    logger.log(
      'info',
      `Using default chat sampling params from model generation config: ${pythonRepr(sorted)}`,
    );
  }
  return { ...model, ...args.preferredSamplingParams };
}
