/** What an answer holds, in either wire format, and what becomes of it. */

import { isDeepStrictEqual } from "node:util";

import { ContentBlockedError, NoImageError, PromptBlockedError, plain } from "./errors.js";
import { GeneratedImage, type Generation, type Picture, RemoteImage, type Usage, fromBase64 } from "./image.js";
import { type Json, isNothing, isObject, object, objects, readable, whole, word } from "./json.js";
import { sniff } from "./picture.js";
import { faultIn, requestIdIn } from "./refusals.js";
import type { ImageRequest, Wire } from "./request.js";
import type { Reply } from "./transport.js";
import { parted } from "./words.js";

const WITHHELD = /safety|prohibited|recitation|blocklist|spii|filter/i;
const DATA = /^\s*data:([^;,\s]*)[^,\s]{0,200}?;base64,/i;
const HTTP = /^\s*https?:\/\//i;
// What is said about the request, the filters or sources is not the picture that was drawn.
const ABOUT =
  /error|feedback|grounding|citation|annotation|usage|request|input|prompt|param|payload|reference|signature/i;
const MINOR = /thumb|preview|icon|avatar|logo|mask/i;
// Base64 in the middle of something; what goes on behind it would be cut short.
const RUN = /(?<![^\s"'`(\[{<,;:=>|])[\w+/-]{40,}={0,2}(?![^\s"'`)\]}>,;.!<|\\])(?!\s[\w+/-]{40})/g;
const ADDRESS = /^https?:\/\/[^\s"'<>]+$/i;
const PICTURE_ADDRESS = /^https?:\/\/[^\s?#/]+\/[^\s?#"'<>]*\.(png|jpe?g|webp|gif|avif|hei[cf])([?#][^\s"'<>]*)?$/i;
const OTHER_ADDRESS = /^[^?#]*\.(html?|php|pdf|json|txt|md|xml|css|js|svg|mp[34]|zip)([?#]|$)/i;
const OF_PICTURE = /image|img|picture|photo/i;
const OF_ADDRESS = /(^|\n)(file|download|output|result|media|asset|signed|public)?ur[il]s?$/i;

// What each format calls the turns of an answer, and what is in them.
const NAMES = {
  native: { turns: "candidates", places: ["content"], reason: "finishReason", usage: "usageMetadata",
    counts: ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"], read: ["role", "parts"] },
  chat: { turns: "choices", places: ["message", "delta"], reason: "finish_reason", usage: "usage",
    counts: ["prompt_tokens", "completion_tokens", "total_tokens"],
    read: ["role", "content", "images", "multi_mod_content", "reasoning_content"] },
} as const;

const isKnown = (image: Picture): boolean => image instanceof RemoteImage || sniff(image.data) !== null;
const essence = (image: Picture): unknown => (image instanceof RemoteImage ? image.url : image.data);
const without = <T>(value: T, ...names: string[]): T =>
  isObject(value) ? Object.fromEntries(Object.entries(value).filter(([field]) => !names.includes(field))) as T : value;
const firstOf = (...values: unknown[]): string | null => values.map(word).find((value) => value !== null) ?? null;

/** Pictures and words, and what is wrong with the last of the pictures, where something is. */
const nothing = () => ({ pictures: [] as Picture[], words: [] as string[], problem: null as string | null });

/** What one turn of an answer holds: a candidate of the native format, or a choice of the chat format. */
class Findings {
  readonly final = nothing();
  readonly thought = nothing();
  /** The strings that stand for pictures. */
  readonly taken = new Set<string>();
  /** Parts that are no pictures, such as a document. */
  readonly otherParts: Json[] = [];
  damagedPictures = 0;
  /** The model's turn in a conversation. */
  readonly message: Json;
  readonly finishReason: string | null;
  readonly usage: Usage;
  /** What has no place of its own, by the names it came under. */
  readonly rest: Json;

  constructor(answer: Json, readonly wire: Wire, readonly turn: Json) {
    const { places, reason, usage, counts, read } = NAMES[wire];
    const place = places.find((name) => isObject(turn[name])) ?? places[0]!;
    const message = this.message = object(turn[place]);
    this.finishReason = word(turn[reason]);
    const [promptTokens, candidatesTokens, totalTokens] = counts.map((name) => whole(object(answer[usage])[name]));
    this.usage = { promptTokens, candidatesTokens, totalTokens } as Usage;
    this.rest = { ...without(answer, "candidates", "choices"), [usage]: without(answer[usage], ...counts),
      ...without(turn, places[0]!, place, reason), ...without(message, ...read) };
    if (wire === "native") for (const part of objects(message.parts)) this.addPart(part, false);
    if (wire === "native") return;
    const { content, images, multi_mod_content: beside, reasoning_content: reasoning } = message;
    const pictures = (Array.isArray(images) ? images : []).map((entry) => (word(entry) ? { url: entry } : entry));
    // Some upstreams give a picture in several places.
    for (const part of [{ text: content }, ...objects(content), ...objects(pictures)]) this.addPart(part);
    const isSaid = this.final.words.length > 0;
    for (const part of objects(beside)) this.addPart(isSaid ? without(part, "text") : part);
    this.addPart({ text: reasoning, thought: true });
  }

  /** Takes the words and the picture of a part, in all the forms that gateways are known to write. */
  addPart(part: Json, unlessThere = true): void {
    const found = part.thought === true ? this.thought : this.final;
    const { words, pictures } = parted(word(part.text) ?? "");
    // In the middle of words, nobody knows where Base64 over several lines ends: then it is none.
    for (const uri of pictures) this.addPicture(/^data:[^,]*,\s*\S+\s+\S/i.test(uri) ? "*" : uri, found, unlessThere);
    if (words) found.words.push(words);
    const data = [part.inlineData, part.inline_data].map(object).find((entry) => word(entry.data)) ?? {};
    const file = object(part.fileData);
    const links = [part.image_url, part.imageUrl].flatMap((link) => [object(link).url, object(link).data, link]);
    const value = firstOf(data.data, file.fileUri, ...links, part.url, part.b64_json);
    const stated = firstOf(data.mimeType, data.mime_type, file.mimeType);
    if (value) this.addPicture(value, found, unlessThere, stated);
  }

  /** Takes Base64, a `data:` URI or an address. A damaged one costs the answer only where no whole one follows. */
  addPicture(value: string, found = this.final, unlessThere = true, stated: string | null = null): void {
    const [head = "", type = ""] = DATA.exec(value) ?? [];
    const data = HTTP.test(value) ? null : fromBase64(value.slice(head.length));
    this.taken.add(value);
    if (!HTTP.test(value) && !data?.length) {
      found.problem = `the picture in the answer is ${data ? "empty" : "not valid Base64"}`;
      this.damagedPictures++;
      return;
    }
    const image = data ? new GeneratedImage(data, stated ?? word(type)) : new RemoteImage(value.trim().toWellFormed());
    if (stated && !/^image\//i.test(stated) && !isKnown(image)) {
      this.taken.delete(value);
      this.otherParts.push({ mimeType: stated, data: value });
      return;
    }
    const isThere = unlessThere && found.pictures.some((one) => isDeepStrictEqual(essence(one), essence(image)));
    if (!isThere) found.pictures.push(image);
    found.problem = null;
  }

  /** The final pictures; where every picture is marked as a thought, the last of them is the answer. */
  get images(): Picture[] {
    return this.final.pictures.length ? this.final.pictures : this.thought.pictures.slice(-1);
  }

  /** What is wrong with the picture that would be the final one, where something is. */
  get problem(): string | null {
    return this.final.problem ?? (this.final.pictures.length ? null : this.thought.problem);
  }

  /** How good it is: a whole picture, a damaged one, words, nothing. */
  get rank(): number {
    const isCounted = Object.values(this.usage).some((count) => count !== null);
    const isSaid = isCounted || this.finishReason || this.final.words.length || this.thought.words.length;
    return this.problem ? 2 : this.images.length ? 3 : Number(Boolean(isSaid));
  }

  /** The words as they came, but for those that stand for a picture. */
  said({ words }: { words: string[] }): string {
    return words.filter((piece) => !this.taken.has(piece)).join("").toWellFormed();
  }
}

/** The strings of a document in their order, and the names above each, one a line; "image" for a type that says so. */
function* stringsIn(value: unknown, names = ""): Generator<[text: string, names: string]> {
  if (typeof value === "string") yield [value, names];
  if (Array.isArray(value)) for (const entry of value) yield* stringsIn(entry, names);
  const { type, mime_type, mimeType } = object(value);
  const kind = [type, mime_type, mimeType].some((stated) => word(stated)?.startsWith("image")) ? "\nimage" : "";
  for (const [key, entry] of Object.entries(object(value))) yield* stringsIn(entry, `${names}${kind}\n${key}`);
}

/** How surely an address is that of a picture: by its suffix, by its own name, or by a name further up. */
function sureness(address: string, names: string): number {
  if (MINOR.test(names)) return 0;
  if (PICTURE_ADDRESS.test(address)) return 3;
  if (!ADDRESS.test(address) || OTHER_ADDRESS.test(address)) return 0;
  if (OF_PICTURE.test(names.split("\n").at(-1)!) || OF_ADDRESS.test(names.replace(/[_-]/g, ""))) return 2;
  return Number(OF_PICTURE.test(names));
}

/** Looks everywhere for what is a picture by its first bytes, and where nothing is, for the address of one. */
function search(document: Json, found: Findings, takesAddresses: boolean): void {
  const places = [...stringsIn(document)].filter(([, names]) => !ABOUT.test(names))
    .sort(([, one], [, other]) => +MINOR.test(other) - +MINOR.test(one)); // the final picture comes last
  for (const [text] of places.filter(([words]) => words.length >= 40)) {
    const isPicture = (run: string): boolean => sniff(fromBase64(run.replace(DATA, "")) ?? Buffer.of()) !== null;
    const runs = isPicture(text) ? [text] : text.match(RUN) ?? [];
    const loose = runs.filter((run) => run !== text && !found.taken.has(run)); // what is around it in the answer stays
    for (const run of runs.filter(isPicture)) found.addPicture(run);
    for (const run of loose) found.taken.delete(run);
  }
  if (found.final.pictures.length || !takesAddresses) return;
  const addresses = places.flatMap(([text, names]) => text.includes("![")
    ? parted(text).pictures.filter((value) => HTTP.test(value)).map((value) => [3, value] as const)
    : [[sureness(text.trim(), names), text] as const]);
  const surest = Math.max(1, ...addresses.map(([sure]) => sure));
  for (const [sure, value] of addresses) if (sure === surest) found.addPicture(value);
}

/**
 * The generation that an answer holds, and the turn of the model that has its picture, where one has.
 *
 * Raises: UnusableResponseError or one of its kin where that is no picture.
 */
export function read({ model, wire }: ImageRequest, reply: Reply): { generation: Generation; source: Json | null } {
  const { statusCode, requestId, headers, document: answer, unusable } = reply;
  const wires = wire === "native" ? ["native", "chat"] as const : ["chat", "native"] as const;
  const turns = wires.flatMap((spoken) => [answer[NAMES[spoken].turns]].map(objects)
    .flatMap((listed) => listed.length ? listed : [{}]).map((turn) => new Findings(answer, spoken, turn))
    .filter((found, number) => !number || found.rank > 1)); // words without a picture count in the first alone
  const found = turns.sort((one, other) => other.rank - one.rank)[0]!;
  const { final, thought, turn, finishReason, usage, rest, taken, otherParts } = found;
  const source = found.rank > 1 && found.wire === wire ? found.message : null;
  const { blockReason, blockReasonMessage } = object(answer.promptFeedback);
  const blocked = word(blockReason);
  const isWithheld = WITHHELD.test(finishReason ?? "");
  if (found.rank < 2) for (const entry of objects(answer.data)) found.addPart(without(entry, "text"));
  if (found.rank < 2) search(answer, found, !blocked && !isWithheld);
  const said = { text: found.said(final), finishReason: finishReason?.toWellFormed() ?? null };
  const fault = found.images.length ? null : faultIn(answer);
  if (fault) {
    const about = { code: fault.code, requestId: requestIdIn(fault.words), billed: "unknown" as const };
    throw unusable(`HTTP ${statusCode}, but with an error in it: ${fault.words}`, about);
  }
  if (found.problem) throw unusable(found.problem);
  const images = found.images.sort((one, other) => +isKnown(one) - +isKnown(other));
  if (!images.length) {
    const [cls, what] = blocked ? [PromptBlockedError, "the prompt was blocked"] as const
      : isWithheld ? [ContentBlockedError, "the picture was withheld"] as const
      : [NoImageError, "the answer holds no picture"] as const;
    const reason = blocked ?? finishReason ?? "no finish reason";
    const words = word(blocked ? blockReasonMessage : turn.finishMessage) ?? said.text;
    const detail = plain(`${what} (${reason})${words && `: ${words}`}`, 600);
    throw unusable(detail, { ...said, usage, reason: plain(reason, 100) }, cls);
  }
  const own = Object.entries({ otherParts, damagedPictures: found.damagedPictures || null });
  const metadata = Object.fromEntries([...Object.entries(rest), ...own].filter(([, value]) => !isNothing(value)));
  const generation = {
    ...{ images, drafts: thought.pictures.filter((picture) => !images.includes(picture)), ...said },
    ...{ thoughts: found.said(thought), requestId, model, usage, headers, image: images.at(-1)!, raw: null },
    metadata: readable(metadata, taken) as Json,
  };
  const raw = { enumerable: false, get: () => JSON.parse(JSON.stringify(answer)) as unknown };
  // It is shown as the last of the images, and the answer on demand.
  Object.defineProperties(generation, { image: { enumerable: false }, raw });
  return { generation, source };
}
