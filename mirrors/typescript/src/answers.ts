/** What an answer holds, in either wire format, and what becomes of it. */

import { isDeepStrictEqual } from "node:util";

import { ContentBlockedError, type ErrorFields, NoImageError, PromptBlockedError } from "./errors.js";
import { UnusableResponseError, plain } from "./errors.js";
import { GeneratedImage, type Generation, type Picture, RemoteImage } from "./image.js";
import { type Json, isObject, object, objects, readable, word } from "./json.js";
import { sniff } from "./picture.js";
import { fromAnyBase64 } from "./reference.js";
import { disguised } from "./refusals.js";
import type { ImageRequest } from "./request.js";
import type { Reply } from "./transport.js";
import { parted } from "./words.js";

const WITHHELD = /safety|prohibited|recitation|blocklist|spii|filter/i;
const DATA = /^\s*data:([^;,\s]*)[^,\s]{0,200}?;base64,/i;
const HTTP = /^\s*https?:\/\//i;
// What is said about the request, the filters or sources is not the picture that was drawn.
const ABOUT =
  /error|feedback|grounding|citation|annotation|usage|request|input|prompt|param|payload|reference|signature/i;
const MINOR = /thumb|preview|icon|avatar|logo|mask/i;
const SHORTEST = 40; // characters of Base64 in which a picture may lie
// Base64 in the middle of something; what goes on behind it would be cut short.
const RUN = /(?<![^\s"'`(\[{<,;:=>|])[\w+/-]{40,}={0,2}(?![^\s"'`)\]}>,;.!<|\\])(?!\s[\w+/-]{40})/g;
const [NO_BASE64, EMPTY] = ["the picture in the answer is not valid Base64", "the picture in the answer is empty"];
const ADDRESS = /^https?:\/\/[^\s"'<>]+$/i;
const PICTURE_ADDRESS = /^https?:\/\/[^\s?#/]+\/[^\s?#"'<>]*\.(png|jpe?g|webp|gif|avif|hei[cf])([?#][^\s"'<>]*)?$/i;
const OTHER_ADDRESS = /^[^?#]*\.(html?|php|pdf|json|txt|md|xml|css|js|svg|mp[34]|zip)([?#]|$)/i;
const OF_PICTURE = /image|img|picture|photo/i;
const OF_ADDRESS = /^(file|download|output|result|media|asset|signed|public)?ur[il]s?$/i;

const isKnown = (image: Picture): boolean => image instanceof RemoteImage || sniff(image.data) !== null;
const essence = (image: Picture): unknown => (image instanceof RemoteImage ? image.url : image.data);
const isNothing = (value: unknown): boolean =>
  value == null || (typeof value === "object" && Object.keys(value).length === 0);
const without = <T>(value: T, ...names: string[]): T =>
  isObject(value) ? Object.fromEntries(Object.entries(value).filter(([field]) => !names.includes(field))) as T : value;
const firstOf = (...values: unknown[]): string | null => values.map(word).find((value) => value !== null) ?? null;
const count = (value: unknown): number | null => (Number.isInteger(value) ? (value as number) : null);

/** What was found of one kind: final pictures and words, or those of a thought. */
class Found {
  readonly pictures: Picture[] = [];
  readonly words: string[] = [];
  readonly others: Json[] = [];
  damaged = 0;
  /** What is wrong with the last picture, where something is. */
  problem: string | null = null;

  /** `taken` gets the strings that stand for pictures. */
  constructor(readonly taken: Set<string>) {}

  /** Takes words, and out of them the pictures that stand there. */
  addText(text: unknown): void {
    const { words, pictures } = parted(word(text) ?? "");
    // In the middle of words, nobody knows where Base64 over several lines ends: then it is none.
    for (const found of pictures) this.addPicture(/^data:[^,]*,\s*\S+\s+\S/i.test(found) ? "*" : found);
    this.words.push(words);
  }

  /** Takes Base64, a `data:` URI or an address. A damaged one costs the answer only where no whole one follows. */
  addPicture(value: string, stated: string | null = null, unlessThere = false): void {
    const [head = "", type = ""] = DATA.exec(value) ?? [];
    const data = HTTP.test(value) ? null : fromAnyBase64(value.slice(head.length));
    this.taken.add(value);
    if (!HTTP.test(value) && !data?.length) {
      this.problem = data ? EMPTY : NO_BASE64;
      this.damaged++;
      return;
    }
    const found = data ? new GeneratedImage(data, stated ?? word(type)) : new RemoteImage(value.trim().toWellFormed());
    if (stated && !/^image\//i.test(stated) && !isKnown(found)) { // a part such as a document
      this.taken.delete(value);
      this.others.push({ mimeType: stated, data: value });
      return;
    }
    const isThere = unlessThere && this.pictures.some((one) => isDeepStrictEqual(essence(one), essence(found)));
    if (!isThere) this.pictures.push(found);
    this.problem = null;
  }

  /** Takes the words and the picture of a part, in all the forms that gateways are known to write. */
  addPart(part: Json, unlessThere: boolean): void {
    this.addText(part.text);
    const data = [part.inlineData, part.inline_data].map(object).find((entry) => word(entry.data)) ?? {};
    const file = object(part.fileData);
    const links = [part.image_url, part.imageUrl].flatMap((link) => [object(link).url, object(link).data, link]);
    const value = firstOf(data.data, file.fileUri, ...links, part.url, part.b64_json);
    if (value) this.addPicture(value, firstOf(data.mimeType, data.mime_type, file.mimeType), unlessThere);
  }
}

/** What one turn of an answer holds: a candidate of the native format, or a choice of the chat format. */
class FoundTurn {
  readonly taken = new Set<string>();
  readonly final = new Found(this.taken);
  readonly thought = new Found(this.taken);
  readonly message: Json;
  readonly finishReason: string | null;

  constructor(readonly turn: Json) {
    const { final, thought } = this;
    this.finishReason = firstOf(turn.finishReason, turn.finish_reason);
    this.message = object(turn.message ?? turn.delta);
    const { content, images, multi_mod_content: beside, reasoning_content: reasoning } = this.message;
    const parts = objects(object(turn.content).parts);
    for (const part of parts) (part.thought === true ? thought : final).addPart(part, false);
    const pictures = (Array.isArray(images) ? images : []).map((entry) => (word(entry) ? { url: entry } : entry));
    // Some upstreams give a picture in several places.
    for (const part of [{ text: content }, ...objects(content), ...objects(pictures)]) final.addPart(part, true);
    const isSaid = final.words.some(Boolean);
    for (const part of objects(beside)) final.addPart(isSaid ? without(part, "text") : part, true);
    thought.addText(reasoning);
  }

  get hasPicture(): boolean { return this.final.pictures.length + this.thought.pictures.length > 0; }

  /** What is wrong with the picture that would be the final one, where something is. */
  get problem(): string | null {
    return this.final.problem ?? (this.final.pictures.length ? null : this.thought.problem);
  }

  /** How good it is: a whole picture, a damaged one, words, nothing. */
  get rank(): number {
    const isSaid = this.finishReason || [...this.final.words, ...this.thought.words].some(Boolean);
    return this.problem ? 2 : this.hasPicture ? 3 : Number(Boolean(isSaid));
  }
}

/** The first turn that has a whole picture, or a damaged one, or else the first. */
function bestOf(turns: unknown): FoundTurn {
  let best: FoundTurn | undefined;
  for (const turn of objects(turns)) {
    const found = new FoundTurn(turn);
    if (!best || (found.rank > 1 && found.rank > best.rank)) best = found;
    if (best.rank === 3) break;
  }
  return best ?? new FoundTurn({});
}

/** A string of an answer, with the name it stands under; whether a name above it speaks of pictures, or of trifles. */
type Place = readonly [text: string, name: string, isPictorial: boolean, isMinor: boolean];

/** The strings of a document in their order, from where a picture may be. */
function* placesIn(value: unknown, name = "", isPictorial = false, isMinor = false): Generator<Place> {
  if (typeof value === "string") yield [value, name, isPictorial, isMinor];
  if (Array.isArray(value)) for (const entry of value) yield* placesIn(entry, name, isPictorial, isMinor);
  const { type, mime_type, mimeType } = object(value);
  const isOfPicture = isPictorial || [type, mime_type, mimeType].some((kind) => word(kind)?.startsWith("image"));
  for (const [key, entry] of Object.entries(object(value))) {
    if (!ABOUT.test(key)) yield* placesIn(entry, key, isOfPicture || OF_PICTURE.test(key), isMinor || MINOR.test(key));
  }
}

/** How surely an address is that of a picture: by its suffix, by its own name, or by a name further up. */
function sureness([text, name, isPictorial]: Place): number {
  const address = text.trim();
  if (PICTURE_ADDRESS.test(address)) return 3;
  if (!ADDRESS.test(address) || OTHER_ADDRESS.test(address)) return 0;
  return OF_PICTURE.test(name) || OF_ADDRESS.test(name.replace(/[_-]/g, "")) ? 2 : Number(isPictorial);
}

/** Looks everywhere for what is a picture by its first bytes, and where nothing is, for the address of one. */
function search(document: Json, found: Found, takesAddresses: boolean): void {
  const places = [...placesIn(document)].sort((one, other) => +other[3] - +one[3]); // the final picture comes last
  for (const [text] of places.filter(([words]) => words.length >= SHORTEST)) {
    const bare = text.replace(DATA, "").trim();
    const isWhole = fromAnyBase64(bare.slice(0, 64)) !== null;
    for (const run of isWhole ? [bare] : (text.match(RUN) ?? [])) {
      const isPicture = sniff(fromAnyBase64(run.slice(0, 64)) ?? Buffer.of()) && fromAnyBase64(run);
      if (isPicture) found.addPicture(run, null, true);
      if (isPicture && isWhole) found.taken.add(text);
    }
  }
  if (found.pictures.length || !takesAddresses) return;
  const addresses = places.flatMap((place) => place[0].includes("![")
    ? parted(place[0]).pictures.filter((value) => HTTP.test(value)).map((value) => [3, value] as const)
    : place[3] ? [] : [[sureness(place), place[0]] as const]);
  const surest = Math.max(1, ...addresses.map(([sure]) => sure));
  for (const [sure, value] of addresses) if (sure === surest) found.addPicture(value, null, true);
}

/**
 * The generation that an answer holds, and the candidate or choice that has its picture, where one has.
 *
 * Raises: UnusableResponseError or one of its kin where that is no picture.
 */
export function read({ model, wire }: ImageRequest, reply: Reply): { generation: Generation; source: Json | null } {
  const { statusCode, requestId, headers, document: answer } = reply;
  const [own, other] = (wire === "native" ? ["candidates", "choices"] : ["choices", "candidates"])
    .map((name) => bestOf(answer[name])) as [FoundTurn, FoundTurn];
  const found = own.rank < 2 && other.rank > own.rank ? other : own;
  const { final, thought, turn, message, finishReason, taken } = found;
  const source = found.hasPicture ? turn : null;
  const { blockReason, blockReasonMessage } = object(answer.promptFeedback);
  const isWithheld = WITHHELD.test(finishReason ?? "");
  if (found.rank < 2) for (const entry of objects(answer.data)) final.addPart(without(entry, "text"), true);
  if (found.rank < 2) search(answer, final, !word(blockReason) && !isWithheld);
  const counts = { ...object(answer.usageMetadata), ...object(answer.usage) };
  const usage = {
    promptTokens: count(counts.promptTokenCount ?? counts.prompt_tokens),
    candidatesTokens: count(counts.candidatesTokenCount ?? counts.completion_tokens),
    totalTokens: count(counts.totalTokenCount ?? counts.total_tokens),
  };
  const spoken = ({ words }: Found): string => words.filter((piece) => !taken.has(piece)).join("").toWellFormed();
  const said = { text: spoken(final), finishReason: finishReason?.toWellFormed() ?? null };
  const refuse = (detail: string, fields: ErrorFields = {}, cls = UnusableResponseError): never => {
    const about = { statusCode, code: null, content: reply.content() };
    throw new cls(detail, { ...about, ...fields, requestId: fields.requestId ?? requestId });
  };
  const fault = found.hasPicture ? null : disguised(answer, statusCode);
  if (fault) refuse(...fault);
  if (reply.problem) refuse(`the answer does not fit the contract: ${reply.problem}`);
  if (found.problem) refuse(found.problem);
  // Where every picture is marked as a thought, the last of them is the answer.
  const isFinal = final.pictures.length > 0;
  const images = isFinal ? final.pictures.sort((a, b) => +isKnown(a) - +isKnown(b)) : thought.pictures.slice(-1);
  if (!images.length) {
    const [cls, what, reason, words] = word(blockReason)
      ? [PromptBlockedError, "the prompt was blocked", String(blockReason), blockReasonMessage] as const
      : [isWithheld ? ContentBlockedError : NoImageError,
        isWithheld ? "the picture was withheld" : "the answer holds no picture",
        finishReason ?? "no finish reason", turn.finishMessage] as const;
    const detail = [`${what} (${reason})`, word(words) ?? said.text].filter(Boolean).join(": ");
    refuse(plain(detail, 600), { ...said, usage, reason: plain(reason, 100) }, cls);
  }
  const metadata = Object.entries({
    ...without(answer, "candidates", "choices"),
    usageMetadata: without(answer.usageMetadata, "promptTokenCount", "candidatesTokenCount", "totalTokenCount"),
    usage: without(answer.usage, "prompt_tokens", "completion_tokens", "total_tokens"),
    ...without(object(turn.content), "role", "parts"),
    ...without(turn, "content", "finishReason", "message", "delta", "finish_reason"),
    ...without(message, "role", "content", "images", "multi_mod_content", "reasoning_content"),
    damagedPictures: final.damaged + thought.damaged || null,
    otherParts: [...final.others, ...thought.others],
  }).filter(([, value]) => !isNothing(value));
  const generation = {
    ...{ images, drafts: isFinal ? thought.pictures : thought.pictures.slice(0, -1), ...said },
    ...{ thoughts: spoken(thought), requestId, model, usage, headers, image: images.at(-1)!, raw: null },
    metadata: readable(Object.fromEntries(metadata), taken) as Json,
  };
  Object.defineProperty(generation, "image", { enumerable: false }); // it is shown as the last of them
  Object.defineProperty(generation, "raw", { enumerable: false, get: () => JSON.parse(reply.text) as unknown });
  return { generation, source };
}
