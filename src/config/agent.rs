//! The agent's command, with variables filled in.

use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;

use super::layers::Loaded;
use super::schema::{Agent, AgentCommand};

/// The agent's program, arguments and additional variables as they are to be started; none where
/// the configuration names no agent.
///
/// # Errors
///
/// When the command line has an open quote or is empty, or a `${NAME}` names a variable that is
/// not set.
pub fn command(
    loaded: &Loaded,
    environment: &Environment,
) -> Result<Option<AgentCommand>, Vec<Diagnostic>> {
    match &loaded.config.agent {
        None => Ok(None),
        Some(Agent::Line(line)) => words(line)
            .map(Some)
            .map_err(|finding| vec![loaded.at("agent", finding)]),
        Some(Agent::Command(command)) => expand(command, loaded, environment).map(Some),
    }
}

fn words(line: &str) -> Result<AgentCommand, Diagnostic> {
    let mut words = split(line).ok_or_else(|| {
        Diagnostic::error(
            "config/quote",
            "a quote in the agent's command line is not closed",
        )
    })?;
    if words.is_empty() {
        return Err(Diagnostic::error(
            "config/agent",
            "the agent's command is empty",
        ));
    }
    let args = words.split_off(1);
    Ok(AgentCommand {
        command: words.remove(0),
        args,
        ..AgentCommand::default()
    })
}

/// Splits a command line into words as a POSIX shell does, without expanding anything; none
/// where a quote is not closed.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '\\') => {
                let next = chars.next()?;
                let word = word.get_or_insert_default();
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

fn expand(
    command: &AgentCommand,
    loaded: &Loaded,
    environment: &Environment,
) -> Result<AgentCommand, Vec<Diagnostic>> {
    let mut expanded = command.clone();
    let mut findings = Vec::new();
    if command.command.trim().is_empty() {
        let finding = Diagnostic::error("config/agent", "the agent's command is empty");
        findings.push(loaded.at("agent.command", finding));
    }
    for (name, value) in &mut expanded.env {
        match fill(value, environment) {
            Ok(filled) => *value = filled,
            Err(finding) => findings.push(loaded.at(&format!("agent.env.{name}"), finding)),
        }
    }
    if findings.is_empty() {
        Ok(expanded)
    } else {
        Err(findings)
    }
}

/// Replaces each `${NAME}` by the caller's variable. Any other `$` stays.
fn fill(text: &str, environment: &Environment) -> Result<String, Diagnostic> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        out.push_str(before);
        let Some(end) = after.find('}') else {
            return Err(Diagnostic::error(
                "config/variable",
                "`${` is not closed by `}`",
            ));
        };
        let name = &after[..end];
        match environment.variables.get(name) {
            Some(value) => out.push_str(value),
            None => {
                return Err(Diagnostic::error(
                    "config/variable",
                    format!("the variable `{name}` is not set"),
                )
                .with_help(format!("export {name}=…")));
            }
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_splits_them() {
        for (line, words) in [
            ("python3 agent.py", Some(vec!["python3", "agent.py"])),
            (
                r#"a 'b c' "d \" e" f\ g ''"#,
                Some(vec!["a", "b c", "d \" e", "f g", ""]),
            ),
            (r#""a\n""#, Some(vec!["a\\n"])),
            ("  ", Some(vec![])),
            ("a 'b", None),
            ("a\\", None),
        ] {
            let split = split(line);
            let found: Option<Vec<&str>> = split
                .as_ref()
                .map(|words| words.iter().map(String::as_str).collect());
            assert_eq!(found, words, "{line}");
        }
    }

    #[test]
    fn variables_are_filled_and_a_missing_one_is_named() {
        let environment = Environment {
            variables: [("A".to_owned(), "x".to_owned())].into(),
            ..Environment::default()
        };
        assert_eq!(fill("$A ${A}${A}", &environment).as_deref(), Ok("$A xx"));
        let missing = fill("${B}", &environment).expect_err("not set");
        assert_eq!(missing.message, "the variable `B` is not set");
        assert!(fill("${A", &environment).is_err());
    }
}
