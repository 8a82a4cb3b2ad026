/**
 * What can go wrong, as one tree, and whether it may have cost money.
 *
 *     NanoBananaError
 *     ├── ConfigurationError              no key, a malformed key, an http:// address: nothing was sent
 *     ├── InvalidRequestError             refused before sending
 *     ├── APIConnectionError              no connection: nothing was sent
 *     ├── OutcomeUnknownError             sent, no usable answer came back
 *     │   └── APITimeoutError             ... before the time was over
 *     ├── APIStatusError                  an HTTP status other than 2xx
 *     │   ├── BadRequestError             400
 *     │   │   └── ContentPolicyError      the content is not allowed
 *     │   ├── AuthenticationError         401, and a bad key that the upstream reports as 400
 *     │   ├── PermissionDeniedError       403
 *     │   ├── NotFoundError               404
 *     │   ├── PayloadTooLargeError        413
 *     │   ├── RateLimitError              429
 *     │   │   └── QuotaExceededError      credits gone: no wait will mend it
 *     │   └── ServerError                 5xx and Cloudflare's 52x
 *     ├── SaveError                       a picture was made but could not be written
 *     ├── DownloadError                   a picture on another server was not fetched
 *     └── UnusableResponseError           2xx, but not an answer that fits the contract
 *         └── NoImageError                a good answer that holds no picture
 *             ├── PromptBlockedError      the prompt was blocked
 *             └── ContentBlockedError     the picture was withheld
 *
 * `message` is the whole story: what happened, whether it may have been billed and what to do next; `detail`, `billed`
 * and `advice` are its parts. No error holds the key or the request.
 */

import type { Generation, Picture, Usage } from "./image.js";

export type Billed = "no" | "unknown" | "probably";

/**
 * What an error knows besides its words, where there is any of it: `advice` says what to do next; `param` is the
 * argument at fault, or the endpoint's word for it; `location` where a redirect leads, which is never followed;
 * `reason` that for which there is no picture, `text` the model's words; `body` the beginning of an error answer,
 * `content` an answer as far as it arrived; `url` where a picture lies that was not fetched; `image` and `generation`
 * what could not be saved; `retryAfter` is in seconds; `transient` says whether trying again can help.
 */
export interface ErrorFields
  extends Some<"code" | "type" | "param" | "requestId" | "location" | "finishReason", string | null>,
    Some<"reason" | "text" | "body" | "url" | "advice", string>, Some<"statusCode", number>,
    Some<"billed", Billed>, Some<"retryAfter", number | null>, Some<"content", Uint8Array>, Some<"transient", boolean>,
    Some<"usage", Usage>, Some<"image", Picture>, Some<"generation", Generation> {}
type Some<Names extends string, Type> = Partial<Record<Names, Type | undefined>>;

const BILLING = { no: "Nothing was billed.", unknown: "It may have been billed.", probably: "It was probably billed." };
const CHANGE = "Change the prompt or the reference images";
const PAYS_TWICE = "Look at the usage page before repeating it: a repeat may pay twice";

const sentence = (words: string): string => (!words || /[.!?…]$/.test(words) ? words : `${words}.`);

/** Words of a server, fit for a line of a terminal or a log: white space folded, what cannot be printed replaced. */
export function plain(words: string, limit: number): string {
  const folded = words.slice(0, 4 * limit).split(/[\p{Z}\t-\r\x1c-\x1f\x85]+/u);
  const shown = [...folded.filter(Boolean).join(" ").replace(/\p{C}/gu, "\ufffd")];
  return shown.length <= limit ? shown.join("") : `${shown.slice(0, limit - 1).join("")}…`;
}

/** The root of everything that this package raises on purpose. */
export class NanoBananaError extends Error {
  static billed: Billed = "no";
  static advice: string = "";
  static aftermath = "";

  constructor(readonly detail: string, fields: ErrorFields = {}) {
    const { billed = new.target.billed, advice = new.target.advice, statusCode, code, requestId, body } = fields;
    const status = body === undefined ? "" : `HTTP ${statusCode}${code ? ` ${code}` : ""}: `;
    const request = body !== undefined && requestId ? `Request id: ${requestId}` : "";
    const story = [detail, new.target.aftermath || BILLING[billed], advice, request];
    super(status + story.map(sentence).filter(Boolean).join(" "));
    Object.assign(this, fields, { billed, advice });
  }

