import { z } from 'zod';
import { switches, whole } from '../config/fields';
import { readSwitchedWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';

const fields = z.object({
  no_rope_layers: switches.nullish(),
  no_rope_layer_interval: whole(1, 4096).nullish(),
});

/** SmolLM3: Llama in which some layers, every fourth unless the config lists them, know no positions. */
export const smollm3: Family = {
  architectures: ['SmolLM3ForCausalLM'],
  bodies: ['SmolLM3Model'],
  read(file) {
    const own = file.read(fields);
    const layers = file.fields.num_hidden_layers;
    // In this list a 1 stands for a layer that does rotate, whatever the field's name says.
    const listed = own.no_rope_layers;
    if (listed && listed.length < layers) {
      throw file.refusal(`'no_rope_layers' must have an entry for each of ${layers} layers, found ${listed.length}`);
    }
    const interval = own.no_rope_layer_interval ?? 4;
    const rotates = (layer: number) => (listed ? Boolean(listed[layer]) : (layer + 1) % interval !== 0);
    return decoder(file, {
      numKvHeads: 4,
      tieWordEmbeddings: true,
      rope: { theta: 2e6 },
      rotates,
      window: readSwitchedWindow(file, null),
      layerType: (layer) => (rotates(layer) ? 'full_attention' : 'sliding_attention'),
    });
  },
};
