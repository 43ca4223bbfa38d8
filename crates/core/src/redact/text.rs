//! Secrets inside text: JSON in strings, forms, URLs.

use serde_json::Value;

use super::{Pass, Redactor, is_placeholder, is_short_hash};

/// URLs looked at in one text; a text with more is a list of links, not a place for secrets.
const MAX_URLS: usize = 10_000;

impl Redactor {
    /// The text without its secrets; none where it has none.
    pub(super) fn clean_text(&self, text: &str, pass: &mut Pass, depth: u8) -> Option<String> {
        let start = text.trim_start();
        if start.starts_with(['{', '[', '"']) && depth > 0 {
            if let Ok(mut inner) = serde_json::from_str::<Value>(text) {
                let before = pass.hits;
                self.walk(&mut inner, pass, depth - 1);
                return (pass.hits > before).then(|| inner.to_string());
            }
        } else if is_form(text) {
            let clean = self.clean_pairs(text, pass);
            return (clean != text).then_some(clean);
        }
        if !text.contains("://") {
            return None;
        }
        let clean = self.clean_urls(text, pass);
        (clean != text).then_some(clean)
    }

    /// A URL without user info and secret parameters, in its query and in its fragment.
    pub(super) fn clean_url(&self, url: &str, pass: &mut Pass) -> String {
        let mut url = url.to_owned();
        if let Some(scheme_end) = url.find("://") {
            let start = scheme_end + 3;
            let end = url[start..]
                .find(['/', '?', '#'])
                .map_or(url.len(), |at| start + at);
            if let Some(at) = url[start..end].rfind('@') {
                let user_info = url[start..start + at].to_owned();
                let done = user_info
                    .strip_prefix("redacted-")
                    .is_some_and(is_short_hash);
                if !done && !user_info.is_empty() {
                    pass.hit("url:userinfo".to_owned(), &user_info);
                    if let Some((_, password)) = user_info.split_once(':') {
                        pass.hit("url:password".to_owned(), password);
                    }
                    // No brackets or colons here: the URL must stay one that parses.
                    let hash = self.keyed_hash(&user_info);
                    url.replace_range(start..start + at, &format!("redacted-{hash}"));
                }
            }
        }
        let Some(query_start) = url.find(['?', '#']).map(|at| at + 1) else {
            return url;
        };
        let (head, rest) = url.split_at(query_start);
        // Browsers' sign-in flows hand tokens over in the fragment.
        let parts: Vec<String> = rest
            .split('#')
            .map(|part| self.clean_pairs(part, pass))
            .collect();
        format!("{head}{}", parts.join("#"))
    }

    /// `name=value` pairs between ampersands.
    fn clean_pairs(&self, pairs: &str, pass: &mut Pass) -> String {
        let clean: Vec<String> = pairs
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if self.is_secret_parameter(name) && !is_placeholder(value) => {
                    format!("{name}={}", self.hidden(name, value, pass))
                }
                _ => pair.to_owned(),
            })
            .collect();
        clean.join("&")
    }

    /// The text with every URL in it cleaned.
    fn clean_urls(&self, text: &str, pass: &mut Pass) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        for _ in 0..MAX_URLS {
            let Some(at) = rest.find("://") else { break };
            let start = rest[..at]
                .rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
                .map_or(0, |before| {
                    before + rest[before..].chars().next().map_or(1, char::len_utf8)
                });
            let end = rest[at + 3..]
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`'))
                .map_or(rest.len(), |length| at + 3 + length);
            out.push_str(&rest[..start]);
            out.push_str(&self.clean_url(&rest[start..end], pass));
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }
}

/// Whether a text is a form as browsers send it: pairs and nothing else.
fn is_form(text: &str) -> bool {
    text.contains('=')
        && !text.contains("://")
        && !text.contains(char::is_whitespace)
        && text.split('&').all(|pair| {
            pair.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name.bytes().all(|b| {
                        b.is_ascii_alphanumeric()
                            || matches!(b, b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'+')
                    })
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::RedactionCounts;

    fn redactor() -> Redactor {
        Redactor::new([7; 32], ["page_token"])
    }

    #[test]
    fn urls_lose_user_info_and_secret_parameters_only() {
        let mut counts = RedactionCounts::new();
        let url = redactor().url(
            "https://u:p@h.example/x?page=2&access_token=t&page_token=k#id_token=t2",
            &mut counts,
        );
        let (t, t2) = (redactor().placeholder("t"), redactor().placeholder("t2"));
        let user = redactor().keyed_hash("u:p");
        assert_eq!(
            url,
            format!(
                "https://redacted-{user}@h.example/x?page=2&access_token={t}&page_token=k#id_token={t2}"
            )
        );
    }

    #[test]
    fn forms_and_urls_inside_text_are_looked_into() {
        let check = |text: &str| {
            redactor()
                .clean_text(text, &mut Pass::default(), 4)
                .unwrap_or_else(|| "same".to_owned())
        };
        let s = redactor().placeholder("s");
        assert_eq!(
            check("grant_type=x&client_secret=s"),
            format!("grant_type=x&client_secret={s}")
        );
        assert_eq!(
            check("see «https://h.example/?sig=s» and http://b.example/"),
            "see «https://h.example/?sig=".to_owned()
                + &redactor().placeholder("s»")
                + " and http://b.example/"
        );
        assert_eq!(check("a = b, password is not a form"), "same");
        assert_eq!(check("https://h.example/?q=password"), "same");
    }
}
