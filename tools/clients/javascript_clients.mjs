// Clients in JavaScript, each told to draw, to draw from a reference, to go on from its answer, and to be refused.
//
//     node javascript_clients.mjs NAME ADDRESS FOLDER
//
// Each prints one line of JSON, as python_clients.py does.
import { readFileSync } from "node:fs";

const KEY = "sk-sandbox";
const bearer = { Authorization: `Bearer ${KEY}` };
const [ASK, EDIT, WITH] = ["Draw a cat", "Now draw it at night", "Draw the cat in this place"];
const REFUSED = "Draw a cat [sandbox:content-policy]";
const shape = { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "16:9", imageSize: "1K" } };
const literal = { extra_body: { google: { image_config: { aspect_ratio: "16:9", image_size: "1K" } } } };

function whole(data) {
  const raw = Buffer.from(data, "base64");
  const isPng = raw.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]));
  const isJpeg = raw.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]));
  if (!isPng && !isJpeg) throw new Error("not a picture");
  return raw.length;
}

function inMarkdown(words) {
  const found = /!\[[^\]]*\]\(data:image\/(?:png|jpeg);base64,([^)]*)\)/.exec(words ?? "");
  if (!found) throw new Error(`no picture in ${String(words).slice(0, 80)}`);
  return whole(found[1]);
}

const user = content => ({ role: "user", content });

function chatSteps(draw, reference) {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${reference}` } };
  return {
    picture: async () => inMarkdown(await draw(user(ASK))),
    reference: async () => inMarkdown(await draw(user([{ type: "text", text: WITH }, image]))),
    "second turn": async () =>
      inMarkdown(await draw(user(ASK), { role: "assistant", content: await draw(user(ASK)) }, user(EDIT))),
    error: () => draw(user(REFUSED)),
  };
}

const clients = {
  async "@google/genai"(address, reference) {
    const { GoogleGenAI } = await import("@google/genai");
    const client = new GoogleGenAI({ apiKey: "unused", httpOptions: { baseUrl: address, headers: bearer } });
    const draw = (...contents) => client.models.generateContent({ model: "nanobanana", contents, config: shape });
    const size = answer => whole(answer.candidates[0].content.parts.at(-1).inlineData.data);
    const chat = client.chats.create({ model: "nanobanana_pro", config: shape });
    return {
      picture: async () => size(await draw(ASK)),
      reference: async () => size(await draw(WITH, { inlineData: { mimeType: "image/png", data: reference } })),
      "second turn": async () => {
        await chat.sendMessage({ message: ASK });
        return size(await chat.sendMessage({ message: EDIT }));
      },
      error: () => draw(REFUSED),
    };
  },

  async "openai (npm)"(address, reference) {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ apiKey: KEY, baseURL: `${address}/v1`, maxRetries: 0 });
    const draw = async (...messages) => {
      const answer = await client.chat.completions.create({ model: "nanobanana_2", messages, ...literal });
      return answer.choices[0].message.content;
    };
    return chatSteps(draw, reference);
  },

  async "AI SDK, google"(address, reference) {
    const { generateText } = await import("ai");
    const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
    const google = createGoogleGenerativeAI({ apiKey: "unused", baseURL: `${address}/v1beta`, headers: bearer });
    const draw = messages =>
      generateText({ model: google("nanobanana_pro"), messages, maxRetries: 0, providerOptions: { google: shape } });
    const size = answer => whole(answer.files.at(-1).base64);
    return {
      picture: async () => size(await draw([user(ASK)])),
      reference: async () =>
        size(await draw([user([{ type: "text", text: WITH }, { type: "image", image: reference, mediaType: "image/png" }])])),
      "second turn": async () => {
        const first = await draw([user(ASK)]);
        return size(await draw([user(ASK), ...first.response.messages, user(EDIT)]));
      },
      error: () => draw([user(REFUSED)]),
    };
  },

  async "AI SDK, openai-compatible"(address, reference) {
    const { generateText } = await import("ai");
    const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
    const provider = createOpenAICompatible({ name: "infinityblue", apiKey: KEY, baseURL: `${address}/v1` });
    const options = { infinityblue: literal };
    const draw = messages =>
      generateText({ model: provider("nanobanana_2"), messages, maxRetries: 0, providerOptions: options });
    const image = { type: "image", image: reference, mediaType: "image/png" };
    return {
      picture: async () => inMarkdown((await draw([user(ASK)])).text),
      reference: async () => inMarkdown((await draw([user([{ type: "text", text: WITH }, image])])).text),
      "second turn": async () => {
        const first = await draw([user(ASK)]);
        return inMarkdown((await draw([user(ASK), ...first.response.messages, user(EDIT)])).text);
      },
      error: () => draw([user(REFUSED)]),
    };
  },

  async "fetch of Node"(address, reference) {
    const draw = async (...messages) => {
      const headers = { ...bearer, "Content-Type": "application/json" };
      const body = JSON.stringify({ model: "nanobanana_2", messages, stream: false, ...literal });
      const answer = await fetch(`${address}/v1/chat/completions`, { method: "POST", headers, body });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error.message);
      return found.choices[0].message.content;
    };
    return chatSteps(draw, reference);
  },
};

const [name, address, folder] = process.argv.slice(2);
const outcome = {};
const steps = await clients[name](address, readFileSync(`${folder}/reference.png`).toString("base64"));
for (const [step, take] of Object.entries(steps)) {
  try {
    const size = await take();
    outcome[step] = step === "error" ? "FAILED no error" : `${size} bytes`;
  } catch (error) {
    if (step !== "error") console.error(error);
    const said = `${error?.message} ${error?.responseBody ?? ""}`; // the AI SDK keeps words it cannot place there
    const understood = step === "error" && said.includes("goes against the rules");
    const kind = error?.constructor?.name ?? typeof error;
    outcome[step] = understood ? kind : `FAILED ${kind}: ${said.slice(0, 300)}`;
  }
}
console.log(JSON.stringify(outcome));
