/**
 * Pictures in words: Markdown images, and bare `data:` URIs, which are taken up to white space and over lines that look
 * like more of it: a stray character inside makes the Base64 bad, instead of cutting the picture short.
 *
 * Whatever stands there, it takes time in proportion to the length: no pattern looks past the next Markdown image, and
 * none has a loop within a loop before something that can fail.
 */

export interface Found {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const OPENER = /!\[|data:image\//gi;
const LINKS = [
  /^data:image\/[^,)]*,[^)"']*/i,
  /^https?:\/\/(?:[^\s()]+|\([^\s()]*\))+/i, // an address may hold brackets, if they are balanced
  /^https?:\/\/[^\s)]+/i,
];

export function* picturesIn(text: string): Generator<Found> {
  let end = 0;
  for (const { 0: opener, index } of text.matchAll(OPENER)) {
    if (index < end) continue;
    const found = opener === "![" ? linked(text, index) : bare(text, index);
    if (!found) continue;
    end = found.end;
    yield found;
  }
}

function linked(text: string, start: number): Found | null {
  const limit = text.indexOf("![", start + 2);
  const region = text.slice(start, limit < 0 ? undefined : limit);
  const head = /^!\[[^\]]*\]\(\s*/.exec(region)?.[0];
  if (!head) return null;
  for (const link of LINKS) {
    const value = link.exec(region.slice(head.length))?.[0];
    const close = value ? region.indexOf(")", head.length + value.length) : -1;
    if (value && close >= 0) return { value, start, end: start + close + 1 };
  }
  return null;
}

function bare(text: string, start: number): Found | null {
  let end = start;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = end;
    const found = pattern.exec(text)?.[0] ?? "";
    end += found.length;
    return found;
  };
  if (!take(/data:image\/[^,\s]{0,200}?;base64,\s*/iy) || !take(/[^\s)"'<>`]+/y)) return null;
  let whole = end;
  while (take(/\s+/y).endsWith("\n") && take(/[A-Za-z0-9+/=]{20,}/y)) whole = end;
  end = whole;
  let stop = end;
  while (".,;!".includes(text[stop - 1]!)) stop--;
  return { value: text.slice(start, stop), start, end };
}
