/** How a client is set up, checked before anything is sent; and the key, which nothing shows. */

import { setTimeout as wait } from "node:timers/promises";

import { ConfigurationError } from "./errors.js";

const SERVER = "https://api.getinfinityblue.com";
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const LONGEST = 1_000_000_000; // seconds
const DISTINCT = 8; // characters from which on a key that stands in an answer is the key, and no part of a picture
const RESERVED = new RegExp(
  "^((proxy-)?authorization|host|content-(length|type|encoding)|cookie|accept-encoding|(proxy-)?connection|" +
    "keep-alive|transfer-encoding|te|trailer|upgrade|expect)$", "i");

/** Time, chance and the way to a host, so that a test can bring its own. Times are in seconds. */
export const SYSTEM = {
  monotonic: (): number => performance.now() / 1000,
  /** Unix time. */
  now: (): number => Date.now() / 1000,
  random: (): number => Math.random(),
  sleep: (seconds: number, signal?: AbortSignal): Promise<unknown> => wait(seconds * 1000, null, signal && { signal }),
  /** Is aborted after that time, at most the longest that Node takes. */
  timeout: (seconds: number): AbortSignal => AbortSignal.timeout(Math.ceil(Math.min(seconds * 1000, 2 ** 31 - 1))),
  route: async (host: string, port: number): Promise<{ host: string; port: number }> => ({ host, port }),
};
export type Platform = typeof SYSTEM;

const DEFAULTS = {
  /** Seconds for a call, all its tries and waits together. */
  timeout: 600,
  /** Seconds for making a connection. */
  connectTimeout: 10,
  /** Repeats of a call of which nothing was processed. */
  maxRetries: 2,
  /** Repeat also what may have been processed, and may be paid for twice. */
  retryUnknown: false,
  /** The largest answer accepted. */
  maxResponseBytes: 256 * 1024 * 1024,
  /** Accept an http:// address that is not on this machine. */
  allowInsecure: false,
  /** Sent with each call. */
  headers: {} as Readonly<Record<string, string>>,
};
/** How a client is set up. */
export interface ClientOptions extends Partial<typeof DEFAULTS> {
  /** Else INFINITYBLUE_API_KEY. */
  apiKey?: string | null | undefined;
  /** Else INFINITYBLUE_BASE_URL, else the gateway's. */
  baseUrl?: string | null | undefined;
}

export type Settings = ReturnType<typeof settingsOf>;

/** Raises: ConfigurationError. */
export function settingsOf({ apiKey, baseUrl, ...options }: ClientOptions, platform: Platform) {
  const refuse = (words: string, advice?: string): never => { throw new ConfigurationError(words, { advice }); };
  const key = apiKey ?? process.env.INFINITYBLUE_API_KEY ?? "";
  const settings = { ...DEFAULTS, ...options };
  const { timeout, connectTimeout, maxRetries, maxResponseBytes, headers } = settings;
  const address = baseUrl || process.env.INFINITYBLUE_BASE_URL || SERVER;
  if (!key) refuse("there is no API key", "Set INFINITYBLUE_API_KEY or pass apiKey; keys come from the console");
  const isWord = typeof key === "string" && /^[\x21-\x7e]+$/.test(key);
  if (!isWord) refuse("the API key holds a character that no key has", "Copy it again from the console");
  const base = URL.canParse(address) ? new URL(address) : refuse("the base URL is no address", "Correct baseUrl");
  const isPlain = /^https?:\/\/[^\s/?#\\@]+(\/[^\s?#]*)?$/i.test(address);
  const isName = isPlain && !/^\.|\.\.|[^.]{64}/.test(base.hostname);
  if (!isName) refuse("the base URL is not of the form https://host[:port][/path]", "Correct baseUrl");
  const isOpen = base.protocol === "http:" && !LOOPBACK.includes(base.hostname) && !settings.allowInsecure;
  if (isOpen) refuse(`the base URL ${base} would send your key unencrypted`, "Use https://, or allowInsecure: true");
  const redact = (words: string): string => words.replaceAll(key, "[key]");
  const problem = secondsProblem("timeout", timeout) ?? secondsProblem("connectTimeout", connectTimeout) ??
    wholeProblem("maxRetries", maxRetries, 0) ?? wholeProblem("maxResponseBytes", maxResponseBytes, 1) ??
    headersProblem(headers);
  if (problem) refuse(problem);
  if (Object.values(headers).some((value) => value.includes(key))) refuse("a header holds the key");
  return {
    ...settings, base, platform,
    /** The value of the Authorization header (RFC 6750, 2.1). */
    authorization: () => `Bearer ${key}`,
    /** The text without the key, should it hold it. */
    redact,
    /** The same for a good answer, out of which only a key is taken that is distinct. */
    censor: (words: string): string => (key.length < DISTINCT ? words : redact(words)),
  };
}

const wholeProblem = (name: string, value: unknown, least: number): string | null =>
  Number.isInteger(value) && Number(value) >= least ? null : `${name} must be a whole number of at least ${least}`;

/** What is wrong with a number of seconds, if anything is. */
export const secondsProblem = (name: string, value: unknown): string | null =>
  typeof value === "number" && value > 0 && value <= LONGEST ? null
    : `${name} is ${String(value)}; it must be a number of seconds above 0, at most ${LONGEST}`;

/** What is wrong with headers, if anything is. */
export function headersProblem(headers: Readonly<Record<string, string>>): string | null {
  for (const [name, value] of Object.entries(headers)) {
    if (RESERVED.test(name)) return `the header ${name} is the library's own and cannot be replaced`;
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return `${JSON.stringify(name)} is no name of a header`;
    if (!/^[\t\x20-\x7e]*$/.test(value)) return `the header ${name} holds a character that no header can`;
  }
  return null;
}
