/** The two wire formats, native and chat: how turns and wishes become JSON. */

import { unwrapped } from "./answers.js";
import type * as wire from "./generated/types.gen.js";
import { Modality } from "./generated/types.gen.js";
import type { Picture } from "./image.js";
import { GeneratedImage } from "./image.js";
import { object, objects } from "./refusals.js";
import type { ImageRequest, Json, Wire } from "./request.js";

/** A turn as JSON, the user's or the model's. */
export type Turn = Readonly<Json>;

export interface Format {
  readonly modelRole: string;
  /** The field of a turn that holds what was said. */
  readonly body: "parts" | "content";
  path(request: ImageRequest): string;
  userTurn(request: ImageRequest): Turn;
  toJson(turns: readonly Turn[], request: ImageRequest): Json;
  /** The model's turn in an answer, as received; and in place of a missing one, the picture. */
  modelTurn(document: unknown, place: number, image: Picture): Turn;
}

const encoded = (data: Uint8Array): string => Buffer.from(data).toString("base64");

const native: Format = {
  modelRole: "model",
  body: "parts",
  path: (request) => `/v1beta/models/${encodeURIComponent(request.model)}:generateContent`,
  userTurn({ prompt, references }) {
    const pictures = references.map(({ mimeType, data }) => ({ mimeType, data: encoded(data) }) as wire.InlineData);
    const parts = pictures.map((inline_data): wire.Part => ({ inline_data }));
    return { role: "user", parts: [{ text: prompt }, ...parts] } satisfies wire.UserTurn;
  },
  toJson(contents, { aspectRatio, imageSize, includeThoughts }) {
    const generationConfig: wire.GenerationConfig = {
      responseModalities: Object.values(Modality),
      imageConfig: { aspectRatio, imageSize },
      ...(includeThoughts && { thinkingConfig: { includeThoughts } }),
    };
    return { contents, generationConfig };
  },
  modelTurn(document, place, image) {
    const content = object(objects(unwrapped(document).candidates)[place]?.content);
    const isHere = image instanceof GeneratedImage;
    const part = isHere ? { inlineData: { mimeType: image.mimeType, data: encoded(image.data) } } : { text: image.url };
    return { ...content, ...(!Array.isArray(content.parts) && { parts: [part] }), role: "model" };
  },
};

const chat: Format = {
  modelRole: "assistant",
  body: "content",
  path: () => "/v1/chat/completions",
  userTurn({ prompt, references }) {
    const urls = references.map(({ mimeType, data }) => `data:${mimeType};base64,${encoded(data)}`);
    const parts = urls.map((url): wire.ChatPart => ({ type: "image_url", image_url: { url } }));
    const content = parts.length ? [{ type: "text" as const, text: prompt }, ...parts] : prompt;
    return { role: "user", content } satisfies wire.ChatUserMessage;
  },
  toJson(messages, { model, aspectRatio, imageSize }) {
    const google: wire.ChatGoogleOptions = { image_config: { aspect_ratio: aspectRatio, image_size: imageSize } };
    return { model, messages, stream: false, extra_body: { google } };
  },
  modelTurn(document, place, image) {
    const choice = objects(unwrapped(document).choices)[place];
    const message = object(choice?.message ?? choice?.delta);
    const url = image instanceof GeneratedImage ? `data:${image.mimeType};base64,${encoded(image.data)}` : image.url;
    return { content: `![image](${url})`, ...message, role: "assistant" };
  },
};

export const FORMATS: Readonly<Record<Wire, Format>> = { native, chat };

/** JSON with what the caller adds or replaces, merged deep. */
function merged(base: unknown, over: unknown): unknown {
  const isDeep = [base, over].every((value) => typeof value === "object" && value !== null && !Array.isArray(value));
  if (!isDeep) return over;
  const fields = Object.entries(over as Json).map(([key, value]) => [key, merged((base as Json)[key], value)]);
  return { ...(base as Json), ...Object.fromEntries(fields) } as Json;
}

/** What is sent. */
export const bodyOf = (turns: readonly Turn[], request: ImageRequest): string =>
  JSON.stringify(merged(FORMATS[request.wire].toJson(turns, request), request.extraBody));
