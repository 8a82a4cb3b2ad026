/** Conversation: turns that build on one another, kept exactly as they were sent and received. */

import type { CallOptions } from "./client.js";
import { InvalidRequestError } from "./errors.js";
import { FORMATS, type Turn } from "./formats.js";
import type { Generation } from "./image.js";
import { object, parseExactly } from "./json.js";
import { type ImageOptions, ImageRequest, type RequestOptions } from "./request.js";

const FORMAT = "nanobanana conversation 1";
// The names under which a saved conversation has its options, in any language.
const SAVED: Readonly<Record<string, keyof ImageOptions>> = {
  model: "model", aspect_ratio: "aspectRatio", image_size: "imageSize", include_thoughts: "includeThoughts",
  wire: "wire", extra_body: "extraBody",
};

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
    const { modelRole, body } = FORMATS[wire];
    for (const [number, turn] of turns.entries()) {
      const said = turn[body] ?? (wire === "chat" ? "" : null);
      const isSaid = Array.isArray(said) || (wire === "chat" && typeof said === "string");
      const fits = isSaid && turn.role === (number % 2 ? modelRole : "user");
      if (!fits) InvalidRequestError.refuse("turns", `turn ${number + 1} is none of the ${wire} format`);
    }
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
    const options = Object.entries(SAVED).map(([saved, name]) => [saved, this.#options[name]]);
    return { format: FORMAT, options: Object.fromEntries(options) as object, turns: this.#turns };
  }

  /** Takes a conversation up again that was saved as JSON, on a client. Raises: InvalidRequestError. */
  static fromJson(
    text: string, client: { conversation(options: object, turns: readonly Turn[]): Conversation },
  ): Conversation {
    try {
      const { format, turns, options } = object(parseExactly(text));
      if (format !== FORMAT) throw new Error(`its format is ${JSON.stringify(format)}`);
      if (!Array.isArray(turns)) throw new Error("it has no turns");
      const given = Object.entries(object(options)).map(([saved, value]) => {
        if (!Object.hasOwn(SAVED, saved)) throw new Error(`it has an unknown option: ${saved}`);
        return [SAVED[saved], value];
      });
      return client.conversation(Object.fromEntries(given) as object, turns.map(object));
    } catch (error) {
      const { detail, message } = error as InvalidRequestError;
      return InvalidRequestError.refuse("text", `this is not a saved conversation: ${detail ?? message}`);
    }
  }
}
