//! Pages of lists, and the `Link` header that leads from one to the next.

use std::fmt::Write as _;

use archal_core::clone::CloneRequest;

use super::fingerprint;
use super::pack::Call;

/// One page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Which page, from 1.
    pub number: u64,
    /// Rows a page.
    pub size: u64,
    /// Rows of the whole list.
    pub total: u64,
}

impl Page {
    /// The page a call asks for with `page` and `per_page`, of a list of `total` rows. Numbers
    /// that make no sense are taken for the default, sizes over `most` for `most`.
    pub(crate) fn asked(call: &Call<'_>, usual: u64, most: u64, total: usize) -> Self {
        let number = |name| call.query(name).and_then(|value| value.parse::<u64>().ok());
        Self {
            number: number("page").filter(|page| *page > 0).unwrap_or(1),
            size: number("per_page")
                .filter(|size| *size > 0)
                .unwrap_or(usual)
                .min(most),
            total: total as u64,
        }
    }

    /// How many rows come before it.
    pub(crate) fn skip(&self) -> usize {
        let skip = (self.number - 1).saturating_mul(self.size);
        usize::try_from(skip).unwrap_or(usize::MAX)
    }

    /// How many rows it has at most.
    pub(crate) fn take(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// The last page.
    pub(crate) fn last(&self) -> u64 {
        self.total.div_ceil(self.size).max(1)
    }

    /// What an entity tag sees of it.
    pub(crate) fn fingerprint(&self) -> u64 {
        [self.number, self.size, self.total]
            .into_iter()
            .fold(0, fingerprint::mix)
    }

    /// The `Link` header; none where all is on one page.
    pub(crate) fn link(&self, request: &CloneRequest) -> Option<String> {
        let last = self.last();
        let mut out = String::new();
        let mut add = |page: u64, relation: &str| {
            if !out.is_empty() {
                out.push_str(", ");
            }
            // Writing to a String cannot fail.
            _ = write!(out, "<{}>; rel=\"{relation}\"", url(request, page));
        };
        if self.number > 1 {
            add((self.number - 1).min(last), "prev");
        }
        if self.number < last {
            add(self.number + 1, "next");
            add(last, "last");
        }
        if self.number > 1 {
            add(1, "first");
        }
        (!out.is_empty()).then_some(out)
    }
}

/// The address of another page of the same list: the query as sent but for `page`.
fn url(request: &CloneRequest, page: u64) -> String {
    let mut query = String::new();
    let mut placed = false;
    for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
        if !query.is_empty() {
            query.push('&');
        }
        if pair.split('=').next() == Some("page") {
            _ = write!(query, "page={page}");
            placed = true;
        } else {
            query.push_str(pair);
        }
    }
    if !placed {
        if !query.is_empty() {
            query.push('&');
        }
        _ = write!(query, "page={page}");
    }
    format!("https://{}{}?{query}", request.host, request.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(query: &str, number: u64, size: u64, total: u64) -> Option<String> {
        let request = CloneRequest {
            host: "api.github.com".to_owned(),
            path: "/x".to_owned(),
            query: query.to_owned(),
            ..CloneRequest::default()
        };
        Page {
            number,
            size,
            total,
        }
        .link(&request)
    }

    #[test]
    fn links_lead_to_every_other_page_and_keep_the_query() {
        insta::assert_snapshot!(link("state=all&page=2&per_page=10", 2, 10, 35).expect("pages"), @r#"<https://api.github.com/x?state=all&page=1&per_page=10>; rel="prev", <https://api.github.com/x?state=all&page=3&per_page=10>; rel="next", <https://api.github.com/x?state=all&page=4&per_page=10>; rel="last", <https://api.github.com/x?state=all&page=1&per_page=10>; rel="first""#);
        insta::assert_snapshot!(link("", 1, 30, 31).expect("pages"), @r#"<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=2>; rel="last""#);
        insta::assert_snapshot!(link("page=9", 9, 30, 31).expect("pages"), @r#"<https://api.github.com/x?page=2>; rel="prev", <https://api.github.com/x?page=1>; rel="first""#);
        assert_eq!(link("", 1, 30, 30), None);
        assert_eq!(link("", 1, 30, 0), None);
    }
}
