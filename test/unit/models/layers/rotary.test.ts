import type { ModelConfig } from '../../../../src/models/config/model-config';
import { rotaryTables } from '../../../../src/models/layers/rotary';

const config = (fields: Partial<ModelConfig>): ModelConfig =>
  ({ headDim: 8, ropeTheta: 10_000, ropeScaling: null, ...fields }) as Partial<ModelConfig> as ModelConfig;

/** The angle of a position and pair, from the tables. */
function angle(fields: Partial<ModelConfig>, position: number, pair: number): number {
  const { cos, sin, half } = rotaryTables(config(fields), position + 1);
  return Math.atan2(sin[position * half + pair] as number, cos[position * half + pair] as number);
}

it('turns pair i of a head by position / theta^(2i/d)', () => {
  expect(angle({}, 1, 0)).toBeCloseTo(1);
  expect(angle({}, 3, 1)).toBeCloseTo(0.3);
  expect(angle({}, 3, 2)).toBeCloseTo(0.03);
  expect(angle({ ropeTheta: 1e6 }, 3, 1)).toBeCloseTo(3 / 1e6 ** 0.25);
});

it('starts with no rotation', () => {
  const { cos, sin, half } = rotaryTables(config({}), 2);
  expect([...cos.subarray(0, half)]).toEqual([1, 1, 1, 1]);
  expect([...sin.subarray(0, half)]).toEqual([0, 0, 0, 0]);
});

it('stretches every wavelength with linear scaling', () => {
  expect(angle({ ropeScaling: { kind: 'linear', factor: 4 } }, 4, 0)).toBeCloseTo(1);
});

it('leaves short wavelengths alone and stretches long ones with llama3 scaling', () => {
  const ropeScaling = {
    kind: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 64,
  } as const;
  // Wavelengths are 6.3, 63, 628 and 6283 positions; 16 and 64 are the borders.
  expect(angle({ ropeScaling }, 1, 0)).toBeCloseTo(1);
  expect(angle({ ropeScaling }, 8, 2)).toBeCloseTo(0.01);
  const blend = (64 / (2 * Math.PI * 10) - 1) / 3;
  expect(angle({ ropeScaling }, 1, 1)).toBeCloseTo(((1 - blend) * 0.1) / 8 + blend * 0.1);
});
