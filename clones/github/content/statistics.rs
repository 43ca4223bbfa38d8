//! Who contributed to a repository, and in which languages it is written.

use std::collections::BTreeMap;

use crate::engine::git::Mode;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::writer::Writer;
use crate::github::access;
use crate::github::dialect::page;
use crate::github::refs;
use crate::github::tables::{USERS, user};

use super::people;
use super::refs as named;

/// `GET …/contributors`: by number of commits on the default branch.
pub(in crate::github) fn contributors(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let root = call.root();
    let Some(head) = named::commit_of(root, &repo, "HEAD") else {
        return Ok(Reply::empty());
    };
    let anonymous = matches!(call.query("anon"), Some("1" | "true"));
    // By login, or by name and address where no account has the address.
    let mut counts: BTreeMap<(Option<String>, String, String), i64> = BTreeMap::new();
    for (_, commit) in root.objects().log(&head) {
        let who = commit.author;
        let key = match people::account(root, &who.email) {
            Some(row) => (
                Some(row.text(user::LOGIN).to_owned()),
                String::new(),
                String::new(),
            ),
            None if anonymous => (None, who.name, who.email),
            None => continue,
        };
        *counts.entry(key).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let page = page(call, counts.len());
    let mut writer = Writer::new(root);
    writer.raw("[");
    for ((login, name, email), count) in counts.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        let row = login.as_deref().and_then(|login| root.named(USERS, login));
        match row {
            Some(row) => {
                writer.reopened(&root.rendered(USERS, row).0);
            }
            None => {
                writer.raw("{").key("email").text(email);
                writer.key("name").text(name);
                writer.key("type").text("Anonymous");
            }
        }
        writer.key("contributions").int(*count).raw("}");
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

/// The languages that GitHub counts, by the end of a file's name.
const LANGUAGES: &[(&str, &str)] = &[
    ("bash", "Shell"),
    ("c", "C"),
    ("cc", "C++"),
    ("cpp", "C++"),
    ("cs", "C#"),
    ("css", "CSS"),
    ("dart", "Dart"),
    ("ex", "Elixir"),
    ("exs", "Elixir"),
    ("go", "Go"),
    ("h", "C"),
    ("hcl", "HCL"),
    ("hpp", "C++"),
    ("hs", "Haskell"),
    ("html", "HTML"),
    ("ipynb", "Jupyter Notebook"),
    ("java", "Java"),
    ("js", "JavaScript"),
    ("jsx", "JavaScript"),
    ("kt", "Kotlin"),
    ("less", "Less"),
    ("lua", "Lua"),
    ("mjs", "JavaScript"),
    ("php", "PHP"),
    ("pl", "Perl"),
    ("ps1", "PowerShell"),
    ("py", "Python"),
    ("r", "R"),
    ("rb", "Ruby"),
    ("rs", "Rust"),
    ("scala", "Scala"),
    ("scss", "SCSS"),
    ("sh", "Shell"),
    ("svelte", "Svelte"),
    ("swift", "Swift"),
    ("tf", "HCL"),
    ("ts", "TypeScript"),
    ("tsx", "TypeScript"),
    ("vue", "Vue"),
    ("zig", "Zig"),
];

fn language(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        "Dockerfile" => return Some("Dockerfile"),
        "Makefile" => return Some("Makefile"),
        _ => {}
    }
    // GitHub leaves out what others wrote.
    let foreign = ["node_modules/", "vendor/", "third_party/"];
    if foreign
        .iter()
        .any(|part| path.starts_with(part) || path.contains(&format!("/{part}")))
    {
        return None;
    }
    let (_, end) = name.rsplit_once('.')?;
    let end = end.to_ascii_lowercase();
    let found = LANGUAGES.iter().find(|(known, _)| *known == end);
    found.map(|(_, language)| *language)
}

/// `GET …/languages`: bytes of each language, the most first.
pub(in crate::github) fn languages(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let root = call.root();
    let objects = root.objects();
    let head = refs::resolve(root, &repo, "HEAD").and_then(|oid| objects.commit(&oid));
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, entry) in head.map_or_else(Vec::new, |commit| objects.walk(&commit.tree)) {
        if !matches!(entry.mode, Mode::File | Mode::Executable) {
            continue;
        }
        if let Some(language) = language(&path) {
            let size = objects.blob(&entry.oid).map_or(0, |bytes| bytes.len());
            *sums.entry(language).or_default() += size;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, size)| *size > 0).collect();
    sums.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let mut writer = Writer::new(root);
    writer.raw("{");
    for (language, size) in sums {
        writer
            .key(language)
            .int(i64::try_from(size).unwrap_or(i64::MAX));
    }
    writer.raw("}");
    Ok(Reply::written(200, writer.finish(), 0))
}
