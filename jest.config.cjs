const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');

// Tests see a copy of the environment, which native code does not: ONNX Runtime reads this one.
process.env.ORT_DISABLE_TELEMETRY = '1';

// Tests of --device webgpu run on a software device unless another driver is named: Mesa's, which can do more, or else that of Chromium.
const softwareDriver = [
  `/usr/share/vulkan/icd.d/lvp_icd.${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.json`,
  '/usr/share/vulkan/icd.d/lvp_icd.json',
  '/usr/lib/chromium/vk_swiftshader_icd.json',
].find((path) => existsSync(path));
if (softwareDriver) process.env.VK_DRIVER_FILES ??= softwareDriver;

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }] },
  testTimeout: 120_000,
  // Tests of servers wait more than they compute: two files at once even on two cores, where jest would take one.
  maxWorkers: Math.max(2, availableParallelism() - 1),
};
