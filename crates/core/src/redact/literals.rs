//! Secrets that are known by value: those of the caller's own environment, wherever they stand.
//!
//! No rule need know their shape and no keep list spares them. They are looked for as they are, and
//! as JSON and URLs write them, all at once: the time is that of the text, however many there are.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use serde_json::Value;

use super::Redactor;

/// Known secrets, each with what stands in its place. Cheap to clone.
#[derive(Clone, Default)]
pub struct Literals {
    known: Option<Arc<Known>>,
}

struct Known {
    /// Finds the forms; none where they are more than one can hold: then each is looked for by itself.
    automaton: Option<NFA>,
    /// A way to write a secret, and the position of its placeholder.
    forms: Vec<(String, usize)>,
    placeholders: Vec<String>,
}

/// The values are secrets and stay out of logs.
impl fmt::Debug for Literals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Literals").finish_non_exhaustive()
    }
}

impl Literals {
    /// Those secrets, with the placeholders of the user's key. An empty one is none.
    pub fn new<'a>(redactor: &Redactor, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<(String, usize)> = Vec::new();
        let mut placeholders = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let place = placeholders.len();
            placeholders.push(redactor.placeholder(secret));
            forms.extend(forms_of(secret).into_iter().map(|form| (form, place)));
        }
        if forms.is_empty() {
            return Self::default();
        }
        // What is found first of the same length is then the same whatever the order of the secrets.
        forms.sort_by(|(one, _), (other, _)| {
            other.len().cmp(&one.len()).then_with(|| one.cmp(other))
        });
        forms.dedup_by(|one, other| one.0 == other.0);
        let automaton = NFA::new(forms.iter().map(|(form, _)| form)).ok();
        Self {
            known: Some(Arc::new(Known {
                automaton,
                forms,
                placeholders,
            })),
        }
    }

    /// Text without them.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.counted(text, &mut 0)
    }

    /// [`Self::text`], adding to `count` how many places were changed.
    pub(super) fn counted<'a>(&self, text: &'a str, count: &mut u64) -> Cow<'a, str> {
        let Some(known) = &self.known else {
            return Cow::Borrowed(text);
        };
        let found = known.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        *count += found.len() as u64;
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        for (place, form) in found {
            clean.push_str(&text[from..place.start]);
            clean.push_str(known.placeholder(form));
            from = place.end;
        }
        clean.push_str(&text[from..]);
        Cow::Owned(clean)
    }

    /// A host name without them: whoever asks for one may change its case.
    pub fn host(&self, host: &str) -> String {
        let clean = self.text(host);
        let small = clean.to_ascii_lowercase();
        let mut forms = self.known.iter().flat_map(|known| {
            let forms = known.forms.iter();
            forms.map(|(form, place)| (form.to_ascii_lowercase(), &known.placeholders[*place]))
        });
        match forms.find(|(form, _)| small.contains(form)) {
            Some((form, placeholder)) => small.replace(&form, placeholder),
            None => clean.into_owned(),
        }
    }

    /// Takes them out of every text of a value, names of members among it. Of two members whose names
    /// come to the same one both are kept, the later with a number.
    pub fn value(&self, value: &mut Value) {
        self.counted_value(value, &mut 0);
    }

    /// [`Self::value`], adding to `count` how many places were changed.
    pub(super) fn counted_value(&self, value: &mut Value, count: &mut u64) {
        if self.known.is_some() {
            every_text(value, &mut |text| self.counted(text, count).into_owned());
        }
    }
}

impl Known {
    fn placeholder(&self, form: usize) -> &str {
        &self.placeholders[self.forms[form].1]
    }

    /// Where forms stand: of those that overlap the whole place, and the longest of them.
    fn find(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let mut found: Vec<(Range<usize>, usize)> = Vec::new();
        // Given in the order of their ends.
        let mut add = |mut place: Range<usize>, mut form: usize| {
            while let Some((before, other)) = found.pop_if(|(before, _)| before.end > place.start) {
                if self.forms[other].0.len() > self.forms[form].0.len() {
                    form = other;
                }
                place = before.start.min(place.start)..before.end.max(place.end);
            }
            found.push((place, form));
        };
        match &self.automaton {
            Some(automaton) => longest(automaton, text, &mut add),
            None => {
                let forms = self.forms.iter().enumerate();
                let mut places: Vec<(usize, usize, usize)> = forms
                    .flat_map(|(form, (written, _))| {
                        let begins =
                            |at: &usize| text.as_bytes()[*at..].starts_with(written.as_bytes());
                        let places = (0..text.len()).filter(begins);
                        places.map(move |at| (at + written.len(), at, form))
                    })
                    .collect();
                places.sort_unstable();
                for (end, start, form) in places {
                    add(start..end, form);
                }
            }
        }
        found
    }
}

