/** JSON of strangers: anything can stand anywhere, or nothing. */

export type Json = Record<string, unknown>;

/** JSON.rawJSON and what belongs to it, which TypeScript does not know yet. */
const exactly = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): value is { rawJSON: string };
};

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** The object, or an empty one for anything else. */
export const object = (value: unknown): Json => (isObject(value) ? value : {});
/** The objects in a list; what else is there is passed over. */
export const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
/** A string that is not empty, or null. */
export const word = (value: unknown): string | null => (typeof value === "string" && value ? value : null);
/** The whole number, also one that is written as `12.0`, or null. */
export function whole(value: unknown): number | null {
  const number = exactly.isRawJSON(value) ? Number(value.rawJSON) : value;
  return Number.isInteger(number) ? (number as number) : null;
}
/** Whether it is null, or an object or list with nothing in it. */
export const isNothing = (value: unknown): boolean =>
  value == null || (typeof value === "object" && Object.keys(value).length === 0);

/**
 * JSON with each number as it was written, where a number of JavaScript does not hold it: such a one is written as it
 * came by JSON.stringify. `change` is made to every string and name.
 */
export const parseExactly = (text: string, change = (words: string): string => words): unknown =>
  exactly.parse(text, (_, value, { source }) => {
    if (typeof value === "string") return change(value);
    if (typeof value === "number" && String(value) !== source) return exactly.rawJSON(source!);
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [change(key), entry]));
  });

/** JSON with what somebody adds or replaces, merged deep. */
export function merged(base: unknown, over: unknown): unknown {
  if (!isObject(over)) return over;
  const fields = Object.entries(over).map(([key, value]) => [key, merged(object(base)[key], value)]);
  return isObject(base) ? { ...base, ...Object.fromEntries(fields) } : over;
}

/** The same with ordinary numbers, no half of a surrogate pair in its strings, and without those that are left out. */
export const readable = (value: unknown, leftOut: ReadonlySet<string>): unknown =>
  exactly.parse(JSON.stringify(value), (_, entry, { source }) => {
    if (typeof entry === "string") return leftOut.has(entry) ? undefined : entry.toWellFormed();
    if (Array.isArray(entry)) return entry.filter((one) => one !== undefined);
    if (isObject(entry)) return Object.fromEntries(Object.entries(entry).map(([key, of]) => [key.toWellFormed(), of]));
    return entry === Infinity || entry === -Infinity ? source : entry;
  });
