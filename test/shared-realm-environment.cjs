const { TestEnvironment } = require('jest-environment-node');

/**
 * Gives a test file the typed arrays of Node itself. Jest otherwise gives each file classes of its own, which msgpackr
 * does not recognise as typed arrays: they would not survive a message queue. Chosen by a test file's first comment.
 */
class SharedRealmEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    Object.assign(this.global, { Int8Array, Int16Array, Int32Array, Uint16Array, Uint32Array });
    Object.assign(this.global, { Float32Array, Float64Array, BigInt64Array, BigUint64Array });
  }
}

module.exports = SharedRealmEnvironment;
