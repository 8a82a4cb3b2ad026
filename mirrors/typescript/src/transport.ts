/**
 * One try of a call over node:http: a connection of its own, on which it is known whether anything has left.
 *
 * Not fetch: that gives up on a silent answer after 300 s, and says of a failure neither whether a byte was sent nor
 * what had come of the answer.
 */

import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import { promisify } from "node:util";
import { constants, inflateRaw, unzip } from "node:zlib";

import * as errors from "./errors.js";
import { plain } from "./errors.js";
import { isObject, parseExactly } from "./json.js";
import { type Answer, nameOf, statusError } from "./refusals.js";
import type { Settings } from "./settings.js";

const ERROR_BODY_LIMIT = 1024 * 1024; // bytes of an error answer that are read
const SILENCE = 60_000; // ms after which keep-alive probes tell NAT and load balancers that the connection lives

/** A whole 2xx answer, and what makes an error of it where it turns out to be of no use. */
export type Reply = Awaited<ReturnType<typeof attempt>>;

/**
 * Sends a request once. `deadline` is the monotonic time at which the call is over.
 *
 * Returns: a whole 2xx answer. Raises: any other of the tree, or the reason of the signal.
 */
export async function attempt(
  settings: Settings, options: Pick<http.RequestOptions, "path" | "headers">, body: Buffer, deadline: number,
  given: AbortSignal | undefined,
) {
  const { base, platform, connectTimeout, maxResponseBytes, redact, censor } = settings;
  const [protocol, port, event] =
    base.protocol === "https:" ? [https, 443, "secureConnect"] as const : [http, 80, "connect"] as const;
  const host = base.hostname.replace(/^\[|\]$/g, "");
  const left = deadline - platform.monotonic();
  const [early, late] = [platform.timeout(Math.min(left, connectTimeout)), platform.timeout(left)];
  const signal = AbortSignal.any(given ? [late, given] : [late]);
  const pieces: Buffer[] = [];
  let [isSent, isGood, statusCode, limit, headers] = [false, true, 0, maxResponseBytes, {} as Answer["headers"]];
  let failure: NodeJS.ErrnoException | undefined;
  try {
    const route = await platform.route(host, Number(base.port) || port);
    // On a connection of its own, an odd character in a header is no reason to lose an answer that was paid for.
    const way = { ...route, servername: isIP(host) ? "" : host, agent: false, insecureHTTPParser: true, signal };
    const call = protocol.request({ ...way, ...options, method: "POST" }).on("error", () => null);
    call.once("socket", (socket) => {
      socket.setKeepAlive(true, SILENCE).once(event, () => (isSent = true));
      early.addEventListener("abort", () => isSent || call.destroy());
    });
    const [response] = (await once(call.end(body), "response", { signal })) as [http.IncomingMessage];
    statusCode = response.statusCode!;
    isGood = statusCode >= 200 && statusCode < 300;
    limit = isGood ? maxResponseBytes : ERROR_BODY_LIMIT;
    const entries = Object.entries(response.headersDistinct).filter(([name]) => name !== "set-cookie");
    headers = Object.fromEntries(entries.map(([name, values]) => [name, redact(values!.join(", "))]));
    let room = limit;
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece);
      if ((room -= piece.length) < 0) break;
    }
  } catch (error) {
    given?.throwIfAborted();
    failure = error as Error;
  }
  if (!isSent) throw unconnected(host, early.aborted ? new Error("not in time") : failure!);
  const came = Buffer.concat(pieces);
  const whole = await inflated(came, headers["content-encoding"] ?? "", limit);
  const bytes = whole ?? came;
  const [text, document, fault] = parsed(bytes.subarray(0, limit), isGood ? censor : redact);
  const answer = { statusCode, headers, requestId: nameOf(headers["x-request-id"]), text, document };
  if (!isGood) throw statusError(answer, platform.now());
  const content = (): Buffer => Buffer.from(redact(bytes.toString("latin1")), "latin1");
  if (late.aborted) throw new errors.APITimeoutError("the time was over, no answer complete", { content: content() });
  const words = `the connection broke after the request was sent: ${plain(redact(failure?.message ?? ""), 300)}`;
  if (failure) throw new errors.OutcomeUnknownError(words, { content: content() });
  const unusable = (detail: string, fields: errors.ErrorFields = {}, cls = errors.UnusableResponseError): Error => {
    const requestId = answer.requestId ?? fields.requestId ?? null;
    return new cls(detail, { statusCode, code: null, content: content(), ...fields, requestId });
  };
  const isTooLarge = whole === null || bytes.length > limit;
  if (isTooLarge) throw unusable(`the answer is larger than ${limit} bytes`, { advice: "Raise maxResponseBytes" });
  const inner: unknown = Array.isArray(document) && document.length === 1 ? document[0] : document; // as some wrap it
  const problem = statusCode === 206 ? "HTTP 206 is a part of one" : fault;
  if (!problem && isObject(inner)) return { ...answer, document: inner, unusable };
  throw unusable(`the answer does not fit the contract: ${problem ?? "it is no JSON object"}`);
}

function unconnected(host: string, { code = "", message }: NodeJS.ErrnoException): errors.APIConnectionError {
  // The codes of the system are words like ECONNREFUSED; those of TLS are not, but for EPROTO.
  const transient = !code || (/^E[A-Z0-9]+$/.test(code) && code !== "EPROTO");
  const advice = transient ? undefined : "Check the base URL and this machine's certificates (NODE_EXTRA_CA_CERTS)";
  const words = `no ${transient ? "" : "secure "}connection to ${host} could be made: ${plain(message || code, 300)}`;
  return new errors.APIConnectionError(words, { transient, advice });
}

/** The content without the encoding it claims (RFC 9110, 8.4.1), or as it came where it is in none; null: too large. */
async function inflated(content: Buffer, encoding: string, limit: number): Promise<Buffer | null> {
  if (!content.length || !/^\s*(x-gzip|gzip|deflate)\s*$/i.test(encoding)) return content;
  const isRaw = /deflate/i.test(encoding) && (content[0]! & 15) !== 8; // without its header, as some servers send it
  const options = { maxOutputLength: limit, finishFlush: constants.Z_SYNC_FLUSH };
  return promisify<Buffer, object, Buffer>(isRaw ? inflateRaw : unzip)(content, options).catch((error) =>
    error.code === "ERR_BUFFER_TOO_LARGE" ? null : content);
}

/** Words and JSON in UTF-8 (RFC 8259, 8.1), without the key, and what is wrong with that. A bad byte costs a letter. */
function parsed(content: Buffer, redact: (words: string) => string): [text: string, json: unknown, problem?: string] {
  const text = redact(new TextDecoder().decode(content));
  try {
    return [text, parseExactly(text, redact)];
  } catch (error) {
    return [text, null, plain(redact((error as Error).message), 300)];
  }
}
