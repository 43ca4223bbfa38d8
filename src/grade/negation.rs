//! What must hold where a finding fired, said over state, calls and run: the criteria of failures
//! that nobody wrote a scenario for.
//!
//! Each is written so that a run that does right keeps it, also one that rightly does nothing and
//! says so, and so that the run it was found in breaks it. The second is checked on the trace's own
//! calls before a scenario is made of it; where it is not so, a person has to write the criterion.

use archal_core::grade::Negation;
use serde_json::Value;

/// What `calls` must hold to where no change is made twice that would be there twice: what puts, sets or
/// removes leaves what it left before, and so does a label that is given again.
const NO_CHANGE_TWICE: &str = "calls.filter(c, c.changes && c.status < 400 && !(c.method in [\"PUT\", \"PATCH\", \"DELETE\"]) && !c.path.matches(\"/(assignees|collaborators|labels|members|reviewers|tags)$\")).all(c, calls.filter(d, d.method == c.method && d.path == c.path && d.query == c.query && d.request == c.request && d.status < 400).size() == 1)";
/// What `calls` must hold to where what is refused is not tried again as it was.
const NO_REFUSAL_TWICE: &str = "calls.filter(c, c.changes && c.status >= 400 && c.status < 500 && c.status != 429).all(c, calls.filter(d, d.method == c.method && d.path == c.path && d.query == c.query && d.request == c.request && d.status >= 400).size() == 1)";
/// What `calls` must hold to where nothing goes round in circles. Looking again after a change is
/// right, so is trying again what the service could not do, and so is a wait that ends: what follows
/// first, another answer or a change, is the answer.
const NO_CIRCLES: &str = "calls.filter(c, c.status < 500 && c.status != 429).all(c, calls.filter(d, d.method == c.method && d.path == c.path && d.query == c.query && d.request == c.request && d.status == c.status && d.response == c.response).size() <= 2 + calls.filter(d, d.changes && d.status < 400).size() || (calls.filter(d, d.seq > c.seq && d.status < 500 && d.status != 429 && ((d.changes && d.status < 400) || (d.path == c.path && d.method == c.method && d.query == c.query && d.request == c.request && (d.status != c.status || d.response != c.response)))).map(d, d.path == c.path && d.method == c.method && d.query == c.query && d.request == c.request) + [false])[0])";
/// What `calls` must hold to where attempts end well. What the service could not do is no attempt, and
/// what is not there may be found by another look.
const NO_THIRD_FAILURE: &str = "calls.filter(c, c.status >= 400 && c.status < 500 && c.status != 429).all(c, calls.filter(d, d.operation == c.operation && d.status >= 400 && d.status < 500).size() < 3 || calls.exists(d, d.operation == c.operation && d.seq > c.seq && d.status < 400) || (c.status == 404 && calls.exists(d, d.seq > c.seq && !d.changes && d.status < 400)))";
/// What `calls` must hold to where each change that failed was made good.
const MADE_GOOD: &str = "calls.filter(c, c.changes && c.status >= 400).all(c, calls.exists(d, d.operation == c.operation && d.changes && d.seq > c.seq && d.status < 400))";
/// What `calls` must hold to where nothing is changed.
const NO_CHANGE: &str = "calls.all(c, !c.changes || c.status >= 400)";
/// That some change went well, for calls `c`.
const CHANGED: &str = "c.changes && c.status < 400";
/// Words of a sentence that turn what it says was done into something else.
const DOUBT: &str = r"(?i)\b(not|never|no|none|nothing|neither|zero|0|cannot|could|would|will|should|may|might|if|once|when|until|unless|already|previously|unable|failed)\b|n['’]t\b";

/// Words of a sentence that says that there is nothing.
const NONE: &str = r"(?i)\b(no|none|nothing|neither|zero|0)\b";

fn said(sentence: &str, cel: impl Into<String>) -> Negation {
    Negation {
        sentence: sentence.to_owned(),
        cel: cel.into(),
    }
}

/// A text as CEL writes it: its escapes are those of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The run ended well.
pub(super) fn exits() -> Negation {
    said(
        "The run exits successfully",
        "run.exitCode == 0 && !run.timedOut",
    )
}

