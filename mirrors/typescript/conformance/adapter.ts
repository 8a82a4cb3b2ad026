/** The adapter of this mirror: JSON lines on stdin and stdout, as conformance/README.md of the repository tells. */

import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import { createInterface } from "node:readline";
import { rootCertificates } from "node:tls";

import type { Generation, Picture, Platform } from "../src/index.js";
import { Conversation, GeneratedImage, ImageRequest, NanoBanana, NanoBananaError } from "../src/index.js";
import { SYSTEM } from "../src/settings.js";

type Message = Record<string, any>;

const BEGINNING = Date.UTC(2026, 0, 1) / 1000;
const FEATURES = ["clock", "tls", "cancel", "save", "reload", "look", "together"];
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const renamed = (values: object, by: (name: string) => string): Message =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [by(name), value]));
const plain = (values: object): Message => renamed(values, snake);
const unpacked = (value: any): any => (value?.$base64 === undefined ? value : Buffer.from(value.$base64, "base64"));

/** The other side of stdin and stdout, and the time as it moves it. */
class Runner {
  #clock: number | null = 0;
  readonly #timers = new Map<AbortController, number>();
  readonly #heard: Message[] = [];
  #wake: () => void = () => undefined;

  constructor() {
    createInterface({ input: process.stdin })
      .on("line", (line) => {
        const message = JSON.parse(line) as Message;
        if (message.type === "tick") {
          this.#set(message);
          this.say({ type: "ticked" });
        } else {
          this.#heard.push(message);
          this.#wake();
        }
      })
      .on("close", () => process.exit(0));
  }

  say(message: Message): void {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  }

  async hear(): Promise<Message> {
    while (!this.#heard.length) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#heard.shift()!;
  }

  #asking: Promise<unknown> = Promise.resolve();

  /** Asks one thing after another, whoever asks. */
  #ask(message: Message): Promise<Message> {
    const asked = this.#asking.then(async () => {
      this.say(message);
      const answer = await this.hear();
      this.#set(answer);
      return answer;
    });
    this.#asking = asked;
    return asked;
  }

  #set({ clock }: Message): void {
    if (clock === null || clock === undefined) return;
    this.#clock = clock as number;
    for (const [controller, due] of this.#timers) if (due <= this.#clock) controller.abort();
  }

  /** Time, chance and the way to the endpoint, for one case. */
  platform(order: Message, ca: string): Platform {
    const route = async (host: string, port: number) => {
      const way = await this.#ask({ type: "connect", host, port });
      if (way.fail) throw Object.assign(new Error(way.fail), { code: way.fail === "dns" ? "ENOTFOUND" : "ETIMEDOUT" });
      return { host: way.host as string, port: way.port as number, ca: [...rootCertificates, ca] };
    };
    if (order.clock !== "fake") return { ...SYSTEM, route };
    this.#clock = 0;
    this.#timers.clear();
    return {
      ...{ route, monotonic: () => this.#clock!, now: () => BEGINNING + this.#clock!, random: () => 1 },
      sleep: (seconds) => this.#ask({ type: "sleep", seconds }),
      timeout: (seconds) => {
        const controller = new AbortController();
        this.#timers.set(controller, this.#clock! + seconds);
        return controller.signal;
      },
    };
  }
}

function seenPicture(picture: Picture): Message {
  if (!(picture instanceof GeneratedImage)) return { url: picture.url };
  const { mimeType, data, width, height } = picture;
  const size = width === null ? {} : { width, height };
  return { type: mimeType, sha256: createHash("sha256").update(data).digest("hex"), ...size };
}

function seenResult({ images, image, drafts, usage, metadata, ...rest }: Generation): Message {
  const { text, thoughts, model } = rest;
  return {
    images: [...images.slice(0, -1), image].map(seenPicture),
    drafts: drafts.map(seenPicture),
    usage: renamed(usage, snake),
    ...{ metadata, text, thoughts, model, finish_reason: rest.finishReason, request_id: rest.requestId },
  };
}

function seenError(error: NanoBananaError): Message {
  const { message, billed, statusCode, code, type, param, requestId, retryAfter, reason, text, finishReason } = error;
  const isOurs = error.name === "InvalidRequestError";
  return {
    ...{ class: error.name, words: message, billed, code: code ?? null, type: type ?? null },
    ...{ status: statusCode ?? null },
    ...{ param: isOurs && param ? snake(param) : (param ?? null), request_id: requestId ?? null, reason, text },
    ...{ retry_after: retryAfter ?? null, finish_reason: finishReason ?? null },
    usage: error.usage ? renamed(error.usage, snake) : null,
    body: (error.body ?? "") + Buffer.from(error.content ?? []).toString(),
  };
}

