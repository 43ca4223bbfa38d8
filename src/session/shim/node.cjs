// Leads the connections of a Node process to archal, which serves the clones and refuses the
// rest. Loaded by `--require`; what it has to know stands in `shim.json` beside it.
"use strict";

const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const tls = require("node:tls");

const { port: door, authority, allow, only } = JSON.parse(
  fs.readFileSync(path.join(__dirname, "shim.json"), "utf8"),
);
const DOOR = { host: "127.0.0.1", port: door };
const SERVED = new Set([80, 443]);
const own = os.hostname().toLowerCase();

const bare = (host) => String(host).toLowerCase().replace(/^\[|\]$|\.$/g, "");

/** Whether a host is this machine, which nothing is led away from. */
function isLocal(host) {
  if (host === undefined || host === null || host === "") return true;
  const name = bare(host);
  return name === "localhost" || name.endsWith(".localhost") || name === own
    || /^(::ffff:)?127\./.test(name) || ["::1", "::", "0.0.0.0"].includes(name);
}

/** Where a connection goes that is recorded: of other hosts nothing is led. */
function recorded(host, port) {
  const name = isLocal(host) ? "localhost" : bare(host);
  const found = only.find(([named, at]) => at === port
    && (named.startsWith("*") ? name.length > named.length - 1 && name.endsWith(named.slice(1))
      : name === (isLocal(named) ? "localhost" : named)));
  return found && { host: "127.0.0.1", port: found[2] };
}

/** The options of a call of `connect`, which takes them in four shapes. */
function optionsOf(args) {
  const [first, second] = args;
  if (typeof first === "object" && first !== null) return first;
  const isPort = typeof first === "number" || (typeof first === "string" && /^\d+$/.test(first));
  if (!isPort) return { path: first };
  return { port: Number(first), host: typeof second === "string" ? second : undefined };
}

const connect = net.Socket.prototype.connect;

/** Tells archal what was refused here, for the evidence. */
function report(host, port) {
  const target = `${bare(host).includes(":") ? `[${bare(host)}]` : bare(host)}:${port}`;
  const socket = new net.Socket();
  // Archal may be gone when the process ends late; the refusal stands either way.
  socket.on("error", () => {});
  connect.call(socket, DOOR);
  socket.resume();
  socket.end(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
}

net.Socket.prototype.connect = function (...args) {
  // Node's own callers hand over options and callback in a marked array.
  const marked = Array.isArray(args[0]) ? args[0] : undefined;
  const options = marked ? marked[0] : optionsOf(args);
  const port = Number(options.port);
  const { host } = options;
  if (only) {
    const to = options.path ? undefined : recorded(host, port);
    return to ? lead(this, args, marked, options, to) : connect.apply(this, args);
  }
  if (options.path || isLocal(host) || allow.includes(`${bare(host)}:${port}`)) {
    return connect.apply(this, args);
  }
  if (!SERVED.has(port)) {
    report(host, port);
    const error = new Error(`connect ECONNREFUSED ${host}:${port} (refused by archal)`);
    Object.assign(error, { code: "ECONNREFUSED", errno: -os.constants.errno.ECONNREFUSED, syscall: "connect", address: host, port });
    this.connecting = true;
    process.nextTick(() => this.destroy(error));
    return this;
  }
  return lead(this, args, marked, options, DOOR);
};

/** Makes a connection to another place than was asked for. */
function lead(socket, args, marked, options, to) {
  const led = { ...options, ...to };
  // The name is not to be looked up: the handshake or the `Host` header says it.
  for (const name of ["lookup", "hostname", "family"]) delete led[name];
  if (marked) {
    const again = [led, marked[1]];
    for (const symbol of Object.getOwnPropertySymbols(marked)) again[symbol] = marked[symbol];
    return connect.call(socket, again);
  }
  const callback = args.find((argument) => typeof argument === "function");
  return callback ? connect.call(socket, led, callback) : connect.call(socket, led);
}

// `NODE_EXTRA_CA_CERTS` reaches every client but those that bring roots of their own.
const createSecureContext = tls.createSecureContext;
tls.createSecureContext = function (options, ...rest) {
  if (options && options.ca) {
    options = { ...options, ca: [].concat(options.ca, fs.readFileSync(authority)) };
  }
  return createSecureContext.call(this, options, ...rest);
};
require("node:module").syncBuiltinESMExports();