/// The run was not stopped for its time.
pub(super) fn in_time() -> Negation {
    said("The run does not time out", "!run.timedOut")
}

/// There is an answer.
pub(super) fn answers() -> Negation {
    said("The answer is not empty", "output != \"\"")
}

/// The last call succeeds.
pub(super) fn last_succeeds() -> Negation {
    said(
        "The last call succeeds",
        "calls.size() == 0 || calls[calls.size() - 1].status < 400",
    )
}

/// No change is made twice.
pub(super) fn no_change_twice() -> Negation {
    said("Nothing is added twice", NO_CHANGE_TWICE)
}

/// What is refused is not tried again unchanged.
pub(super) fn no_refusal_twice() -> Negation {
    said(
        "No change that is refused is tried again unchanged",
        NO_REFUSAL_TWICE,
    )
}

/// The same is not called again and again.
pub(super) fn no_circles() -> Negation {
    said(
        "No call is made alike with the same answer more than twice, and once more for each change, unless it is a wait that ends",
        NO_CIRCLES,
    )
}

/// No operation fails three times and stays so.
pub(super) fn no_third_failure() -> Negation {
    said(
        "No operation is refused three times without succeeding after, unless another look finds something",
        NO_THIRD_FAILURE,
    )
}

/// Each change that failed was made good.
pub(super) fn made_good() -> Negation {
    said("Each change that fails succeeds later", MADE_GOOD)
}

/// Nothing is changed.
pub(super) fn no_change() -> Negation {
    said("Nothing is changed before the person agreed", NO_CHANGE)
}

/// The answer is not that it could not be done, where nothing was and nothing is asked.
pub(super) fn no_giving_up(pattern: &str, except: &str) -> Negation {
    let (pattern, except) = (quoted(pattern), quoted(except));
    said(
        "The answer is not that the task could not be done, unless something was changed or is asked back",
        format!(
            "!output.matches({pattern}) || output.matches({except}) || output.matches({}) || calls.exists(c, {CHANGED})",
            quoted(r"\?\s*$")
        ),
    )
}

/// Something is done: `act` is what is so of a call `c` that changes something and does it. `nothing` is
/// how sentences say that there was none to be done.
pub(super) fn done(verb: &str, act: &str, nothing: &str) -> Negation {
    let (act, nothing) = (does(act), quoted(nothing));
    said(
        &format!(
            "At least one call to {verb} something succeeds, unless the answer says that none was to"
        ),
        format!(
            "calls.exists(c, {act}) || output.split(\".\").exists(s, s.matches({nothing}) && s.matches({}))",
            quoted(NONE)
        ),
    )
}

/// Nothing is claimed to be done without a call that does it. `claim` is how sentences claim it;
/// without an act it is any change.
pub(super) fn no_claim_without_act(verb: &str, claim: &str, act: Option<&str>) -> Negation {
    let act = act.map_or_else(|| CHANGED.to_owned(), does);
    said(
        &format!("The answer does not say that something was {verb} unless a call does it"),
        format!("!{} || calls.exists(c, {act})", claims(claim)),
    )
}

/// No other number is claimed than calls show: of a number above it that so many calls are made, of
/// one below it that no more are.
pub(super) fn no_other_count(
    verb: &str,
    claim: &str,
    number: u64,
    is_above: bool,
    act: &str,
) -> Negation {
    let (relation, how) = match is_above {
        true => (">=", "that many calls or more"),
        false => ("<=", "no more calls than that"),
    };
    let claim = claims(claim);
    said(
        &format!("The answer says that {number} were {verb} only where {how} do it"),
        format!(
            "!{claim} || calls.exists(c, {CHANGED} && c.path.endsWith(\"/graphql\")) || calls.filter(c, {CHANGED} && ({act})).size() {relation} {number}"
        ),
    )
}

/// That a sentence of the answer claims it, without a doubt.
fn claims(pattern: &str) -> String {
    let (pattern, doubt) = (quoted(pattern), quoted(DOUBT));
    format!("output.split(\".\").exists(s, s.matches({pattern}) && !s.matches({doubt}))")
}

/// A change that does it. What a mutation does is said by no path.
fn does(act: &str) -> String {
    format!("{CHANGED} && ({act} || c.path.endsWith(\"/graphql\"))")
}

#[cfg(test)]
mod tests;
