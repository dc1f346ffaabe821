/** The arrows of the house: which folder may import which. @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    {
      name: 'core-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/(?!core/)' },
    },
    {
      name: 'kit-imports-only-core',
      severity: 'error',
      from: { path: '^src/kit/' },
      to: { path: '^src/(?!core/|kit/)' },
    },
    {
      name: 'a-plugin-knows-core-kit-and-itself',
      severity: 'error',
      from: { path: '^src/(sources|sinks|journal)/([^/]+)/' },
      to: { path: '^src/', pathNot: ['^src/(core|kit)/', '^src/$1/$2/'] },
    },
    {
      name: 'plugins-are-reached-through-their-index',
      severity: 'error',
      from: { pathNot: ['^src/(sources|sinks|journal)/', '^src/cli/alertlogic'] },
      to: { path: '^src/(sources|sinks|journal)/[^/]+/' },
    },
    {
      name: 'the-verb-of-a-vendor-knows-that-vendor',
      severity: 'error',
      from: { path: '^src/cli/alertlogic' },
      to: { path: '^src/(sources|sinks|journal)/', pathNot: '^src/sources/alertlogic/' },
    },
    {
      name: 'nest-stays-out-of-the-vocabulary-and-the-plugins',
      severity: 'error',
      from: { path: '^src/(core|kit|routing|sources|sinks|journal)/', pathNot: '^src/journal/journal\\.module\\.ts$' },
      to: { path: '^node_modules/@nestjs/' },
    },
    {
      name: 'routing-imports-only-core-and-kit',
      severity: 'error',
      from: { path: '^src/routing/' },
      to: { path: '^src/(?!core/|kit/|routing/)' },
    },
    {
      name: 'ingest-and-delivery-meet-at-the-journal',
      severity: 'error',
      from: { path: '^src/ingest/' },
      to: { path: '^src/(delivery|admin|cli)/' },
    },
    {
      name: 'delivery-and-ingest-meet-at-the-journal',
      severity: 'error',
      from: { path: '^src/delivery/' },
      to: { path: '^src/(ingest|admin|cli)/' },
    },
    {
      name: 'enrichment-meets-ingest-and-delivery-at-the-journal',
      severity: 'error',
      from: { path: '^src/enrichment/' },
      to: { path: '^src/(?!core/|kit/|routing/|enrichment/)' },
    },
    {
      name: 'ingest-and-delivery-do-not-know-enrichment',
      severity: 'error',
      from: { path: '^src/(ingest|delivery|admin|cli)/' },
      to: { path: '^src/enrichment/' },
    },
    { name: 'src-never-imports-test', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|bench)/' } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.spec\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
