/** What an answer holds, in either wire format, and what becomes of it. */

import { ContentBlockedError, NoImageError, PromptBlockedError, UnusableResponseError, plain } from "./errors.js";
import type * as wire from "./generated/types.gen.js";
import { GeneratedImage, type Generation, type Picture, RemoteImage } from "./image.js";
import { picturesIn } from "./markdown.js";
import { sniff } from "./picture.js";
import { fromAnyBase64 } from "./reference.js";
import { disguised, isObject, object, objects } from "./refusals.js";
import type { ImageRequest, Json } from "./request.js";

const WITHHELD = /safety|prohibited|recitation|blocklist|spii|filter/i;
const ADDRESS = /^\s*https?:\/\/[^\s?#]+\.(png|jpe?g|webp|gif|avif|hei[cf])([?#]\S*)?\s*$/i;
// What is said about the request, the filters or sources is not the picture that was drawn.
const ABOUT =
  /error|feedback|grounding|citation|annotation|usage|request|input|prompt|param|payload|reference|signature/i;
// Base64 in the middle of something; what goes on behind it would be cut short.
const RUN = /(?<![^\s"'`(\[{<,;:=>|])[\w+/-]{40,}={0,2}(?![^\s"'`)\]}>,;.!<|\\])(?!\s[\w+/-]{40})/g;
const MINOR = /thumb|preview|icon|avatar|logo|mask/i;
const [NO_BASE64, EMPTY] = ["the picture in the answer is not valid Base64", "the picture in the answer is empty"];

/** A whole 2xx answer. */
export interface Reply {
  readonly statusCode: number;
  readonly requestId: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes of it, without the key. */
  content(): Uint8Array;
  /** The answer as JSON, or what is wrong with it. */
  readonly document: unknown;
  readonly problem: string | null;
  /** The same with each number as it was written. */
  exact(): unknown;
}

/** An object of an answer: the fields that the contract knows, each of which can be anything or missing. */
type Open<T> = Json & { readonly [K in keyof T as string extends K ? never : K]?: unknown };
const open = <T>(value: unknown): Open<T> => object(value) as Open<T>;
const name = (value: unknown): string | null => (typeof value === "string" && value ? value : null);
const count = (value: unknown): number | null => (Number.isInteger(value) ? (value as number) : null);
const isKnown = (image: Picture): boolean => image instanceof RemoteImage || sniff(image.data) !== null;
const isSame = (one: Picture, other: Picture): boolean =>
  one instanceof RemoteImage ? one.url === (other as RemoteImage).url
    : other instanceof GeneratedImage && Buffer.compare(one.data, other.data) === 0;
const isNothing = (value: unknown): boolean =>
  value === null || (typeof value === "object" && Object.keys(value as object).length === 0);
const without = (value: Json, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(value).filter(([field]) => !names.includes(field)));
/** The fields that are there, but for what stands for a picture, with no half of a surrogate pair in their words. */
const wellFormed = (fields: Json, taken: Set<string>): Json => {
  const there = Object.entries(fields).filter(([, value]) => !isNothing(value));
  return JSON.parse(JSON.stringify(Object.fromEntries(there)), (_, value) =>
    typeof value === "string" ? (taken.has(value) ? undefined : value.toWellFormed()) : value) as Json;
};
const reduced = (value: unknown, ...names: string[]): unknown =>
  isObject(value) ? without(value, ...names) : (value ?? null);
/** An answer as an object: some gateways put it into a list of one. */
export const unwrapped = (document: unknown): Json =>
  object(Array.isArray(document) && document.length === 1 ? document[0] : document);

/** What was found of one kind: final pictures and words, or those of a thought. */
class Found {
  readonly pictures: Picture[] = [];
  readonly others: Json[] = [];
  /** The strings that stand for pictures. */
  readonly taken = new Set<string>();
  words = "";
  damaged = 0;
  /** What is wrong with the last picture, where something is. */
  problem: string | null = null;

  /** Notes that a picture is damaged. */
  note(problem: string): void {
    this.problem = problem;
    this.damaged++;
  }

  /** Takes words, and out of them the pictures that stand there as Markdown or as `data:` URI. */
  addText(text: unknown): void {
    if (typeof text !== "string") return;
    let [words, end] = ["", 0];
    for (const found of picturesIn(text)) {
      words += text.slice(end, found.start);
      end = found.end;
      // In the middle of words, nobody knows where Base64 over several lines ends.
      const isBroken = /^data:[^,]*,\s*\S+\s+\S/i.test(found.value);
      if (isBroken) this.note(NO_BASE64);
      else this.addPicture(found.value);
    }
    this.words += end ? (words + text.slice(end)).trim() : text;
  }

  /** Takes Base64, a `data:` URI or an address. A damaged one costs the answer only where no whole one follows. */
  addPicture(value: string, stated: string | null = null, unlessThere = false): void {
    const uri = /^\s*data:([^;,\s]*)[^,\s]{0,200}?;base64,/i.exec(value);
    const isRemote = /^\s*https?:\/\//i.test(value);
    const data = isRemote ? null : fromAnyBase64(uri ? value.slice(uri[0].length) : value);
    if (!isRemote && !data?.length) return this.note(data ? EMPTY : NO_BASE64);
    const found = data ? new GeneratedImage(data, stated ?? (uri?.[1] || null)) : new RemoteImage(value.trim());
    const isOther = stated && !stated.startsWith("image/") && !isKnown(found); // a part such as a document
    if (isOther) return void this.others.push({ mimeType: stated, data: value });
    if (!unlessThere || !this.pictures.some((picture) => isSame(picture, found))) this.pictures.push(found);
    this.taken.add(value);
    this.problem = null;
  }

  /** Takes what a part holds of a picture, in all the forms that gateways are known to write. */
  addPart(part: Json, unlessThere = false): void {
    const data = [part.inlineData, part.inline_data].map(object).find((entry) => name(entry.data)) ?? {};
    const file = object(part.fileData ?? part.file_data);
    const link = part.image_url ?? part.imageUrl;
    const value = [data.data, file.fileUri, file.file_uri, object(link).url, link, part.b64_json].find(name);
    const stated = [data.mimeType, data.mime_type, file.mimeType].find(name);
    if (value) this.addPicture(value as string, name(stated), unlessThere);
  }

  /** Looks everywhere for what is a picture by its first bytes, and where nothing is, for the address of one. */
  search(document: unknown, takesAddresses: boolean): void {
    const strings: [text: string, isMinor: boolean][] = [];
    for (const left: [unknown, boolean][] = [[document, false]]; left.length; ) {
      const [value, isMinor] = left.pop()!;
      if (typeof value === "string") strings.push([value, isMinor]);
      if (typeof value !== "object" || value === null) continue;
      const entries = Object.entries(value).filter(([field]) => !ABOUT.test(field)).reverse();
      for (const [field, entry] of entries) left.push([entry, isMinor || MINOR.test(field)]);
    }
    strings.sort(([, one], [, other]) => +other - +one); // the final picture comes last
    for (const [text] of strings) {
      const bare = text.trim().replace(/^data:[^,\s]{0,200};base64,/i, "");
      const runs = fromAnyBase64(bare.slice(0, 64)) ? [bare] : [...text.matchAll(RUN)].map(([run]) => run);
      for (const run of runs) if (sniff(fromAnyBase64(run.slice(0, 64)) ?? Buffer.of())) this.addFound(text, run);
    }
    if (this.pictures.length || !takesAddresses) return;
    for (const [text, isMinor] of strings) {
      for (const { value } of picturesIn(text)) if (/^http/i.test(value)) this.addFound(text, value);
      if (!isMinor && ADDRESS.test(text)) this.addFound(text, text);
    }
  }

  /** Takes a picture out of a longer text, where it is one. */
  addFound(text: string, value: string): void {
    if (!/^\s*http/i.test(value) && !fromAnyBase64(value)) return;
    this.addPicture(value, null, true);
    if (text.trim().endsWith(value.trim())) this.taken.add(text);
  }
}

/** What one turn of an answer holds: a candidate's of the native format, or a choice's of the chat format. */
class FoundTurn {
  readonly final = new Found();
  readonly thought = new Found();
  readonly candidate: Open<wire.Candidate>;
  readonly choice: Open<wire.ChatChoice>;
  readonly message: Open<wire.ChatAnswerMessage>;

  constructor(candidate: unknown, choice: unknown) {
    const { final, thought } = this;
    this.candidate = open(candidate);
    this.choice = open(choice);
    this.message = open(this.choice.message ?? this.choice.delta);
    for (const part of objects(open<wire.AnswerContent>(this.candidate.content).parts)) {
      const kind = part.thought === true ? thought : final;
      kind.addText(part.text);
      kind.addPart(part);
    }
    final.addText(this.message.content);
    for (const part of [...objects(this.message.content), ...objects(this.message.images)]) {
      final.addText(part.text);
      final.addPart(part, true); // some upstreams give it in both places
    }
    for (const found of Array.isArray(this.message.images) ? this.message.images : []) {
      if (typeof found === "string") final.addPicture(found, null, true);
    }
    for (const part of objects(this.message.multi_mod_content)) final.addPart(part, true);
    thought.addText(this.message.reasoning_content);
  }

  get hasPicture(): boolean { return this.final.pictures.length + this.thought.pictures.length > 0; }
}

/**
 * The generation that an answer holds, and the place, among the candidates or choices, of the turn that has it.
 *
 * Raises: UnusableResponseError or one of its kin where that is no picture.
 */
export function read({ model }: ImageRequest, reply: Reply): { generation: Generation; place: number } {
  const { statusCode, requestId, headers } = reply;
  const isPart = statusCode === 206;
  const document = isPart ? null : reply.document;
  const answer = open<wire.GenerateContentResponse & wire.ChatCompletion>(unwrapped(document));
  const feedback = open<wire.PromptFeedback>(answer.promptFeedback);
  const [candidates, choices] = [objects(answer.candidates), objects(answer.choices)];
  const turns = [new FoundTurn(candidates[0], choices[0])];
  while (!turns.at(-1)!.hasPicture && turns.length < Math.max(candidates.length, choices.length)) {
    turns.push(new FoundTurn(candidates[turns.length], choices[turns.length]));
  }
  const place = turns.at(-1)!.hasPicture ? turns.length - 1 : 0;
  const { final, thought, candidate, choice, message, hasPicture } = turns[place]!;
  const fault = disguised(document, statusCode);
  const finishReason = name(candidate.finishReason ?? choice.finish_reason)?.toWellFormed() ?? null;
  const isWithheld = name(feedback.blockReason) || WITHHELD.test(finishReason ?? "");
  for (const entry of hasPicture ? [] : objects(answer.data)) final.addPart({ image_url: entry.url, ...entry }, true);
  if (!hasPicture && !final.pictures.length && !final.problem) final.search(document, !fault && !isWithheld);
  const usage = { ...open<wire.UsageMetadata>(answer.usageMetadata), ...open<wire.ChatUsage>(answer.usage) };
  const counts = {
    promptTokens: count(usage.promptTokenCount ?? usage.prompt_tokens),
    candidatesTokens: count(usage.candidatesTokenCount ?? usage.completion_tokens),
    totalTokens: count(usage.totalTokenCount ?? usage.total_tokens),
  };
  const text = final.words.toWellFormed();
  // Where every picture is marked as a thought, the last of them is the answer.
  const isLast = final.pictures.length === 0;
  const images = isLast ? thought.pictures.slice(-1) : final.pictures.sort((a, b) => +isKnown(a) - +isKnown(b));
  const about = { statusCode, requestId, code: null, text, finishReason, usage: counts };
  const refuse = (detail: string, fields = {}): never => {
    throw new UnusableResponseError(detail, { statusCode, requestId, code: null, content: reply.content(), ...fields });
  };
  const problem = final.problem ?? (isLast ? thought.problem : null);
  if (!images.length && fault) refuse(fault[0], { ...fault[1], requestId: fault[1].requestId ?? requestId });
  const misfit = isPart ? "HTTP 206 is a part of one" : reply.problem;
  if (!images.length && misfit) refuse(`the answer does not fit the contract: ${misfit}`);
  if (problem) refuse(problem);
  if (!images.length) {
    const words = name(feedback.blockReason ? feedback.blockReasonMessage : candidate.finishMessage) ?? text;
    const [cls, what, reason] = feedback.blockReason && name(feedback.blockReason)
      ? [PromptBlockedError, "the prompt was blocked", String(feedback.blockReason)] as const
      : WITHHELD.test(finishReason ?? "") ? [ContentBlockedError, "the picture was withheld", finishReason!] as const
        : [NoImageError, "the answer holds no picture", finishReason ?? "no finish reason"] as const;
    const detail = plain(`${what} (${reason})${words ? `: ${words}` : ""}`, 600);
    throw new cls(detail, { ...about, reason: plain(reason, 100), content: reply.content() });
  }
  const drafts = isLast ? thought.pictures.slice(0, -1) : thought.pictures;
  const metadata = wellFormed({
    ...without(answer, "candidates", "choices", "data"),
    ...without(candidate, "content", "finishReason"),
    ...without(object(candidate.content), "role", "parts"),
    ...without(choice, "message", "delta", "finish_reason"),
    ...without(message, "role", "content", "images", "multi_mod_content", "reasoning_content"),
    usageMetadata: reduced(answer.usageMetadata, "promptTokenCount", "candidatesTokenCount", "totalTokenCount"),
    usage: reduced(answer.usage, "prompt_tokens", "completion_tokens", "total_tokens"),
    damagedPictures: final.damaged + thought.damaged || null,
    otherParts: [...final.others, ...thought.others],
  }, new Set([...final.taken, ...thought.taken]));
  const words = { text, thoughts: thought.words.toWellFormed(), finishReason, requestId, model };
  const rest = { usage: counts, metadata, headers, raw: document };
  const generation = { image: images.at(-1)!, images, drafts, ...words, ...rest };
  Object.defineProperty(generation, "raw", { enumerable: false }); // it holds the pictures once more
  return { generation, place };
}
