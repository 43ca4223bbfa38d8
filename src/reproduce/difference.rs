//! In what an attempt differs from the trace, or from another attempt, in plain words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::child::ChildOutcome;

use super::attempts::AttemptRecord;
use super::course::Step;
use super::decision::Shown;
use super::identity::FailureIdentity;
use super::likeness::{Fields, first_difference};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What kind of difference it is.
    pub kind: Kind,
    /// The position of the call, from 1; none where it is about no call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// What is different, half a sentence.
    pub text: String,
}

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another call in the place of one.
    Call,
    /// A call that was not made.
    MissingCall,
    /// A call that the other did not make.
    AdditionalCall,
    /// The same operation with another argument.
    Argument,
    /// The same call, answered differently.
    Answer,
    /// Another criterion does not hold, or none.
    Finding,
    /// The harness ended in another way.
    End,
}

/// What an attempt that did not show the failure differs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The attempt.
    pub attempt: u32,
    /// In what it differs from the trace, the first difference of each kind that came first.
    pub from_trace: Vec<Difference>,
    /// The attempt that showed the failure, with which it is compared; none where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red: Option<u32>,
    /// In what it differs from that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_red: Vec<Difference>,
}

/// Where `other` leaves the course of `reference`, which people know as `name`: the first call or
/// argument that is different, and before it the first answer that was. Empty where it does not.
pub fn of_courses(
    reference: &[Step],
    other: &[Step],
    name: &str,
    fields: Fields,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (at, (theirs, ours)) in reference.iter().zip(other).enumerate() {
        let call = Some(at + 1);
        if !theirs.is_same_call(ours) {
            found.push(left(reference, other, at, name));
            return found;
        }
        if let Some(unlike) = first_difference(&theirs.arguments, &ours.arguments, Fields::All) {
            found.push(Difference {
                kind: Kind::Argument,
                call,
                text: format!(
                    "call {} ({}) has `{}` {} where {name} has {}",
                    at + 1,
                    ours.line(),
                    unlike.at,
                    unlike.second,
                    unlike.first
                ),
            });
            return found;
        }
        if found.is_empty()
            && let Some(text) = answered(theirs, ours, name, fields)
        {
            found.push(Difference {
                kind: Kind::Answer,
                call,
                text: format!("call {} ({}) {text}", at + 1, ours.line()),
            });
        }
    }
    let made = reference.len().min(other.len());
    if let Some(next) = reference.get(made) {
        found.push(Difference {
            kind: Kind::MissingCall,
            call: Some(made + 1),
            text: match made {
                0 => format!("it made no call where {name} begins with {}", next.line()),
                made => format!(
                    "it made no call after its {made} where {name} goes on with {}",
                    next.line()
                ),
            },
        });
    } else if let Some(more) = other.get(made) {
        found.push(Difference {
            kind: Kind::AdditionalCall,
            call: Some(made + 1),
            text: format!(
                "it goes on with {} where {name} ends after {made} calls",
                more.line()
            ),
        });
    }
    found
}

/// What is different at a position where the calls are.
fn left(reference: &[Step], other: &[Step], at: usize, name: &str) -> Difference {
    let (theirs, ours) = (&reference[at], &other[at]);
    let position = at + 1;
    let made_later = other[at..].iter().any(|step| step.is_same_call(theirs));
    let known_later = reference[at..].iter().any(|step| step.is_same_call(ours));
    let instead = || {
        format!(
            "call {position} is {} where {name} has {}",
            ours.line(),
            theirs.line()
        )
    };
    let (kind, text) = match (made_later, known_later) {
        (false, true) => (
            Kind::MissingCall,
            format!(
                "{} is missing, which is call {position} of {name}",
                theirs.line()
            ),
        ),
        (true, false) => (
            Kind::AdditionalCall,
            format!(
                "call {position} is {}, which {name} does not have",
                ours.line()
            ),
        ),
        _ if theirs.is_same_operation(ours) => (Kind::Argument, instead()),
        _ => (Kind::Call, instead()),
    };
    Difference {
        kind,
        call: Some(position),
        text,
    }
}

