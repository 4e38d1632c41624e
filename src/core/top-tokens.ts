/**
 * What a device tells of a row of logits in place of the row: its front, and the part of it that a draw from all tokens falls on. What
 * is drawn from these is what is drawn from the row, to the rounding of sums; where they do not say enough, the row has to be brought.
 */
export interface TopTokens {
  /** Best first; among equals the lower id. Tokens that are not there have no larger logit than the last. */
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  /** Sum of exp((logit - largest) / temperature) over the whole row; NaN where the row is void. */
  readonly mass: number;
  readonly drawn: DrawnBlock;
}

/** The block of tokens in which the sum of masses, in the order of ids, passes the draw's share of them all. */
export interface DrawnBlock {
  /** Mass of the tokens before it. */
  readonly before: number;
  /** Id of its first token. */
  readonly first: number;
  /** Of each of its tokens; 0 for all where rounding has put the draw behind the last. */
  readonly masses: Float32Array;
}
