/** ReferenceImage: a picture that the model is given to look at. */

import { readFile, stat } from "node:fs/promises";

import { InvalidRequestError } from "./errors.js";
import { GeneratedImage } from "./image.js";
import { sniff } from "./picture.js";

const MOST = 20 * 1024 * 1024; // bytes
const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];

/** A path, bytes, a Blob or File, a `data:` URL, a picture that was made, or a ReferenceImage. */
export type ReferenceLike = string | ArrayBuffer | ArrayBufferView | Blob | GeneratedImage | ReferenceImage;

function refuse(words: string, advice = "Give a PNG, JPEG, WebP, HEIC or HEIF picture of at most 20 MB"): never {
  InvalidRequestError.refuse("references", words, advice);
}

function decoded(text: string): Buffer | null {
  try {
    return Buffer.from(atob(text), "latin1"); // atob refuses what Buffer.from would skip
  } catch {
    return null;
  }
}

/** The bytes of Base64 in any of its usual forms: either alphabet, without padding, in lines; null where it is none. */
export const fromBase64 = (text: string): Buffer | null =>
  decoded(text.replace(/=\s*=?\s*$/, "").replaceAll("-", "+").replaceAll("_", "/"));

/** A picture that the model is given to look at: its bytes, sent untouched, and the type they show. */
export class ReferenceImage {
  readonly mimeType: string;

  /** Raises: InvalidRequestError where the bytes are empty, above 20 MB, or no picture of an accepted type. */
  constructor(readonly data: Uint8Array, readonly name = "the reference image") {
    this.mimeType = sniff(data) ?? "no picture of a known type";
    if (!data.length) refuse(`${name} is empty`);
    if (data.length > MOST) refuse(`${name} has more than the ${MOST} bytes allowed`);
    if (!ACCEPTED.includes(this.mimeType)) refuse(`${name} is ${this.mimeType}`);
  }

  /** Takes a picture in any form that people have one in. Raises: InvalidRequestError. */
  static async of(value: ReferenceLike): Promise<ReferenceImage> {
    if (value instanceof ReferenceImage) return value;
    if (typeof value === "string") return fromText(value);
    if (value instanceof GeneratedImage) return new ReferenceImage(value.data, "the generated image");
    const isData = value instanceof Blob || value instanceof ArrayBuffer || ArrayBuffer.isView(value);
    if (!isData) refuse(`it is of type ${typeof value}`, "Give a path, bytes, Blob or data: URL");
    return new ReferenceImage(new Uint8Array(await new Blob([value as Blob]).slice(0, MOST + 1).arrayBuffer()));
  }
}

async function fromText(text: string): Promise<ReferenceImage> {
  if (/^data:/i.test(text)) {
    const [head] = /^data:[^,]*;base64,/i.exec(text) ?? refuse("the data: URL is not in Base64");
    const bare = text.slice(head.length).replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    return new ReferenceImage(decoded(bare) ?? refuse("the data: URL holds bad Base64"));
  }
  const isAddress = /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
  if (isAddress) refuse("it is a URL, and nothing is downloaded unasked", "Download it, and give its bytes");
  const fail = ({ message }: Error): never => refuse(`${text.slice(0, 200)} cannot be read: ${message}`);
  // A FIFO or a device is refused before it is opened, as opening one may never return.
  const found = await stat(text).catch(fail);
  if (!found.isFile()) fail(new Error("it is no regular file"));
  if (found.size > MOST) fail(new Error(`it has more than the ${MOST} bytes allowed`));
  return new ReferenceImage(await readFile(text).catch(fail), text);
}
