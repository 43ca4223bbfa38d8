//! Operations and the requests that address them.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

use archal_core::clone::{Done, OperationInfo, Work};
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
    /// What a program does outside the clone, while other calls go on. The body may be a file.
    Job {
        /// Says what is to be done; changes nothing.
        begin: fn(&mut Call<'_>) -> Result<Work, Refusal>,
        /// Makes the answer of what it came to. The state may be another one than at the
        /// beginning; guards are asked again.
        end: fn(&mut Call<'_>, Done) -> Result<Reply, Refusal>,
    },
    /// The same as a hook, for what changes nothing and may take long: it is answered from the state
    /// as it is, while other calls go on.
    Apart(fn(&mut Call<'_>) -> Result<Reply, Refusal>),
    /// The same as a hook, for a body that may be a file.
    Upload(fn(&mut Call<'_>) -> Result<Reply, Refusal>),
}

/// Which rows a list shows.
pub(crate) type Filter = Box<dyn Fn(&Root, &Row) -> bool>;

/// Changes nothing else.
pub(crate) fn nothing(_: &mut Call<'_>, _: &Row) {}

/// The host names that a group of operations is served on, and the operations by area.
pub(crate) struct Site {
    /// Host names, lower case. The first site of a pack answers for every other name too.
    pub hosts: &'static [&'static str],
    /// The operations: slices sorted by id.
    pub areas: &'static [&'static [Route]],
}

/// The operations of a pack, sorted so that few templates are tried for a request.
pub(crate) struct Router {
    sites: Vec<(&'static [&'static str], Templates)>,
}

/// Operations by method and number of segments, the most literal template first; those with a
/// parameter that may hold slashes stand apart.
#[derive(Default)]
struct Templates {
    plain: HashMap<(&'static str, usize), Vec<&'static Route>>,
    spanning: HashMap<&'static str, Vec<&'static Route>>,
}

impl Router {
    /// Sorts the operations of a pack.
    pub(crate) fn new(sites: &'static [Site]) -> Self {
        let sites = sites.iter().map(|site| {
            let mut templates = Templates::default();
            for route in site.areas.iter().copied().flatten() {
                let info = route.info;
                if info.path.split('/').any(spans) {
                    templates.spanning.entry(info.method).or_default()
                } else {
                    let segments = info.path.split('/').count();
                    templates.plain.entry((info.method, segments)).or_default()
                }
                .push(route);
            }
            let groups = templates.plain.values_mut();
            for group in groups.chain(templates.spanning.values_mut()) {
                group.sort_by_key(|route| literalness(route.info.path));
            }
            (site.hosts, templates)
        });
        Self {
            sites: sites.collect(),
        }
    }

    /// The modelled operation of a request and its path parameters.
    pub(crate) fn find<'a>(
        &self,
        host: &str,
        method: &str,
        path: &'a str,
    ) -> Option<(&'static Route, Params<'a>)> {
        let site = self.sites.iter().find(|(hosts, _)| hosts.contains(&host));
        let (_, templates) = site.or(self.sites.first())?;
        let method = if method == "HEAD" { "GET" } else { method };
        let path = trimmed(path);
        let segments = path.split('/').count();
        let plain = templates.plain.get(&(method, segments));
        let spanning = templates.spanning.get(method);
        let plain = plain.into_iter().flatten();
        plain
            .filter(|route| has_literals_of(route.info.path, path))
            .chain(spanning.into_iter().flatten())
            .find_map(|route| Some((*route, matches(route.info.path, path)?)))
    }
}

/// The most literal template comes first: the fewest parameters, then the most segments.
fn literalness(template: &str) -> (usize, Reverse<usize>) {
    let parameters = template.matches('{').count();
    (parameters, Reverse(template.split('/').count()))
}

/// Whether what a template without spanning parameters says literally stands where it says so in
/// a path of as many segments. Nearly all templates are passed over by this, for next to nothing.
fn has_literals_of(template: &str, path: &str) -> bool {
    let mut pieces = template.split('/').zip(path.split('/'));
    pieces.all(|(piece, segment)| piece.starts_with('{') || piece == segment)
}

/// Whether a piece of a template may stand for several segments: a path inside a repository,
/// and what git names.
fn spans(piece: &str) -> bool {
    matches!(
        piece,
        "{path}" | "{ref}" | "{branch}" | "{basehead}" | "{tag}"
    )
}

fn trimmed(path: &str) -> &str {
    path.strip_suffix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path)
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
        .min_by_key(|(_, _, template)| literalness(template))
}

/// A HEAD request is answered as the GET would be.
fn answers(of: &str, method: &str) -> bool {
    of == method || (of == "GET" && method == "HEAD")
}

/// What the parameters of `template` stand for in `path`; none where it does not fit. A
/// parameter named `…_number` or `…_id` is digits, but for those whose ids are not.
pub(crate) fn matches<'a>(template: &'static str, path: &'a str) -> Option<Params<'a>> {
    let path = trimmed(path);
    let mut params = Vec::new();
    fit(template, path, &mut params).then_some(params)
}

fn fit<'a>(template: &'static str, path: &'a str, params: &mut Params<'a>) -> bool {
    let (piece, rest) = template
        .split_once('/')
        .map_or((template, None), |(piece, rest)| (piece, Some(rest)));
    let decoded = |text: &'a str| percent_decode_str(text).decode_utf8_lossy();
    let name = piece
        .strip_prefix('{')
        .and_then(|piece| piece.strip_suffix('}'));
    // Where the parameter may end: at the first slash, or for one that spans at any, the last first.
    let mut ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    ends.push(path.len());
    if spans(piece) {
        ends.reverse();
    } else {
        ends.truncate(1);
    }
    for end in ends {
        let segment = &path[..end];
        match name {
            None if piece != segment => return false,
            None => {}
            Some(_) if segment.is_empty() => return false,
            Some(name) => {
                let digits = (name.ends_with("_number") || name.ends_with("_id"))
                    && !matches!(name, "ghsa_id" | "gist_id" | "workflow_id");
                if digits && !segment.bytes().all(|byte| byte.is_ascii_digit()) {
                    return false;
                }
                params.push((name, decoded(segment)));
            }
        }
        let left = path.get(end + 1..);
        let fits = match (rest, left) {
            (None, None) => true,
            (Some(rest), Some(left)) => fit(rest, left, params),
            // The root of a repository is a path too: the empty one.
            (Some("{path}"), None) => {
                params.push(("path", "".into()));
                true
            }
            _ => false,
        };
        if fits {
            return true;
        }
        if name.is_some() {
            params.pop();
        }
    }
    false
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
        let protection = "/repos/{owner}/{repo}/branches/{branch}/protection";
        for path in [
            "/repos/a/b/branches/feature/x/protection",
            "/repos/a/b/branches/feature%2Fx/protection/",
        ] {
            assert_eq!(
                matches(protection, path).and_then(|mut found| found.pop()),
                Some(("branch", "feature/x".into()))
            );
        }
        assert_eq!(matches(protection, "/repos/a/b/branches/protection"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_taken(path in "[/a-z%0-9é]{0,40}") {
            matches("/repos/{owner}/{repo}", &path);
            matches("/repos/{ref}/{path}/x/{branch}", &path);
        }
    }
}
