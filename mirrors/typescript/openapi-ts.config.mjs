// The types of the wire, and its lists as objects at run time. No client: the facade sends by itself, since it has to
// know whether any of a request has left.
export default {
  input: "../../openapi.yaml",
  output: { path: process.env.GENERATED ?? "src/generated", entryFile: false },
  plugins: [{ name: "@hey-api/typescript", enums: "javascript" }],
};
