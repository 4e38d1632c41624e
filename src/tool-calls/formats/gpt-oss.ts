import { readJsonArguments } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Step } from '../text/source';
import type { Grammar, Parsing } from '../tool-parser';

const START = '<|start|>assistant';
const CHANNEL = '<|channel|>';

/**
 * Harmony: `<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>`; the recipient may also stand
 * before the channel, after `<|start|>assistant`. Messages to nobody, those of the channels analysis and final above all, are
 * text with their marks, for whoever tells reasoning from answers.
 */
export const gptOss: Grammar = function* (parsing) {
  const { source } = parsing;
  for (;;) {
    const mark = yield* prose(parsing, START, CHANNEL);
    if (mark === null) return;
    let name = mark === START ? yield* readRecipient(parsing) : null;
    yield* source.spaces();
    if (mark === START && (yield* source.word(CHANNEL)) === null) continue;
    yield* source.while(/\w/);
    name ??= yield* readRecipient(parsing);
    if (name === null) continue;
    yield* source.spaces();
    yield* source.word('<|constrain|>');
    yield* source.while(/\w/);
    yield* source.spaces();
    if ((yield* source.word('<|message|>')) === null) continue;
    yield* closing(source, yield* readJsonArguments(parsing, name), '<|call|>');
  }
};

/** The function that a message is for; null where it is for nobody. */
function* readRecipient({ source }: Parsing): Step<string | null> {
  yield* source.spaces();
  return (yield* source.word('to=functions.')) === null ? null : yield* source.while(/[\w.-]/);
}
