import { bug } from '../core/errors';
import type { ParserEvent, ToolParser } from './tool-parser';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** The JSON text of an object. */
  readonly arguments: string;
}

/** A text and the calls that were in it. */
export interface ParsedText {
  readonly text: string;
  readonly calls: readonly ToolCall[];
}

/** A whole text, read as a stream of one piece. */
export function parseWhole(parser: ToolParser, text: string): ParsedText {
  return foldEvents([...parser.push(text), ...parser.finish()]);
}

/** All events of a parser as one result. */
export function foldEvents(events: readonly ParserEvent[]): ParsedText {
  let text = '';
  const calls: ToolCall[] = [];
  for (const event of events) {
    switch (event.type) {
      case 'text':
        text += event.text;
        break;
      case 'call':
        calls.push({ id: event.id, name: event.name, arguments: '' });
        break;
      case 'arguments': {
        const call = calls[event.index];
        if (call === undefined) throw bug(`arguments of call ${event.index}, which did not begin`);
        calls[event.index] = { ...call, arguments: call.arguments + event.text };
      }
    }
  }
  return { text, calls };
}
