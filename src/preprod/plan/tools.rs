//! Tools that the agent's code declares, by the forms of the usual SDKs. Nothing is run or parsed as a
//! language: a line that looks like a declaration is told with its place.

use std::collections::BTreeSet;

use regex::Regex;

use super::document::DeclaredTool;

/// The most tools that are told.
const MOST: usize = 200;

/// How tools are declared, each with the name as its first group.
const FORMS: &[&str] = &[
    // MCP servers, LangChain and the Vercel AI SDK in JavaScript.
    r#"\b(?:registerTool|server\.tool|addTool)\(\s*["'`]([A-Za-z0-9_.-]{1,64})["'`]"#,
    // A function behind a decorator, in Python.
    r"@(?:[a-z_]+\.)?(?:function_)?tool\b[^\n]*\n(?:@[^\n]*\n)*\s*(?:async )?def ([A-Za-z0-9_]{1,64})",
    // Definitions that are sent to a model: a name, and beside it a schema of arguments.
    r#""?name"?\s*[:=]\s*["']([A-Za-z0-9_-]{1,64})["'],?\s*\n?\s*"?description"?[^\n]*\n?[^\n]*\n?\s*"?(?:input_schema|inputSchema|parameters)"?\s*[:=]"#,
    // The tool helper of SDKs in JavaScript.
    r#"\btool\(\s*\{\s*name:\s*["'`]([A-Za-z0-9_-]{1,64})["'`]"#,
];

/// The tools in one file of code.
pub fn of(file: &str, text: &str) -> BTreeSet<DeclaredTool> {
    let mut found = BTreeSet::new();
    for form in FORMS {
        let Ok(form) = Regex::new(form) else { continue };
        for captures in form.captures_iter(text).take(MOST) {
            let Some(name) = captures.get(1) else {
                continue;
            };
            let before = text.get(..name.start()).unwrap_or_default();
            found.insert(DeclaredTool {
                name: name.as_str().to_owned(),
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let found = of("x", text);
        found
            .into_iter()
            .map(|one| format!("{}:{}", one.name, one.line))
            .collect()
    }

    #[test]
    fn tools_are_seen_in_the_forms_of_the_usual_sdks() {
        assert_eq!(
            names("server.tool(\n  \"close_issue\", {})"),
            ["close_issue:2"]
        );
        assert_eq!(names("x.registerTool('list-issues', a)"), ["list-issues:1"]);
        assert_eq!(
            names("@mcp.tool()\nasync def fetch(a): pass\n\n@function_tool\ndef send(): pass\n"),
            ["fetch:2", "send:5"]
        );
        assert_eq!(
            names("{\"name\": \"refund\",\n \"description\": \"x\",\n \"input_schema\": {}}"),
            ["refund:1"]
        );
        assert_eq!(
            names("tool({ name: 'search', parameters: p })"),
            ["search:1"]
        );
        assert_eq!(
            names("name = 'nobody'\nprint(name)\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_form_is_an_expression() {
        for form in FORMS {
            assert!(Regex::new(form).is_ok(), "{form}");
        }
    }
}
