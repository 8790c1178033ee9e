import type { CodegenConfig } from '@graphql-codegen/cli';

/**
 * Types the SDK's documents. Documents stay strings, so that a browser needs no GraphQL parser; fields are read-only,
 * since what the server said is not the caller's to change.
 */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'src/client/operations.graphql',
  emitLegacyCommonJSImports: false,
  importExtension: '.ts',
  generates: {
    'src/client/generated/operations.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        documentMode: 'string',
        useTypeImports: true,
        immutableTypes: true,
        enumType: 'string-literal',
        futureProofUnions: false,
        scalars: {
          ID: 'string',
          Cursor: 'string',
          DateTime: 'string',
          SafeInt: 'number',
          JSONObject: { input: 'Readonly<Record<string, unknown>>', output: 'Record<string, unknown>' },
        },
      },
    },
  },
};
export default config;
