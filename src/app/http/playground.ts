/** `/playground`: GraphiQL out of its npm package, as files of this server. The page asks no other host for anything. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PLAYGROUND_PAGE, PLAYGROUND_SCRIPT } from './playground-page.ts';

/** Styles are set by the editor's own code as it runs; scripts come from files of ours alone. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SCRIPT = 'text/javascript; charset=utf-8';

interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly compressed: Buffer;
}
type Assets = ReadonlyMap<string, Asset>;

export function servePlayground(app: FastifyInstance): void {
  let assets: Promise<Assets> | undefined;
  app.get('/', (_request, reply) => reply.redirect('/playground'));
  app.get('/playground', (_request, reply) => sendPage(reply));
  app.get<{ Params: { name: string } }>('/playground/:name', async (request, reply) => {
    // Nine megabytes of modules: loaded when somebody first asks for them.
    assets ??= loadAssets();
    const asset = (await assets).get(request.params.name);
    if (asset === undefined) return reply.callNotFound();
    return sendAsset(request, reply, asset);
  });
}

function sendPage(reply: FastifyReply): FastifyReply {
  return reply
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    })
    .send(PLAYGROUND_PAGE);
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  reply.headers({ etag: asset.etag, 'cache-control': 'no-cache' });
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  return reply.headers({ 'content-type': asset.type, 'content-encoding': 'gzip' }).send(asset.compressed);
}

async function loadAssets(): Promise<Assets> {
  const graphiql = await import('@graphql-yoga/render-graphiql/graphiql');
  const named: readonly (readonly [string, string, string])[] = [
    ['playground.js', SCRIPT, PLAYGROUND_SCRIPT],
    ['graphiql.js', SCRIPT, graphiql.js],
    ['graphiql.css', 'text/css; charset=utf-8', graphiql.css],
    ['editor.worker.js', SCRIPT, graphiql.editorWorkerService],
    ['json.worker.js', SCRIPT, graphiql.jsonWorker],
    ['graphql.worker.js', SCRIPT, graphiql.graphqlWorker],
  ];
  const entries = await Promise.all(
    named.map(async ([name, type, text]) => [name, await compress(type, text)] as const),
  );
  return new Map(entries);
}

async function compress(type: string, text: string): Promise<Asset> {
  const compressed = await promisify(gzip)(text, { level: constants.Z_DEFAULT_COMPRESSION });
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
  return { type, etag, compressed };
}
