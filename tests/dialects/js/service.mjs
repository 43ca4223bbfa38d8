// What the recorded agents talk to, on the loopback: an issue tracker, and a collector that keeps what
// is exported.
import http from "node:http";

export const ISSUES = [
  { number: 7, title: "crash on start", labels: [{ name: "keep-open" }] },
  { number: 12, title: "typo in README", labels: [] },
];

export async function serve() {
  const exports = { "/json": [], "/protobuf": [] };
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      if (exports[request.url]) {
        exports[request.url].push(Buffer.concat(parts));
        response.end("{}");
      } else if (request.method === "PATCH") {
        response.statusCode = 403;
        response.end(JSON.stringify({ message: "Must have admin rights to Repository." }));
      } else {
        response.end(JSON.stringify(ISSUES));
      }
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}`, exports, close: () => server.close() };
}
