//! What the loop would do, and why it stops after the first run, in words.

use crate::preprod::failure::Failure;
use crate::preprod::report::Policy;
use crate::preprod::status::StopReason;

use super::ending::End;

/// What the loop would do.
pub(super) fn explained(policy: &Policy, scenarios: usize) -> String {
    let fixing = match (&policy.fixer, policy.allow_external_execution) {
        (None, _) => "nothing is fixed: no fixer is named".to_owned(),
        (Some(_), false) => "nothing is fixed: external execution is not allowed".to_owned(),
        (Some(fixer), true) => format!(
            "{fixer} gets at most {} attempts at what is the agent's, each followed by all scenarios",
            policy.max_fix_attempts
        ),
    };
    let validation = match &policy.validation_command {
        None => String::new(),
        Some(command) => format!("; then `{command}` must succeed"),
    };
    let pr = match (policy.open_pr, &policy.pr_command) {
        (false, _) => String::new(),
        (true, None) => "; a patch that is proved becomes a draft pull request".to_owned(),
        (true, Some(command)) => {
            format!("; a patch that is proved becomes a draft pull request by `{command}`")
        }
    };
    let run = match scenarios {
        1 => "1 scenario".to_owned(),
        many => format!("{many} scenarios"),
    };
    format!("{run} would be run in the checkout and failures classified; {fixing}{validation}{pr}")
}

/// Why it stops after the first run.
pub(super) fn explain_first(mut end: End, reason: StopReason, policy: &Policy) -> End {
    end.reason = reason;
    let first = end.failures.first().map(Failure::line);
    let first = first.unwrap_or_default();
    let count = end.failures.len();
    let failing = match count {
        1 => "1 scenario fails".to_owned(),
        many => format!("{many} scenarios fail"),
    };
    end.explanation = match reason {
        StopReason::ScenariosPassed => "every scenario passes".to_owned(),
        StopReason::Classified if count == 0 => "nothing fails".to_owned(),
        StopReason::Classified => format!("{failing}: {first}"),
        StopReason::NotTheAgent => {
            format!("{failing}, and none of it is for a fixer: {first}")
        }
        StopReason::FixAttempts => {
            format!("{failing}, and no fix attempt is allowed: {first}")
        }
        StopReason::NoFixer => format!("{failing}, and no fixer is named: {first}"),
        StopReason::ExternalExecutionNotAllowed if count == 0 => {
            "the scenarios pass, and the validation command may not run".to_owned()
        }
        StopReason::ExternalExecutionNotAllowed => {
            format!("{failing}, and the fixer may not run: {first}")
        }
        StopReason::SandboxUnavailable => format!(
            "the sandbox is required and this machine cannot make all of it: {}",
            policy.sandbox_enforced
        ),
        _ => first,
    };
    end
}
