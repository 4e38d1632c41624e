import { StopSignals } from './signals';

/** The stop signals of this process. The launcher imports this first: from here on no signal goes unnoticed. */
export const stopSignals = new StopSignals();
