/** What the bytes of a picture say of themselves: type and dimensions. */

const KNOWN = ["png", "jpeg", "webp", "heic", "heif", "avif", "gif"].map((kind) => `image/${kind}`);

/** The suffix of files of a type, with its dot; ".bin" where the type is not known. */
export const extensionOf = (type: string): string =>
  KNOWN.includes(type) ? type.replace("image/", ".").replace("jpeg", "jpg") : ".bin";
export const EXTENSIONS: readonly string[] = KNOWN.map(extensionOf);

/** The type by the first bytes, as "image/png"; null where they are those of no known one. */
export function sniff(data: Uint8Array): string | null {
  const head = Buffer.from(data.subarray(0, 256)).toString("latin1");
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (/^RIFF[^]{4}WEBP/.test(head)) return "image/webp";
  if (/^GIF8[79]a/.test(head)) return "image/gif";
  if (head.slice(4, 8) !== "ftyp") return null;
  // HEIF names its kin in the brands of its first box (ISO/IEC 23008-12, annex B).
  const box = head.slice(8, Math.min(Buffer.from(head, "latin1").readUInt32BE(), 256));
  const [major = "", , ...others] = box.match(/[^]{4}/g) ?? [];
  const has = (pattern: RegExp): boolean => [major, ...others].some((brand) => pattern.test(brand));
  const [avif, heic] = [/^avi[fs]/, /^he(ic|ix|im|is|vc|vx|vm|vs)/];
  if (avif.test(major) || (has(avif) && !has(heic))) return "image/avif";
  if (heic.test(major)) return "image/heic";
  return has(heic) || has(/^mif[12]|^msf1/) ? "image/heif" : null;
}

/** Width and height in pixels as a viewer shows it (EXIF orientation applied); null where they cannot be read. */
export function dimensions(data: Uint8Array): [number, number] | null {
  try {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const type = sniff(data);
    if (type === "image/gif") return [bytes.readUInt16LE(6), bytes.readUInt16LE(8)];
    const [width, height, orientation] = type === "image/jpeg" ? jpeg(bytes) : chunked(chunks(bytes, type ?? ""));
    if (!width || !height) return null;
    return orientation >= 5 && orientation <= 8 ? [height, width] : [width, height];
  } catch {
    return null; // the header is cut short
  }
}

type Shape = [width: number, height: number, orientation: number];

/** The EXIF orientation (TIFF 6.0, section 2); 1 where there is none. */
function orientationOf(exif: Buffer): number {
  const tiff = exif.toString("latin1", 0, 6) === "Exif\0\0" ? exif.subarray(6) : exif;
  if (tiff.length < 8) return 1;
  const isLittle = tiff.toString("latin1", 0, 2) === "II";
  const short = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const start = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  const count = start + 2 <= tiff.length ? short(start) : 0;
  for (let at = start + 2; at + 12 <= tiff.length && at < start + 2 + 12 * count; at += 12) {
    if (short(at) === 0x112 && short(at + 2) === 3) return short(at + 8);
  }
  return 1;
}

function jpeg(bytes: Buffer): Shape {
  let orientation = 1;
  for (let at = 2; ; at += bytes.readUInt16BE(at)) {
    at = bytes.indexOf(0xff, at);
    while (bytes[at] === 0xff) at++;
    const marker = bytes.readUInt8(at++);
    const body = bytes.subarray(at + 2, at + bytes.readUInt16BE(at));
    if (marker === 0xe1 && body.toString("latin1", 0, 4) === "Exif") orientation = orientationOf(body);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [body.readUInt16BE(3), body.readUInt16BE(1), orientation];
    if (marker === 0xd9 || marker === 0xda) return [0, 0, 1];
  }
}

/** The chunks of PNG and WebP, and the boxes in which HEIF and its kin hold the properties of all their items. */
function* chunks(bytes: Buffer, type: string): Generator<[name: string, body: Buffer]> {
  const [isPng, isWebp] = [type === "image/png", type === "image/webp"];
  const box = isPng || isWebp ? 0 : bytes.indexOf("ipco", 0, "latin1") - 4;
  const end = isPng || isWebp ? bytes.length : box + bytes.readUInt32BE(box);
  for (let at = box + (isWebp ? 12 : 8); at + 8 <= end; ) {
    const size = isWebp ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at);
    const length = isPng ? size + 12 : isWebp ? 8 + size + (size % 2) : Math.max(8, size);
    const name = bytes.toString("latin1", isWebp ? at : at + 4, isWebp ? at + 4 : at + 8);
    yield [name, bytes.subarray(at + 8, at + length)];
    at += length;
  }
}

function chunked(parts: Iterable<[string, Buffer]>): Shape {
  let [width, height, orientation] = [0, 0, 1];
  const take = (wide: number, high: number): unknown => ([width, height] = [wide, high]);
  for (const [name, body] of parts) {
    if (name === "IHDR") take(body.readUInt32BE(0), body.readUInt32BE(4));
    if (name === "VP8X") take(body.readUIntLE(4, 3) + 1, body.readUIntLE(7, 3) + 1);
    if (name === "VP8 " && !width) take(body.readUInt16LE(6) & 0x3fff, body.readUInt16LE(8) & 0x3fff);
    const bits = name === "VP8L" ? body.readUInt32LE(1) : 0;
    if (name === "VP8L" && !width) take((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    if (/^exif$/i.test(name)) orientation = orientationOf(body);
    // Of HEIF the largest counts (the others are tiles and thumbnails), and its turn.
    if (name === "ispe" && body.readUInt32BE(4) > width) take(body.readUInt32BE(4), body.readUInt32BE(8));
    if (name === "irot") orientation = body.readUInt8() % 2 ? 6 : 1;
  }
  return [width, height, orientation];
}
