/** NanoBanana: the client that people import. */

import { type Reply, read } from "./answers.js";
import { Conversation, type Perform } from "./conversation.js";
import { InvalidRequestError, NanoBananaError, SaveError, UnusableResponseError } from "./errors.js";
import { FORMATS, type Turn, bodyOf } from "./formats.js";
import { GeneratedImage, type Generation, checkTarget } from "./image.js";
import { decide } from "./refusals.js";
import { type ImageOptions, ImageRequest, type RequestOptions } from "./request.js";
import { type ClientOptions, type Platform, SYSTEM, type Settings } from "./settings.js";
import { headersProblem, secondsProblem, settingsOf } from "./settings.js";
import { attempt } from "./transport.js";

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
    if (target === null) return generation;
    try {
      const path = await generation.image.save(target);
      if (generation.image instanceof GeneratedImage) generation.image.path = path;
      return generation;
    } catch (error) {
      const { detail, image } = error as SaveError;
      throw new SaveError(detail, { image: image!, generation });
    }
  }

  /** Begins a conversation, in which each prompt builds on the pictures before. Raises: InvalidRequestError. */
  conversation(options: ImageOptions = {}, turns: ConstructorParameters<typeof Conversation>[2] = []): Conversation {
    return new Conversation((...call) => this.#perform(...call), options, turns);
  }

  async #perform(request: ImageRequest, history: readonly Turn[], options: CallOptions): ReturnType<Perform> {
    const { platform, base, maxRetries, retryUnknown, authorization, headers } = this.#settings;
    const { timeout = this.#settings.timeout, extraHeaders = {}, signal } = options;
    const problems = { timeout: secondsProblem("timeout", timeout), extraHeaders: headersProblem(extraHeaders) };
    for (const [param, problem] of Object.entries(problems)) {
      if (problem) throw new InvalidRequestError(problem, { param });
    }
    const deadline = platform.monotonic() + timeout;
    const format = FORMATS[request.wire];
    const turn = format.userTurn(request);
    const body = Buffer.from(bodyOf([...history, turn], request));
    const own = { Host: base.host, "Content-Type": "application/json", "Content-Length": String(body.length) };
    const all = { ...ACCEPT, ...headers, ...extraHeaders, ...own, Authorization: authorization() };
    const path = base.pathname.replace(/\/$/, "") + format.path(request);
    for (let made = 1; ; made++) {
      let reply: Reply;
      try {
        reply = await attempt(this.#settings, { path, headers: all, body, timeout, deadline, signal });
      } catch (error) {
        const wait = decide(error, made, deadline - platform.monotonic(), maxRetries, retryUnknown, platform.random());
        if (wait === null) throw error;
        await platform.sleep(wait, signal).catch(() => signal?.throwIfAborted());
        continue;
      }
      return concluded(reply, () => {
        const { generation, place } = read(request, reply);
        return { generation, turns: [turn, format.modelTurn(reply.exact(), place, generation.image)] };
      });
    }
  }
}

/** What was made of an answer. Whatever goes wrong in reading it, the answer is there, and goes with the error. */
function concluded<T>({ statusCode, requestId, content }: Reply, conclude: () => T): T {
  try {
    return conclude();
  } catch (error) {
    if (error instanceof NanoBananaError) throw error;
    const fields = { statusCode, requestId, code: null, content: content() };
    throw new UnusableResponseError(`the answer cannot be read: ${(error as Error).message}`, fields);
  }
}
