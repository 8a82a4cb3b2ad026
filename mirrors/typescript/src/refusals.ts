/** From an error answer to a typed error, and from that to a repeat or none: both are pure. */

import * as errors from "./errors.js";
import { type ErrorFields, plain } from "./errors.js";
import { type Json, isNothing, object, objects, whole, word } from "./json.js";
import type { Settings } from "./settings.js";

const BODY_KEPT = 4000; // characters
const UNEXPLAINED = "no reason was given";
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

/** What names something, fit to be shown, or null. */
export const nameOf = (value: unknown): string | null => plain(word(value) ?? String(whole(value) ?? ""), 100) || null;

/** The error that a JSON document reports; null where it reports none. Under a status that refuses, a code will do. */
export function faultIn(document: unknown, isRefused = false): Fault | null {
  const found = object(Array.isArray(document) ? document[0] : document);
  const isTold = typeof found.message === "string" || (isRefused && nameOf(found.code) !== null);
  const isWell = !isTold || ALL_IS_WELL.includes(whole(found.code) ?? found.code);
  const isNested = Object.keys(object(found.error)).length > 0;
  const fault: Json | null = word(found.error) ? { message: found.error, code: found.code }
    : isNested ? object(found.error) : isWell ? null : found;
  if (!fault) return null;
  const { message, code, status, type, param, details } = fault;
  const known = nameOf(word(code)) ?? nameOf(status) ?? nameOf(code);
  const words = plain(word(message) ?? "", 500) || UNEXPLAINED;
  return { words, code: known, type: nameOf(type), param: nameOf(param), details };
}

/** The id of a request, where the words of an error tell it. */
export const requestIdIn = (words: string): string | null => /\(request id: ([^)\s]+)\)/i.exec(words)?.[1] ?? null;

/** What a body that is not JSON says to a person: an HTML page's title, or its first words. */
function wordsOf(text: string): string {
  const title = /<title[^<>]{0,200}>([^<]*)/i.exec(text)?.[1];
  if (title === undefined && /<html/i.test(text)) return "an HTML page instead of an answer";
  return plain(title ?? text, 200) || UNEXPLAINED;
}

/** An answer as it came, without the key: its text, and as JSON, with each number as it was written. */
export interface Answer {
  statusCode: number;
  /** By names in lower case. */
  headers: Readonly<Record<string, string>>;
  requestId: string | null;
  text: string;
  document: unknown;
}

/** The typed error for an answer whose status is not 2xx. `now` is Unix time in seconds. */
export function statusError({ document, headers, text, ...answer }: Answer, now: number): errors.APIStatusError {
  const isRedirect = answer.statusCode < 400;
  const location = (isRedirect && headers.location) || null;
  const target = plain(location ?? "nowhere", 300);
  const fault: Fault = isRedirect ? { words: `the answer is a redirect to ${target}, which is not followed` }
    : faultIn(document, true) ?? { words: wordsOf(text.slice(0, 4 * BODY_KEPT)) };
  const { words, details, ...names } = fault;
  const delays = objects(details).map(({ retryDelay }) => /^(.*)s$/.exec(word(retryDelay) ?? "")?.[1] ?? "");
  const asked = [headers["retry-after"] ?? "", ...delays.filter((delay) => NUMBER.test(delay))];
  const retryAfter = asked.map((value) => parseRetryAfter(value, now)).find((seconds) => seconds !== null) ?? null;
  const [cls, verdict] = judge(answer.statusCode, fault, retryAfter);
  const about = { ...names, ...answer, requestId: answer.requestId ?? requestIdIn(words), retryAfter, location };
  return new cls(words, { ...about, body: text.slice(0, BODY_KEPT), ...verdict });
}

/** The class, whether it may have been billed, whether a wait helps, and advice where the class's own does not fit. */
function judge(
  status: number, { words, code, type, details }: Fault, retryAfter: number | null,
): [cls: typeof errors.APIStatusError, verdict: ErrorFields] {
  if (status < 400) return [errors.APIStatusError, { advice: "Correct the base URL" }];
  const isNeverServed = status === 503 && NO_CHANNEL.test(words);
  if (isNeverServed) return [errors.ServerError, { billed: "no", advice: "No channel has this model; no wait helps" }];
  const isTurnedAway = status === 503 && retryAfter !== null;
  if (isTurnedAway) return [errors.ServerError, { billed: "no", advice: "Wait and try again", transient: true }];
  if (status >= 500) return [errors.ServerError, { billed: "unknown" }];
  const names = [code, type, ...objects(details).map(({ reason }) => reason)];
  const isOneOf = (codes: unknown[]): boolean => names.some((name) => codes.includes(name));
  const isUntold = (!details || isNothing(details)) && retryAfter === null;
  const isExhausted = status === 429 && code === "RESOURCE_EXHAUSTED" && isUntold;
  const isBadKey = isOneOf(BAD_KEY) || BAD_KEY_WORDS.test(words);
  const cls = isOneOf(QUOTA) || isExhausted ? errors.QuotaExceededError
    : status === 400 && isBadKey ? errors.AuthenticationError
    : status === 400 && code === "content_policy_violation" ? errors.ContentPolicyError
    : BY_STATUS[status] ?? errors.APIStatusError;
  const isProcessed = status === 408 || status === 499;
  return [cls, { billed: isProcessed ? "unknown" : "no", transient: cls === errors.RateLimitError }];
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

/**
 * Seconds to wait before trying again, or null to give up: what was not begun is repeated, what may have been paid for
 * where the user agreed to pay twice. `made` counts the tries, from 1; `left` is the time left in seconds, which no
 * wait outlasts; `jitter` lies between 0 and 1.
 */
export function decide(
  error: unknown, made: number, left: number, { maxRetries, retryUnknown }: Settings, jitter: number,
): number | null {
  if (made > maxRetries || !(error instanceof errors.NanoBananaError)) return null;
  const isLost = error instanceof errors.OutcomeUnknownError || error instanceof errors.ServerError;
  const isRepeatable = error.transient || (retryUnknown && isLost && error.billed === "unknown");
  const wait = error.retryAfter ?? jitter * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (made - 1));
  return isRepeatable && wait < left ? wait : null;
}
