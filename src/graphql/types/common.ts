import { Field, ID, InterfaceType, ObjectType } from 'type-graphql';
import type { ErrorInfo } from '../../domain/errors.ts';
import { Cursor } from '../scalars.ts';

const TYPE_OF_PREFIX: Readonly<Record<string, string>> = {
  wsp: 'Workspace',
  usr: 'User',
  col: 'Collection',
  doc: 'Document',
  cnv: 'Conversation',
  run: 'Run',
  dep: 'EmbeddingDeployment',
};

@InterfaceType('Node', {
  description: 'Anything that can be fetched again by its id alone.',
  resolveType: (value: { readonly id: string }) => TYPE_OF_PREFIX[value.id.slice(0, 3)],
})
export abstract class NodeInterface {
  @Field(() => ID, { description: 'Opaque identifier, unique over all kinds.' })
  readonly id!: string;
}

@ObjectType('PageInfo', { simpleResolvers: true, description: 'Where a page ends.' })
export class PageInfoObject {
  @Field(() => Cursor, { nullable: true, description: 'Cursor of the last item; null on an empty page.' })
  readonly endCursor!: string | null;

  @Field(() => Boolean, { description: 'Whether there is more after this page.' })
  readonly hasNextPage!: boolean;
}

@ObjectType('ErrorInfo', { simpleResolvers: true, description: 'Why something failed, for good or for now.' })
export class ErrorInfoObject implements ErrorInfo {
  @Field(() => String, { description: 'Stable code to branch on.' })
  readonly code!: string;

  @Field(() => String, { description: 'A sentence to show.' })
  readonly message!: string;

  @Field(() => Boolean, { description: 'Whether trying again can succeed.' })
  readonly retryable!: boolean;
}
