import { LOAD_FORMATS } from './model';
import { choice, flag, float, int, reject, str, topic, warn, yes } from '../flag';

/** Rows of one run that may have logits: `MAX_LOGIT_ROWS`. */
const MOST_VERIFIED = 128;

const noTree = warn('a draft is one line of tokens');
const exact = warn('a drafted token is accepted when it is the one that would have been drawn', [1]);

export const speculativeTopic = topic(
  'Speculative decoding',
  reject('only --speculative-algorithm NGRAM is supported, which has no draft model'),
  {
    speculativeAlgorithm: choice(
      ['EAGLE', 'EAGLE3', 'NEXTN', 'STANDALONE', 'NGRAM'],
      null,
      'How tokens are drafted. NGRAM: a request’s next tokens are guessed from earlier places in its prompt and output where the same tokens stood, and checked in one run, for as long as that pays. What is drawn does not change.',
      { support: reject('only NGRAM is supported', ['NGRAM']) },
    ),
    speculativeDraftModelPath: str(null, 'Checkpoint of the draft model.', {
      names: ['--speculative-draft-model-path', '--speculative-draft-model'],
    }),
    speculativeDraftModelRevision: str(null, 'Revision of the draft model.'),
    speculativeDraftLoadFormat: choice(LOAD_FORMATS, null, 'How the weights of the draft model are read.'),
    speculativeNumSteps: int(null, 'Steps of the draft model.', {
      support: warn('there is no draft model'),
    }),
    speculativeEagleTopk: int(null, 'Branches of a draft.', { support: noTree }),
    speculativeNumDraftTokens: int(
      null,
      'Tokens of one check at most: a draft, and the token before it. By default --speculative-ngram-max-match-window-size.',
      { support: yes, range: { min: 2, max: MOST_VERIFIED } },
    ),
    speculativeAcceptThresholdSingle: float(1.0, 'Probability from which a token is accepted.', {
      support: exact,
    }),
    speculativeAcceptThresholdAcc: float(1.0, 'Probability from which a draft is accepted.', {
      support: exact,
    }),
    speculativeTokenMap: str(null, 'Vocabulary of the draft model.'),
    speculativeAttentionMode: choice(['prefill', 'decode'], 'prefill', 'Kernels of attention over drafts.', {
      support: warn('ONNX Runtime chooses the kernels'),
    }),
    speculativeDraftAttentionBackend: str(null, 'Kernels of attention in the draft model.'),
    speculativeMoeRunnerBackend: str(null, 'Kernels of experts in the draft model.'),
    speculativeMoeA2aBackend: str(null, 'How tokens of the draft model reach their experts.'),
    speculativeDraftModelQuantization: str(null, 'Quantization of the draft model.'),
    speculativeNgramMinMatchWindowSize: int(1, 'Shortest n-gram that is looked up.', {
      support: yes,
      range: { min: 1, max: MOST_VERIFIED },
    }),
    speculativeNgramMaxMatchWindowSize: int(12, 'Longest n-gram that is looked up.', {
      support: yes,
      range: { min: 1, max: MOST_VERIFIED },
    }),
    speculativeNgramMinBfsBreadth: int(1, 'Fewest branches of an n-gram draft.', { support: noTree }),
    speculativeNgramMaxBfsBreadth: int(10, 'Most branches of an n-gram draft.', { support: noTree }),
    speculativeNgramMatchType: choice(['BFS', 'PROB'], 'BFS', 'How n-grams are ranked.', {
      support: warn('the longest match counts, and of those the latest'),
    }),
    speculativeNgramBranchLength: int(18, 'Tokens of a branch.', { support: noTree }),
    speculativeNgramCapacity: int(10_000_000, 'N-grams that are kept.', {
      support: warn('each request has an index of its own tokens, which ends with it'),
    }),
    enableMultiLayerEagle: flag('Draft with several layers.'),
    decryptedDraftConfigFile: str(null, 'Decrypted config.json of an encrypted draft model.'),
  },
);
