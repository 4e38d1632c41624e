import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'dist-bench/', 'node_modules/', 'models/', 'tools/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/require-await': 'off',
      // Layers go one way: http → tokenizer-manager → ipc ← scheduler → model-runner → onnxruntime.
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'zeromq', message: 'Only src/ipc talks to ZeroMQ.' },
            { name: 'express', message: 'Only src/http talks to express.' },
            {
              name: 'koffi',
              message: 'Only src/model-runner/onnxruntime and kv/host-pages call native code.',
            },
          ],
        },
      ],
    },
  },
  {
    files: [
      'src/ipc/**',
      'src/http/**',
      'src/model-runner/onnxruntime/**',
      'src/model-runner/kv/host-pages.ts',
    ],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
);
