import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'build',
      'dist',
      'node_modules',
      'coverage',
      '.stryker',
      'reports',
      'test/mutation',
      '*.config.js',
      '.dependency-cruiser.mjs',
    ],
  },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': ['error', 'type'],
      // Nest modules are classes with nothing but a decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Classes that only name data for injection are filled with plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    // A type-only import erases the class that injection needs at run time in these files.
    ignores: ['**/*.module.ts', '**/*.controller.ts', '**/*.service.ts', '**/*.filter.ts', '**/*.listener.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'error' },
  },
);
