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
  GIF8: (body) => [body.readUInt16LE(6), body.readUInt16LE(8)],
  SOF: (body) => [body.readUInt16BE(3), body.readUInt16BE(1)],
  IHDR: (body) => [body.readUInt32BE(0), body.readUInt32BE(4)],
  VP8X: (body) => [body.readUIntLE(4, 3) + 1, body.readUIntLE(7, 3) + 1],
  "VP8 ": (body) => [body.readUInt16LE(6) & 0x3fff, body.readUInt16LE(8) & 0x3fff],
  VP8L: (body) => [(body.readUInt32LE(1) & 0x3fff) + 1, ((body.readUInt32LE(1) >>> 14) & 0x3fff) + 1],
  ispe: (body) => [body.readUInt32BE(4), body.readUInt32BE(8)],
};

const nameAt = (bytes: Buffer, at: number): string => bytes.toString("latin1", at, at + 4);
/** The name of the part of a file at a place, where its body begins, and where the next part does. */
type Layout = (bytes: Buffer, at: number) => [name: string, start: number, next: number];
/** Where the first part of a file is, and how the parts are laid out. */
const LAYOUTS: Readonly<Record<string, [first: number, layout: Layout]>> = {
  "image/gif": [0, (file) => [nameAt(file, 0), 0, file.length]],
  "image/png": [8, (file, at) => [nameAt(file, at + 4), at + 8, at + 12 + file.readUInt32BE(at)]],
  "image/webp": [12, (file, at) => [nameAt(file, at), at + 8, at + 8 + 2 * Math.ceil(file.readUInt32LE(at + 4) / 2)]],
  "image/jpeg": [2, (file, from) => {
    let at = file.indexOf(0xff, from);
    while (file[at + 1] === 0xff) at++;
    const marker = file.readUInt8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    const isLast = isFrame || marker === 0xd9 || marker === 0xda;
    const name = isFrame ? "SOF" : marker === 0xe1 ? nameAt(file, at + 4) : "other";
    return [name, at + 4, isLast ? file.length : at + 2 + file.readUInt16BE(at + 2)];
  }],
};
const boxes: Layout = (file, at) => [nameAt(file, at + 4), at + 8, at + Math.max(8, file.readUInt32BE(at))];

/** Width and height in pixels as a viewer shows it (EXIF orientation applied); null where they cannot be read. */
export function dimensions(data: Uint8Array): [number, number] | null {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const type = sniff(bytes);
  if (!type) return null;
  // HEIF and its kin hold the properties of their items in one box.
  const [first, layout] = LAYOUTS[type] ?? [bytes.indexOf("ipco", 0, "latin1") + 4, boxes];
  let [width, height, orientation] = [0, 0, 1];
  try {
    for (let at = first; at + 8 <= bytes.length; ) {
      const [name, start, next] = layout(bytes, at);
      const body = bytes.subarray(start, next);
      const [wide, high] = SHAPES[name]?.(body) ?? [0, 0];
      if (wide > width) [width, height] = [wide, high]; // of HEIF the largest counts: others are tiles and thumbnails
      if (/^exif$/i.test(name)) orientation = orientationOf(body);
      if (name === "irot") orientation = body.readUInt8() % 2 ? 6 : 1;
      at = next;
    }
  } catch {
    return null; // the header is cut short
  }
  if (!width || !height) return null;
  return orientation >= 5 && orientation <= 8 ? [height, width] : [width, height];
}

/** The EXIF orientation (TIFF 6.0, section 2); 1 where there is none. */
function orientationOf(exif: Buffer): number {
  const tiff = exif.subarray(nameAt(exif, 0) === "Exif" ? 6 : 0);
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  const isLittle = tiff[0] === 0x49;
  const short = (at: number): number => (at + 2 <= tiff.length ? view.getUint16(at, isLittle) : 0);
  const start = tiff.length < 8 ? 8 : view.getUint32(4, isLittle);
  const entries = Array.from({ length: short(start) }, (_, number) => start + 2 + 12 * number);
  const found = entries.find((at) => short(at) === 0x112 && short(at + 2) === 3);
  return found === undefined ? 1 : short(found + 8);
}
