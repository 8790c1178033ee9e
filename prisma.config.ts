import { defineConfig } from 'prisma/config';

// No datasource: the client gets its pool from src/adapters/postgres/database.ts, and migrations are applied by
// src/adapters/postgres/migrate.ts (`multidb migrate`), which writes the history that Prisma's own CLI understands.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
