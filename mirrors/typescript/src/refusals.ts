/** From an error answer to a typed error, and from that to a repeat or none: both are pure. */

import * as errors from "./errors.js";
import { type Billed, type ErrorFields, plain } from "./errors.js";
import type { Json } from "./request.js";

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** The object, or an empty one for anything else. */
export const object = (value: unknown): Json => (isObject(value) ? value : {});
/** The objects in a list; what else is there is passed over. */
export const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

const BODY_KEPT = 4000; // characters
const QUOTA = ["insufficient_quota", "insufficient_user_quota"];
const BAD_KEY = ["invalid_api_key", "missing_authorization", "expired_api_key", "API_KEY_INVALID"];
const BAD_KEY_WORDS = /api key not valid|invalid api key|api key expired/i;
const NO_CHANNEL = /no (available )?channel|无可用渠道|無可用渠道/i;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
// The three forms of an HTTP date (RFC 9110, 5.6.7): of today, of RFC 850, and of C's asctime().
const DATE = /^[A-Z][a-z]{2,8},? (\d\d?)[ -]([A-Z][a-z]{2})[ -](\d{4}|\d\d) (\d\d):(\d\d):(\d\d)(?: ?(?:GMT|UTC|Z))?$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d\d?) (\d\d):(\d\d):(\d\d) (\d{4})$/;
const [FIRST_WAIT, LONGEST_WAIT] = [0.5, 8]; // seconds, before jitter
const BY_STATUS: Readonly<Record<number, typeof errors.APIStatusError>> = {
  400: errors.BadRequestError, 401: errors.AuthenticationError, 403: errors.PermissionDeniedError,
  404: errors.NotFoundError, 413: errors.PayloadTooLargeError, 429: errors.RateLimitError,
};

/** What an error body says, whatever shape it came in. */
type Fault = Pick<ErrorFields, "code" | "type" | "param"> & { words: string; details: unknown };

const NO_FAULT: Fault = { words: "", code: null, type: null, param: null, details: null };
const nameOf = (value: unknown): string | null =>
  (typeof value === "string" && value) || Number.isInteger(value) ? plain(String(value), 100) : null;
const requestIdIn = (words: string): string | null => /\(request id: ([^)\s]+)\)/i.exec(words)?.[1] ?? null;

/** The error that a JSON document reports; null where it reports none. */
function faultIn(document: unknown): Fault | null {
  const found = object(Array.isArray(document) ? document[0] : document);
  const isWords = typeof found.error === "string" && found.error !== "";
  const isFlat = typeof found.message === "string" && "code" in found;
  const nested = isWords ? { message: found.error, code: found.code } : object(found.error);
  if (!Object.keys(nested).length && !isFlat) return null;
  const error = Object.keys(nested).length ? nested : found;
  return {
    words: typeof error.message === "string" ? plain(error.message, 500) : "",
    code: (typeof error.code === "string" && nameOf(error.code)) || nameOf(error.status) || nameOf(error.code),
    type: nameOf(error.type),
    param: nameOf(error.param),
    details: error.details,
  };
}

/** The error in a good answer's clothes, as an error's detail and fields; null where there is none. */
export function disguised(document: unknown, statusCode: number): [detail: string, fields: ErrorFields] | null {
  const fault = faultIn(document);
  if (!fault) return null;
  const detail = `HTTP ${statusCode}, but with an error in it: ${fault.words || "no reason was given"}`;
  return [detail, { code: fault.code ?? null, requestId: requestIdIn(fault.words), billed: "unknown" }];
}

/** The typed error for an answer whose status is not 2xx. `now` is Unix time in seconds. */
export function statusError(
  statusCode: number, headers: Readonly<Record<string, string>>, text: string, document: unknown, now: number,
): errors.APIStatusError {
  const isRedirect = statusCode >= 300 && statusCode < 400;
  const location = (isRedirect && headers.location) || null;
  const fault = faultIn(document) ?? { ...NO_FAULT, words: wordsOf(text.slice(0, 4 * BODY_KEPT)) };
  if (isRedirect) fault.words = `the answer is a redirect to ${plain(location ?? "nowhere", 300)}, and not followed`;
  const delays = objects(fault.details).map(({ retryDelay }) => /^(-?[\d.]+)s$/.exec(String(retryDelay))?.[1] ?? "");
  const [delay] = delays.map((words) => parseRetryAfter(words, now)).filter((seconds) => seconds !== null);
  const retryAfter = parseRetryAfter(headers["retry-after"] ?? "", now) ?? delay ?? null;
  const [cls, billed, advice] = judge(statusCode, fault, retryAfter);
  const requestId = nameOf(headers["x-request-id"]) ?? requestIdIn(fault.words);
  const { words, details, ...names } = fault;
  const about = { statusCode, requestId, retryAfter, location, body: text.slice(0, BODY_KEPT) };
  return new cls(words || "no reason was given", { ...names, ...about, billed, advice });
}

