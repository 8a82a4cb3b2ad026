/**
 * One try of a call over node:http: a connection of its own, on which it is known whether anything has left.
 *
 * Not fetch: that gives up on a silent answer after 300 s, and says of a failure neither whether a byte was sent nor
 * what had come of the answer.
 */

import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { type Socket, connect as tcp, isIP } from "node:net";
import { connect as tls, rootCertificates } from "node:tls";
import { promisify } from "node:util";
import { constants, inflateRaw, unzip } from "node:zlib";

import type { Reply } from "./answers.js";
import { APIConnectionError, APITimeoutError, OutcomeUnknownError, UnusableResponseError, plain } from "./errors.js";
import { isObject, statusError } from "./refusals.js";
import type { Settings } from "./settings.js";

const ERROR_BODY_LIMIT = 1024 * 1024; // bytes of an error answer that are read
const RAISE = "Raise maxResponseBytes before the next call";
const SILENCE = 60_000; // ms after which keep-alive probes tell NAT and load balancers that the connection lives

export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Seconds for all tries, for the words of an error. */
  readonly timeout: number;
  /** The monotonic time at which they are over. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/** What comes of a request, however it ends. */
interface Came {
  readonly pieces: Buffer[];
  isSent: boolean;
  isLate: boolean;
  response?: IncomingMessage;
  failure?: NodeJS.ErrnoException;
}

async function exchanged(settings: Settings, post: Post): Promise<Came> {
  const { base, platform, connectTimeout } = settings;
  const came: Came = { pieces: [], isSent: false, isLate: false };
  const isSecure = base.protocol === "https:";
  const host = base.hostname.replace(/^\[|\]$/g, "");
  const clock = new AbortController();
  const signal = AbortSignal.any([clock.signal, ...(post.signal ? [post.signal] : [])]);
  const left = (): number => post.deadline - platform.monotonic();
  const over = (): void => {
    came.isLate = true;
    clock.abort();
  };
  let forget = platform.after(Math.min(left(), connectTimeout), over);
  let socket: Socket | undefined;
  try {
    signal.throwIfAborted();
    const route = await platform.route(host, Number(base.port) || (isSecure ? 443 : 80));
    const ca = platform.ca && { ca: [...rootCertificates, platform.ca] };
    socket = isSecure ? tls({ ...route, ...ca, servername: isIP(host) ? "" : host }) : tcp(route);
    socket.on("error", () => null); // what comes after the first one, which is waited for
    await once(socket, isSecure ? "secureConnect" : "connect", { signal });
    came.isSent = true;
    forget();
    forget = platform.after(left(), over);
    socket.setKeepAlive(true, SILENCE).setNoDelay(true);
    signal.addEventListener("abort", () => socket?.destroy());
    const { path, headers, body } = post;
    const options = { createConnection: () => socket!, method: "POST", path, headers, setHost: false };
    const request = httpRequest(options).on("error", () => null).end(body);
    const [response] = (await once(request, "response", { signal })) as [IncomingMessage];
    came.response = response;
    let room = response.statusCode! < 300 ? settings.maxResponseBytes : ERROR_BODY_LIMIT;
    for await (const piece of response as AsyncIterable<Buffer>) {
      came.pieces.push(piece);
      if ((room -= piece.length) < 0) break;
    }
  } catch (error) {
    came.failure = error as Error;
  } finally {
    forget();
    socket?.destroy();
  }
  return came;
}

