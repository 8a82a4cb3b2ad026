/** The lists of openapi.yaml, as the generated code carries them, and the pixels they stand for. */

import { AspectRatio, ChatModel, ImageSize, NativeModel } from "./generated/types.gen.js";

export type { AspectRatio, ChatModel, ImageSize, NativeModel };
export type Model = NativeModel | ChatModel;

// NaN stands for a value such as "auto", to which the rule gives no meaning.
const ratioOf = (ratio: string): number =>
  /^[\d.]+:[\d.]+$/.test(ratio) ? parseFloat(ratio) / Number(ratio.split(":")[1]) : NaN;
const scaleOf = (size: string): number => (/^[\d.]+K$/.test(size) ? parseFloat(size) : NaN);
const sorted = <T extends string>(values: T[], by: (value: T) => number): readonly T[] =>
  values.sort((one, other) => (by(one) || Number.MAX_VALUE) - (by(other) || Number.MAX_VALUE));

export const NATIVE_MODELS: readonly Model[] = Object.values(NativeModel);
export const CHAT_MODELS: readonly Model[] = Object.values(ChatModel);
export const MODELS: readonly Model[] = [...new Set([...NATIVE_MODELS, ...CHAT_MODELS])];
/** From narrow to wide. */
export const ASPECT_RATIOS = sorted(Object.values(AspectRatio), ratioOf);
/** From small to large. */
export const IMAGE_SIZES = sorted(Object.values(ImageSize), scaleOf);

/** The documented width and height in pixels, by the rule that `ImageSize` states in openapi.yaml. */
export function pixels(ratio: AspectRatio, size: ImageSize): [width: number, height: number] {
  const [wide, high] = ratio.split(":").map(Number) as [number, number];
  const [more, less] = [Math.max(wide, high), Math.min(wide, high)];
  const short = 16 * Math.ceil(1024 / Math.sqrt(more / less) / 16);
  const long = 16 * Math.ceil((short * more) / (less * 16));
  const scale = scaleOf(size);
  return wide >= high ? [long * scale, short * scale] : [short * scale, long * scale];
}

/** The listed ratio nearest to a shape, as the eye sees it (by the quotient, not the difference). */
export function nearestAspectRatio(width: number, height: number): AspectRatio {
  const distance = (ratio: string): number => Math.abs(Math.log(width / height / ratioOf(ratio)));
  return ASPECT_RATIOS.reduce((best, ratio) => (distance(ratio) < distance(best) ? ratio : best));
}
