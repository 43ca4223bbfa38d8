//! Where the words of a search occur in what was found.

use crate::engine::root::Root;
use crate::engine::writer::Writer;

/// Characters of a fragment on each side of the first match.
const AROUND: usize = 120;

/// The places in one text.
#[derive(Debug, PartialEq)]
pub(super) struct Matches {
    url: String,
    kind: &'static str,
    property: &'static str,
    fragment: String,
    /// Each match with its first and last character in the fragment.
    places: Vec<(String, usize, usize)>,
}

impl Matches {
    /// The places of words in a text of the object at `url`; none where there are none.
    pub(super) fn of(
        url: &str,
        kind: &'static str,
        property: &'static str,
        text: &str,
        words: &[&str],
    ) -> Option<Self> {
        let chars: Vec<char> = text.chars().collect();
        let lower: Vec<char> = chars
            .iter()
            .map(|c| c.to_lowercase().next().unwrap_or(*c))
            .collect();
        let mut places: Vec<(usize, usize)> = Vec::new();
        for word in words {
            let word: Vec<char> = word.chars().collect();
            let found = lower.windows(word.len().max(1)).enumerate();
            let found = found.filter(|(_, window)| *window == word);
            places.extend(found.map(|(at, window)| (at, at + window.len())));
        }
        places.sort_unstable();
        let first = places.first()?.0;
        let start = first.saturating_sub(AROUND);
        let end = (first + AROUND).min(chars.len());
        let inside = |(from, to): &(usize, usize)| *from >= start && *to <= end;
        let places = places.into_iter().filter(inside).map(|(from, to)| {
            let text = chars[from..to].iter().collect();
            (text, from - start, to - start)
        });
        Some(Self {
            url: url.to_owned(),
            kind,
            property,
            places: places.collect(),
            fragment: chars[start..end].iter().collect(),
        })
    }

    /// Writes them.
    pub(super) fn write(&self, root: &Root, out: &mut Writer) {
        out.raw("{");
        out.key("object_url").text(&self.url);
        out.key("object_type").text(self.kind);
        out.key("property").text(self.property);
        out.key("fragment");
        said(root, &self.fragment, out);
        out.key("matches").raw("[");
        for (text, from, to) in &self.places {
            out.item().raw("{");
            out.key("text");
            said(root, text, out);
            out.key("indices").raw(&format!("[{from},{to}]"));
            out.raw("}");
        }
        out.raw("]}");
    }
}

/// A text that may repeat a time.
fn said(root: &Root, text: &str, out: &mut Writer) {
    match root.said(text) {
        Some(said) => out.both(text, &said),
        None => out.text(text),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_near_the_first_is_told() {
        let found = Matches::of("u", "Issue", "title", "Crash: a CRASH é crash", &["crash"]);
        let found = found.expect("three");
        assert_eq!(found.fragment, "Crash: a CRASH é crash");
        let places: Vec<(usize, usize)> = found
            .places
            .iter()
            .map(|(_, from, to)| (*from, *to))
            .collect();
        assert_eq!(places, [(0, 5), (9, 14), (17, 22)]);
        assert_eq!(Matches::of("u", "Issue", "title", "fine", &["crash"]), None);
    }
}
