// Stops the wall clock of a Node process at the time that stands in ARCHAL_CLOCK. Loaded by
// `--require`. Clocks that only measure (`performance.now`, timers) go on.
"use strict";

const fs = require("node:fs");

const stands = Number(process.env.ARCHAL_CLOCK);
const Real = Date;

function Stopped(...parts) {
  if (!new.target) return new Real(stands).toString();
  const made = parts.length === 0 ? new Real(stands) : new Real(...parts);
  // Classes that extend Date keep their own kind.
  return Object.setPrototypeOf(made, new.target.prototype);
}

Stopped.prototype = Real.prototype;
Object.defineProperty(Stopped.prototype, "constructor", {
  value: Stopped, writable: true, configurable: true,
});
Object.defineProperties(Stopped, {
  name: { value: "Date", configurable: true },
  length: { value: 7, configurable: true },
});
Stopped.now = () => stands;
Stopped.parse = Real.parse;
Stopped.UTC = Real.UTC;
globalThis.Date = Stopped;

// What formats the present moment asks for it by itself.
const format = Intl.DateTimeFormat.prototype;
const own = Object.getOwnPropertyDescriptor(format, "format").get;
Object.defineProperty(format, "format", {
  configurable: true,
  get() {
    const bound = own.call(this);
    return (at) => bound(at === undefined ? stands : at);
  },
});

// Says that it is in force, for the record of the run.
fs.appendFileSync(process.env.ARCHAL_CLOCK_SEEN, "node\n");
