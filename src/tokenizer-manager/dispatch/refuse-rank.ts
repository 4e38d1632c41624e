import { RequestError } from '../../core/errors';

/** @throws RequestError for a scheduler that there is not */
export function refuseRank(rank: number | null, size: number): void {
  if (rank === null || (rank >= 0 && rank < size)) return;
  throw new RequestError(
    'bad_value',
    `routed_dp_rank must be in [0, ${size - 1}] (--dp-size ${size}), got ${rank}.`,
    'routed_dp_rank',
  );
}
