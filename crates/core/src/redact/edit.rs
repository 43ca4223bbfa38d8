//! Replacements in one text: collected on the text as it is, then made at once.

use std::ops::Range;

/// Why something was taken for a secret, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The name it stands under.
    Key(String),
    /// The parameter of a URL or form.
    Parameter(String),
    /// The user info of a URL.
    UserInfo,
    /// A rule and its keyword, with the entropy and its floor in hundredths.
    Rule { entropy: u32, floor: u32 },
    /// A pattern of the user's.
    Pattern,
    /// It names a person.
    Person,
    /// The same text was a secret elsewhere.
    Echo,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = |n: &u32| f64::from(*n) / 100.0;
        match self {
            Self::Key(name) => write!(f, "it stands under the name `{name}`"),
            Self::Parameter(name) => write!(f, "it is the parameter `{name}`"),
            Self::UserInfo => f.write_str("it is the user info of a URL"),
            Self::Rule { entropy, floor: 0 } => write!(
                f,
                "keyword and expression match (entropy {:.1})",
                hundredths(entropy)
            ),
            Self::Rule { entropy, floor } => write!(
                f,
                "keyword and expression match, entropy {:.1} is above {:.1}",
                hundredths(entropy),
                hundredths(floor)
            ),
            Self::Pattern => f.write_str("a pattern of the configuration matches"),
            Self::Person => f.write_str("it names a person"),
            Self::Echo => f.write_str("the same text was a secret elsewhere"),
        }
    }
}

/// One replacement.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) put: String,
    /// What it is counted as.
    pub(super) rule: String,
    pub(super) why: Why,
    /// Whether it gives way to any other that it meets.
    pub(super) weak: bool,
}

/// The edits that are made, in order and apart from each other: the outermost of those that
/// meet, and weak ones only where nothing else is.
pub(super) fn settled(mut edits: Vec<Edit>) -> Vec<Edit> {
    // Stable: of equal ones the first wins.
    edits.sort_by_key(|edit| (edit.span.start, std::cmp::Reverse(edit.span.end)));
    let (weak, strong): (Vec<Edit>, Vec<Edit>) = edits.into_iter().partition(|edit| edit.weak);
    let mut made: Vec<Edit> = Vec::with_capacity(strong.len());
    for edit in strong {
        match made.last_mut() {
            // Two secrets that share a part: nothing of either may stay.
            Some(last) if edit.span.start < last.span.end => {
                last.span.end = last.span.end.max(edit.span.end);
            }
            _ => made.push(edit),
        }
    }
    let mut apart: Vec<Edit> = Vec::new();
    for edit in weak {
        let next = made.partition_point(|other| other.span.end <= edit.span.start);
        let meets_strong = made
            .get(next)
            .is_some_and(|other| other.span.start < edit.span.end);
        let meets_weak = apart
            .last()
            .is_some_and(|other| edit.span.start < other.span.end);
        if !meets_strong && !meets_weak {
            apart.push(edit);
        }
    }
    made.extend(apart);
    made.sort_by_key(|edit| edit.span.start);
    made
}

/// The text with the edits made, which are in order and apart.
pub(super) fn applied(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.put);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(span: Range<usize>, put: &str, weak: bool) -> Edit {
        Edit {
            span,
            put: put.to_owned(),
            rule: String::new(),
            why: Why::Echo,
            weak,
        }
    }

    #[test]
    fn the_outermost_wins_and_weak_ones_give_way() {
        let text = "0123456789";
        let check = |edits| applied(text, &settled(edits));
        assert_eq!(
            check(vec![edit(2..4, "a", false), edit(1..6, "b", false)]),
            "0b6789"
        );
        assert_eq!(
            check(vec![edit(1..4, "a", false), edit(3..6, "b", false)]),
            "0a6789"
        );
        assert_eq!(
            check(vec![edit(1..9, "w", true), edit(3..6, "b", false)]),
            "012b6789"
        );
        assert_eq!(
            check(vec![edit(1..2, "w", true), edit(3..6, "b", false)]),
            "0w2b6789"
        );
        assert_eq!(
            check(vec![
                edit(0..3, "a", false),
                edit(2..5, "b", false),
                edit(4..7, "c", false)
            ]),
            "a789"
        );
    }
}
