/** NanoBanana's image models, through the InfinityBlue gateway. */

export { type CallOptions, NanoBanana } from "./client.js";
export { Conversation, type TurnOptions } from "./conversation.js";
export * from "./errors.js";
export { GeneratedImage, ReferenceImage, RemoteImage } from "./image.js";
export type { Generation, Picture, ReferenceLike, Usage } from "./image.js";
export { type ImageOptions, ImageRequest, type RequestOptions, type Wire } from "./request.js";
export type { ClientOptions, Platform } from "./settings.js";
export * from "./vocabulary.js";
