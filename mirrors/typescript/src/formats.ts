/** The two wire formats, native and chat: how turns and wishes become JSON. */

import type * as wire from "./generated/types.gen.js";
import { Modality } from "./generated/types.gen.js";
import { GeneratedImage, type Generation } from "./image.js";
import type { Json } from "./json.js";
import type { ImageRequest, Wire } from "./request.js";

/** A turn as JSON, the user's or the model's. */
export type Turn = Readonly<Json>;

const encoded = ({ data }: { data: Uint8Array }): string => Buffer.from(data).toString("base64");
const dataUrl = (image: GeneratedImage | ImageRequest["references"][number]): string =>
  `data:${image.mimeType};base64,${encoded(image)}`;

const native = {
  modelRole: "model",
  /** Whether a turn says something in this format. */
  speaks: ({ parts }: Turn): boolean => Array.isArray(parts),
  path: (request: ImageRequest): string => `/v1beta/models/${encodeURIComponent(request.model)}:generateContent`,
  userTurn({ prompt, references }: ImageRequest): Turn {
    const pictures = references.map((given) => ({ mimeType: given.mimeType, data: encoded(given) }) as wire.InlineData);
    const parts = pictures.map((inline_data): wire.Part => ({ inline_data }));
    return { role: "user", parts: [{ text: prompt }, ...parts] } satisfies wire.UserTurn;
  },
  toJson(contents: readonly Turn[], { aspectRatio, imageSize, includeThoughts }: ImageRequest): Json {
    const generationConfig: wire.GenerationConfig = {
      responseModalities: Object.values(Modality),
      imageConfig: { aspectRatio, imageSize },
      ...(includeThoughts && { thinkingConfig: { includeThoughts } }),
    };
    return { contents, generationConfig };
  },
  /** What was said, written anew, for a picture that came from elsewhere. */
  shown({ text, images }: Generation): Json {
    const parts = images.map((image) => image instanceof GeneratedImage
      ? { inlineData: { mimeType: image.mimeType, data: encoded(image) } } : { text: image.url });
    return { parts: text ? [{ text }, ...parts] : parts };
  },
};

const chat: typeof native = {
  modelRole: "assistant",
  speaks: ({ content = "" }) => content === null || typeof content === "string" || Array.isArray(content),
  path: () => "/v1/chat/completions",
  userTurn({ prompt, references }) {
    const parts = references.map((given): wire.ChatPart => ({ type: "image_url", image_url: { url: dataUrl(given) } }));
    const content = parts.length ? [{ type: "text" as const, text: prompt }, ...parts] : prompt;
    return { role: "user", content } satisfies wire.ChatUserMessage;
  },
  toJson(messages, { model, aspectRatio, imageSize }) {
    const google: wire.ChatGoogleOptions = { image_config: { aspect_ratio: aspectRatio, image_size: imageSize } };
    return { model, messages, stream: false, extra_body: { google } };
  },
  shown({ text, images }) {
    const urls = images.map((image) => (image instanceof GeneratedImage ? dataUrl(image) : image.url));
    return { content: [...(text ? [text] : []), ...urls.map((url) => `![image](${url})`)].join("\n\n") };
  },
};

export const FORMATS: Readonly<Record<Wire, typeof native>> = { native, chat };

/** The model's turn as received but for its role, or one that shows what was found elsewhere. */
export const modelTurn = (format: typeof native, source: Json | null, generation: Generation): Turn =>
  ({ ...source ?? format.shown(generation), role: format.modelRole });