/// How the same call was answered differently.
fn answered(theirs: &Step, ours: &Step, name: &str, fields: Fields) -> Option<String> {
    if let (Some(theirs), Some(ours)) = (theirs.status, ours.status)
        && theirs != ours
    {
        return Some(format!("was answered {ours} where {name} has {theirs}"));
    }
    if theirs.answer.is_null() && fields == Fields::Common {
        return None;
    }
    let unlike = first_difference(&theirs.answer, &ours.answer, fields)?;
    let at = match unlike.at.as_str() {
        "" => "with".to_owned(),
        at => format!("with `{at}`"),
    };
    Some(format!(
        "was answered {at} {} where {name} has {}",
        unlike.second, unlike.first
    ))
}

/// In what the end of an attempt differs from the failure.
pub fn of_end(attempt: &AttemptRecord, identity: &FailureIdentity) -> Vec<Difference> {
    let mut found = Vec::new();
    match &attempt.run.harness {
        ChildOutcome::Exited { code: 0 } => {}
        outcome => found.push(Difference {
            kind: Kind::End,
            call: None,
            text: match outcome {
                ChildOutcome::Exited { code } => format!("the harness ended with status {code}"),
                ChildOutcome::Killed { signal } => {
                    format!("the harness was ended by signal {signal}")
                }
                ChildOutcome::TimedOut => "the harness ran out of time".to_owned(),
                ChildOutcome::NotStarted { .. } => "the harness did not start".to_owned(),
                ChildOutcome::Stopped => "the harness was stopped".to_owned(),
            },
        }),
    }
    let primary = &identity.primary.subject;
    let text = match &attempt.shown {
        Shown::Green => format!("`{primary}` holds, and so does every other criterion"),
        Shown::RedOther { .. } => {
            let by_other = attempt
                .findings
                .iter()
                .find(|finding| finding.subject == *primary);
            match (by_other, attempt.findings.first()) {
                (Some(finding), _) => format!(
                    "`{primary}` does not hold by {} where the trace has {}",
                    decided(finding.operation.as_deref()),
                    decided(identity.primary.operation.as_deref())
                ),
                (None, Some(finding)) => {
                    format!("`{primary}` holds; `{}` does not", finding.subject)
                }
                (None, None) => format!("`{primary}` holds"),
            }
        }
        Shown::RedSame | Shown::Void { .. } => return found,
    };
    found.push(Difference {
        kind: Kind::Finding,
        call: None,
        text,
    });
    found
}

fn decided(operation: Option<&str>) -> &str {
    operation.unwrap_or("no single operation")
}

/// Every attempt that counts and did not show the failure, compared with the trace, and with the
/// first one that did. `courses` are those of the attempts, in their order; none where the
/// evidence cannot be read.
pub fn explain(
    trace: &[Step],
    attempts: &[AttemptRecord],
    courses: &[Option<Vec<Step>>],
    identity: &FailureIdentity,
) -> Vec<Explained> {
    let red = attempts
        .iter()
        .zip(courses)
        .find(|(attempt, _)| attempt.shown == Shown::RedSame);
    attempts
        .iter()
        .zip(courses)
        .filter(|(attempt, _)| matches!(attempt.shown, Shown::Green | Shown::RedOther { .. }))
        .map(|(attempt, course)| {
            let course = course.as_deref();
            let mut from_trace = course.map_or_else(Vec::new, |course| {
                of_courses(trace, course, "the trace", Fields::Common)
            });
            from_trace.extend(of_end(attempt, identity));
            let from_red = match (red, course) {
                (Some((red, Some(theirs))), Some(ours)) => {
                    let name = format!("attempt {}", red.number);
                    of_courses(theirs, ours, &name, Fields::All)
                }
                _ => Vec::new(),
            };
            Explained {
                attempt: attempt.number,
                from_trace,
                red: red.map(|(red, _)| red.number),
                from_red,
            }
        })
        .collect()
}