/** The actions of one case, on one client. */
class Player {
  readonly #folder: string;
  readonly #client: NanoBanana;
  #conversation: Conversation | undefined;
  #last: Generation | undefined;

  constructor(order: Message, platform: Platform) {
    this.#folder = order.folder;
    this.#client = new NanoBanana(renamed(order.client, camel), platform);
  }

  async act({ method, arguments: given = {}, cancel_after: limit }: Message): Promise<Message> {
    if (["raw", "headers", "to_dict", "save"].includes(method) && !this.#last) return {};
    if (["say", "undo", "turns", "reload"].includes(method) && !this.#conversation) return {};
    const signal = limit === undefined ? undefined : AbortSignal.timeout(limit * 1000);
    const { prompt, path, width, height, ...options } = renamed(given, camel);
    if (options.references) options.references = options.references.map(unpacked);
    if (options.saveTo !== undefined) options.saveTo = `${this.#folder}/${options.saveTo}`;
    const drawn = async (drawing: Promise<Generation>): Promise<Message> => {
      this.#last = await drawing;
      return { result: seenResult(this.#last) };
    };
    const seenRequest = async (made: Promise<ImageRequest>): Promise<Message> => {
      const { references, extraBody, ...rest } = await made;
      return { request: renamed(rest, snake) };
    };
    const actions: Record<string, () => Promise<Message>> = {
      generate: () => drawn(this.#client.generate(prompt, { ...options, signal })),
      send: async () => drawn(this.#client.send(await ImageRequest.of(prompt, options), { ...options, signal })),
      request: () => seenRequest(ImageRequest.of(prompt, options)),
      for_pixels: () => seenRequest(ImageRequest.forPixels(width, height, prompt, options)),
      conversation: async () => ((this.#conversation = this.#client.conversation(options)), {}),
      say: () => drawn(this.#conversation!.send(prompt, { ...options, signal })),
      undo: async () => (this.#conversation!.undo(), {}),
      turns: async () => ({ turns: this.#conversation!.turns }),
      reload: async () => {
        const text = JSON.stringify(this.#conversation);
        this.#conversation = Conversation.fromJson(text, this.#client);
        return { text };
      },
      together: async () => {
        const made = await Promise.all((given.calls as Message[]).map(({ prompt, ...call }) =>
          this.#client.generate(prompt, renamed(call, camel))));
        return { results: made.map((generation) => ({ result: seenResult(generation) })) };
      },
      from_json: async () => ((this.#conversation = Conversation.fromJson(given.text, this.#client)), {}),
      raw: async () => ({ raw: this.#last!.raw }),
      headers: async () => ({ headers: this.#last!.headers }),
      to_dict: async () => {
        const { images, drafts, usage, ...rest } = JSON.parse(JSON.stringify(this.#last)) as Message;
        const lists = { images: images.map(plain), drafts: drafts.map(plain) };
        return { dict: { ...renamed(rest, snake), ...lists, usage: plain(usage) } };
      },
      save: async () => {
        const written = await this.#last!.image.save(`${this.#folder}/${path}`, options);
        return { saved: relative(this.#folder, written).split(sep).join("/") };
      },
    };
    try {
      return await actions[method]!();
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return { cancelled: true };
      throw error;
    }
  }
}

const runner = new Runner();
process.removeAllListeners("warning").on("warning", () => undefined);
const { ca } = await runner.hear();
runner.say({ type: "hello", protocol: 1, name: "TypeScript", version: process.version, features: FEATURES });
for (;;) {
  const order = await runner.hear();
  const outcomes: Message[] = [];
  try {
    let player: Player | undefined;
    for (const action of order.do as Message[]) {
      try {
        player ??= new Player(order, runner.platform(order, ca));
        outcomes.push(await player.act(action));
      } catch (error) {
        if (!(error instanceof NanoBananaError)) throw error;
        outcomes.push({ error: seenError(error) });
      }
    }
    runner.say({ type: "done", outcomes });
  } catch (error) {
    runner.say({ type: "broken", why: String((error as Error).stack) });
  }
}
