//! The harness that is written where no program takes its task from archal yet. It fails, and
//! says why, until it is filled in.

use crate::preprod::survey::repository::{Findings, Kind};

/// A file to write.
pub(super) struct Stub {
    /// Its path in the repository.
    pub(super) path: &'static str,
    pub(super) text: String,
}

/// The stub for a repository of these kinds.
pub(super) fn stub(findings: &Findings) -> Stub {
    let has = |kind| findings.kinds.contains(&kind);
    if has(Kind::Npm) {
        Stub {
            path: ".archal/harness.mjs",
            text: javascript(findings),
        }
    } else if has(Kind::Python) || findings.kinds.is_empty() {
        Stub {
            path: ".archal/harness.py",
            text: python(findings),
        }
    } else {
        Stub {
            path: ".archal/harness.sh",
            text: shell(findings),
        }
    }
}

/// What the comments of every stub say, as lines.
fn about(findings: &Findings) -> Vec<String> {
    let mut lines = vec![
        "What `archal run` starts for every run of a scenario: it must run the agent once on the".to_owned(),
        "task in AGENT_TASK and write its answer to stdout as {\"text\": \"…\"}; logs go to stderr.".to_owned(),
        "Calls to the services' normal addresses reach the clones; no URL needs to change.".to_owned(),
    ];
    if findings.mcp {
        lines.push(
            "MCP servers: the file named in ARCHAL_MCP_CONFIG lists those of the clones."
                .to_owned(),
        );
    }
    if !findings.programs.is_empty() {
        lines.push(String::new());
        lines.push("Programs this repository names:".to_owned());
        for program in findings.programs.iter().take(5) {
            lines.push(format!(
                "  {}   ({})",
                one_line(&program.command.join(" ")),
                one_line(&program.why)
            ));
        }
    }
    lines
}

/// Names come from files of others: no line of theirs may end a comment.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn commented(mark: &str, lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("{}\n", format!("{mark} {line}").trim_end()))
        .collect()
}

fn javascript(findings: &Findings) -> String {
    let about = commented("//", &about(findings));
    format!(
        "{about}
/** Runs the agent on `task` and gives back its answer. */
async function runAgent(task) {{
  // For example:
  //   import {{ agent }} from \"../src/agent.js\";
  //   return await agent(task, {{ model: process.env.AGENT_MODEL }});
  throw new Error(\".archal/harness.mjs is not filled in yet: let runAgent() start the agent\");
}}

const task = process.env.AGENT_TASK;
if (!task) {{
  console.error(\"AGENT_TASK is not set; `archal run` sets it\");
  process.exit(2);
}}
try {{
  const text = await runAgent(task);
  console.log(JSON.stringify({{ text }}));
}} catch (error) {{
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}}
"
    )
}

fn python(findings: &Findings) -> String {
    let about = commented("#", &about(findings));
    format!(
        "{about}
import json
import os
import sys


def run_agent(task: str) -> str:
    \"\"\"Runs the agent on `task` and gives back its answer.\"\"\"
    # For example:
    #   from my_agent import answer
    #   return answer(task, model=os.environ.get(\"AGENT_MODEL\"))
    raise NotImplementedError(
        \".archal/harness.py is not filled in yet: let run_agent() start the agent\"
    )


def main() -> int:
    task = os.environ.get(\"AGENT_TASK\")
    if not task:
        print(\"AGENT_TASK is not set; `archal run` sets it\", file=sys.stderr)
        return 2
    try:
        text = run_agent(task)
    except NotImplementedError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({{\"text\": text}}))
    return 0


if __name__ == \"__main__\":
    sys.exit(main())
"
    )
}

fn shell(findings: &Findings) -> String {
    let about = commented("#", &about(findings));
    format!(
        "#!/bin/sh
{about}
set -eu
: \"${{AGENT_TASK:?it is not set; archal run sets it}}\"

# For example:
#   exec cargo run --quiet -- \"$AGENT_TASK\"
# Whatever is written to stdout is the answer.
echo \".archal/harness.sh is not filled in yet: let it start the agent\" >&2
exit 1
"
    )
}
