import { LOAD_FORMATS } from './model';
import { choice, flag, float, int, reject, str, topic } from '../flag';

export const speculativeTopic = topic(
  'Speculative decoding',
  reject('speculative decoding is not supported'),
  {
    speculativeAlgorithm: choice(
      ['EAGLE', 'EAGLE3', 'NEXTN', 'STANDALONE', 'NGRAM'],
      null,
      'How tokens are drafted.',
    ),
    speculativeDraftModelPath: str(null, 'Checkpoint of the draft model.', {
      names: ['--speculative-draft-model-path', '--speculative-draft-model'],
    }),
    speculativeDraftModelRevision: str(null, 'Revision of the draft model.'),
    speculativeDraftLoadFormat: choice(LOAD_FORMATS, null, 'How the weights of the draft model are read.'),
    speculativeNumSteps: int(null, 'Steps of the draft model.'),
    speculativeEagleTopk: int(null, 'Branches of a draft.'),
    speculativeNumDraftTokens: int(null, 'Tokens of a draft.'),
    speculativeAcceptThresholdSingle: float(1.0, 'Probability from which a token is accepted.'),
    speculativeAcceptThresholdAcc: float(1.0, 'Probability from which a draft is accepted.'),
    speculativeTokenMap: str(null, 'Vocabulary of the draft model.'),
    speculativeAttentionMode: choice(['prefill', 'decode'], 'prefill', 'Kernels of attention over drafts.'),
    speculativeDraftAttentionBackend: str(null, 'Kernels of attention in the draft model.'),
    speculativeMoeRunnerBackend: str(null, 'Kernels of experts in the draft model.'),
    speculativeMoeA2aBackend: str(null, 'How tokens of the draft model reach their experts.'),
    speculativeDraftModelQuantization: str(null, 'Quantization of the draft model.'),
    speculativeNgramMinMatchWindowSize: int(1, 'Shortest n-gram that is looked up.'),
    speculativeNgramMaxMatchWindowSize: int(12, 'Longest n-gram that is looked up.'),
    speculativeNgramMinBfsBreadth: int(1, 'Fewest branches of an n-gram draft.'),
    speculativeNgramMaxBfsBreadth: int(10, 'Most branches of an n-gram draft.'),
    speculativeNgramMatchType: choice(['BFS', 'PROB'], 'BFS', 'How n-grams are ranked.'),
    speculativeNgramBranchLength: int(18, 'Tokens of a branch.'),
    speculativeNgramCapacity: int(10_000_000, 'N-grams that are kept.'),
    enableMultiLayerEagle: flag('Draft with several layers.'),
    decryptedDraftConfigFile: str(null, 'Decrypted config.json of an encrypted draft model.'),
  },
);
