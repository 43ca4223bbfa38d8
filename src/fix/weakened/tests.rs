//! Tests that ask for less, by the name of how.

use std::path::Path;

use proptest::prelude::*;

use super::{Weakening, compare, tests_of};

/// How a file asks for less, each with its detail.
fn weakened(name: &str, before: &str, after: &str) -> Vec<(Weakening, String)> {
    let of = |text| tests_of(Path::new(name), text).expect("a language that is read");
    let found = compare(&of(before), &of(after));
    found.into_iter().map(|one| (one.how, one.detail)).collect()
}

#[track_caller]
fn is(name: &str, before: &str, change: (&str, &str), expected: &[Weakening]) {
    assert!(before.contains(change.0), "{} is not in it", change.0);
    let found = weakened(name, before, &before.replace(change.0, change.1));
    let how: Vec<Weakening> = found.iter().map(|(how, _)| *how).collect();
    assert_eq!(how, expected, "{change:?}: {found:?}");
}

const PYTHON: &str = r#"
import pytest, unittest

TEXT = """
def test_in_a_string(): assert False
"""

def helper(x):
    return x

@pytest.mark.parametrize("n", [1, 2])
def test_sum(n):
    text = """
at the margin
"""
    total = add(
        n,
        1,
    )
    assert total == n + 1, "wrong, or not"
    assert len(
        text
    ) == 15
    with pytest.raises(ValueError):
        add(None)

class TestAgent(unittest.TestCase):
    def test_kept(self):
        self.assertEqual(run(), ["kept"])  # not closed
        self.assertTrue(len(calls) == 3)

    async def test_later(self):
        assert await done()
"#;

#[test]
fn python() {
    use Weakening::{Deleted, FewerAssertions, Loosened, OtherExpectation, Skipped};
    for (from, to, expected) in [
        ("def test_sum", "def check_sum", &[Deleted][..]),
        (
            "class TestAgent(unittest.TestCase):",
            "class Agent:",
            &[Deleted, Deleted],
        ),
        (
            "@pytest.mark.parametrize",
            "@pytest.mark.xfail\n@pytest.mark.parametrize",
            &[Skipped],
        ),
        (
            "class TestAgent",
            "@unittest.skip('later')\nclass TestAgent",
            &[Skipped],
        ),
        (
            "import pytest",
            "import pytest\npytestmark = pytest.mark.skipif(True)\nimport y",
            &[Skipped],
        ),
        (
            "    total = add(",
            "    if not ready: pytest.skip('x')\n    total = add(",
            &[Skipped],
        ),
        (
            "    total = add(",
            "    if n:\n        return\n    total = add(",
            &[Skipped],
        ),
        (
            "        add(None)\n",
            "        add(None)\n    try:\n        f()\n    except Exception:\n        pass\n",
            &[Skipped],
        ),
        (
            "    assert len(\n        text\n    ) == 15\n",
            "",
            &[FewerAssertions],
        ),
        (
            "    assert total == n + 1, \"wrong, or not\"\n",
            "    # assert total == n + 1\n",
            &[FewerAssertions],
        ),
        ("assert total == n + 1", "assert total", &[Loosened]),
        (
            "assert total == n + 1",
            "assert total in (n, n + 1)",
            &[Loosened],
        ),
        (
            "assert total == n + 1",
            "assert total == n + 1 or True",
            &[Loosened],
        ),
        ("assert total == n + 1", "assert True", &[Loosened]),
        (
            "assert total == n + 1",
            "assert total == pytest.approx(n, abs=5)",
            &[Loosened],
        ),
        ("raises(ValueError)", "raises(Exception)", &[Loosened]),
        (
            "self.assertEqual(run(), [\"kept\"])",
            "self.assertIsNotNone(run())",
            &[Loosened],
        ),
        (
            "self.assertTrue(len(calls) == 3)",
            "self.assertTrue(len(calls) >= 1)",
            &[Loosened],
        ),
        ("[\"kept\"]", "[\"closed\"]", &[OtherExpectation]),
        ("== 15", "== 16", &[OtherExpectation]),
        // No weaker: words, layout, comments and what strings say.
        ("# not closed", "# def test_more: assert x", &[]),
        ("at the margin", "@pytest.mark.skip", &[]),
        ("    return x", "    return x + 1", &[]),
        ("assert await done()", "assert await done() == 1", &[]),
    ] {
        is("test_agent.py", PYTHON, (from, to), expected);
    }
}

const TYPESCRIPT: &str = r#"
import { describe, it, expect } from "vitest";
const pattern = /it\("no test", \)/;
describe("agent", () => {
  it("keeps what is labelled", async () => {
    const kept = `${labels.map((l) => `#${l}`)} it("no") )`;
    expect(kept.length).toBe(3);
    expect(kept)
      .toEqual(["a"]);
    return done(kept);
  });
  it.each([1, 2])("closes %s", (n) => {
    assert.strictEqual(close(n), n);
    assert(close(n) === n);
  });
});
test("throws", () => { expect(() => run()).toThrow("no key"); });
"#;

