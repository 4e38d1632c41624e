import { MAX_DEPTH, refuse } from '../bounds';
import { scanRegex, UnknownPiece, type Piece } from './scan-regex';

/** Characters that a pattern may be long when its repetitions are written out. */
const MAX_EXPANDED = 10_000;

/**
 * @param where the parameter or keyword that holds it
 * @returns its pieces
 * @throws RequestError `bad_value` for one that is too large, or of which the engine would drop a part
 */
export function checkRegex(source: string, where: string): readonly Piece[] {
  const pieces = scan(source, where);
  const expanded = expandedLength(pieces, where);
  if (expanded > MAX_EXPANDED) {
    refuse(
      where,
      `${where} is too large: with its repetitions written out it has ${expanded} characters, more than ${MAX_EXPANDED}.`,
    );
  }
  if (!anchorsAreIdle(pieces)) {
    refuse(
      where,
      `${where} must have ^ at its beginning and $ at its end only: the output is matched as a whole.`,
    );
  }
  return pieces;
}

function scan(source: string, where: string): Piece[] {
  try {
    return scanRegex(source);
  } catch (error) {
    if (!(error instanceof UnknownPiece)) throw error;
    return refuse(
      where,
      `${where} is a regular expression of a kind that is not supported: ${error.message}.`,
    );
  }
}

function expandedLength(pieces: readonly Piece[], where: string): number {
  /** Length of each open group so far, and of the piece that a repetition would repeat. */
  const open = [{ length: 0, last: 0 }];
  for (const piece of pieces) {
    const group = open.at(-1) as { length: number; last: number };
    switch (piece.kind) {
      case 'open':
        open.push({ length: 0, last: 0 });
        if (open.length > MAX_DEPTH) refuse(where, `${where} has groups nested deeper than ${MAX_DEPTH}.`);
        break;
      case 'close': {
        if (open.length === 1) refuse(where, `${where} closes a group that was not opened.`);
        open.pop();
        const outer = open.at(-1) as { length: number; last: number };
        outer.length += group.length;
        outer.last = group.length;
        break;
      }
      case 'repeat': {
        const times = Math.max(1, Number.isFinite(piece.most) ? piece.most : piece.least + 1);
        group.length += group.last * (times - 1);
        group.last *= times;
        break;
      }
      default:
        group.length += 1;
        group.last = 1;
    }
  }
  if (open.length > 1) refuse(where, `${where} opens a group that is not closed.`);
  return open[0]?.length ?? 0;
}

/**
 * Whether anchors stand only where they say what holds anyway, because the engine passes over them everywhere: at the beginning of the
 * whole or of one of its options, and at the end.
 */
function anchorsAreIdle(pieces: readonly Piece[]): boolean {
  const firstInside = pieces.findIndex(({ kind }) => kind !== 'open');
  const lastInside = pieces.findLastIndex(({ kind }) => kind !== 'close');
  let depth = 0;
  /** Whether the piece before separates two options of the whole expression. */
  let isAfterOption = false;
  return pieces.every(({ kind }, at) => {
    if (kind === 'begin' && at > firstInside && !isAfterOption) return false;
    if (kind === 'end' && at < lastInside && !(depth === 0 && pieces[at + 1]?.kind === 'or')) return false;
    if (kind === 'open') depth += 1;
    if (kind === 'close') depth -= 1;
    isAfterOption = kind === 'or' && depth === 0;
    return true;
  });
}
