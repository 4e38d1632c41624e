import { flag, int, json, topic, warn } from '../flag';

export const multimodalTopic = topic('Images, audio and video', warn('only text is supported'), {
  limitMmDataPerRequest: json(null, 'Items a request may bring, a JSON object.'),
  keepMmFeatureOnDevice: flag('Keep the features of images on the device.'),
  mmMaxConcurrentCalls: int(32, 'Images processed at the same time.'),
  mmPerRequestTimeout: int(10, 'Seconds the images of a request may take.'),
  enableBroadcastMmInputsProcess: flag('Process images once for all ranks.'),
  mmProcessConfig: json(null, 'Options of image processing, a JSON object.'),
  mmEnableDpEncoder: flag('Copies of the image encoder.'),
  enablePreciseEmbeddingInterpolation: flag('Interpolate the positions of images exactly.'),
  disableFastImageProcessor: flag('Use the slow image processor.'),
});
