//! Searching the files of default branches: `GET /search/code`.

use std::sync::Arc;

use super::grammar::{Query, Term};
use super::matches::Matches;
use super::range::{number, within};
use super::{answer, asked, check_places, refused};
use crate::engine::git::{Mode, Oid};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{REPOS, owner_of, repo};
use crate::github::{access, refs, render};

/// GitHub looks at no larger files.
const LARGEST: usize = 384 * 1_024;
/// Where words are sought where `in:` names nothing.
const USUAL: &[&str] = &["file", "path"];

fn is_qualifier(name: &str) -> bool {
    matches!(
        name,
        "extension"
            | "filename"
            | "fork"
            | "in"
            | "is"
            | "language"
            | "org"
            | "path"
            | "repo"
            | "size"
            | "user"
    )
}

/// A file of a default branch.
struct File<'r> {
    of: &'r Arc<Row>,
    commit: Oid,
    path: String,
    oid: Oid,
    text: String,
    size: usize,
}

/// `GET /search/code`.
pub(in crate::github) fn search(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    access::login(call)?;
    let query = asked(call, is_qualifier)?;
    let narrow = query.values("filename").is_empty() && query.values("extension").is_empty();
    if query.words().is_empty() && narrow {
        return Err(refused("A search of code needs at least one term to find."));
    }
    check_places(call, &query)?;
    let root = call.root();
    let mut files = Vec::new();
    for of in root.rows(REPOS).values() {
        let name = of.text(repo::FULL_NAME);
        // What a repository says of its files before they are read.
        let place = |term: &Term| match term {
            Term::Qualifier { name: of, values } => match of.as_str() {
                "repo" => Some(values.iter().any(|value| same(name, value))),
                "user" | "org" => Some(values.iter().any(|value| same(owner_of(name), value))),
                _ => None,
            },
            Term::Word(_) => None,
        };
        // A repository that the search leaves out, whatever is in it, is not read.
        let wanted = query.may_find(&place);
        let forks = !of.bool(repo::FORK) || !query.values("fork").is_empty();
        if wanted && forks && access::sees(call, of).is_some() {
            files.extend(of_repo(root, of));
        }
    }
    files.retain(|file| query.finds(&|term| holds(file, &query, term)));
    let words = query.words();
    answer(call, files, None, |file, found| {
        let (rendered, print) = written(root, &file);
        found.open(&rendered, print);
        let url = address(&file);
        for (property, text) in [("content", &file.text), ("path", &file.path)] {
            found.matches(|| Matches::of(&url, "FileContent", property, text, &words));
        }
    })
}

/// The text files of a repository's default branch.
fn of_repo<'r>(root: &'r Root, of: &'r Arc<Row>) -> Vec<File<'r>> {
    let objects = root.objects();
    let name = of.text(repo::FULL_NAME);
    let Some(at) = refs::branch(root, name, of.text(repo::DEFAULT_BRANCH)) else {
        return Vec::new();
    };
    let Some(commit) = objects.commit(&at) else {
        return Vec::new();
    };
    let files = objects.walk(&commit.tree).into_iter();
    files
        .filter(|(_, entry)| matches!(entry.mode, Mode::File | Mode::Executable))
        .filter_map(|(path, entry)| {
            let bytes = objects.blob(&entry.oid)?;
            let size = bytes.len();
            let text = String::from_utf8(bytes.to_vec()).ok()?;
            (size <= LARGEST).then_some(File {
                of,
                commit: at,
                path,
                oid: entry.oid,
                text,
                size,
            })
        })
        .collect()
}

fn address(file: &File<'_>) -> String {
    let name = file.of.text(repo::FULL_NAME);
    let (path, commit) = (&file.path, &file.commit);
    format!("{}/repos/{name}/contents/{path}?ref={commit}", render::API)
}

fn written(root: &Root, file: &File<'_>) -> (archal_core::clone::Rendered, u64) {
    let name = file.of.text(repo::FULL_NAME);
    let file_name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let mut out = Writer::new(root);
    out.raw("{");
    out.key("name").text(file_name);
    out.key("path").text(&file.path);
    out.key("sha").oid(&file.oid);
    out.key("url").text(&address(file));
    out.key("git_url").text(&format!(
        "{}/repos/{name}/git/blobs/{}",
        render::API,
        file.oid
    ));
    out.key("html_url").text(&format!(
        "{}/{name}/blob/{}/{}",
        render::WEB,
        file.commit,
        file.path
    ));
    out.key("repository");
    render::repo::simple(root, file.of, &mut out);
    out.raw("}");
    (out.finish(), file.of.version())
}

fn holds(file: &File<'_>, query: &Query, term: &Term) -> bool {
    match term {
        Term::Word(word) => {
            let has = |text: &str| text.to_lowercase().contains(word);
            (query.looks("file", USUAL) && has(&file.text))
                || (query.looks("path", USUAL) && has(&file.path))
        }
        Term::Qualifier { name, values } => values.iter().any(|value| qualifies(file, name, value)),
    }
}

fn qualifies(file: &File<'_>, name: &str, value: &str) -> bool {
    let path = file.path.to_lowercase();
    let (folder, file_name) = path.rsplit_once('/').unwrap_or(("", &path));
    let extension = file_name.rsplit_once('.').map_or("", |(_, end)| end);
    let value_lower = value.to_lowercase();
    match name {
        "repo" => same(file.of.text(repo::FULL_NAME), value),
        "user" | "org" => same(owner_of(file.of.text(repo::FULL_NAME)), value),
        "is" => match value {
            "public" => !file.of.bool(repo::PRIVATE),
            "private" => file.of.bool(repo::PRIVATE),
            _ => false,
        },
        "filename" => file_name.contains(&value_lower),
        "extension" => extension == value_lower.trim_start_matches('.'),
        // `path:/` is the top of the repository.
        "path" => match value_lower.trim_matches('/') {
            "" => folder.is_empty(),
            sought => {
                folder == sought || folder.starts_with(&format!("{sought}/")) || path == sought
            }
        },
        "language" => extensions(&value_lower).contains(&extension),
        "size" => within(value, number, i64::try_from(file.size).unwrap_or(i64::MAX)),
        "fork" => true,
        _ => false,
    }
}

/// The ends of the names of files in a language.
fn extensions(language: &str) -> &'static [&'static str] {
    match language {
        "c" => &["c", "h"],
        "c++" | "cpp" => &["cc", "cpp", "cxx", "hh", "hpp"],
        "c#" | "csharp" => &["cs"],
        "css" => &["css"],
        "go" | "golang" => &["go"],
        "html" => &["htm", "html"],
        "java" => &["java"],
        "javascript" | "js" => &["cjs", "js", "jsx", "mjs"],
        "json" => &["json"],
        "kotlin" => &["kt", "kts"],
        "markdown" => &["markdown", "md"],
        "php" => &["php"],
        "python" => &["py", "pyi"],
        "ruby" => &["rb"],
        "rust" => &["rs"],
        "shell" => &["bash", "sh", "zsh"],
        "sql" => &["sql"],
        "swift" => &["swift"],
        "toml" => &["toml"],
        "typescript" | "ts" => &["cts", "mts", "ts", "tsx"],
        "yaml" => &["yaml", "yml"],
        _ => &[],
    }
}
