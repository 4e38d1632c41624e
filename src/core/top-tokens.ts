/**
 * The front of a row of logits, as a device tells it in place of the row. What is drawn from it is what is drawn from the row, to the
 * rounding of a sum; where it does not say enough, the row has to be brought.
 */
export interface TopTokens {
  /** Best first; among equals the lower id. Tokens that are not there have no larger logit than the last. */
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  /** Sum of exp((logit - largest) / temperature) over the whole row; NaN where the row is void. */
  readonly mass: number;
}
