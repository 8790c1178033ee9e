/** Names of the requests in what a client sends to a store: enough of four protocols to count round trips, no more. */

/** Takes bytes as they come, in pieces of any size, and gives the names of the requests that are complete. */
export type RequestReader = (bytes: Buffer) => string[];

export const REQUEST_READERS = {
  DATABASE_URL: postgresRequests,
  MONGODB_URL: mongoRequests,
  SCYLLA_URL: cqlRequests,
  REDIS_URL: redisRequests,
} as const satisfies Readonly<Record<string, () => RequestReader>>;

/** Cuts a stream into frames; `next` gives a frame's length and its name, undefined while it is incomplete. */
function framed(next: (buffer: Buffer) => { readonly length: number; readonly name?: string } | undefined) {
  let buffer = Buffer.alloc(0);
  return (bytes: Buffer): string[] => {
    buffer = Buffer.concat([buffer, bytes]);
    const names: string[] = [];
    for (let frame = next(buffer); frame !== undefined; frame = next(buffer)) {
      buffer = buffer.subarray(frame.length);
      if (frame.name !== undefined) names.push(frame.name);
    }
    return names;
  };
}

/** Statements by their prepared name, or their first word. */
function postgresRequests(): RequestReader {
  let hasStarted = false;
  return framed((buffer) => {
    const start = hasStarted ? 1 : 0;
    if (buffer.length < start + 4) return undefined;
    const length = start + buffer.readUInt32BE(start);
    if (buffer.length < length) return undefined;
    if (!hasStarted) {
      hasStarted = true;
      return { length };
    }
    const type = String.fromCharCode(buffer[0] ?? 0);
    const strings = buffer.subarray(5, length).toString('latin1').split('\0');
    // Bind: portal, then statement. Query: its text.
    if (type === 'B') return { length, name: strings[1] || 'unnamed' };
    if (type === 'Q') return { length, name: strings[0]?.split(' ', 1)[0] ?? '' };
    return { length };
  });
}

/** Commands by their name. */
function mongoRequests(): RequestReader {
  const OP_MSG = 2013;
  return framed((buffer) => {
    if (buffer.length < 16) return undefined;
    const length = buffer.readInt32LE(0);
    if (buffer.length < length) return undefined;
    if (buffer.readInt32LE(12) !== OP_MSG) return { length };
    // Header 16, flags 4, kind of section 1, BSON: length 4, type of the first element 1, its name.
    return { length, name: cString(buffer, 26) };
  });
}

const CQL_OPCODES: Readonly<Record<number, string>> = {
  5: 'OPTIONS',
  7: 'QUERY',
  9: 'PREPARE',
  10: 'EXECUTE',
  13: 'BATCH',
};

/** Requests by their opcode. */
function cqlRequests(): RequestReader {
  return framed((buffer) => {
    if (buffer.length < 9) return undefined;
    const length = 9 + buffer.readUInt32BE(5);
    if (buffer.length < length) return undefined;
    const name = CQL_OPCODES[buffer[4] ?? 0];
    return { length, ...(name === undefined ? {} : { name }) };
  });
}

/** Commands by their name, and by what kind of key they touch. */
function redisRequests(): RequestReader {
  return framed((buffer) => {
    const parts: string[] = [];
    let at = 0;
    const line = () => {
      const end = buffer.indexOf('\r\n', at);
      if (end < 0) return undefined;
      const text = buffer.toString('latin1', at + 1, end);
      at = end + 2;
      return Number(text);
    };
    const count = line();
    if (count === undefined) return undefined;
    for (let part = 0; part < count; part += 1) {
      const length = line();
      if (length === undefined || buffer.length < at + length + 2) return undefined;
      parts.push(buffer.toString('latin1', at, at + length));
      at += length + 2;
    }
    const kind = /^multidb:([\w-]+)/.exec(parts.find((part) => part.startsWith('multidb:')) ?? '')?.[1];
    const command = parts[0]?.toUpperCase() ?? '';
    return { length: at, name: kind === undefined ? command : `${command} ${kind}` };
  });
}

function cString(buffer: Buffer, start: number): string {
  return buffer.toString('latin1', start, buffer.indexOf(0, start));
}