/** Sends a request once. Returns: a whole 2xx answer. Raises: any other of the tree, or the reason of the signal. */
export async function attempt(settings: Settings, post: Post): Promise<Reply> {
  const { redact, censor, platform, base, maxResponseBytes } = settings;
  const { pieces, isSent, isLate, response, failure } = await exchanged(settings, post);
  if (failure) post.signal?.throwIfAborted();
  if (!isSent) throw unconnected(base.hostname, isLate ? new Error("not in time") : failure!);
  const statusCode = response?.statusCode ?? 0;
  const isGood = statusCode >= 200 && statusCode < 300;
  const entries = Object.entries(response?.headers ?? {}).map(([name, value]) => [name, redact(String(value))]);
  const headers = Object.fromEntries(entries) as Record<string, string>;
  const came = Buffer.concat(pieces);
  const limit = isGood ? maxResponseBytes : ERROR_BODY_LIMIT;
  const whole = await inflated(came, headers["content-encoding"] ?? "", limit);
  const content = whole ?? came;
  if (response && !isGood) {
    const { text, document } = parsed(content.subarray(0, limit), redact);
    throw statusError(statusCode, headers, text, document, platform.now());
  }
  const kept = (): Buffer => Buffer.from(redact(content.toString("latin1")), "latin1");
  if (isLate) throw new APITimeoutError(`no complete answer came within ${post.timeout} s`, { content: kept() });
  if (failure) {
    const words = plain(redact(failure.message), 300);
    throw new OutcomeUnknownError(`the connection broke after the request was sent: ${words}`, { content: kept() });
  }
  const requestId = headers["x-request-id"] ? plain(headers["x-request-id"], 100) : null;
  if (whole === null || content.length > limit) {
    const fields = { statusCode, requestId, code: null, content: kept(), advice: RAISE };
    throw new UnusableResponseError(`the answer is larger than ${limit} bytes`, fields);
  }
  return { statusCode, requestId, headers, content: kept, ...parsed(content, censor) };
}

function unconnected(host: string, { code = "", message }: NodeJS.ErrnoException): APIConnectionError {
  // The codes of the system are words like ECONNREFUSED; those of TLS are not, but for EPROTO.
  const transient = !code || (/^E[A-Z0-9]+$/.test(code) && code !== "EPROTO");
  const advice = transient ? undefined : "Check the base URL and this machine's certificates (NODE_EXTRA_CA_CERTS)";
  const words = `no ${transient ? "" : "secure "}connection to ${host} could be made: ${plain(message || code, 300)}`;
  return new APIConnectionError(words, { transient, advice });
}

/** The content without the encoding it claims (RFC 9110, 8.4.1), or as it came where it is in none. */
async function inflated(content: Buffer, encoding: string, limit: number): Promise<Buffer | null> {
  if (!content.length || !/^\s*(x-gzip|gzip|deflate)\s*$/i.test(encoding)) return content;
  const isRaw = /deflate/i.test(encoding) && (content[0]! & 15) !== 8; // without its header, as some servers send it
  const options = { maxOutputLength: limit, finishFlush: constants.Z_SYNC_FLUSH };
  return promisify<Buffer, object, Buffer>(isRaw ? inflateRaw : unzip)(content, options).catch((error) =>
    error.code === "ERR_BUFFER_TOO_LARGE" ? null : content);
}

type Redact = (words: string) => string;

/** JSON.rawJSON and what belongs to it, which TypeScript does not know yet. */
const exactly = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

/** JSON with each number as it was written, which a number of JavaScript cannot always hold. */
export const parseExactly = (text: string): unknown =>
  exactly.parse(text, (_, value, { source }) =>
    typeof value === "number" && String(value) !== source ? exactly.rawJSON(source!) : value);

/** The answer as JSON in UTF-8 (RFC 8259, 8.1), without the key; or what is wrong with it. */
function parsed(content: Buffer, redact: Redact): Pick<Reply, "document" | "exact" | "problem"> & { text: string } {
  let text = redact(content.toString());
  const clean = (document: unknown): unknown => (text.includes("\\") ? cleaned(document, redact) : document);
  const exact = (): unknown => clean(parseExactly(text));
  try {
    text = redact(new TextDecoder("utf-8", { fatal: true }).decode(content));
    const document = clean(JSON.parse(text));
    const inner: unknown = Array.isArray(document) && document.length === 1 ? document[0] : document;
    return { text, document, exact, problem: isObject(inner) ? null : "it is no JSON object" };
  } catch (error) {
    return { text, document: null, exact, problem: plain(redact((error as Error).message), 300) };
  }
}

/** A JSON value whose strings are redacted once more: what was escaped shows only once it is parsed. */
function cleaned(value: unknown, redact: Redact): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((entry) => cleaned(entry, redact));
  if (typeof value !== "object" || value === null || exactly.isRawJSON(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [redact(name), cleaned(entry, redact)]));
}
