/** What the bytes of a picture say of themselves: type and dimensions. */

const HEIC = "he[iv][cmsx]";
// The first bytes of a file; those of HEIF and its kin as the brands of the first box (ISO/IEC 23008-12, annex B).
const KINDS: readonly (readonly [type: string, pattern: RegExp])[] = [
  ["image/png", /^\x89PNG\r\n\x1a\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/webp", /^RIFF[^]{4}WEBP/],
  ["image/gif", /^GIF8[79]a/],
  ["image/avif", new RegExp(`^ftyp\n(?:avi[fs]|(?![^]*\n${HEIC})[^]*\navi[fs])`)],
  ["image/heic", new RegExp(`^ftyp\n${HEIC}`)],
  ["image/heif", new RegExp(`^ftyp[^]*\n(?:${HEIC}|mif[12]|msf1)`)],
];

/** The suffix of files of a type, with its dot; ".bin" where the type is not known. */
export const extensionOf = (type: string): string =>
  KINDS.some(([known]) => known === type) ? type.replace("image/", ".").replace("jpeg", "jpg") : ".bin";
export const EXTENSIONS: readonly string[] = KINDS.map(([type]) => extensionOf(type));

/** The type by the first bytes, as "image/png"; null where they are those of no known one. */
export function sniff(data: Uint8Array): string | null {
  const bytes = Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, 256));
  const head = bytes.toString("latin1");
  const isBox = head.slice(4, 8) === "ftyp";
  const [major, , ...others] = isBox ? head.slice(8, bytes.readUInt32BE()).match(/[^]{4}/g) ?? [] : [];
  const shown = isBox ? ["ftyp", major, ...others].join("\n") : head;
  return KINDS.find(([, pattern]) => pattern.test(shown))?.[0] ?? null;
}

/** Width and height by the parts of a file that tell them. */
const SHAPES: Readonly<Record<string, (body: Buffer) => [width: number, height: number]>> = {
  GIF: (body) => [body.readUInt16LE(6), body.readUInt16LE(8)],
  SOF: (body) => [body.readUInt16BE(3), body.readUInt16BE(1)],
  IHDR: (body) => [body.readUInt32BE(0), body.readUInt32BE(4)],
  VP8X: (body) => [body.readUIntLE(4, 3) + 1, body.readUIntLE(7, 3) + 1],
  "VP8 ": (body) => [body.readUInt16LE(6) & 0x3fff, body.readUInt16LE(8) & 0x3fff],
  VP8L: (body) => [(body.readUInt32LE(1) & 0x3fff) + 1, ((body.readUInt32LE(1) >>> 14) & 0x3fff) + 1],
  ispe: (body) => [body.readUInt32BE(4), body.readUInt32BE(8)],
};

/** Width and height in pixels as a viewer shows it (EXIF orientation applied); null where they cannot be read. */
export function dimensions(data: Uint8Array): [number, number] | null {
  try {
    let [width, height, orientation] = [0, 0, 1];
    for (const [name, body] of parts(Buffer.from(data.buffer, data.byteOffset, data.byteLength), sniff(data))) {
      const [wide, high] = SHAPES[name]?.(body) ?? [0, 0];
      if (wide > width) [width, height] = [wide, high]; // of HEIF the largest counts: others are tiles and thumbnails
      if (/^exif$/i.test(name)) orientation = orientationOf(body);
      if (name === "irot") orientation = body.readUInt8() % 2 ? 6 : 1;
    }
    if (!width || !height) return null;
    return orientation >= 5 && orientation <= 8 ? [height, width] : [width, height];
  } catch {
    return null; // the header is cut short
  }
}

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

/** The segments of JPEG, the chunks of PNG and WebP, and the boxes in which HEIF holds the properties of its items. */
function* parts(bytes: Buffer, type: string | null): Generator<[name: string, body: Buffer]> {
  if (type === "image/gif") yield ["GIF", bytes];
  if (type === "image/jpeg") yield* segments(bytes);
  if (!type || type === "image/gif" || type === "image/jpeg") return;
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

function* segments(bytes: Buffer): Generator<[name: string, body: Buffer]> {
  for (let at = 2; ; at += bytes.readUInt16BE(at)) {
    at = bytes.indexOf(0xff, at);
    while (bytes[at] === 0xff) at++;
    const marker = bytes.readUInt8(at++);
    const body = bytes.subarray(at + 2, at + bytes.readUInt16BE(at));
    if (marker === 0xe1 && body.toString("latin1", 0, 4) === "Exif") yield ["Exif", body];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) yield ["SOF", body];
    if (isFrame || marker === 0xd9 || marker === 0xda) return;
  }
}
