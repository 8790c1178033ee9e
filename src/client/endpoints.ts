export interface Endpoints {
  /** Relative addresses of the server, such as those of uploads, are meant relative to this. */
  readonly graphql: string;
  readonly socket: string;
}

/** From the server's address, or the one of its `/graphql`; a browser may give it relative to the page. Throws TypeError. */
export function endpointsOf(url: string): Endpoints {
  const graphql = new URL(url, globalThis.location?.href);
  if (graphql.protocol !== 'http:' && graphql.protocol !== 'https:') {
    throw new TypeError('The url of a server begins with http:// or https://.');
  }
  graphql.search = '';
  graphql.hash = '';
  const path = graphql.pathname.replace(/\/+$/, '');
  graphql.pathname = path.endsWith('/graphql') ? path : `${path}/graphql`;
  const socket = new URL(graphql);
  socket.protocol = graphql.protocol === 'https:' ? 'wss:' : 'ws:';
  return { graphql: graphql.href, socket: socket.href };
}
