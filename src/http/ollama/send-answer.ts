import type { Response } from 'express';
import { NDJSON } from '../event-stream';
import { sendEvents } from '../send-events';
import { wholeAnswerPart, type AnswerPart, type AnswerSums } from './answer-lines';

/** How a route words what an answer says. */
export interface Wording {
  readonly model: string;
  /** The members of a line that hold the text. */
  say(part: AnswerPart): object;
}

interface Recipient {
  readonly res: Response;
  /** Fires when the client has left. */
  readonly gone: AbortSignal;
  readonly where: string;
  readonly isStream: boolean;
}

/** Sends an answer as lines, or as one. */
export async function sendAnswer(
  parts: AsyncGenerator<AnswerPart>,
  wording: Wording,
  { res, gone, where, isStream }: Recipient,
): Promise<void> {
  if (isStream) return sendEvents(linesOf(parts, wording), { res, gone, where, form: NDJSON });
  const whole = await wholeAnswerPart(parts);
  if (!gone.aborted) res.json(line(whole, wording));
}

/** What a request without a prompt is answered: there is nothing to load. */
export async function sendIdle(
  done_reason: 'load' | 'unload',
  wording: Wording,
  recipient: Recipient,
): Promise<void> {
  const line = { model: wording.model, created_at: new Date().toISOString() };
  const said = wording.say({ text: '', thinking: '', calls: [], logprobs: [], end: null });
  const { res, gone, where, isStream } = recipient;
  const all = { ...line, ...said, done: true, done_reason };
  if (isStream) return sendEvents(once(all), { res, gone, where, form: NDJSON });
  res.json(all);
}

async function* once(line: object): AsyncGenerator<object> {
  yield await Promise.resolve(line);
}

async function* linesOf(parts: AsyncGenerator<AnswerPart>, wording: Wording): AsyncGenerator<object> {
  for await (const part of parts) yield line(part, wording);
}

function line(part: AnswerPart, wording: Wording): object {
  const { logprobs, end } = part;
  return {
    model: wording.model,
    created_at: new Date().toISOString(),
    ...wording.say(part),
    ...(logprobs.length > 0 && { logprobs }),
    ...ending(end),
  };
}

function ending(end: AnswerSums | null): object {
  return end === null ? { done: false } : { done: true, ...end };
}