/// One sentence for all of them; attempts that differ in the same are named together. Empty where
/// nothing is explained.
pub fn summary(explained: &[Explained]) -> String {
    let mut told: Vec<(String, Vec<u32>)> = Vec::new();
    for one in explained {
        let first = one.from_red.first().or_else(|| one.from_trace.first());
        let text = first.map_or("nothing differs that is recorded", |first| &first.text);
        match told.iter_mut().find(|(known, _)| known == text) {
            Some((_, attempts)) => attempts.push(one.attempt),
            None => told.push((text.to_owned(), vec![one.attempt])),
        }
    }
    let sentences: Vec<String> = told
        .into_iter()
        .map(|(text, attempts)| {
            let numbers: Vec<String> = attempts.iter().map(u32::to_string).collect();
            let word = match attempts.len() {
                1 => "attempt",
                _ => "attempts",
            };
            format!("{word} {}: {text}", numbers.join(", "))
        })
        .collect();
    sentences.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn step(line: &str, status: u16, arguments: Value, answer: Value) -> Step {
        let (method, path) = line.split_once(' ').expect("method and path");
        let operation = match (method, path.rsplit('/').next()) {
            ("PATCH", _) => "issues/update",
            ("POST", _) => "issues/create-comment",
            (_, Some("issues")) => "issues/list-for-repo",
            _ => "issues/get",
        };
        Step {
            clone: "github".to_owned(),
            operation: Some(operation.to_owned()),
            method: method.to_owned(),
            path: path.to_owned(),
            arguments,
            status: Some(status),
            answer,
        }
    }

    fn list(states: &[&str]) -> Step {
        let issues: Vec<Value> = states.iter().map(|state| json!({"state": state})).collect();
        step(
            "GET /r/issues",
            200,
            json!({"page": "1"}),
            Value::from(issues),
        )
    }

    fn close(number: u32) -> Step {
        let path = format!("PATCH /r/issues/{number}");
        step(
            &path,
            200,
            json!({"state": "closed"}),
            json!({"state": "closed"}),
        )
    }

    fn comment(number: u32) -> Step {
        let path = format!("POST /r/issues/{number}/comments");
        step(&path, 201, json!({"body": "x"}), json!({"body": "x"}))
    }

    #[test]
    fn where_a_run_leaves_the_course_of_another_is_said_in_words() {
        let reference = [list(&["open", "open"]), comment(7), close(7), close(9)];
        let with = |at: usize, other: Step| {
            let mut course = reference.to_vec();
            course[at] = other;
            course
        };
        let without = |at: usize| {
            let mut course = reference.to_vec();
            course.remove(at);
            course
        };
        let mut more = reference.to_vec();
        more.insert(1, step("GET /r/issues/7", 200, json!({}), json!({})));
        let mut longer = reference.to_vec();
        longer.push(close(11));
        let mut other_body = comment(7);
        other_body.arguments = json!({"body": "y"});
        let mut refused = close(7);
        refused.status = Some(403);
        let courses = [
            reference.to_vec(),
            Vec::new(),
            with(3, close(8)),
            with(1, other_body),
            with(2, refused),
            with(0, list(&["open", "closed"])),
            with(0, list(&["open"])),
            without(1),
            without(3),
            more,
            longer,
        ];
        let told: Vec<String> = courses
            .iter()
            .map(|course| {
                let found = of_courses(&reference, course, "the trace", Fields::Common);
                let found: Vec<String> = found
                    .iter()
                    .map(|one| format!("{:?}: {}", one.kind, one.text))
                    .collect();
                found.join(" | ")
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"

        MissingCall: it made no call where the trace begins with GET /r/issues
        Argument: call 4 is PATCH /r/issues/8 where the trace has PATCH /r/issues/9
        Argument: call 2 (POST /r/issues/7/comments) has `body` "y" where the trace has "x"
        Answer: call 3 (PATCH /r/issues/7) was answered 403 where the trace has 200
        Answer: call 1 (GET /r/issues) was answered with `[1].state` "closed" where the trace has "open"
        Answer: call 1 (GET /r/issues) was answered with 1 item where the trace has 2 items
        MissingCall: POST /r/issues/7/comments is missing, which is call 2 of the trace
        MissingCall: it made no call after its 3 where the trace goes on with PATCH /r/issues/9
        AdditionalCall: call 2 is GET /r/issues/7, which the trace does not have
        AdditionalCall: it goes on with PATCH /r/issues/11 where the trace ends after 4 calls
        "#);
    }

    #[test]
    fn attempts_that_differ_in_the_same_are_told_together() {
        let explained = |attempt, text: &str| Explained {
            attempt,
            from_trace: vec![Difference {
                kind: Kind::Finding,
                call: None,
                text: text.to_owned(),
            }],
            red: None,
            from_red: Vec::new(),
        };
        let all = [explained(1, "a"), explained(2, "b"), explained(3, "a")];
        assert_eq!(summary(&all), "attempts 1, 3: a; attempt 2: b");
        assert_eq!(summary(&[]), "");
    }
}
