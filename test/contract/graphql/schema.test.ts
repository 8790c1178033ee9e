import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
  parse,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { buildGraphSchema, printGraphSchema } from '../../../src/graphql/schema.ts';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const heart = buildSchema(read('heart.graphql'));
const ours = buildSchema(printGraphSchema());

/** An output may become non-null where it was not; everything else is the same. */
function outputCompatible(theirs: string, own: string): boolean {
  return own === theirs || own === `${theirs}!`;
}

const fieldsOf = (type: GraphQLNamedType | undefined) =>
  isObjectType(type) || isInterfaceType(type) ? type.getFields() : undefined;

function* outputProblems(theirs: GraphQLNamedType, own: GraphQLNamedType): Generator<string> {
  const ownFields = fieldsOf(own) ?? {};
  for (const [name, field] of Object.entries(fieldsOf(theirs) ?? {})) {
    const ownField = ownFields[name];
    const place = `${theirs.name}.${name}`;
    if (ownField === undefined || !outputCompatible(String(field.type), String(ownField.type))) {
      yield `${place}: ${field.type} became ${ownField?.type}`;
      continue;
    }
    for (const argument of field.args) {
      const ownArgument = ownField.args.find((candidate) => candidate.name === argument.name);
      if (String(ownArgument?.type) !== String(argument.type)) yield `${place}(${argument.name})`;
      if (ownArgument?.defaultValue !== argument.defaultValue) yield `${place}(${argument.name}) default`;
    }
    for (const argument of ownField.args.filter(isRequiredArgument)) {
      if (!field.args.some(({ name: known }) => known === argument.name)) yield `${place}(${argument.name}) is new`;
    }
  }
}

function* inputProblems(theirs: GraphQLNamedType, own: GraphQLNamedType): Generator<string> {
  if (!isInputObjectType(theirs) || !isInputObjectType(own)) return;
  if (theirs.isOneOf !== own.isOneOf) yield `${theirs.name} @oneOf`;
  const fields = theirs.getFields();
  for (const [name, field] of Object.entries(fields)) {
    if (String(own.getFields()[name]?.type) !== String(field.type)) yield `${theirs.name}.${name}`;
  }
  for (const field of Object.values(own.getFields()).filter(isRequiredInputField)) {
    if (fields[field.name] === undefined) yield `${theirs.name}.${field.name} is new and required`;
  }
}

function* problems(theirs: GraphQLSchema, own: GraphQLSchema): Generator<string> {
  for (const type of Object.values(theirs.getTypeMap()).filter(({ name }) => !name.startsWith('__'))) {
    const counterpart = own.getType(type.name);
    if (counterpart === undefined || counterpart.constructor.name !== type.constructor.name) {
      yield `${type.name} is missing or of another kind`;
      continue;
    }
    yield* outputProblems(type, counterpart);
    yield* inputProblems(type, counterpart);
    if (isEnumType(type) && isEnumType(counterpart)) {
      for (const value of type.getValues()) {
        if (counterpart.getValue(value.name) === undefined) yield `${type.name}.${value.name}`;
      }
    }
    if (isUnionType(type) && isUnionType(counterpart)) {
      const members = counterpart.getTypes().map(({ name }) => name);
      for (const member of type.getTypes()) if (!members.includes(member.name)) yield `${type.name}: ${member.name}`;
    }
    if (isObjectType(type) && isObjectType(counterpart)) {
      const interfaces = counterpart.getInterfaces().map(({ name }) => name);
      for (const { name } of type.getInterfaces()) if (!interfaces.includes(name)) yield `${type.name}: ${name}`;
    }
  }
}

describe('the schema', () => {
  it('is what schema.graphql says (scripts/emit-schema.mjs writes it)', () => {
    expect(read('../../../schema.graphql')).toBe(printGraphSchema());
  });

  it('is a superset of the fixed heart', () => {
    expect([...problems(heart, ours)]).toEqual([]);
  });

  it('notices when the heart is broken', () => {
    const broken = buildSchema(
      printGraphSchema()
        .replace('input DocumentSourceInput @oneOf', 'input DocumentSourceInput')
        .replace(/  VIEWER\n/, '  READER\n'),
    );
    expect([...problems(heart, broken)].sort()).toEqual(['DocumentSourceInput @oneOf', 'Role.VIEWER']);
  });

  it('validates every document that existing clients send', () => {
    const document = parse(read('operations.graphql'));
    expect(validate(buildGraphSchema(), document)).toEqual([]);
    expect(document.definitions.length).toBeGreaterThan(15);
  });

  it('describes every type, field, argument, input field and enum value in a sentence', () => {
    const missing: string[] = [];
    const check = (place: string, description: string | null | undefined) => {
      if (!description || !/[.:…?`]$|\.\)$/.test(description.trim())) missing.push(place);
    };
    for (const type of Object.values(buildGraphSchema().getTypeMap())) {
      if (type.name.startsWith('__') || ['String', 'Int', 'Float', 'Boolean', 'ID'].includes(type.name)) continue;
      check(type.name, type.description);
      const fields = fieldsOf(type) ?? (isInputObjectType(type) ? type.getFields() : {});
      for (const field of Object.values(fields)) {
        check(`${type.name}.${field.name}`, field.description);
        for (const arg of 'args' in field ? field.args : []) check(`${type.name}.${field.name}(${arg.name})`, arg.description);
      }
      for (const value of isEnumType(type) ? type.getValues() : []) check(`${type.name}.${value.name}`, value.description);
    }
    expect(missing).toEqual([]);
  });
});