/// The longest pattern that ends at each place of a text where one does.
fn longest(automaton: &NFA, text: &str, found: &mut impl FnMut(Range<usize>, usize)) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else {
        return;
    };
    for (at, byte) in text.bytes().enumerate() {
        state = automaton.next_state(Anchored::No, state, byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            // The first is the longest, and holds the others.
            let first = automaton.match_pattern(state, 0);
            let end = at + 1;
            found(end - automaton.pattern_len(first)..end, first.as_usize());
        }
    }
}

/// Gives every text of a value, names of members among it, to `clean`, and puts what that gives in
/// its place. Of two members whose names come to the same one both are kept, the later with a number.
pub fn every_text(value: &mut Value, clean: &mut impl FnMut(&str) -> String) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| every_text(item, clean)),
        Value::Object(map) => {
            for (name, mut inner) in std::mem::take(map) {
                every_text(&mut inner, clean);
                let name = free(clean(&name), |name| map.contains_key(name));
                map.insert(name, inner);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A name that no other member has: with a number where it is taken.
pub(super) fn free(wanted: String, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.clone();
    let mut number = 2_u32;
    while is_taken(&name) {
        name = format!("{wanted} ({number})");
        number = number.saturating_add(1);
    }
    name
}

/// The ways in which texts write a secret.
fn forms_of(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        // Libraries differ in the slash, the space and the case.
        percent(secret, "", "%20", true),
        percent(secret, "", "%20", false),
        percent(secret, "/", "%20", true),
        percent(secret, "", "+", true),
    ];
    forms.sort();
    forms.dedup();
    forms
}

fn percent(secret: &str, spared: &str, space: &str, upper: bool) -> String {
    secret
        .bytes()
        .map(|byte| match byte {
            b' ' => space.to_owned(),
            byte if byte.is_ascii_alphanumeric()
                || b"-._~".contains(&byte)
                || spared.as_bytes().contains(&byte) =>
            {
                char::from(byte).to_string()
            }
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trace::{LlmCall, Message, Span, Trace};

    const SECRET: &str = "acme/9f\"3+7b c2";

    fn literals() -> Literals {
        let redactor = Redactor::new([7; 32], []);
        Literals::new(&redactor, [SECRET, "acme/9f", ""])
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let put = Redactor::new([7; 32], []).placeholder(SECRET);
        for written in [
            SECRET,
            r#"acme/9f\"3+7b c2"#,
            "acme%2F9f%223%2B7b%20c2",
            "acme%2f9f%223%2b7b%20c2",
            "acme/9f%223%2B7b%20c2",
            "acme%2F9f%223%2B7b+c2",
        ] {
            let text = format!("a {written} b");
            assert_eq!(literals().text(&text), format!("a {put} b"), "{written}");
        }
        assert_eq!(literals().text("nothing"), "nothing");
        assert!(!format!("{:?}", literals()).contains("9f"));
    }

    #[test]
    fn secrets_that_overlap_are_taken_out_whole() {
        let redactor = Redactor::new([7; 32], []);
        let literals = Literals::new(&redactor, ["xab-", "ab-cdefghijkl", "kl-mnop", "cdef"]);
        let put = redactor.placeholder("ab-cdefghijkl");
        assert_eq!(literals.text("<xab-cdefghijkl-mnop>"), format!("<{put}>"));
        let short = redactor.placeholder("cdef");
        assert_eq!(literals.text("cdefcdef ab"), format!("{short}{short} ab"));
    }

    #[test]
    fn ten_thousand_secrets_are_looked_for_at_once() {
        let redactor = Redactor::new([7; 32], []);
        let secrets: Vec<String> = (0..10_000)
            .map(|n| format!("own-secret-{n:05}-x"))
            .collect();
        let literals = Literals::new(&redactor, secrets.iter().map(String::as_str));
        // One after the other they would be looked for in 10 GB.
        let text = format!("{}{}", "own-secret-".repeat(100_000), secrets[7_777]);
        let put = redactor.placeholder(&secrets[7_777]);
        let clean = literals.text(&text);
        assert_eq!(clean.len(), text.len() - secrets[7_777].len() + put.len());
        assert!(clean.ends_with(&format!("own-secret-{put}")));
    }

    proptest::proptest! {
        #[test]
        fn no_secret_is_left_and_nothing_else_is_touched(
            secrets in proptest::collection::vec("[ab/]{2,6}", 0..6),
            text in "[ab/ ]{0,40}",
        ) {
            let redactor = Redactor::new([7; 32], []);
            let mut literals = Literals::new(&redactor, secrets.iter().map(String::as_str));
            // What any form covers, one by one.
            let mut is_covered = vec![false; text.len()];
            for form in secrets.iter().flat_map(|secret| forms_of(secret)) {
                for at in 0..text.len().saturating_sub(form.len() - 1) {
                    if text[at..].starts_with(&form) {
                        is_covered[at..at + form.len()].fill(true);
                    }
                }
            }
            let kept: String = text
                .char_indices()
                .filter(|(at, _)| !is_covered[*at])
                .map(|(_, one)| one)
                .collect();
            for _ in 0..2 {
                let mut clean = literals.text(&text).into_owned();
                for secret in &secrets {
                    clean = clean.replace(&redactor.placeholder(secret), "");
                }
                proptest::prop_assert_eq!(&clean, &kept);
                // The same again without the automaton.
                if let Some(known) = literals.known.take() {
                    literals.known = Some(Arc::new(Known {
                        automaton: None,
                        forms: known.forms.clone(),
                        placeholders: known.placeholders.clone(),
                    }));
                }
            }
        }
    }

    #[test]
    fn a_host_is_looked_at_without_its_case() {
        let redactor = Redactor::new([7; 32], []);
        let literals = Literals::new(&redactor, ["AbCdEf0123"]);
        let put = redactor.placeholder("AbCdEf0123");
        assert_eq!(
            literals.host("abcdef0123.example.com"),
            format!("{put}.example.com")
        );
        assert_eq!(literals.host("Example.com"), "Example.com");
    }

    #[test]
    fn a_trace_loses_them_in_what_it_tells_and_never_in_its_own_words() {
        let redactor = Redactor::new([7; 32], []);
        let literals = Literals::new(
            &redactor,
            ["completeness", "attributes", "startedAt", "r1-own", "user"],
        );
        let tool = |id: &str| Span {
            id: id.to_owned(),
            parent_id: Some("r1-own".to_owned()),
            output: Some(json!({"completeness": "attributes"})),
            llm: Some(LlmCall {
                messages: vec![Message {
                    role: "user".to_owned(),
                    parts: Vec::new(),
                }],
                ..LlmCall::default()
            }),
            attributes: [
                ("a completeness".to_owned(), json!(1)),
                (
                    format!("a {}", redactor.placeholder("completeness")),
                    json!(2),
                ),
            ]
            .into(),
            ..Span::default()
        };
        let mut trace = Trace {
            id: "t".to_owned(),
            input: Some(json!("startedAt")),
            spans: vec![tool("r1-own"), tool("r2")],
            ..Trace::default()
        };
        assert_eq!(literals.trace(&mut trace), 10);
        let put = |secret: &str| redactor.placeholder(secret);
        assert_eq!(trace.input, Some(json!(put("startedAt"))));
        for span in &trace.spans {
            assert_eq!(span.parent_id, Some(put("r1-own")));
            assert_eq!(
                span.output,
                Some(json!({put("completeness"): put("attributes")}))
            );
            assert_eq!(span.attributes.len(), 2, "{:?}", span.attributes);
        }
        assert_eq!(
            trace.spans[0].id,
            put("r1-own"),
            "what belongs together stays so"
        );
        let roles = trace.spans.iter().filter_map(|span| span.llm.as_ref());
        let roles: Vec<&str> = roles.map(|llm| llm.messages[0].role.as_str()).collect();
        assert_eq!(roles, ["user", "user"]);
        let written = serde_json::to_value(&trace).expect("JSON");
        assert!(written["completeness"].is_object(), "{written}");
        serde_json::from_value::<Trace>(written).expect("a trace");
    }

    #[test]
    fn names_of_members_are_texts_too_and_none_is_lost() {
        let put = Redactor::new([7; 32], []).placeholder(SECRET);
        let mut value = json!({"a": [{SECRET: 1, put.clone(): {"b": SECRET}}]});
        literals().value(&mut value);
        let text = value.to_string();
        assert!(!text.contains("acme/9f"), "{text}");
        let inner = value["a"][0].as_object().expect("an object");
        assert_eq!(inner.len(), 2, "{text}");
        assert!(inner.contains_key(&format!("{put} (2)")), "{text}");
    }
}
