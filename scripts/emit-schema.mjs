// Writes schema.graphql. Runs on the build, because decorators cannot be stripped like types: `npm run build` first.
import { writeFile } from 'node:fs/promises';
import { printGraphSchema } from '../dist/graphql/schema.js';

const file = new URL('../schema.graphql', import.meta.url);
await writeFile(file, printGraphSchema());