  override get name(): string { return this.constructor.name; }
}
export interface NanoBananaError extends Readonly<Omit<ErrorFields, "billed" | "advice">> {
  readonly billed: Billed;
  readonly advice: string;
}

class NotSentError extends NanoBananaError { static override aftermath = "Nothing was sent."; }
class LostError extends NanoBananaError { static override billed: Billed = "unknown"; }
class MadeError extends NanoBananaError { static override billed: Billed = "probably"; }
/** The client cannot be made as asked: no key, a malformed key or address, a bad limit. */
export class ConfigurationError extends NotSentError {}
/** The request was refused here. `param` names the argument at fault. */
export class InvalidRequestError extends NotSentError {
  /** Refuses an argument. */
  static refuse(param: string, words: string, advice?: string): never {
    throw new InvalidRequestError(words, { param, advice });
  }
}
/** No connection could be made. `transient` is false where trying again cannot help, as with a bad certificate. */
export class APIConnectionError extends NotSentError { static override advice = "Check the network and the base URL"; }
/** The request was sent and no usable answer came back. `content` is the answer as far as it arrived. */
export class OutcomeUnknownError extends LostError { static override advice = PAYS_TWICE; }
/** The time was over before the answer was complete. */
export class APITimeoutError extends OutcomeUnknownError { static override advice = "Give it more time (timeout)"; }
/** The endpoint answered with an HTTP status other than 2xx. */
export class APIStatusError extends NanoBananaError {}
/** 400: the endpoint found a fault in the request. */
export class BadRequestError extends APIStatusError { static override advice = "Correct the request"; }
/** The endpoint does not allow the prompt or a reference image. */
export class ContentPolicyError extends BadRequestError { static override advice = CHANGE; }
/** 401, or a 400 by which the upstream says the same: the key is missing, wrong or expired. */
export class AuthenticationError extends APIStatusError { static override advice = "Check INFINITYBLUE_API_KEY"; }
/** 403: the key is good, but not for this model, region or organization, or it was disabled. */
export class PermissionDeniedError extends APIStatusError { static override advice = "Use another model or key"; }
/** 404: there is no such model or path. */
export class NotFoundError extends APIStatusError { static override advice = "Check model and base URL"; }
/** 413: the request is too large. */
export class PayloadTooLargeError extends APIStatusError { static override advice = "Send smaller references"; }
/** 429: too many requests, tokens or calls at once. `retryAfter` says how long to wait, if known. */
export class RateLimitError extends APIStatusError { static override advice = "Wait, and make fewer calls at once"; }
/** The credits of the account are used up; no wait will mend it. */
export class QuotaExceededError extends RateLimitError { static override advice = "Add credits: no wait helps"; }
/** 5xx: the gateway, the upstream or what stands before them failed, perhaps after the work was done. */
export class ServerError extends APIStatusError { static override advice = PAYS_TWICE; }
/** A picture that was made could not be written. It is not lost: `image` and `generation` hold it. */
export class SaveError extends MadeError { static override advice = "It is not lost: save error.image elsewhere"; }
/** A picture on another server was not fetched. `url` says where it lies. */
export class DownloadError extends MadeError { static override advice = "Fetch error.url soon, and without the key"; }
/** A 2xx that does not fit the contract. `content` is the answer as far as it arrived. */
export class UnusableResponseError extends MadeError { static override advice = "Keep error.content for support"; }
/** A good answer without a picture. `reason` is the block or finish reason, `text` the model's words. */
export class NoImageError extends UnusableResponseError { static override advice = "Say in the prompt what to show"; }
/** The prompt, or a reference image in it, was blocked before anything was drawn. */
export class PromptBlockedError extends NoImageError { static override advice = CHANGE; }
/** The picture was withheld by a filter. */
export class ContentBlockedError extends NoImageError { static override advice = CHANGE; }
