// The part of JSON Schema (2020-12) that our published schemas use. An unknown keyword is an error, so that none is silently ignored.

type Schema = boolean | Readonly<Record<string, unknown>>;
type Check = (value: unknown, expected: never, schema: Readonly<Record<string, unknown>>, root: Schema) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isSafeInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

const checks: Readonly<Record<string, Check>> = {
  type: (value, expected: string | readonly string[]) =>
    [expected].flat().some((type) => types[type]?.(value) ?? false),
  const: (value, expected: unknown) => value === expected,
  enum: (value, expected: readonly unknown[]) => expected.includes(value),
  minimum: (value, bound: number) => typeof value !== "number" || value >= bound,
  pattern: (value, pattern: string) => typeof value !== "string" || new RegExp(pattern, "u").test(value),
  minLength: (value, length: number) => typeof value !== "string" || value.length >= length,
  maxLength: (value, length: number) => typeof value !== "string" || value.length <= length,
  minItems: (value, count: number) => !Array.isArray(value) || value.length >= count,
  maxItems: (value, count: number) => !Array.isArray(value) || value.length <= count,
  items: (value, item: Schema, _, root) => !Array.isArray(value) || value.every((each) => isValid(each, item, root)),
  required: (value, names: readonly string[]) => !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  dependentRequired: (value, dependents: Readonly<Record<string, readonly string[]>>) =>
    !isObject(value) ||
    Object.entries(dependents).every(
      ([name, others]) => !Object.hasOwn(value, name) || others.every((other) => Object.hasOwn(value, other)),
    ),
  properties: (value, properties: Record<string, Schema>, _, root) =>
    !isObject(value) ||
    Object.entries(properties).every(([name, each]) => !Object.hasOwn(value, name) || isValid(value[name], each, root)),
  additionalProperties: (value, each: Schema, schema, root) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, item]) => Object.hasOwn(propertiesOf(schema), name) || isValid(item, each, root),
    ),
  propertyNames: (value, names: Schema, _, root) =>
    !isObject(value) || Object.keys(value).every((name) => isValid(name, names, root)),
  anyOf: (value, options: readonly Schema[], _, root) => options.some((option) => isValid(value, option, root)),
  oneOf: (value, options: readonly Schema[], _, root) =>
    options.filter((option) => isValid(value, option, root)).length === 1,
  allOf: (value, parts: readonly Schema[], _, root) => parts.every((part) => isValid(value, part, root)),
  not: (value, schema: Schema, _, root) => !isValid(value, schema, root),
  if: (value, condition: Schema, schema, root) =>
    isValid(value, branchOf(schema, isValid(value, condition, root)), root),
  $ref: (value, path: string, _, root) => isValid(value, resolve(path, root), root),
};

const propertiesOf = ({ properties }: Readonly<Record<string, unknown>>): object => properties ?? {};
const branchOf = ({ then, else: otherwise }: Readonly<Record<string, unknown>>, holds: boolean): Schema =>
  ((holds ? then : otherwise) ?? true) as Schema;
const annotations = new Set(["$schema", "$defs", "title", "description", "then", "else"]);

export function isValid(value: unknown, schema: Schema, root: Schema = schema): boolean {
  if (typeof schema === "boolean") return schema;
  return Object.entries(schema).every(([keyword, expected]) => {
    if (annotations.has(keyword)) return true;
    const check = checks[keyword];
    if (check === undefined) throw new Error(`The schema uses ${keyword}, which this validator does not know`);
    return check(value, expected as never, schema, root);
  });
}

function resolve(path: string, root: Schema): Schema {
  let found: unknown = root;
  for (const step of path.replace("#/", "").split("/")) found = isObject(found) ? found[step] : undefined;
  return found as Schema;
}
