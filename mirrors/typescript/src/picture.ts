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

type Shape = [width: number, height: number];
/** Width and height where the header of a type tells them; of WebP there are three. */
const SHAPES: Readonly<Record<string, (file: Buffer) => Shape>> = {
  "image/gif": (file) => [file.readUInt16LE(6), file.readUInt16LE(8)],
  "image/png": (file) => [file.readUInt32BE(16), file.readUInt32BE(20)],
  "image/webp": (file) => SHAPES[file.toString("latin1", 12, 16)]?.(file) ?? [0, 0],
  VP8X: (file) => [file.readUIntLE(24, 3) + 1, file.readUIntLE(27, 3) + 1],
  "VP8 ": (file) => [file.readUInt16LE(26) & 0x3fff, file.readUInt16LE(28) & 0x3fff],
  VP8L: (file) => [(file.readUInt32LE(21) & 0x3fff) + 1, ((file.readUInt32LE(21) >>> 14) & 0x3fff) + 1],
  "image/jpeg": (file) => {
    for (let at = 2; ; at += 2 + file.readUInt16BE(at + 2)) { // from segment to segment
      at = file.indexOf(0xff, at);
      if (at < 0) return [0, 0];
      while (file[at + 1] === 0xff) at++;
      const marker = file.readUInt8(at + 1);
      const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
      if (isFrame) return [file.readUInt16BE(at + 7), file.readUInt16BE(at + 5)];
      if (marker === 0xd9 || marker === 0xda) return [0, 0]; // the pixels, or the end
    }
  },
};
// An EXIF part by the beginning of its TIFF, and in that the tag of an orientation (TIFF 6.0, section 2).
const EXIF = /(?:eXIf|EXIF[^]{4}|Exif\0\0)((?:II\*\0|MM\0\*)[^]{0,4096})/;
const ORIENTATION = /^(?:II[^]*?\x12\x01\x03\0\x01\0{3}|MM[^]*?\x01\x12\0\x03\0{3}\x01\0)([^])/;

/** The largest shape among the items of HEIF and its kin, as others are tiles and thumbnails. */
function shapeOfItems(file: Buffer): Shape {
  const start = file.indexOf("ipco", 0, "latin1");
  const box = file.subarray(start, start - 4 + file.readUInt32BE(start - 4));
  let [width, height] = [0, 0];
  for (let at = box.indexOf("ispe"); at >= 0; at = box.indexOf("ispe", at + 4)) {
    if (box.readUInt32BE(at + 8) > width) [width, height] = [box.readUInt32BE(at + 8), box.readUInt32BE(at + 12)];
  }
  return /irot[\x01\x03]/.test(box.toString("latin1")) ? [height, width] : [width, height];
}

/** Width and height in pixels as a viewer shows it (EXIF orientation applied); null where they cannot be read. */
export function dimensions(data: Uint8Array): Shape | null {
  const file = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const shapeOf = SHAPES[sniff(file) ?? ""];
  try {
    const [width, height] = shapeOf?.(file) ?? shapeOfItems(file);
    if (!width || !height) return null;
    const [, tiff = ""] = (shapeOf && EXIF.exec(file.toString("latin1"))) ?? [];
    const [, orientation = ""] = ORIENTATION.exec(tiff) ?? [];
    return /[\x05-\x08]/.test(orientation) ? [height, width] : [width, height];
  } catch {
    return null; // the header is cut short
  }
}
