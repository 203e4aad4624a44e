import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { HttpEnv } from '../guard.ts';

const FILES = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;

// Everything from this process: no other host is asked, neither for a script nor to check the document.
const START = `SwaggerUIBundle({ url: '/api/openapi.json', dom_id: '#swagger-ui', validatorUrl: null, deepLinking: true });\n`;

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Heliograph API</title>
    <link rel="stylesheet" href="/api/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/api/docs/swagger-ui-bundle.js"></script>
    <script src="/api/docs/start.js"></script>
  </body>
</html>
`;

const SAFE = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** The OpenAPI document and the page that shows it. They tell no data, so no key is asked for. */
export function addDocs(app: OpenAPIHono<HttpEnv>, version: string): void {
  let document: string | undefined;
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  app.get('/api/openapi.json', () => {
    document ??= JSON.stringify(app.getOpenAPI31Document({ openapi: '3.1.0', info: { ...INFO, version } }));
    return new Response(document, { headers: { ...SAFE, 'content-type': 'application/json' } });
  });
  app.get('/api/docs', () => text(PAGE, 'text/html; charset=utf-8'));
  app.get('/api/docs/start.js', () => text(START, 'text/javascript; charset=utf-8'));
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  for (const [name, type] of Object.entries(FILES)) {
    app.get(`/api/docs/${name}`, async () => {
      const body = new Uint8Array(await readFile(join(folder, name)));
      return new Response(body, { headers: { ...SAFE, 'content-type': type, 'cache-control': 'max-age=3600' } });
    });
  }
}

const INFO = {
  title: 'Heliograph',
  description: 'Messages in, their fates out. Errors are problem documents (RFC 9457); times are UTC.',
};

const text = (body: string, type: string): Response =>
  new Response(body, { headers: { ...SAFE, 'content-type': type, 'cache-control': 'no-cache' } });
