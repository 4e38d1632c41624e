import { runChild } from '../supervisor/child';
import { startDetokenizer } from './service';

/** Main file of the detokenizer process. */
runChild('detokenizer', startDetokenizer);
