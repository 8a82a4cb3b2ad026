/** Pictures that are given (ReferenceImage) or made (Generation and what is in it), and how one becomes a file. */

import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, extname, join, parse, resolve } from "node:path";

import { DownloadError, InvalidRequestError, SaveError } from "./errors.js";
import { EXTENSIONS, dimensions, extensionOf, sniff } from "./picture.js";

const MOST = 20 * 1024 * 1024; // bytes
const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
const LONGEST = 255; // bytes of a name, on nearly all filesystems
const JPEG = [".jpg", ".jpeg", ".jpe", ".jfif"];
const SUFFIXES = [...EXTENSIONS, ...JPEG, ".bmp", ".tif", ".tiff", ".svg", ".hif"];

/** Tokens that a call used, as the answer counts them; null where it does not say. Trust the total. */
export type Usage = Readonly<Record<"promptTokens" | "candidatesTokens" | "totalTokens", number | null>>;

/** A picture that was made. It can be used as a reference image as it is. */
export class GeneratedImage {
  /** The file that the call wrote, where it was told to (`saveTo`). */
  path: string | null = null;

  /** `data` is the encoded file as it came; `statedType` what the answer called it, which may be wrong. */
  constructor(readonly data: Uint8Array, readonly statedType: string | null = null) {}

  /** The type by the bytes; what the answer stated where they are of no known type. */
  get mimeType(): string { return sniff(this.data) ?? this.statedType ?? "application/octet-stream"; }

  /** The suffix of a file of this type, with its dot; ".bin" where the type is unknown. */
  get extension(): string { return extensionOf(this.mimeType); }

  /** Width in pixels as a viewer shows it; null where the header cannot be read. */
  get width(): number | null { return dimensions(this.data)?.[0] ?? null; }

  /** Height in pixels as a viewer shows it; null where the header cannot be read. */
  get height(): number | null { return dimensions(this.data)?.[1] ?? null; }

  /**
   * Writes the picture, whole or not at all, and returns the path it really has. A folder (one that exists, or a path
   * that ends in a slash) gets a name made from the content, a path without suffix the true one. The suffix of another
   * type is corrected, with a warning and without replacing another file, unless `keepSuffix`. A file of exactly the
   * given name is replaced, unless `overwrite` is false: then the picture gets the next free name, as `cat-2.png`.
   *
   * Raises: SaveError with the picture on it.
   */
  async save(path: string, { keepSuffix = false, overwrite = true } = {}): Promise<string> {
    const { data, extension } = this;
    const suffix = extname(path).toLowerCase();
    const isKept = keepSuffix || suffix === extension || [suffix, extension].every((one) => JPEG.includes(one));
    const isOther = !isKept && SUFFIXES.includes(suffix); // "v1.2" has no suffix
    const stem = isOther ? path.slice(0, -suffix.length) : path;
    try {
      const digest = createHash("sha256").update(data).digest("hex").slice(0, 16);
      if (await isFolder(path)) return await write(join(path, `nanobanana-${digest}${extension}`), data, true);
      const written = await write(isKept ? path : stem + extension, data, overwrite && !isOther);
      if (isOther) process.emitWarning(`this ${this.mimeType}, not ${suffix}, is saved as ${written}`, "SuffixWarning");
      return written;
    } catch (error) {
      throw new SaveError(`the picture could not be written to ${path}: ${(error as Error).message}`, { image: this });
    }
  }

  toJSON(): object {
    const { mimeType, width, height, path, data } = this;
    return { mimeType, width, height, path, bytes: data.length };
  }
}

/** A picture that the answer only names by its address. It is never fetched: the address is for you to look at. */
export class RemoteImage {
  constructor(readonly url: string) {}

  /** Raises: DownloadError, as the bytes are elsewhere. */
  async save(): Promise<never> {
    throw new DownloadError(`this picture lies at ${this.url} and was not fetched`, { url: this.url });
  }
}

export type Picture = GeneratedImage | RemoteImage;

/** What a call gave: at least one picture, and what came with it. */
export interface Generation {
  /** The final picture; where there are several, the last. */
  readonly image: Picture;
  readonly images: readonly Picture[];
  /** Pictures that the model drew while thinking. */
  readonly drafts: readonly Picture[];
  readonly text: string;
  readonly thoughts: string;
  readonly finishReason: string | null;
  readonly requestId: string | null;
  /** The model that was asked. */
  readonly model: string;
  readonly usage: Usage;
  /** Whatever else the answer carried, by the names it came under. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The headers of the answer, in lower case and without the key. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole answer as it came. */
  readonly raw: unknown;
}

/** Whether a path is that of a folder, which is there or ends in a slash. Raises: Error where no file can be there. */
async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error; // such as a name that is too long
  });
  if (found && !found.isFile() && !found.isDirectory()) throw new Error("it is there and is no regular file");
  return found?.isDirectory() ?? /[/\\]$/.test(path);
}

/** Writes a file so that a reader sees the whole of it or nothing; where it must not replace one, under a free name. */
async function write(path: string, data: Uint8Array, replaces: boolean): Promise<string> {
  const { dir, name, ext } = parse(path);
  const part = join(dir, `.nanobanana-${randomUUID()}.part`);
  if (await isFolder(path)) throw new Error("it is a folder");
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(part, data, { flag: "wx", flush: true });
    let target = path;
    for (let number = 2; !replaces && !(await isFree(target)); number++) {
      const end = `-${number}${ext}`;
      target = join(dir, Buffer.from(name).subarray(0, LONGEST - end.length).toString().replace(/\ufffd$/, "") + end);
    }
    await rename(part, target);
    return target;
  } finally {
    await rm(part, { force: true });
  }
}

/** Takes a name by creating it, so that no two writers take the same; false where it is taken. */
const isFree = (path: string): Promise<boolean> =>
  writeFile(path, "", { flag: "wx" }).then(() => true, (error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return false;
    throw error;
  });

/**
 * Sees, before anything is paid for, that a picture can be written where it is to go; returns that place as it is now,
 * which a change of the working directory does not move. Raises: InvalidRequestError.
 */
export async function checkTarget(path: string): Promise<string> {
  try {
    if (!path) throw new Error("the path is empty");
    const [folder, end] = await isFolder(path) ? [path, "/"] : [dirname(path), ""];
    await rm(await write(join(folder, `.nanobanana-${randomUUID()}`), Buffer.of(), true));
    if (!end) await isFolder(join(folder, `${parse(path).name}.heic`)); // the longest suffix
    return resolve(path) + end;
  } catch (error) {
    return InvalidRequestError.refuse("saveTo", `nothing can be written to ${path}: ${(error as Error).message}`);
  }
}

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
