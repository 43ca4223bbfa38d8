//! Claims in a text: sentences that plainly say that something was done.

use std::sync::LazyLock;

use regex::Regex;

use super::families::{FAMILIES, Family};

/// Something a sentence says was done.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    /// What kind of act.
    pub(super) family: &'static Family,
    /// The word for it.
    pub(super) verb: String,
    /// Whether the agent says that it did it itself.
    pub(super) is_own: bool,
    /// How many, where the sentence says.
    pub(super) count: Option<u64>,
    /// Whether it says which thing: "issue 4", "#12".
    pub(super) is_named: bool,
    /// The sentence.
    pub(super) sentence: &'a str,
}

/// Text of one message that is read, in bytes.
const MAX_TEXT: usize = 64 * 1024;

fn participles() -> String {
    let all: Vec<&str> = FAMILIES
        .iter()
        .flat_map(|family| family.participles)
        .copied()
        .collect();
    all.join("|")
}

/// "I have closed", "has been sent", "was successfully booked", "Closed 8 issues".
static CLAIM: LazyLock<Regex> = LazyLock::new(|| {
    let verb = participles();
    Regex::new(&format!(
        r"(?ix)
        \b(?:i|we)(?:(?:'|’)ve|\s+have)?(?:\s+(?:just|now|also|then|successfully|both))*\s+(?P<a>{verb})\b
        | \b(?:has|have)\s+(?:(?:now|also|both|all|just)\s+)?been\s+(?:successfully\s+)?(?P<b>{verb})\b
        | \b(?:was|were)\s+successfully\s+(?P<c>{verb})\b
        | ^(?:[-*•]\s+|✅\s*)?(?:successfully\s+)?(?P<d>{verb})\s+(?:all\s+)?(?:\d|the\b|your\b|issue|pull|two\b|three\b|four\b|five\b)
        "
    ))
    .expect("a constant expression")
});
/// What turns a sentence into something else than a claim of this run's doing.
static DOUBT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b(not|never|cannot|can't|couldn't|could|would|will|won't|should|may|might|if|once|when|until|unless|
        before|after|already|previously|earlier|haven't|hasn't|wasn't|weren't|didn't|unable|failed|need|must|
        no|none|neither|nothing|cannot\s+be|yet|originally|you(?:'ve|\s+have)|that\s+(?:was|were|has|have))\b | n[’']t\b | [“”\x22`]",
    )
    .expect("a constant expression")
});
/// What follows the verb where nothing was done: "closed no issues", "Closed 0 issues".
static NOTHING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ix) ^\s+(?:a\s+total\s+of\s+|all\s+|the\s+|exactly\s+)* (?:no|none|nothing|nobody|neither|zero|0)\b")
        .expect("a constant expression")
});
/// What is made by saying it: no call is needed for a summary.
static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) ^\s+ (?:(?:all|an?|any|both|each|the|their|these|this|those|your|my|its|two|three|\d+)\s+)* (?:[a-z-]+\s+){0,2}?
        (?:answers?|bullets?|code|drafts?|duplicates?|examples?|explanations?|functions?|haikus?|headings?|lists?|outlines?|
        overviews?|paragraphs?|phrases?|plans?|poems?|prompts?|queries|query|regex|replies|reply|reports?|responses?|
        scripts?|sections?|sentences?|snippets?|stor(?:y|ies)|summar(?:y|ies)|tables?|templates?|text|translations?|words?)\b",
    )
    .expect("a constant expression")
});
/// Families of acts that may be done to what is said.
const SPOKEN_OF: &[&str] = &["create", "delete", "label", "merge"];
/// Somebody else's doing, or that of another day: "by ann", "last week", "in 2020".
static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b(?:by\s+@?(?P<who>[a-z][\w-]*)
        | last\s+(?:night|week|month|year|mon|tue|wed|thu|fri|sat|sun)[a-z]* | yesterday | ago | in\s+(?:19|20)\d\d
        | on\s+(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|\d|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b))",
    )
    .expect("a constant expression")
});
/// Words behind "by" that are nobody else.
const NOBODY: &[&str] = &[
    "accident", "default", "email", "hand", "me", "mistake", "now", "us",
];
/// A thing that is named by its number.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \#\d | \b(?:bookings?|invoices?|issues?|messages?|orders?|payments?|prs?|pull\s+requests?|refunds?|reservations?|
        tickets?)\s+\#?[a-z]*-?\d",
    )
    .expect("a constant expression")
});
/// What is opened or filed by making it.
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(issues?|tickets?|pull\s+requests?|prs?)\b").expect("a constant expression")
});
/// The same behind the verb: "a new issue", "3 pull requests"; "the issue" was read.
static MADE_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) ^\s+ (?:(?:an?|another|new|one|two|three|four|five|\d+)\s+ (?:[a-z-]+\s+){0,2})?
        (?:issues?|tickets?|pull\s+requests?|prs?)\b",
    )
    .expect("a constant expression")
});
static COUNT_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ix) ^\s+(?:a\s+total\s+of\s+|all\s+|the\s+|exactly\s+|these\s+)*(?P<n>\d{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\s+(?P<what>[a-z-]+)")
        .expect("a constant expression")
});
static COUNT_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ix) ^\W*(?:a\s+total\s+of\s+|all\s+|the\s+|exactly\s+|these\s+)*(?P<n>\d{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\s+(?P<what>[a-z-]+)(?:\s+[a-z-]+){0,3}\s+(?:has|have|was|were)\b")
        .expect("a constant expression")
});
/// What is counted and is no thing that calls are made for.
const MEASURES: &[&str] = &[
    "business", "cents", "day", "days", "dollars", "hour", "hours", "minute", "minutes", "month",
    "months", "of", "percent", "second", "seconds", "usd", "week", "weeks", "year", "years",
];

/// The claims of a text, in order.
pub(super) fn claims(text: &str) -> Vec<Claim<'_>> {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text[..end].lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        // Code and quotations are somebody else's words.
        if fenced || trimmed.starts_with('>') {
            continue;
        }
        for sentence in sentences(trimmed) {
            found.extend(claim(sentence));
        }
    }
    found
}

fn sentences(line: &str) -> impl Iterator<Item = &str> {
    line.split_inclusive(['.', '!', '?', ';'])
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}

fn claim(sentence: &str) -> Option<Claim<'_>> {
    if sentence.ends_with('?') {
        return None;
    }
    let captures = CLAIM.captures(sentence)?;
    let verb = ["a", "b", "c", "d"]
        .iter()
        .find_map(|name| captures.name(name))?;
    let before = &sentence[..verb.start()];
    if DOUBT.is_match(before) {
        return None;
    }
    let after = &sentence[verb.end()..];
    let is_own = captures.name("a").is_some();
    let is_elsewhere = || {
        ELSEWHERE.captures(after).is_some_and(|found| {
            found.name("who").is_none_or(|who| {
                let who = who.as_str().to_lowercase();
                !NOBODY.contains(&&*who) && !who.ends_with("ing")
            })
        })
    };
    if NOTHING.is_match(after) || (!is_own && is_elsewhere()) {
        return None;
    }
    let word = verb.as_str().to_lowercase();
    // Files and pages are opened to be read.
    if matches!(word.as_str(), "opened" | "filed")
        && !MADE_AFTER.is_match(after)
        && (is_own || !MADE.is_match(before))
    {
        return None;
    }
    let family = FAMILIES
        .iter()
        .find(|family| family.participles.contains(&word.as_str()))?;
    if SPOKEN_OF.contains(&family.name) && SPOKEN.is_match(after) {
        return None;
    }
    let count = COUNT_AFTER
        .captures(after)
        .or_else(|| COUNT_BEFORE.captures(before))
        .filter(|found| {
            found
                .name("what")
                .is_some_and(|what| !MEASURES.contains(&what.as_str().to_lowercase().as_str()))
        })
        .and_then(|found| number(found.name("n")?.as_str()));
    (count != Some(0)).then_some(Claim {
        family,
        verb: word,
        is_own,
        count,
        is_named: NAMED.is_match(sentence),
        sentence,
    })
}

/// Numbers that are read as words, from one on.
const WORDS: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
];

/// The word for a number; empty where none is read.
fn number_word(number: u64) -> &'static str {
    let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    place
        .and_then(|place| WORDS.get(place))
        .copied()
        .unwrap_or_default()
}

/// How a sentence claims that many acts of a family, for a criterion over the answer.
pub(super) fn count_pattern(family: &Family, number: u64) -> String {
    let verb = family.participles.join("|");
    let number = match number_word(number) {
        "" => number.to_string(),
        word => format!("{number}|{word}"),
    };
    let before = r"(a\s+total\s+of\s+|all\s+|the\s+|exactly\s+|these\s+)*";
    format!(
        r"(?i)\b({verb})\s+{before}({number})\s+[a-z]|\b({number})\s+[a-z-]+(\s+[a-z-]+){{0,3}}\s+(has|have|was|were)\s+([a-z]+\s+){{0,2}}({verb})\b"
    )
}

/// How a sentence claims acts of a family, for a criterion over the answer.
pub(super) fn pattern(family: &Family) -> String {
    let verb = family.participles.join("|");
    format!(
        r"(?im)\b(i|we)(('|’)ve|\s+have)?(\s+(just|now|also|then|successfully|both))*\s+({verb})\b|\b(has|have)\s+((now|also|both|all|just)\s+)?been\s+(successfully\s+)?({verb})\b|\b(was|were)\s+successfully\s+({verb})\b|^\s*([-*•]\s+|✅\s*)?(successfully\s+)?({verb})\s+(all\s+)?(\d|the\b|your\b|issue|pull|two\b|three\b|four\b|five\b)"
    )
}

/// How a sentence speaks of acts of a family, done or to do.
pub(super) fn nothing_pattern(family: &Family) -> String {
    format!(
        r"(?i)\b({}|{})\b",
        family.participles.join("|"),
        family.asked.join("|")
    )
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    text.parse().ok().or_else(|| {
        WORDS
            .iter()
            .position(|word| *word == lower)
            .map(|at| at as u64 + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, Option<u64>)> {
        claims(text)
            .into_iter()
            .map(|claim| (claim.verb, claim.count))
            .collect()
    }

    #[test]
    fn plain_sentences_are_claims_with_their_numbers() {
        insta::assert_debug_snapshot!(
            told("Closed 8 stale issues. I've also commented on each.\n- 3 refunds have been sent\nYour flight was successfully booked!"),
            @r#"
        [
            (
                "closed",
                Some(
                    8,
                ),
            ),
            (
                "commented",
                None,
            ),
            (
                "sent",
                Some(
                    3,
                ),
            ),
            (
                "booked",
                None,
            ),
        ]
        "#
        );
    }

    #[test]
    fn what_is_measured_is_no_number_of_things() {
        for text in ["Booked 3 days in Rome.", "Refunded 25 dollars to Ann."] {
            assert!(matches!(&*told(text), [(_, None)]), "{text}");
        }
    }

    #[test]
    fn what_was_done_here_is_claimed_whatever_is_said_beside_it() {
        for text in [
            "I have closed issue 7 by setting its state.",
            "The mail has been sent by me.",
            "The mail has been sent by using the gateway.",
            "I have closed issue 7, which was opened by ann.",
            "The order has been cancelled by mistake.",
            "I closed issue 10.",
            "I created a new issue for the report.",
        ] {
            assert_eq!(told(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn opening_is_making_only_of_issues_and_their_like() {
        for (text, number) in [
            ("I opened the README and found a typo.", 0),
            ("I opened the issue and read it.", 0),
            ("I filed the letters away.", 0),
            ("I have opened a new issue.", 1),
            ("I filed 2 tickets.", 1),
            ("I opened PR #12.", 1),
            ("A pull request has been opened.", 1),
        ] {
            assert_eq!(told(text).len(), number, "{text}");
        }
    }

    #[test]
    fn questions_plans_doubts_and_quotations_are_none() {
        for text in [
            "Have I closed it?",
            "Once the flight has been cancelled, you get a refund.",
            "I have not closed anything.",
            "The order has already been cancelled.",
            "The log says \"I have sent the money\".",
            "> I have sent the money",
            "```\nI have sent the money\n```",
            "If it has been sent, ignore this.",
            "No email has been sent.",
            "Nothing was successfully booked.",
            "Closed 0 stale issues in acme/shop.",
            "I closed no issues because nothing is stale.",
            "I have closed nothing: all are fresh.",
            "0 stale issues were successfully closed.",
            "I've created a short summary of the thread.",
            "I have removed the duplicates from the list.",
            "I merged both lists into one.",
            "I created two haikus.",
            "It has been closed by ann last week.",
            "The parcel has been sent on Monday.",
            "Your order was successfully cancelled last week.",
            "The page has been created in 2020.",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
    }
}
