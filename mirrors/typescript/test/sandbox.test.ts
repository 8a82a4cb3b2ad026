/** The mirror beside the sandbox, which plays the endpoint with real pictures. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import * as nanobanana from "../src/index.js";
import { Conversation, GeneratedImage, ImageRequest, InvalidRequestError, NanoBanana } from "../src/index.js";

const KEY = "sk-sandbox-0123456789";
const baseUrl = process.env.SANDBOX!;
const client = new NanoBanana({ apiKey: KEY, baseUrl, maxRetries: 0 });
const mug = join(process.env.EXAMPLES!, "mug.png");
let folder = "";
before(async () => { folder = await mkdtemp(join(tmpdir(), "nanobanana-")); });
after(() => rm(folder, { recursive: true }));

const refused = (param: string) => (error: unknown): boolean =>
  error instanceof InvalidRequestError && error.param === param && error.billed === "no";

test("README's first example makes a picture and saves it under its true suffix, and nothing beside it", async () => {
  const generation = await client.generate("Draw a cat on a rooftop");
  const path = await generation.image.save(join(folder, "first", "cat"));
  assert.match(path, /cat\.png$/);
  assert.ok(generation.image instanceof GeneratedImage);
  assert.deepEqual(await readFile(path), Buffer.from(generation.image.data));
  assert.deepEqual(await readdir(join(folder, "first")), ["cat.png"]);
});

test("every listed model and ratio is taken, and every size makes a request", async () => {
  for (const model of nanobanana.MODELS) assert.equal((await client.generate("A cat", { model })).model, model);
  for (const aspectRatio of nanobanana.ASPECT_RATIOS) await client.generate("A cat", { aspectRatio });
  for (const imageSize of nanobanana.IMAGE_SIZES) new ImageRequest("A cat", { imageSize });
});

test("a reference can be a path, bytes, an ArrayBuffer, a Blob, a File, a data: URL or a GeneratedImage", async () => {
  const bytes = new Uint8Array(await readFile(mug));
  const { image } = await client.generate("A cat");
  const forms = [mug, bytes, bytes.buffer, new Blob([bytes]), new File([bytes], "mug.png"), image as GeneratedImage];
  const references = [...forms, `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`];
  const request = await ImageRequest.of("Draw them", { references });
  assert.deepEqual(request.references.map(({ mimeType }) => mimeType), Array(7).fill("image/png"));
  assert.ok((await client.send(request)).image instanceof GeneratedImage);
});

test("a reference that is no picture, no regular file or on a server is refused by its number", async () => {
  for (const bad of [folder, join(folder, "none.png"), "https://pictures.example/a.png", new Uint8Array(9)]) {
    const call = client.generate("A cat", { references: [mug, bad] });
    await assert.rejects(call, (error) => refused("references")(error) && /reference 2/.test(String(error)));
  }
});

test("saveTo is looked at before the call, and the picture's path is set", async () => {
  await assert.rejects(client.generate("A cat", { saveTo: "/dev/null/cat" }), refused("saveTo"));
  const { image } = await client.generate("A cat", { saveTo: `${folder}/saved/` });
  assert.ok(image instanceof GeneratedImage && image.path?.startsWith(join(folder, "saved", "nanobanana-")));
});

test("what is no regular file is never replaced, and the picture is on the error", async () => {
  const { image } = await client.generate("A cat");
  const call = image.save("/dev/null", { keepSuffix: true });
  const isSaveError = (error: unknown): boolean => error instanceof nanobanana.SaveError && error.image === image;
  await assert.rejects(call, isSaveError);
});

test("with the suffix of another type no other file is replaced", async () => {
  await writeFile(join(folder, "dog.png"), "kept");
  const { image } = await client.generate("A dog");
  assert.match(await image.save(join(folder, "dog.jpg")), /dog-2\.png$/);
  assert.equal(await readFile(join(folder, "dog.png"), "utf8"), "kept");
});

test("a conversation builds on its turns, forgets the last, and goes on from its JSON", async () => {
  const conversation = client.conversation({ model: "nanobanana_pro" });
  await conversation.send("Draw a cat");
  await conversation.send("Now at night");
  assert.equal(conversation.turns.length, 4);
  conversation.undo();
  const text = JSON.stringify(conversation);
  const again = Conversation.fromJson(text, client);
  await again.send("Now by day", { references: [mug] });
  assert.deepEqual(again.turns.slice(0, 2), conversation.turns);
  assert.ok(!text.includes(KEY));
  assert.throws(() => Conversation.fromJson('{"format": "other"}', client), refused("text"));
});

test("the second of two turns at once is refused, and the first goes on", async () => {
  const conversation = client.conversation();
  const first = conversation.send("Draw a cat");
  await assert.rejects(conversation.send("Now at night"), InvalidRequestError);
  await first;
  assert.equal(conversation.turns.length, 2);
});

test("nothing that is printed or saved shows the key", async () => {
  const generation = await client.generate("A cat");
  const wrong = new NanoBanana({ apiKey: "secret_that_is_no_key", baseUrl });
  const error = await wrong.generate("A cat").catch((reason: unknown) => reason);
  assert.ok(error instanceof nanobanana.AuthenticationError);
  for (const value of [client, wrong, generation, generation.raw, generation.headers, client.conversation(), error]) {
    const shown = [inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value), (value as Error).stack ?? ""];
    for (const words of shown) assert.ok(!words.includes(KEY) && !words.includes("secret_that"), words.slice(0, 300));
  }
});

test("an aborted call rejects with the signal's reason, closes its connection, and the client goes on", async () => {
  const hangUps: Promise<unknown>[] = [];
  const silent = createServer((socket) => {
    hangUps.push(new Promise((resolve) => socket.on("close", resolve).on("error", () => undefined).resume()));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  const waiting = new NanoBanana({ apiKey: KEY, baseUrl: `http://127.0.0.1:${port}` });
  const [reason, controller] = [new Error("enough"), new AbortController()];
  setTimeout(() => controller.abort(reason), 100);
  await assert.rejects(waiting.generate("A cat", { signal: controller.signal }), reason);
  assert.equal(hangUps.length, 1);
  await Promise.all(hangUps);
  await assert.rejects(waiting.generate("A cat", { timeout: 0.1 }), nanobanana.APITimeoutError);
  silent.close();
  await assert.rejects(waiting.generate("A cat", { timeout: 0.2 }), nanobanana.APIConnectionError);
});

test("headers of the library cannot be replaced, and none can smuggle a line", async () => {
  for (const extraHeaders of [{ authorization: "x" }, { Host: "x" }, { "x-y": "a\r\nb: c" }, { "x y": "a" }]) {
    await assert.rejects(client.generate("A cat", { extraHeaders }), refused("extraHeaders"));
  }
});

test("a picture elsewhere is a class of its own, and asking it for a file fetches nothing", async () => {
  const image = new nanobanana.RemoteImage("https://pictures.example/a.png");
  await assert.rejects(image.save(), nanobanana.DownloadError);
});
