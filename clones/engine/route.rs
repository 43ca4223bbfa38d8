//! Operations and the requests that address them.

use std::borrow::Cow;

use archal_core::clone::OperationInfo;
use percent_encoding::percent_decode_str;

use super::input::{Input, Inputs};
use super::key::Key;
use super::pack::{Call, Refusal, Reply};
use super::root::Root;
use super::row::{Draft, Row};
use super::table::TableId;

/// An operation of the published description: id, method, path.
pub(crate) type Published = (&'static str, &'static str, &'static str);

/// What path parameters stand for, decoded.
pub(crate) type Params<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// Lets a request pass or refuses it; finds the rows its path names.
pub(crate) type Guard = fn(&mut Call<'_>) -> Result<(), Refusal>;

/// A modelled operation.
pub(crate) struct Route {
    /// Its id, method, path and one line about it.
    pub info: OperationInfo,
    /// The page that documents it, below the service's own.
    pub docs: &'static str,
    /// Who may, and which rows the path must name, in order.
    pub guards: &'static [Guard],
    /// What it does.
    pub action: Action,
}

/// What an operation does.
pub(crate) enum Action {
    /// Answers the row that the guards found.
    Get {
        /// The table it is in.
        table: TableId,
    },
    /// Answers a page of a group of rows.
    List {
        /// The table.
        table: TableId,
        /// The index whose group it lists; none for the whole table in order of key.
        index: usize,
        /// The group.
        group: fn(&Call<'_>) -> Result<Key, Refusal>,
        /// Rows that are shown; none for all.
        filter: Option<fn(&Call<'_>) -> Result<Filter, Refusal>>,
    },
    /// Adds a row.
    Create {
        /// The table.
        table: TableId,
        /// What the body may hold.
        inputs: &'static [Input],
        /// Makes the row of it.
        make: fn(&mut Call<'_>, Inputs) -> Result<Draft, Refusal>,
        /// What else the new row changes.
        then: fn(&mut Call<'_>, &Row),
        /// Where the new row is to be found.
        location: fn(&Row) -> String,
    },
    /// Changes the row that the guards found.
    Patch {
        /// The table.
        table: TableId,
        /// What the body may hold.
        inputs: &'static [Input],
        /// Changes the row.
        change: fn(&mut Call<'_>, &Row, Inputs) -> Result<Draft, Refusal>,
        /// What else the change changes.
        then: fn(&mut Call<'_>, &Row),
    },
    /// Removes the row that the guards found.
    Delete {
        /// The table.
        table: TableId,
        /// What else its going changes.
        then: fn(&mut Call<'_>, &Row),
    },
    /// What only this service does.
    Hook(fn(&mut Call<'_>) -> Result<Reply, Refusal>),
}

/// Which rows a list shows.
pub(crate) type Filter = Box<dyn Fn(&Root, &Row) -> bool>;

/// Changes nothing else.
pub(crate) fn nothing(_: &mut Call<'_>, _: &Row) {}

/// The modelled operation of a request and its path parameters.
pub(crate) fn find<'a>(
    routes: &'static [Route],
    method: &str,
    path: &'a str,
) -> Option<(&'static Route, Params<'a>)> {
    routes.iter().find_map(|route| {
        if !answers(route.info.method, method) {
            return None;
        }
        Some((route, matches(route.info.path, path)?))
    })
}

/// The published operation of a request.
pub(crate) fn published(
    published: &'static [Published],
    method: &str,
    path: &str,
) -> Option<&'static Published> {
    published
        .iter()
        .filter(|(_, of, template)| answers(of, method) && matches(template, path).is_some())
        .min_by_key(|(_, _, template)| template.matches('{').count())
}

/// A HEAD request is answered as the GET would be.
fn answers(of: &str, method: &str) -> bool {
    of == method || (of == "GET" && method == "HEAD")
}

/// What the parameters of `template` stand for in `path`; none where it does not fit. A
/// parameter named `…_number` or `…_id` is digits.
pub(crate) fn matches<'a>(template: &'static str, path: &'a str) -> Option<Params<'a>> {
    let path = path
        .strip_suffix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path);
    let mut params = Vec::new();
    let mut segments = path.split('/');
    let mut pieces = template.split('/');
    loop {
        match (pieces.next(), segments.next()) {
            (None, None) => return Some(params),
            (Some(piece), Some(segment)) => {
                let name = piece
                    .strip_prefix('{')
                    .and_then(|piece| piece.strip_suffix('}'));
                match name {
                    None if piece == segment => {}
                    None => return None,
                    Some(_) if segment.is_empty() => return None,
                    // A path inside a repository or the name of a ref may hold slashes.
                    Some(name @ ("path" | "ref")) if template.ends_with(piece) => {
                        let at = segment.as_ptr() as usize - path.as_ptr() as usize;
                        params.push((name, percent_decode_str(&path[at..]).decode_utf8_lossy()));
                        return Some(params);
                    }
                    Some(name) => {
                        let number = name.ends_with("_number") || name.ends_with("_id");
                        if number && !segment.bytes().all(|byte| byte.is_ascii_digit()) {
                            return None;
                        }
                        params.push((name, percent_decode_str(segment).decode_utf8_lossy()));
                    }
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_whole_paths_and_decode_parameters() {
        let labels = "/repos/{owner}/{repo}/labels/{name}";
        assert_eq!(
            matches(labels, "/repos/a/b/labels/good%20first%2Fissue"),
            Some(vec![
                ("owner", "a".into()),
                ("repo", "b".into()),
                ("name", "good first/issue".into())
            ])
        );
        assert_eq!(matches(labels, "/repos/a/b/labels"), None);
        assert_eq!(matches(labels, "/repos/a/b/labels//"), None);
        assert!(matches("/user", "/user/").is_some());
        let issue = "/repos/{owner}/{repo}/issues/{issue_number}";
        assert!(matches(issue, "/repos/a/b/issues/7").is_some());
        assert_eq!(matches(issue, "/repos/a/b/issues/events"), None);
        let contents = "/repos/{owner}/{repo}/contents/{path}";
        assert_eq!(
            matches(contents, "/repos/a/b/contents/src/main.rs").and_then(|mut found| found.pop()),
            Some(("path", "src/main.rs".into()))
        );
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_taken(path in "[/a-z%0-9é]{0,40}") {
            matches("/repos/{owner}/{repo}", &path);
        }
    }
}
