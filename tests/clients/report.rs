//! The reports as what reads them does: a browser with axe, and a published reader of JUnit XML.

use std::process::Command;

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use crate::kept_suites;

use super::clients;

/// Opens the page light and dark, wide and narrow, with everything on it open; tells what axe
/// finds, and whatever a page from a disk must not do.
const BROWSE: &str = r##"
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(process.argv[2] + "/package.json");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const violations = [], strange = [], counts = [];
for (const [colorScheme, width] of [["light", 1200], ["dark", 1200], ["light", 360], ["dark", 360]]) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
  const page = await context.newPage();
  page.on("request", (request) => { if (!request.url().startsWith("file:")) strange.push(`fetches ${request.url()}`); });
  page.on("dialog", (dialog) => { strange.push(`says ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (message) => { if (message.type() === "error") strange.push(message.text()); });
  page.on("pageerror", (error) => strange.push(error.message));
  await page.goto("file://" + process.argv[3]);
  await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document));
  for (const one of found.violations) {
    violations.push(`${one.impact} ${colorScheme} ${width}: ${one.id}, ${one.help}: ${one.nodes[0].html.slice(0, 200)}`);
  }
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) strange.push(`${over} pixels wider than ${width}`);
  const filter = async (text) => {
    await page.keyboard.press("/");
    await page.locator("#text").fill(text);
    await page.keyboard.press("Enter");
    counts.push(await page.locator("#count").textContent());
  };
  await filter("shaky");
  await filter("no such text");
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ violations, strange, counts }));
"##;

/// Reads the XML as EnricoMi/publish-unit-test-result-action does and tells what it found.
const READ: &str = r#"
import json, sys
from junitparser import JUnitXml
xml = JUnitXml.fromfile(sys.argv[1])
cases = [case for suite in xml for case in suite]
print(json.dumps({
    "counts": [xml.tests, xml.failures, xml.errors, xml.skipped],
    "cases": [[case.name, case.classname, [type(one).__name__ for one in case.result]] for case in cases],
}))
"#;

fn exported(format: &str) -> (TestEnv, String) {
    let world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    kept_suites::write(&world, "suite-aa01", 20, false);
    let name = format!("out.{}", if format == "html" { "html" } else { "xml" });
    let file = world.repo().join(&name).display().to_string();
    let told = world.run(&["runs", "export", "--format", format, "-o", &name]);
    assert_eq!(told.code, Some(0), "{told}");
    (world, file)
}

/// What a program prints, as JSON.
fn told(command: &mut Command) -> Value {
    let output = command.output().expect("a program that starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_page_is_for_everybody_and_obeys_nobody() {
    let (world, page) = exported("html");
    let script = world.write("browse.mjs", BROWSE);
    let told = told(
        Command::new("node")
            .arg(script)
            .arg(clients().join("js"))
            .arg(page),
    );
    assert_eq!(told["violations"], serde_json::json!([]));
    assert_eq!(told["strange"], serde_json::json!([]));
    let counts = told["counts"].as_array().expect("a list");
    for pair in counts.chunks(2) {
        assert_eq!(pair[0], "1 of 3 scenarios, 2 runs shown");
        assert_eq!(pair[1], "0 of 3 scenarios, 0 runs shown");
    }
}

#[test]
fn a_reader_of_results_finds_every_scenario() {
    let (world, xml) = exported("junit");
    let script = world.write("read.py", READ);
    let python = clients().join("python/bin/python");
    let told = told(Command::new(python).arg(script).arg(xml));
    assert_eq!(told["counts"], serde_json::json!([3, 2, 0, 0]));
    assert_eq!(
        told["cases"][0],
        serde_json::json!(["Fine", "archal.fine", []])
    );
    assert_eq!(told["cases"][2][2][0], "Failure");
}
