/**
 * Pictures in words: Markdown images, and bare `data:` URIs, which are taken up to white space and over lines that look
 * like more of it: a stray character inside makes the Base64 bad, instead of cutting the picture short.
 *
 * Whatever stands there, it takes time in proportion to the length: no pattern looks past the next Markdown image, what
 * an address takes it does not give back (the lookahead), and nothing else has a loop within a loop.
 */

// Brackets in an address are a part of it where they come in pairs, two deep; where that leads to no end, it ends at
// the first that closes (CommonMark, 6.3).
const PAIRED = String.raw`(?=((?:[^()\s<>]+|\((?:[^()\s<>]|\([^()\s<>]*\))*\))+))\2(?=[\s>)])`;
const LINKED = new RegExp(
  String.raw`^!\[[^\]]*\]\(\s*<?(data:[^,)\s]{0,200}?,[^)"'>]*|https?://${PAIRED}|https?://[^)\s<>]+)`, "i");
const BARE = /data:image\/[^,\s]{0,200}?;base64,\s*[^\s)"'<>`]+(?:\s*\n[A-Za-z0-9+/=]{20,})*/gi;

/** The words of a text without the pictures in it, and the pictures, as addresses and `data:` URIs. */
export function parted(text: string): { words: string; pictures: string[] } {
  const pictures: string[] = [];
  const pieces = text.split(/(?=!\[)/).map((piece) => {
    const link = LINKED.exec(piece);
    const end = link ? piece.indexOf(")", link[0].length) + 1 : 0;
    if (end) pictures.push(link![1]!);
    return piece.slice(end).replace(BARE, (uri) => {
      pictures.push(uri.replace(/[.,;!]{1,200}$/, ""));
      return "";
    });
  });
  return { words: pictures.length ? pieces.join("").trim() : text, pictures };
}
