/** Conversation: turns that build on one another, kept exactly as they were sent and received. */

import type { CallOptions } from "./client.js";
import { InvalidRequestError, NanoBananaError } from "./errors.js";
import { FORMATS, type Turn } from "./formats.js";
import type { Generation } from "./image.js";
import { object } from "./refusals.js";
import { type ImageOptions, ImageRequest, type RequestOptions } from "./request.js";
import { parseExactly } from "./transport.js";

const FORMAT = "nanobanana conversation 1";
// The names under which a saved conversation has its options, in any language.
const SAVED = {
  ...{ model: "model", aspectRatio: "aspect_ratio", imageSize: "image_size", includeThoughts: "include_thoughts" },
  ...{ wire: "wire", extraBody: "extra_body" },
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
  #turns: Turn[];
  #isBusy = false;

  /** Raises: InvalidRequestError. */
  constructor(perform: Perform, options: ImageOptions, turns: readonly Turn[] = []) {
    const { wire } = new ImageRequest("checks the options before the first turn", options);
    const { modelRole, body } = FORMATS[wire];
    const problem = turns.findIndex((turn, number) => {
      const said = turn[body];
      const isSaid = Array.isArray(said) || (wire === "chat" && (said === null || typeof said === "string"));
      return turn.role !== (number % 2 ? modelRole : "user") || !isSaid;
    });
    const isAnswered = turns.length % 2 === 0;
    const words = problem < 0 ? "the last turn has no answer" : `turn ${problem + 1} is none of the ${wire} format`;
    if (problem >= 0 || !isAnswered) throw new InvalidRequestError(words, { param: "turns" });
    this.#perform = perform;
    this.#options = { ...options };
    this.#turns = [...turns];
  }

  /** The turns so far in the endpoint's JSON, the user's and the model's in alternation. */
  get turns(): readonly Turn[] { return JSON.parse(JSON.stringify(this.#turns)) as Turn[]; }

  /** Makes the next picture; where that fails, the conversation stays as it was. Raises as `generate` does. */
  async send(prompt: string, { references, ...options }: TurnOptions = {}): Promise<Generation> {
    this.#checkFree("send the next");
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
    this.#checkFree("undo it");
    if (!this.#turns.length) throw new InvalidRequestError("there is no turn to undo");
    this.#turns = this.#turns.slice(0, -2);
  }

  #checkFree(what: string): void {
    if (this.#isBusy) throw new InvalidRequestError("a turn is under way", { advice: `Wait for it, then ${what}` });
  }

  /** The whole conversation, pictures included and without the key: what `JSON.stringify(conversation)` writes. */
  toJSON(): object {
    const options = Object.entries(SAVED).map(([name, saved]) => [saved, this.#options[name as keyof ImageOptions]]);
    return { format: FORMAT, options: Object.fromEntries(options) as object, turns: this.#turns };
  }

  /** Takes a conversation up again that was saved as JSON, on a client. Raises: InvalidRequestError. */
  static fromJson(
    text: string,
    client: { conversation(options: object, turns: readonly Turn[]): Conversation },
  ): Conversation {
    try {
      const saved = object(parseExactly(text));
      if (saved.format !== FORMAT) throw new Error(`its format is ${JSON.stringify(saved.format)}`);
      if (!Array.isArray(saved.turns)) throw new Error("it has no turns");
      const given = object(saved.options);
      const options = Object.entries(SAVED).map(([name, key]) => [name, given[key] ?? undefined]);
      return client.conversation(Object.fromEntries(options) as object, saved.turns.map(object));
    } catch (error) {
      const words = error instanceof NanoBananaError ? error.detail : (error as Error).message;
      throw new InvalidRequestError(`this is not a saved conversation: ${words}`, { param: "text" });
    }
  }
}
