/** NanoBanana: the client that people import. */

import { read } from "./answers.js";
import { Conversation, type Perform } from "./conversation.js";
import { InvalidRequestError, NanoBananaError, SaveError } from "./errors.js";
import { FORMATS, type Turn, modelTurn } from "./formats.js";
import { type Generation, checkTarget } from "./image.js";
import { merged } from "./json.js";
import { decide } from "./refusals.js";
import { type ImageOptions, ImageRequest, type RequestOptions } from "./request.js";
import { type ClientOptions, type Platform, SYSTEM, type Settings } from "./settings.js";
import { headersProblem, secondsProblem, settingsOf } from "./settings.js";
import { type Reply, attempt } from "./transport.js";

const ACCEPT = { Accept: "application/json", "Accept-Encoding": "identity", "User-Agent": "nanobanana-typescript" };

export interface CallOptions {
  /** Seconds for this call, all its tries and waits together. */
  timeout?: number | undefined;
  extraHeaders?: Readonly<Record<string, string>> | undefined;
  /** A file or folder to write the picture to, as `GeneratedImage.save` does; `image.path` is the real path. */
  saveTo?: string | undefined;
  /** Hangs up when it is aborted. The call may be billed all the same. */
  signal?: AbortSignal | undefined;
}

/**
 * Makes pictures.
 *
 *     const client = new NanoBanana();
 *     const generation = await client.generate("Draw a cat on a rooftop");
 *     await generation.image.save("cat");
 */
export class NanoBanana {
  readonly #settings: Settings;

  /** Raises: ConfigurationError. `platform` is for tests, which bring their own clock and way to the endpoint. */
  constructor(options: ClientOptions = {}, platform: Platform = SYSTEM) {
    this.#settings = settingsOf(options, platform);
  }

  /**
   * Makes a picture, from words or from words and reference images: paths, bytes, Blobs, `data:` URLs, or pictures that
   * were made.
   *
   * Raises: InvalidRequestError before anything is sent; any other of the tree in errors.ts.
   */
  async generate(prompt: string, options: RequestOptions & CallOptions = {}): Promise<Generation> {
    return this.send(await ImageRequest.of(prompt, options), options);
  }

  /** Makes the picture that a request describes. Returns and raises as `generate` does. */
  async send(request: ImageRequest, { saveTo, ...options }: CallOptions = {}): Promise<Generation> {
    const target = saveTo === undefined ? null : await checkTarget(saveTo);
    const { generation } = await this.#perform(request, [], options);
    if (target !== null) await generation.image.save(target).then(
      (path) => Object.assign(generation.image, { path }),
      ({ detail, image }: SaveError) => { throw new SaveError(detail, { image, generation }); });
    return generation;
  }

  /** Begins a conversation, in which each prompt builds on the pictures before. Raises: InvalidRequestError. */
  conversation(options: ImageOptions = {}, turns: ConstructorParameters<typeof Conversation>[2] = []): Conversation {
    return new Conversation((...call) => this.#perform(...call), options, turns);
  }

  async #perform(request: ImageRequest, history: readonly Turn[], options: CallOptions): ReturnType<Perform> {
    const { platform, base } = this.#settings;
    const { timeout = this.#settings.timeout, extraHeaders = {}, signal } = options;
    const problems = { timeout: secondsProblem("timeout", timeout), extraHeaders: headersProblem(extraHeaders) };
    for (const [param, problem] of Object.entries(problems)) if (problem) InvalidRequestError.refuse(param, problem);
    const deadline = platform.monotonic() + timeout;
    const format = FORMATS[request.wire];
    const turn = format.userTurn(request);
    const document = merged(format.toJson([...history, turn], request), request.extraBody);
    const body = Buffer.from(JSON.stringify(document));
    const own = { Host: base.host, "Content-Type": "application/json", "Content-Length": String(body.length) };
    const Authorization = this.#settings.authorization();
    const headers = { ...ACCEPT, ...this.#settings.headers, ...extraHeaders, ...own, Authorization };
    const path = base.pathname.replace(/\/$/, "") + format.path(request);
    for (let made = 1; ; made++) {
      let reply: Reply | undefined;
      try {
        reply = await attempt(this.#settings, { path, headers }, body, deadline, signal);
        const { generation, source } = read(request, reply);
        return { generation, turns: [turn, modelTurn(format, source, generation)] };
      } catch (error) {
        // Whatever it is, what was paid for goes with the error.
        const isStrange = reply && !(error instanceof NanoBananaError);
        if (isStrange) throw reply!.unusable(`the answer cannot be read: ${(error as Error).message}`);
        const wait = decide(error, made, deadline - platform.monotonic(), this.#settings, platform.random());
        if (wait === null) throw error;
        await platform.sleep(wait, signal).catch(() => signal?.throwIfAborted());
      }
    }
  }
}
