/**
 * graphql-js prints the offending value into its messages: `Variable "$input" got invalid value { password: "…" }`.
 * Messages end up on screens, in logs and at proxies, so they are rebuilt from the parts that cannot be a value.
 */
const COERCION = /^(Variable "\$\w{1,100}") (?:got|has) invalid value /;
const PATH = / at "([\w.[\]]{1,200})"; /g;
/** What graphql-js says after the value; only names of the schema, or of fields, stand in these. */
const REASONS: readonly RegExp[] = [
  /Field "\w{1,100}" of required type "[\w![\]]{1,100}" was not provided\.$/,
  /Field "\w{1,100}" is not defined by type "\w{1,100}"\./,
  /Expected non-nullable type "[\w![\]]{1,100}" not to be null\.$/,
  /Expected type "\w{1,100}" to be an object\.$/,
  /Exactly one key must be specified for OneOf type "\w{1,100}"\.$/,
  /Field "\w{1,100}" must be non-null\.$/,
];

function coercionMessage(message: string, variable: string): string {
  const path = [...message.matchAll(PATH)].at(-1)?.[1];
  const reason = REASONS.map((pattern) => pattern.exec(message)?.[0]).find((text) => text !== undefined);
  const place = path === undefined ? '' : ` at "${path}"`;
  return `${variable} got an invalid value${place}${reason === undefined ? '.' : `; ${reason}`}`;
}

export function withoutSubmittedValues(message: string): string {
  const variable = COERCION.exec(message)?.[1];
  if (variable !== undefined) return coercionMessage(message, variable);
  if (message.startsWith('Syntax Error')) {
    return message.replace(/\b(String|BlockString|Int|Float) "[\s\S]*"/, '$1');
  }
  return message
    .replace(/^(Enum "\w{1,100}"|\w{1,100}) cannot represent [\s\S]*$/, '$1 cannot represent this value.')
    .replace(/, found [\s\S]*$/, ', found something else.')
    .replace(/^Value "[\s\S]*?" does not exist/, 'This value does not exist')
    .replace(/ has invalid value [\s\S]*$/, ' has an invalid value.');
}
