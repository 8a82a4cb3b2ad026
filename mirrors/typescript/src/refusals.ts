/** From an error answer to a typed error, and from that to a repeat or none: both are pure. */

import * as errors from "./errors.js";
import { type Billed, type ErrorFields, plain } from "./errors.js";
import { object, objects, word } from "./json.js";

const BODY_KEPT = 4000; // characters
const QUOTA = ["insufficient_quota", "insufficient_user_quota"];
const BAD_KEY = ["invalid_api_key", "missing_authorization", "expired_api_key", "API_KEY_INVALID"];
const BAD_KEY_WORDS = /api key not valid|invalid api key|api key expired/i;
const NO_CHANNEL = /no (available )?channel|无可用渠道|無可用渠道/i;
const ALL_IS_WELL: unknown[] = [undefined, 0, false, 200, "0", "200", "success", "ok"]; // around a good answer
const NUMBER = /^-?\d{1,15}(\.\d{1,9})?$/;
// The three forms of an HTTP date (RFC 9110, 5.6.7), roughly: Date.parse takes almost anything for one.
const DATE = /^[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d( (GMT|UTC|Z)| \d{4})?$/;
const [FIRST_WAIT, LONGEST_WAIT] = [0.5, 8]; // seconds, before jitter
const BY_STATUS: Readonly<Record<number, typeof errors.APIStatusError>> = {
  400: errors.BadRequestError, 401: errors.AuthenticationError, 403: errors.PermissionDeniedError,
  404: errors.NotFoundError, 413: errors.PayloadTooLargeError, 429: errors.RateLimitError,
};

/** What an error body says, whatever shape it came in. */
type Fault = Pick<ErrorFields, "code" | "type" | "param"> & { words: string; details?: unknown };

const nameOf = (value: unknown): string | null =>
  word(value) !== null || Number.isInteger(value) ? plain(String(value), 100) : null;
const requestIdIn = (words: string): string | null => /\(request id: ([^)\s]+)\)/i.exec(words)?.[1] ?? null;

/** The error that a JSON document reports; null where it reports none. */
function faultIn(document: unknown): Fault | null {
  const found = object(Array.isArray(document) ? document[0] : document);
  if (word(found.error)) return { words: plain(String(found.error), 500), code: nameOf(found.code) };
  const isNested = Object.keys(object(found.error)).length > 0;
  if (!isNested && (typeof found.message !== "string" || ALL_IS_WELL.includes(found.code))) return null;
  const { message, code, status, type, param, details } = isNested ? object(found.error) : found;
  const names = { type: nameOf(type), param: nameOf(param), details };
  const known = nameOf(word(code)) ?? nameOf(status) ?? nameOf(code);
  return { words: plain(word(message) ?? "", 500), code: known, ...names };
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
  statusCode: number, headers: Readonly<Record<string, string>>, now: number, text: string, document: unknown,
): errors.APIStatusError {
  const isRedirect = statusCode >= 300 && statusCode < 400;
  const location = (isRedirect && headers.location) || null;
  const target = plain(location ?? "nowhere", 300);
  const fault: Fault = isRedirect ? { words: `the answer is a redirect to ${target}, which is not followed` }
    : faultIn(document) ?? { words: wordsOf(text.slice(0, 4 * BODY_KEPT)) };
  const requestId = nameOf(headers["x-request-id"]) ?? requestIdIn(fault.words);
  const delays = objects(fault.details).map(({ retryDelay }) => /^(.*)s$/.exec(String(retryDelay))?.[1] ?? "");
  const asked = [headers["retry-after"] ?? "", ...delays.filter((delay) => NUMBER.test(delay))];
  const retryAfter = asked.map((value) => parseRetryAfter(value, now)).find((seconds) => seconds !== null) ?? null;
  const [cls, billed, advice] = judge(statusCode, fault, retryAfter);
  const { words, code = null, type = null, param = null } = fault;
  const about = { statusCode, code, type, param, requestId, retryAfter, location, body: text.slice(0, BODY_KEPT) };
  return new cls(words || "no reason was given", { ...about, billed, advice });
}

/** The class, whether it may have been billed, and advice where the class's own does not fit. */
function judge(
  status: number, { words, code, type, details }: Fault, retryAfter: number | null,
): [cls: typeof errors.APIStatusError, billed: Billed, advice?: string] {
  const reason = objects(details).find((entry) => typeof entry.reason === "string")?.reason;
  const isOneOf = (codes: unknown[]): boolean => [code, type, reason].some((name) => codes.includes(name));
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
  const title = /<title[^<>]{0,200}>([^<]*)/i.exec(text)?.[1];
  if (title === undefined && /<html/i.test(text)) return "an HTML page instead of an answer";
  return plain(title ?? text, 200);
}

/** Seconds to wait by a `Retry-After` header (RFC 9110, 10.2.3); a time in the past gives 0, anything else null. */
export function parseRetryAfter(value: string, now: number): number | null {
  const text = value.trim();
  if (NUMBER.test(text)) return Math.max(0, Number(text));
  if (!DATE.test(text)) return null;
  // A year of two digits is one of this century, unless that were more than fifty years ahead.
  const limit = new Date(now * 1000).getUTCFullYear() - 2000 + 50;
  const whole = text.replace(/-(\d\d) /, (_, year: string) => `-${Number(year) < limit ? 20 : 19}${year} `);
  const moment = new Date(/\d$/.test(whole) ? `${whole} GMT` : whole);
  const isReal = new RegExp(`\\b0?${moment.getUTCDate()}\\b`).test(text); // and no 31st of February
  return isReal && moment.getUTCFullYear() < 10_000 ? Math.max(0, moment.getTime() / 1000 - now) : null;
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
