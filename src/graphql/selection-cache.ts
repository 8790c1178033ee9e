import { type DocumentNode, type ExecutionArgs, getVariableValues, Kind, visit } from 'graphql';
import type { RunId } from '../domain/ids.ts';
import type { RunEvent } from '../domain/run.ts';
import { type CompiledSelection, compileSelection } from './compiled-selection.ts';
import { cursorPrefix, cursorSuffix } from './cursors.ts';

/** Of one document: operations times the values of the variables in its directives. More are compiled each time. */
const SELECTION_COUNT_MAX = 32;
/** Newest payloads kept for the other watchers of a run; a watcher further behind writes its own. */
const SHARED_PAYLOAD_COUNT = 64;

/** One compiled selection, and what it has written for runs that several watch. */
export class Selection {
  readonly #compiled: CompiledSelection;
  readonly #audiences = new Map<RunId, Audience>();

  constructor(compiled: CompiledSelection) {
    this.#compiled = compiled;
  }

  /** Every `join` must be followed by one `leave`. */
  join(runId: RunId): Audience {
    let audience = this.#audiences.get(runId);
    if (audience === undefined) {
      audience = new Audience(runId, this.#compiled);
      this.#audiences.set(runId, audience);
    }
    audience.size += 1;
    return audience;
  }

  leave(audience: Audience): void {
    audience.size -= 1;
    if (audience.size === 0) this.#audiences.delete(audience.runId);
  }
}

/** Those who watch one run with one selection: an event never changes, so what one of them was sent suits all. */
export class Audience {
  readonly runId: RunId;
  size = 0;
  readonly #compiled: CompiledSelection;
  readonly #cursorPrefix: string;
  readonly #sequences: number[] = [];
  readonly #payloads: (string | undefined)[] = [];

  constructor(runId: RunId, compiled: CompiledSelection) {
    this.runId = runId;
    this.#compiled = compiled;
    this.#cursorPrefix = cursorPrefix(runId);
  }

  /** The JSON of the event's result; undefined if that takes resolvers. */
  payload(event: RunEvent): string | undefined {
    if (this.size < 2) return this.#write(event);
    const slot = event.sequence % SHARED_PAYLOAD_COUNT;
    if (this.#sequences[slot] === event.sequence) return this.#payloads[slot];
    const payload = this.#write(event);
    this.#sequences[slot] = event.sequence;
    this.#payloads[slot] = payload;
    return payload;
  }

  #write(event: RunEvent): string | undefined {
    return this.#compiled.write(event, this.#cursorPrefix + cursorSuffix(event.sequence));
  }
}

interface DocumentSelections {
  readonly directiveVariables: readonly string[];
  readonly selections: Map<string, Selection | null>;
}

/** Selections by document, so that they live exactly as long as the parsed document does. */
export class SelectionCache {
  readonly #documents = new WeakMap<DocumentNode, DocumentSelections>();

  /** undefined: the operation is not a subscription of run events, or its variables do not fit. */
  find(args: ExecutionArgs): Selection | undefined {
    const variables = coercedVariables(args);
    if (variables === undefined) return undefined;
    let known = this.#documents.get(args.document);
    if (known === undefined) {
      known = { directiveVariables: directiveVariablesOf(args.document), selections: new Map() };
      this.#documents.set(args.document, known);
    }
    const values = known.directiveVariables.map((name) => variables[name]);
    const key = JSON.stringify([args.operationName ?? null, values]);
    const cached = known.selections.get(key);
    if (cached !== undefined) return cached ?? undefined;
    const compiled = compileSelection({ ...args, variableValues: variables });
    const selection = compiled && new Selection(compiled);
    if (known.selections.size < SELECTION_COUNT_MAX) known.selections.set(key, selection ?? null);
    return selection;
  }
}

function coercedVariables(args: ExecutionArgs): Record<string, unknown> | undefined {
  const operation = args.document.definitions.find(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      (args.operationName == null || definition.name?.value === args.operationName),
  );
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return undefined;
  const definitions = operation.variableDefinitions ?? [];
  return getVariableValues(args.schema, definitions, { ...args.variableValues }).coerced;
}

/** Names of the variables that decide, through @include and @skip, which fields are selected. */
function directiveVariablesOf(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive(node) {
      for (const { value } of node.arguments ?? []) {
        if (value.kind === Kind.VARIABLE) names.add(value.name.value);
      }
    },
  });
  return [...names].sort();
}
