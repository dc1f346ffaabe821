import ipaddr from 'ipaddr.js';
import { ownSourceName } from '../core/own-source.js';
import { RouteOptions } from '../routing/route.js';
import { shadowedRoutes } from '../routing/shadow.js';
import { check } from './check.js';
import type { Chosen } from './choose.js';
import type { ConfigDocument, Path } from './config-document.js';
import { instead } from './nearest.js';
import type { Settings } from './settings.js';
import { tokenDigest, TokenOptions } from './tokens.js';

/** The routes, and whether each can do what it says: names that exist, and alerts that get as far as it. */
export function checkRoutes(document: ConfigDocument): readonly RouteOptions[] {
  const errorsBefore = document.errorCount;
  // What is no list at all, the class of the top level has named.
  if (document.has(['routes']) && !document.isList(['routes'])) return [];
  const blocks = document.elements(['routes']).flatMap((path): PlacedRoute[] => {
    if (document.isBlock(path)) return [{ path, route: check(document, path, RouteOptions) }];
    if (!document.isUnfilled(path)) {
      document.errorAtValue(path, `${document.describe(path)} must be a block of keys: name, match, to, final`);
    }
    return [];
  });
  checkRouteNames(document, blocks);
  const sinks = new Set(document.keys(['sinks']));
  for (const { path, route } of blocks) checkNames(document, [...path, 'to'], 'sink', sinks, route.to);
  const sources = new Set([...document.keys(['sources']), ownSourceName]);
  for (const { path, route } of blocks) {
    checkNames(document, [...path, 'match', 'source'], 'source', sources, route.match?.source);
  }
  if (document.errorCount === errorsBefore) warnOfIdleParts(document, blocks);
  return blocks.map(({ route }) => route);
}

/** A route and where it stands. While the document has errors, its members may be of any type. */
type PlacedRoute = { readonly path: Path; readonly route: RouteOptions };

/** What only shows when blocks are seen together. */
export function checkTogether(document: ConfigDocument, settings: Settings, sources: readonly Chosen<unknown>[]): void {
  checkPorts(document, settings);
  checkTokens(document, settings);
  checkSourcePaths(document, sources);
}

function checkRouteNames(document: ConfigDocument, blocks: readonly PlacedRoute[]): void {
  const seen = new Set<unknown>();
  for (const { path, route } of blocks) {
    const name: unknown = route.name;
    if (typeof name === 'string' && seen.has(name)) {
      const at = [...path, 'name'];
      document.errorAtValue(at, `two routes are called ${document.quote(at)}: give this one another name`);
    }
    seen.add(name);
  }
}

/** One name or a list of them, each of which must be configured. `names`: what was read there. */
function checkNames(
  document: ConfigDocument,
  path: Path,
  what: string,
  known: ReadonlySet<string>,
  names: unknown,
): void {
  if (Array.isArray(names) && names.every((name: string) => known.has(name))) return;
  for (const at of document.elements(path)) {
    const name = document.value(at);
    if (typeof name !== 'string' || known.has(name) || document.isUnfilled(at)) continue;
    document.errorAtValue(at, `there is no ${what} ${document.quote(at)}${instead(name, [...known])}`);
  }
}

/** Routes that never match, and sinks that no route reaches. */
function warnOfIdleParts(document: ConfigDocument, blocks: readonly PlacedRoute[]): void {
  if (document.isUnfilled(['routes'])) return;
  if (blocks.length === 0) {
    document.warningAtKey(
      ['routes'],
      'there is no route: every alert is kept and counted as unrouted, and none is sent',
    );
    return;
  }
  const places = new Map(blocks.map(({ path, route }) => [route.name, path]));
  const routes = blocks.map(({ route }) => route);
  for (const { route, by } of shadowedRoutes(routes)) {
    document.warningAtKey(
      [...(places.get(route) ?? []), 'name'],
      `the route ${route} never matches: ${by}, above it, is final and takes all of it`,
    );
  }
  const reached = new Set(routes.flatMap((route) => route.to));
  for (const sink of document.keys(['sinks'])) {
    if (reached.has(sink)) continue;
    document.warningAtKey(
      ['sinks', sink],
      `no route reaches the sink ${sink}: name it in the to of a route, or take it out`,
    );
  }
}

function checkSourcePaths(document: ConfigDocument, sources: readonly Chosen<unknown>[]): void {
  const owners = new Map<unknown, string>();
  for (const { name, path } of sources) {
    for (const at of document.elements([...path, 'paths'])) {
      const written = document.value(at);
      const owner = owners.get(written);
      if (owner === undefined) owners.set(written, name);
      else document.errorAtValue(at, `the path ${document.quote(at)} is already one of the source ${owner}`);
    }
  }
}

function checkPorts(document: ConfigDocument, { ingest, admin }: Settings): void {
  const wildcards = ['0.0.0.0', '::'];
  const meet = ingest.host === admin.host || [ingest.host, admin.host].some((host) => wildcards.includes(host));
  if (ingest.port !== 0 && ingest.port === admin.port && meet) {
    document.errorAtValue(
      ['admin', 'port'],
      `admin.port and ingest.port are both ${ingest.port}: each needs one of its own`,
    );
  }
  if (ingest.maxInflated < ingest.maxBody) {
    document.errorAtValue(['ingest', 'maxInflated'], 'ingest.maxInflated must be at least ingest.maxBody');
  }
  const needsTokens = !isLoopback(admin.host) && (admin.tokens ?? []).length === 0;
  if (needsTokens && !document.isUnfilled(['admin'])) {
    document.errorAtValue(
      ['admin', 'host'],
      'admin.host is not a loopback address, so admin.tokens must say who may in: write tokens: ["${SIGNALBOX_ADMIN_TOKEN}"], or host: 127.0.0.1',
    );
  }
}

/** Who did what must be told by the name, and what somebody may do by the token. */
function checkTokens(document: ConfigDocument, { admin }: Settings): void {
  if (document.isUnfilled(['admin', 'tokens'])) return;
  const names = new Set<string>();
  const digests = new Set<string>();
  (admin.tokens ?? []).forEach((token, index) => {
    if (!(token instanceof TokenOptions)) return;
    const path = ['admin', 'tokens', String(index)];
    if (names.has(token.name)) {
      document.errorAtValue(
        [...path, 'name'],
        `two tokens are called ${JSON.stringify(token.name)}: give this one another name`,
      );
    }
    const digest = tokenDigest(token).toString('hex');
    if (digest !== '' && digests.has(digest)) {
      document.errorAtValue(path, `${document.describe(path)} is the same token as one above it: mint another one`);
    }
    names.add(token.name);
    digests.add(digest);
  });
}

/** True when only this machine can reach a listener there. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
}
