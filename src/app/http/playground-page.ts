/** What the playground adds to GraphiQL: prepared tabs, and a token that one of them gets and the others use. */
export const PLAYGROUND_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>MultiDB-AI playground</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/playground/graphiql.css" />
    <!-- Tabs can be dragged, and keep a transform from when they were laid out; GraphiQL hides it until a tab has the
         focus, so the first press on one moves it away from under the pointer. They stay where they are here. -->
    <style>
      .graphiql-tab {
        transform: none !important;
      }
    </style>
    <script defer src="/playground/playground.js"></script>
    <script defer src="/playground/graphiql.js"></script>
  </head>
  <body class="no-focus-outline">
    <noscript>The playground needs JavaScript.</noscript>
    <div id="root"></div>
  </body>
</html>
`;

const LOGIN = `# 1. Run this first. The other tabs then send
#    its token, until this browser tab is closed.
#    An authorization header in the Headers tab
#    wins over it.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess {
      accessToken
      expiresAt
      user { id email }
      workspace { id name }
    }
    ... on UserError { code message }
  }
}
`;
const INGEST = `# 2. Give it something to know. Files go by
#    createUpload: see the documentation (top left).
mutation Ingest($input: IngestInput!) {
  ingest(input: $input) {
    __typename
    ... on IngestSuccess {
      duplicate
      document { id title status version }
    }
    ... on UserError { code message }
  }
}
`;
const ASK = `# 3. Ask. The answer is made whether anybody
#    watches or not.
mutation Ask($input: SendMessageInput!) {
  sendMessage(input: $input) {
    __typename
    ... on SendMessageSuccess {
      conversation { id }
      run { id status }
    }
    ... on UserError { code message }
  }
}
`;
const WATCH = `# 4. Watch the answer come, now or later. The run
#    "last" is the one you asked for last; any run
#    id will do.
subscription Watch($runId: ID!) {
  runEvents(runId: $runId) {
    __typename
    cursor
    sequence
    ... on RetrievalEnd { passageCount }
    ... on TokenDelta { text }
    ... on CitationAdded {
      citation { index quote documentTitle headingPath }
    }
    ... on RunEnd {
      finishReason
      message { text citations { index documentTitle } }
    }
    ... on RunError { error { code message } }
  }
}
`;

const variables = (value: unknown): string => JSON.stringify(value, null, 2);
const TABS = [
  {
    query: LOGIN,
    variables: variables({ input: { email: 'test@example.com', password: 'testpassword123' } }),
  },
  {
    query: INGEST,
    variables: variables({
      input: {
        title: 'Databases for AI',
        source: {
          text: {
            mediaType: 'text/markdown',
            content:
              '# Databases for AI applications\n\nPostgreSQL keeps what must be transactional. MongoDB keeps chunks and their embeddings. ScyllaDB keeps the chat log. Redis carries the token stream.\n',
          },
        },
      },
    }),
  },
  { query: ASK, variables: variables({ input: { text: 'What databases are best for AI applications?' } }) },
  { query: WATCH, variables: variables({ runId: 'last' }) },
];

/** Plain script for browsers. Everything that it keeps is in sessionStorage: gone when the browser's tab is closed. */
export const PLAYGROUND_SCRIPT = `'use strict';
(() => {
  const kept = window.sessionStorage;
  const send = window.fetch.bind(window);
  const TOKEN = 'multidb:accessToken';
  const LAST = { runId: 'multidb:runId', documentId: 'multidb:documentId', conversationId: 'multidb:conversationId' };

  const keepId = (name, value) => {
    if (value && typeof value.id === 'string') kept.setItem(LAST[name], value.id);
  };

  /** What a result holds that later operations need. */
  const remember = (result) => {
    for (const payload of Object.values((result && result.data) || {})) {
      if (!payload || typeof payload !== 'object') continue;
      if (typeof payload.accessToken === 'string') kept.setItem(TOKEN, payload.accessToken);
      keepId('runId', payload.run);
      keepId('documentId', payload.document);
      keepId('conversationId', payload.conversation);
    }
  };

  /** "last" stands for the id that was seen last. */
  const fill = (body) => {
    if (typeof body !== 'string') return body;
    const params = JSON.parse(body);
    for (const place of [params.variables, params.variables && params.variables.input]) {
      for (const name of Object.keys(LAST)) {
        if (place && place[name] === 'last') place[name] = kept.getItem(LAST[name]) || 'last';
      }
    }
    return JSON.stringify(params);
  };

  /** GraphiQL's fetcher asks for streams by GET at /graphql, with everything in the address. */
  const paramsOf = (url) => {
    const params = Object.fromEntries(url.searchParams);
    return JSON.stringify({ ...params, variables: JSON.parse(params.variables || '{}'), extensions: undefined });
  };

  window.fetch = async (input, init = {}) => {
    const url = new URL(typeof input === 'string' ? input : input.url || input.href, location.href);
    if (url.origin !== location.origin || !url.pathname.startsWith('/graphql')) return send(input, init);
    const headers = new Headers(init.headers);
    const token = kept.getItem(TOKEN);
    if (token && !headers.has('authorization')) headers.set('authorization', 'Bearer ' + token);
    if ((headers.get('accept') || '').includes('text/event-stream')) {
      headers.set('content-type', 'application/json');
      const body = fill(typeof init.body === 'string' ? init.body : paramsOf(url));
      return send('/graphql/stream', { ...init, method: 'POST', headers, body });
    }
    const response = await send(url, { ...init, headers, body: fill(init.body) });
    if ((response.headers.get('content-type') || '').includes('json')) {
      response.clone().json().then(remember, () => undefined);
    }
    return response;
  };

  const worker = { editorWorkerService: 'editor', json: 'json', graphql: 'graphql' };
  self.MonacoEnvironment = {
    globalAPI: false,
    getWorkerUrl: (_module, label) => '/playground/' + worker[label] + '.worker.js',
  };

  document.addEventListener('DOMContentLoaded', () => {
    const tabs = ${JSON.stringify(TABS)};
    const visited = kept.getItem('graphiql:tabState') !== null;
    YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
      endpoint: '/graphql',
      title: 'MultiDB-AI',
      logo: ' ',
      storage: kept,
      shouldPersistHeaders: false,
      defaultTabs: tabs,
      // GraphiQL fills in the variables of all tabs but the one that it opens with.
      variables: visited ? undefined : tabs[0].variables,
    });
  });
})();
`;
