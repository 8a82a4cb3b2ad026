/** ImageRequest: what is asked for, in one value that is checked when it is made. */

import { InvalidRequestError } from "./errors.js";
import { type Json, isObject } from "./json.js";
import { dimensions } from "./picture.js";
import { ReferenceImage, type ReferenceLike } from "./image.js";
import { ASPECT_RATIOS, type AspectRatio, CHAT_MODELS, IMAGE_SIZES, type ImageSize } from "./vocabulary.js";
import { MODELS, type Model, NATIVE_MODELS, nearestAspectRatio, pixels } from "./vocabulary.js";

export type Wire = "native" | "chat";

/** How to draw. */
interface Choices {
  model: Model;
  /** Without one: the listed ratio nearest to the first reference's shape, or 1:1. */
  aspectRatio: AspectRatio;
  imageSize: ImageSize;
  /** Whether to ask for the model's reasoning and drafts. */
  includeThoughts: boolean;
  /** Merged deep into the JSON that is sent, its values last. It cannot replace the prompt, the model or the turns. */
  extraBody: Readonly<Json>;
  /** Forces a format of the endpoint; by itself, the model decides. */
  wire: Wire;
}
/** How to draw. What is left out, or null, keeps its default. */
export type ImageOptions = { [Name in keyof Choices]?: Choices[Name] | null | undefined };
/** The same, with pictures to look at in the order in which the prompt speaks of them. */
export type RequestOptions = ImageOptions & { references?: Iterable<ReferenceLike> | undefined };

const SPEAKERS = { native: NATIVE_MODELS, chat: CHAT_MODELS };
const { refuse }: { refuse: typeof InvalidRequestError.refuse } = InvalidRequestError;

function oneOf<T>(param: string, accepted: readonly T[], given: unknown): T {
  if (accepted.includes(given as T)) return given as T;
  return refuse(param, `${param} is ${JSON.stringify(given)}; accepted are ${accepted.join(", ")}`);
}

function checkPrompt(given: unknown): void {
  if (typeof given !== "string") return refuse("prompt", `the prompt is of type ${typeof given}; it must be a string`);
  if (/^[\s\x1c-\x1f\x85]*$/.test(given)) refuse("prompt", "the prompt is empty; say what to draw");
  if (!given.isWellFormed()) refuse("prompt", "the prompt holds half of a surrogate pair");
}

function checkExtraBody(given: unknown): Readonly<Json> {
  if (!isObject(given)) return refuse("extraBody", "extraBody is no object");
  const own = ["contents", "messages", "model", "stream"].find((name) => name in given);
  if (own) refuse("extraBody", `extraBody holds ${own}, which has an argument of its own`);
  try {
    return JSON.parse(JSON.stringify(given), (name, value) => {
      if (![name, value].every((one) => String(one).isWellFormed())) throw new Error("half of a surrogate pair");
      return value as unknown;
    }) as Json;
  } catch (error) {
    return refuse("extraBody", `extraBody is no JSON: ${(error as Error).message}`);
  }
}

async function load(given: Iterable<ReferenceLike>): Promise<ReferenceImage[]> {
  const isList = typeof given === "object" && Symbol.iterator in given && !ArrayBuffer.isView(given);
  if (!isList) refuse("references", "references must be a list of pictures", "Put [ ] around a single one");
  return Promise.all([...given].map((value, index) => ReferenceImage.of(value).catch((error: InvalidRequestError) =>
    refuse("references", `reference ${index + 1}: ${error.detail ?? error.message}`, error.advice))));
}

/** What to draw, and how. Made by `ImageRequest.of`, which reads the references. */
export class ImageRequest {
  /** Raises: InvalidRequestError, naming the argument and what is accepted. */
  constructor(
    readonly prompt: string, options: ImageOptions = {}, readonly references: readonly ReferenceImage[] = [],
  ) {
    checkPrompt(prompt);
    const [width, height] = (references[0] && dimensions(references[0].data)) ?? [1, 1];
    const model = oneOf("model", MODELS, options.model ?? "nanobanana");
    const wires = (["native", "chat"] as const).filter((wire) => SPEAKERS[wire].includes(model));
    const choices: Choices = {
      model,
      aspectRatio: oneOf("aspectRatio", ASPECT_RATIOS, options.aspectRatio ?? nearestAspectRatio(width, height)),
      imageSize: oneOf("imageSize", IMAGE_SIZES, options.imageSize ?? "1K"),
      includeThoughts: oneOf("includeThoughts", [false, true], options.includeThoughts ?? false),
      extraBody: checkExtraBody(options.extraBody ?? {}),
      wire: oneOf("wire", wires, options.wire ?? wires[0]),
    };
    const isMute = choices.wire === "chat" && choices.includeThoughts;
    const advice = `Leave it away, or take one of ${NATIVE_MODELS.join(", ")}`;
    if (isMute) refuse("includeThoughts", "includeThoughts needs the native format; chat has no thoughts", advice);
    Object.assign(this, choices);
  }

  /** Reads the references and makes the request. Raises: InvalidRequestError. */
  static async of(prompt: string, { references = [], ...options }: RequestOptions = {}): Promise<ImageRequest> {
    checkPrompt(prompt);
    return new ImageRequest(prompt, options, await load(references));
  }

  /** A request for the nearest listed ratio and the smallest size whose documented pixels cover width x height. */
  static async forPixels(width: number, height: number, prompt: string, more?: RequestOptions): Promise<ImageRequest> {
    if (!(width >= 1 && height >= 1)) refuse("width", `${width}x${height} is no shape in pixels`);
    const aspectRatio = nearestAspectRatio(width, height);
    const covers = ([across, down]: number[]): boolean => across! >= width && down! >= height;
    const imageSize = IMAGE_SIZES.find((size) => covers(pixels(aspectRatio, size)));
    if (!imageSize) refuse("width", `no picture of ratio ${aspectRatio} covers ${width}x${height} pixels`);
    return ImageRequest.of(prompt, { ...more, aspectRatio, imageSize });
  }
}
export interface ImageRequest extends Readonly<Choices> {}
