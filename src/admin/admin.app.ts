import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import helmet from 'helmet';
import type { IncomingMessage } from 'node:http';
import { AdminOptions } from './admin.options.js';
import { gate } from './gate.js';

/** The only bodies read here besides a vendor's are a few words long. */
const maxJson = '16kb';

/** For a whole request to arrive; Node's own limits are five minutes and one. */
const requestTimeoutMs = 30_000;
const headersTimeoutMs = 10_000;

/**
 * Puts in front of the admin side what must come before its controllers: the gate, the headers, the readers of bodies
 * and the API's documentation. Call it once, before the application listens; make the application with `bodyParser: false`.
 */
export function prepareAdmin(app: NestExpressApplication): void {
  const options = app.get(AdminOptions);
  const server = app.getHttpServer();
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = headersTimeoutMs;
  app.disable('x-powered-by');
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'self'"],
          // Swagger UI has styles in its page.
          styleSrc: ["'self'", "'unsafe-inline'"],
          imgSrc: ["'self'", 'data:'],
          objectSrc: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'self'"],
          frameAncestors: ["'none'"],
        },
      },
      // This port speaks plain HTTP; whoever puts TLS before it sets this there.
      strictTransportSecurity: false,
    }),
  );
  app.use(gate(options));
  app.useBodyParser('raw', { type: isRouteTest, limit: options.maxBody });
  app.useBodyParser('json', { limit: maxJson });
  serveDocs(app, options.version);
}

/** A vendor's body is read as bytes, whatever it says it is. */
function isRouteTest({ url = '' }: IncomingMessage): boolean {
  return /^\/api\/v1\/routes\/test\/?(?:\?|$)/i.test(url);
}

/** `/openapi.json` and, from files of our own, `/docs`. */
function serveDocs(app: NestExpressApplication, version: string): void {
  const config = new DocumentBuilder()
    .setTitle('Signalbox')
    .setDescription('For the people who run it: health, metrics, routes, alerts.')
    .setVersion(version)
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Signalbox',
  });
}
