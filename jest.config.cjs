const { availableParallelism } = require('node:os');

// Tests see a copy of the environment, which native code does not: ONNX Runtime reads this one.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }] },
  testTimeout: 120_000,
  // Tests of servers wait more than they compute: two files at once even on two cores, where jest would take one.
  maxWorkers: Math.max(2, availableParallelism() - 1),
};
