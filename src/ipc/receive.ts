import { errorMessage } from '../core/errors';
import type { Check } from '../core/check';
import { asMessage, unpack } from './codec';
import { MESSAGES, type MessageTo, type Receiver } from './messages';

/** A message, or a part of one, that cannot be taken, with what can be read of it: who waits because of it. */
export interface InvalidMessage {
  readonly reason: string;
  /** Requests that it speaks of; `isLast` when nothing more will come of them, or nobody knows. */
  readonly requests: readonly { readonly rid: string; readonly isLast: boolean }[];
  /** The call that it makes or answers; null when there is none. */
  readonly callId: number | null;
}

/** What arrived: a message, or what is wrong; or both, when only some of its outputs are sound. */
export interface Received<R extends Receiver> {
  readonly message: MessageTo<R> | null;
  readonly invalid: InvalidMessage | null;
}

/** Reads what came to an inbox. */
export function receive<R extends Receiver>(receiver: R, bytes: Uint8Array): Received<R> {
  let raw: unknown = null;
  try {
    raw = unpack(bytes);
    return { message: accept(receiver, asMessage(raw)), invalid: null };
  } catch (error) {
    const { message, rest } = salvage(receiver, fieldsOf(raw));
    return { message, invalid: { reason: errorMessage(error), ...readable(rest) } };
  }
}

/** @throws Error when the receiver knows no such message, or one of another shape */
export function accept<R extends Receiver>(receiver: R, message: { readonly type: string }): MessageTo<R> {
  const checks: Readonly<Record<string, Check<unknown>>> = MESSAGES[receiver];
  const { type } = message;
  if (!Object.hasOwn(checks, type)) throw new Error(`message of unknown type ${JSON.stringify(type)}`);
  if (checks[type]?.(message) !== true) throw new Error(`malformed message of type ${type}`);
  return message as MessageTo<R>;
}

type Fields = Readonly<Record<string, unknown>>;

/** The outputs of a step are of different requests: those that are sound are none the worse for the others. */
function salvage<R extends Receiver>(
  receiver: R,
  raw: Fields,
): { message: MessageTo<R> | null; rest: Fields } {
  const { outputs } = raw;
  if (!Array.isArray(outputs)) return { message: null, rest: raw };
  const isSound = (output: unknown) => isAccepted(receiver, { ...raw, outputs: [output] });
  const sound = { ...raw, outputs: outputs.filter(isSound) };
  const rest = { ...raw, outputs: outputs.filter((output) => !isSound(output)) };
  return { message: sound.outputs.length > 0 ? accept(receiver, asMessage(sound)) : null, rest };
}

function isAccepted(receiver: Receiver, message: unknown): boolean {
  try {
    return accept(receiver, asMessage(message)) === message;
  } catch {
    return false;
  }
}

function readable(raw: Fields): Pick<InvalidMessage, 'requests' | 'callId'> {
  const { outputs, callId } = raw;
  const parts = Array.isArray(outputs) ? outputs.map(fieldsOf) : [raw];
  const requests = parts.flatMap(({ rid, finish }) =>
    typeof rid === 'string' ? [{ rid, isLast: finish !== null }] : [],
  );
  return { requests, callId: typeof callId === 'number' ? callId : null };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