/** The class, whether it may have been billed, and advice where the class's own does not fit. */
function judge(
  status: number, { words, code, type, details }: Fault, retryAfter: number | null,
): [cls: typeof errors.APIStatusError, billed: Billed, advice?: string] {
  const reason = objects(details).find((entry) => typeof entry.reason === "string")?.reason;
  const isOneOf = (codes: string[]): boolean => codes.some((known) => [code, type, reason].includes(known));
  const hasDetails = Array.isArray(details) ? details.length > 0 : Boolean(details);
  const isExhausted = status === 429 && code === "RESOURCE_EXHAUSTED" && !hasDetails && retryAfter === null;
  if (status < 400) return [errors.APIStatusError, "no", "Correct the base URL"];
  if (status < 500) {
    const billed = status === 408 || status === 499 ? "unknown" : "no";
    if (isOneOf(QUOTA) || isExhausted) return [errors.QuotaExceededError, billed];
    if (status === 400 && (isOneOf(BAD_KEY) || BAD_KEY_WORDS.test(words))) return [errors.AuthenticationError, billed];
    if (status === 400 && code === "content_policy_violation") return [errors.ContentPolicyError, billed];
    return [BY_STATUS[status] ?? errors.APIStatusError, billed];
  }
  if (status !== 503) return [errors.ServerError, "unknown"];
  if (NO_CHANNEL.test(words)) return [errors.ServerError, "no", "No channel has this model; waiting does not help"];
  return retryAfter === null ? [errors.ServerError, "unknown"] : [errors.ServerError, "no", "Wait and try again"];
}

/** What a body that is not JSON says to a person: an HTML page's title, or its first words. */
function wordsOf(text: string): string {
  const title = /<title[^>]*>([^]*?)<\/title>/i.exec(text)?.[1];
  if (title === undefined && /<html/i.test(text)) return "an HTML page instead of an answer";
  return plain(title ?? text, 200);
}

/** Seconds to wait by a `Retry-After` header (RFC 9110, 10.2.3); a time in the past gives 0, anything else null. */
export function parseRetryAfter(value: string, now: number): number | null {
  const text = value.trim();
  if (/^-?\d{1,15}(\.\d{1,9})?$/.test(text)) return Math.max(0, Number(text));
  const other = ASCTIME.exec(text);
  const [, day, name = "", given, hour, minute, second] =
    DATE.exec(text) ?? (other && [0, other[2], other[1], other[6], other[3], other[4], other[5]]) ?? [];
  const today = new Date(now * 1000).getUTCFullYear();
  // A year of two digits is one of this century, unless that were more than fifty years ahead.
  const century = String(given).length === 4 ? 0 : Number(given) + 2000 < today + 50 ? 2000 : 1900;
  const month = String(MONTHS.indexOf(String(name)) / 3 + 1).padStart(2, "0");
  const date = `${Number(given) + century}-${month}-${String(day).padStart(2, "0")}`;
  const written = `${date}T${hour}:${minute}:${second}.000Z`;
  const moment = new Date(written);
  const isReal = !Number.isNaN(moment.getTime()) && moment.toISOString() === written;
  return isReal ? Math.max(0, moment.getTime() / 1000 - now) : null;
}

/** Whether nothing was sent, or the endpoint said that it did nothing; or the user agreed to pay twice. */
function isRepeatable(error: unknown, retryUnknown: boolean): boolean {
  if (error instanceof errors.APIConnectionError) return error.transient === true;
  if (error instanceof errors.RateLimitError) return !(error instanceof errors.QuotaExceededError);
  if (error instanceof errors.OutcomeUnknownError) return retryUnknown;
  if (!(error instanceof errors.ServerError)) return false;
  const isTurnedAway = error.statusCode === 503 && error.retryAfter !== null && !NO_CHANNEL.test(error.detail);
  return isTurnedAway || (retryUnknown && error.billed === "unknown");
}

/**
 * Seconds to wait before trying again, or null to give up. `made` counts the tries, from 1; `left` is the time left in
 * seconds, which no wait outlasts; `jitter` lies between 0 and 1.
 */
export function decide(
  error: unknown, made: number, left: number, maxRetries: number, retryUnknown: boolean, jitter: number,
): number | null {
  if (made > maxRetries || !isRepeatable(error, retryUnknown)) return null;
  const asked = (error as errors.NanoBananaError).retryAfter;
  const wait = asked ?? jitter * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (made - 1));
  return wait < left ? wait : null;
}