#[test]
fn javascript_and_typescript() {
    use Weakening::{Deleted, FewerAssertions, Loosened, OtherExpectation, Skipped};
    for (from, to, expected) in [
        ("  it(\"keeps", "  helper(\"keeps", &[Deleted][..]),
        ("\"closes %s\"", "\"may close %s\"", &[Deleted]),
        ("  it(\"keeps", "  it.skip(\"keeps", &[Skipped]),
        ("  it(\"keeps", "  xit(\"keeps", &[Skipped]),
        ("describe(\"agent\"", "describe.skip(\"agent\"", &[Skipped]),
        ("test(\"throws\"", "test.only(\"throws\"", &[Skipped]),
        (
            "test(\"throws\", ",
            "test(\"throws\", { skip: true }, ",
            &[Skipped],
        ),
        (
            "test(\"throws\", ",
            "test(\"throws\", { skip: false }, ",
            &[],
        ),
        ("test(\"throws\"", "test.failing(\"throws\"", &[Skipped]),
        (
            "    expect(kept.length)",
            "    if (!kept) return;\n    expect(kept.length)",
            &[Skipped],
        ),
        (
            "    expect(kept.length).toBe(3);\n",
            "    // expect(kept.length).toBe(3);\n",
            &[FewerAssertions],
        ),
        (
            "expect(kept)\n      .toEqual([\"a\"]);",
            "",
            &[FewerAssertions],
        ),
        (".toBe(3)", ".toBeGreaterThan(0)", &[Loosened]),
        (".toBe(3)", ".toBeTruthy()", &[Loosened]),
        (
            "expect(kept.length).toBe(3)",
            "expect(true).toBe(true)",
            &[Loosened],
        ),
        (".toBe(3)", ".not.toBe(0)", &[Loosened]),
        (
            "assert.strictEqual(close(n), n)",
            "assert.ok(close(n))",
            &[Loosened],
        ),
        (
            "assert(close(n) === n)",
            "assert(close(n) === n || true)",
            &[Loosened],
        ),
        (
            "assert(close(n) === n)",
            "assert(close(n) !== 0)",
            &[Loosened],
        ),
        (".toThrow(\"no key\")", ".toThrow()", &[Loosened]),
        (".toBe(3)", ".toBe(2)", &[OtherExpectation]),
        ("it(\"no\") )`", "it.skip(\"no\") )`", &[]),
        ("return done(kept);", "return await done(kept);", &[]),
    ] {
        is("agent.test.ts", TYPESCRIPT, (from, to), expected);
    }
}

const RUST: &str = r##"
/// #[test] fn in_a_comment() {}
pub fn keep<'a>(label: &'a str) -> char { if label == "'" { 'x' } else { '\'' } }

#[cfg(test)]
mod tests {
    const TEXT: &str = r#"#[test] fn in_a_string() { assert!(x) }"#;

    #[test]
    fn labels_are_kept() {
        assert_eq!(keep("a"), 'x', "as {TEXT}");
        assert!(keep("b") == 'x');
    }

    #[tokio::test(flavor = "current_thread")]
    async fn later() {
        assert!(done().await.is_ok());
    }
}
"##;

#[test]
fn rust() {
    use Weakening::{Deleted, FewerAssertions, Loosened, OtherExpectation, Skipped};
    for (from, to, expected) in [
        ("    #[test]\n", "", &[Deleted][..]),
        ("fn later", "fn some_time", &[Deleted]),
        (
            "    #[test]\n",
            concat!("    #[test]\n    #[ign", "ore]\n"),
            &[Skipped],
        ),
        (
            "    #[test]\n",
            concat!("    #[should_pan", "ic]\n    #[test]\n"),
            &[Skipped],
        ),
        (
            "        assert!(keep(\"b\")",
            "        if true { return; }\n        assert!(keep(\"b\")",
            &[Skipped],
        ),
        (
            "        assert!(done().await.is_ok());\n",
            "",
            &[FewerAssertions],
        ),
        (
            "assert_eq!(keep(\"a\"), 'x', \"as {TEXT}\")",
            "assert_ne!(keep(\"a\"), 'y')",
            &[Loosened],
        ),
        (
            "assert!(keep(\"b\") == 'x')",
            "assert!(keep(\"b\") == 'x' || true)",
            &[Loosened],
        ),
        ("assert!(keep(\"b\") == 'x')", "assert!(true)", &[Loosened]),
        (
            "assert_eq!(keep(\"a\"), 'x', \"as {TEXT}\")",
            "assert_eq!(keep(\"a\"), 'y')",
            &[OtherExpectation],
        ),
        ("fn in_a_string", "fn in_another_string", &[]),
        ("fn in_a_comment", "fn in_another_comment", &[]),
        ("{ 'x' }", "{ 'z' }", &[]),
    ] {
        is("agent.rs", RUST, (from, to), expected);
    }
}

#[test]
fn what_was_seen_is_told_with_the_test_and_the_assertion() {
    let after = PYTHON.replace(
        "self.assertEqual(run(), [\"kept\"])",
        "self.assertTrue(run())",
    );
    let found = weakened("test_agent.py", PYTHON, &after);
    assert_eq!(
        found[0].1,
        "TestAgent.test_kept: `self.assertEqual(run(), [\"kept\"])` became `self.assertTrue(run())`"
    );
}

#[test]
fn nothing_is_read_of_other_languages_and_of_what_is_too_long() {
    assert_eq!(
        tests_of(Path::new("agent_test.go"), "func TestX() {}"),
        None
    );
    let long = " ".repeat(super::MOST_BYTES + 1);
    assert_eq!(tests_of(Path::new("test_x.py"), &long), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_none_is_weaker_than_itself(
        text in "(def test_a|class T:|assert |@skip|\\n|    |\"|'|`|\\$\\{|\\}|\\(|\\)|#\\[test\\]|fn f|\\{|/|\\*|//|\\\\|it\\(|é|expect|\\.to|,|r#|==| or |\\PC){0,40}"
    ) {
        for name in ["a.py", "a.ts", "a.rs"] {
            let tests = tests_of(Path::new(name), &text).expect("short");
            prop_assert!(compare(&tests, &tests).is_empty());
        }
    }
}
