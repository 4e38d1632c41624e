import type { Rope } from '../../../../src/models/config/rope';
import { rotaryTables } from '../../../../src/models/layers/rotary';

const rope = (fields: Partial<Rope>): Rope => ({ theta: 10_000, dims: 8, scaling: null, ...fields });

/** The angle of a position and pair, from the tables. */
function angle(fields: Partial<Rope>, position: number, pair: number): number {
  const { cos, sin, half } = rotaryTables(rope(fields), position + 1);
  return Math.atan2(sin[position * half + pair] as number, cos[position * half + pair] as number);
}

it('turns pair i of a head by position / theta^(2i/d)', () => {
  expect(angle({}, 1, 0)).toBeCloseTo(1);
  expect(angle({}, 3, 1)).toBeCloseTo(0.3);
  expect(angle({}, 3, 2)).toBeCloseTo(0.03);
  expect(angle({ theta: 1e6 }, 3, 1)).toBeCloseTo(3 / 1e6 ** 0.25);
});

it('starts with no rotation', () => {
  const { cos, sin, half } = rotaryTables(rope({}), 2);
  expect([...cos.subarray(0, half)]).toEqual([1, 1, 1, 1]);
  expect([...sin.subarray(0, half)]).toEqual([0, 0, 0, 0]);
});

it('stretches every wavelength with linear scaling', () => {
  expect(angle({ scaling: { kind: 'linear', factor: 4 } }, 4, 0)).toBeCloseTo(1);
});

it('leaves short wavelengths alone and stretches long ones with llama3 scaling', () => {
  const scaling = {
    kind: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 64,
  } as const;
  // Wavelengths are 6.3, 63, 628 and 6283 positions; 16 and 64 are the borders.
  expect(angle({ scaling }, 1, 0)).toBeCloseTo(1);
  expect(angle({ scaling }, 8, 2)).toBeCloseTo(0.01);
  const blend = (64 / (2 * Math.PI * 10) - 1) / 3;
  expect(angle({ scaling }, 1, 1)).toBeCloseTo(((1 - blend) * 0.1) / 8 + blend * 0.1);
});

describe('yarn', () => {
  const scaling = {
    kind: 'yarn',
    factor: 4,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    originalMaxPositionEmbeddings: 64,
    attentionFactor: 1.5,
  } as const;

  it('leaves pairs alone that turn often, and stretches those that do not turn once', () => {
    // Pairs turn 10.2, 1.02, 0.1 and 0.01 times in 64 positions: the stretch grows from pair 0 to pair 2.
    expect(angle({ scaling }, 1, 0)).toBeCloseTo(1);
    expect(angle({ scaling }, 8, 1)).toBeCloseTo(0.8 * (0.5 + 0.5 / 4));
    expect(angle({ scaling }, 8, 2)).toBeCloseTo(0.02);
  });

  it('makes cosine and sine longer', () => {
    const { cos, sin, half } = rotaryTables(rope({ scaling }), 4);
    expect(Math.hypot(cos[3 * half] as number, sin[3 * half] as number)).toBeCloseTo(1.5);
  });
});

it('has the short factors of longrope up to the original length, and the long ones beyond', () => {
  const scaling = {
    kind: 'longrope',
    shortFactor: [1, 1, 1, 1],
    longFactor: [2, 2, 2, 4],
    originalMaxPositionEmbeddings: 16,
    attentionFactor: 1,
  } as const;
  const turn = (positions: number) => rotaryTables(rope({ scaling }), positions).sin[4] as number;
  expect(turn(16)).toBeCloseTo(Math.sin(1));
  expect(turn(17)).toBeCloseTo(Math.sin(1 / 2));
});

it('rotates a part of the head with a table that is narrower', () => {
  expect(rotaryTables(rope({ dims: 4 }), 2)).toMatchObject({ half: 2, positions: 2 });
  expect(angle({ dims: 4 }, 1, 1)).toBeCloseTo(0.01);
});
