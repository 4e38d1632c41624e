import { runChild } from '../child/frame';
import { startDetokenizer } from './service';

/** Main file of the detokenizer process. */
runChild('detokenizer', startDetokenizer);
