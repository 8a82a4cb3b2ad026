/** README's snippets, which are plain JavaScript as well, run as they stand there. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const library = new URL("../src/index.js", import.meta.url).href;

test("README's snippets make and save pictures", async () => {
  const page = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const snippets = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code!);
  assert.equal(snippets.length, 2);
  const folder = await mkdtemp(join(tmpdir(), "nanobanana-"));
  for (const name of ["mug.png", "table.jpg"]) await copyFile(join(process.env.EXAMPLES!, name), join(folder, name));
  const settings = { INFINITYBLUE_API_KEY: "sk-readme-0123456789", INFINITYBLUE_BASE_URL: process.env.SANDBOX };
  const env = { ...process.env, ...settings };
  const given = `import { NanoBanana } from "infinityblue-nanobanana"; import { readFile } from "node:fs/promises";
    const client = new NanoBanana();\n`;
  for (const [number, code] of [snippets[0]!, given + snippets[1]!].entries()) {
    const file = join(folder, `snippet-${number}.mjs`);
    await writeFile(file, code.replace('"infinityblue-nanobanana"', JSON.stringify(library)));
    await promisify(execFile)(process.execPath, [file], { cwd: folder, env });
  }
  assert.ok((await readdir(folder)).includes("cat.png"));
  assert.equal((await readdir(join(folder, "out"))).length, 1);
  await rm(folder, { recursive: true });
});
