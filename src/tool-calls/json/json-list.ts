import { readCallList } from '../call-list';
import type { Step } from '../text/source';
import type { Outcome, Parsing } from '../tool-parser';
import { readJsonCall } from './json-call';

/** Reads `{"name": …}, …]` after a bracket, as `readCallList` does. */
export function readJsonCalls(parsing: Parsing): Step<Outcome> {
  return readCallList(parsing, readJsonCall);
}
