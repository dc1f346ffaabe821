import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** Something that listens on loopback before a server, or in its place. */
export type Front = {
  readonly port: number;
  /** With TLS: another certificate from the next connection on. */
  use(certificate: TlsOptions): void;
  /** Connections that were opened to it so far. */
  connections(): number;
  close(): Promise<void>;
};

/** Serves each connection as told, on a free port unless told. */
export async function startFront(serve: (socket: Socket) => void, port = 0): Promise<Front> {
  return { ...(await listen(createServer(), 'connection', serve, port)), use: () => undefined };
}

/** The same behind TLS; what is served got through the handshake. */
export async function startTlsFront(options: TlsOptions, serve: (socket: Socket) => void): Promise<Front> {
  const server = createTlsServer(options);
  return {
    ...(await listen(server, 'secureConnection', serve, 0)),
    use: (certificate) => {
      server.setSecureContext(certificate);
    },
  };
}

/**
 * What becomes of something that came on a connection: refused, the connection is reset; unanswered, it is passed on and
 * then the connection is reset, so that its answer finds nobody; swallowed, nobody ever hears of it.
 */
export type Fate = 'passed' | 'refused' | 'unanswered' | 'swallowed';

/** Passes on to the port, both ways, what is not to meet another fate. */
export function passTo(port: number, fateOf: (chunk: Buffer) => Fate = () => 'passed'): (socket: Socket) => void {
  return (socket) => {
    const onward = connect(port, '127.0.0.1');
    socket.on('data', (chunk) => {
      const fate = fateOf(chunk);
      if (fate === 'passed' || fate === 'unanswered') onward.write(chunk);
      if (fate === 'refused' || fate === 'unanswered') socket.resetAndDestroy();
    });
    onward.pipe(socket);
    onward.on('error', () => socket.destroy());
    // What was passed on arrives there all the same.
    socket.on('close', () => onward.end());
  };
}

async function listen(
  server: Server,
  event: 'connection' | 'secureConnection',
  serve: (socket: Socket) => void,
  port: number,
): Promise<Omit<Front, 'use'>> {
  const open = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  server.on(event, (socket: Socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of open) socket.destroy();
      }),
  };
}
