/** Conversation: turns that build on one another, kept exactly as they were sent and received. */

import type { CallOptions, NanoBanana } from "./client.js";
import { InvalidRequestError } from "./errors.js";
import { FORMATS, type Turn } from "./formats.js";
import type { Generation } from "./image.js";
import { isObject, object, parseExactly } from "./json.js";
import { type ImageOptions, ImageRequest, type RequestOptions } from "./request.js";

const FORMAT = "nanobanana conversation 1";
const OPTIONS = ["model", "aspectRatio", "imageSize", "includeThoughts", "wire", "extraBody"] as const;
/** The name under which a saved conversation has an option, in any language. */
const saved = (name: string): string => name.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`);

/** Pictures to look at, and how long this turn may take, as for `generate`. */
export type TurnOptions = Pick<RequestOptions, "references"> & Omit<CallOptions, "saveTo">;
/** Something that performs a call, and gives the turns that went there and back. */
export type Perform = (request: ImageRequest, history: readonly Turn[], options: CallOptions) =>
  Promise<{ generation: Generation; turns: readonly [Turn, Turn] }>;

/** Turns that build on one another. Made by `client.conversation(...)` or `Conversation.fromJson(saved, client)`. */
export class Conversation {
  readonly #perform: Perform;
  readonly #options: ImageOptions;
  #turns: readonly Turn[];
  #isBusy = false;

  /** Raises: InvalidRequestError. */
  constructor(perform: Perform, options: ImageOptions, turns: readonly Turn[] = []) {
    const { wire } = new ImageRequest("checks the options before the first turn", options);
    const { modelRole, speaks } = FORMATS[wire];
    const odd = turns.findIndex((turn, number) => !speaks(turn) || turn.role !== (number % 2 ? modelRole : "user"));
    if (odd >= 0) InvalidRequestError.refuse("turns", `turn ${odd + 1} is none of the ${wire} format`);
    if (turns.length % 2) InvalidRequestError.refuse("turns", "the last turn has no answer");
    this.#perform = perform;
    this.#options = { ...options };
    this.#turns = turns;
  }

  /** The turns so far in the endpoint's JSON, the user's and the model's in alternation. */
  get turns(): readonly Turn[] { return JSON.parse(JSON.stringify(this.#turns)) as Turn[]; }

  /** Makes the next picture; where that fails, the conversation stays as it was. Raises as `generate` does. */
  async send(prompt: string, { references, ...options }: TurnOptions = {}): Promise<Generation> {
    this.#checkFree();
    this.#isBusy = true;
    try {
      const request = await ImageRequest.of(prompt, { ...this.#options, references });
      const { generation, turns } = await this.#perform(request, this.#turns, options);
      this.#options.aspectRatio = request.aspectRatio;
      this.#turns = [...this.#turns, ...turns];
      return generation;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Forgets the last prompt and the picture it gave. Raises: InvalidRequestError where there is none. */
  undo(): void {
    this.#checkFree();
    if (!this.#turns.length) throw new InvalidRequestError("there is no turn to undo");
    this.#turns = this.#turns.slice(0, -2);
  }

  #checkFree(): void {
    if (this.#isBusy) throw new InvalidRequestError("a turn is under way", { advice: "Wait for it" });
  }

  /** The whole conversation, pictures included and without the key: what `JSON.stringify(conversation)` writes. */
  toJSON(): object {
    const options = Object.fromEntries(OPTIONS.map((name) => [saved(name), this.#options[name]])) as object;
    return { format: FORMAT, options, turns: this.#turns };
  }

  /** Takes a conversation up again that was saved as JSON, on a client. Raises: InvalidRequestError. */
  static fromJson(text: string, client: NanoBanana): Conversation {
    try {
      const { format, turns, options } = object(parseExactly(text));
      if (format !== FORMAT) throw new Error(`its format is ${JSON.stringify(format)}`);
      if (!Array.isArray(turns) || !isObject(options)) throw new Error("it has no turns or no options");
      const unknown = Object.keys(options).find((name) => !OPTIONS.map(saved).includes(name));
      if (unknown) throw new Error(`it has an unknown option: ${unknown}`);
      const given = OPTIONS.map((name) => [name, options[saved(name)]]);
      return client.conversation(Object.fromEntries(given) as object, turns.map(object));
    } catch (error) {
      const { detail, message } = error as InvalidRequestError;
      return InvalidRequestError.refuse("text", `this is not a saved conversation: ${detail ?? message}`);
    }
  }
}
