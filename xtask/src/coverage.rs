//! How much of a service its clone models: counted, printed, and written to `docs/coverage.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::published::{FOLDER, described};
use crate::steps::{Failure, note, root};

/// The page, below the root.
pub(crate) const PAGE: &str = "docs/coverage.md";

/// What is counted of one category of operations.
#[derive(Default)]
struct Count {
    published: usize,
    called: usize,
    called_and_modelled: usize,
    modelled: usize,
    validated: usize,
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.published += other.published;
        self.called += other.called;
        self.called_and_modelled += other.called_and_modelled;
        self.modelled += other.modelled;
        self.validated += other.validated;
    }

    fn row(&self, name: &str) -> String {
        format!(
            "| {name} | {} | {} | {} | {} | {} |\n",
            self.published, self.called, self.called_and_modelled, self.modelled, self.validated
        )
    }
}

/// The page as it has to be.
pub(crate) fn page() -> Result<String, Failure> {
    let mut page = String::from(
        "# Coverage\n\n\
         Written by `cargo xtask gen`; `cargo xtask coverage` prints the same. How an operation is added:\n\
         [CONTRIBUTING.md](../CONTRIBUTING.md#adding-a-clone-operation).\n\n\
         *Published*: operations that the service publishes. *Called*: requests that agents are known\n\
         to send, and how many of them are modelled. *Modelled*: operations that the clone answers from\n\
         its state; any other published operation is refused with `501` and the header\n\
         `x-clone-unmodelled`, and makes a run inconclusive. *Validated*: modelled operations whose\n\
         answers a test holds to the published description, each in at least one good case.\n",
    );
    for (name, clone) in &described()? {
        if clone["coverage"].is_object() {
            service(&mut page, name, clone)?;
        }
    }
    Ok(page)
}

/// Prints the page.
#[expect(clippy::print_stdout, reason = "the page is what was asked for")]
pub(crate) fn print() -> Result<(), Failure> {
    println!("{}", page()?);
    Ok(())
}

fn service(page: &mut String, name: &str, clone: &Value) -> Result<(), Failure> {
    let modelled: BTreeSet<&str> = list(&clone["operations"])
        .filter_map(|operation| operation["id"].as_str())
        .collect();
    let validated = validated(&root().join(FOLDER))?;
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let mut published = BTreeSet::new();
    for operation in list(&clone["coverage"]["published"]) {
        let id = operation[0].as_str().unwrap_or_default();
        published.insert(id);
        let count = counts.entry(category(id)).or_default();
        count.published += 1;
        count.modelled += usize::from(modelled.contains(id));
        count.validated += usize::from(modelled.contains(id) && validated.contains(id));
    }
    for id in modelled.difference(&published) {
        counts.entry(category(id)).or_default().modelled += 1;
    }
    let mut lacking = Vec::new();
    for called in list(&clone["coverage"]["called"]) {
        let id = called["operation"].as_str().unwrap_or_default();
        let count = counts.entry(category(id)).or_default();
        count.called += 1;
        if modelled.contains(id) {
            count.called_and_modelled += 1;
        } else {
            let method = called["method"].as_str().unwrap_or_default();
            lacking.push(format!(
                "- `{method} {}`\n",
                called["path"].as_str().unwrap_or_default()
            ));
        }
    }
    let mut total = Count::default();
    for count in counts.values() {
        total.add(count);
    }
    let by = clone["coverage"]["called_by"].as_str().unwrap_or_default();
    let lines = lines(&root().join("clones").join(name))?;
    // Writing to a String cannot fail.
    _ = write!(
        page,
        "\n## {name}\n\n\
         Called are {by}. The pack has {} lines for each modelled operation: {lines} in all, less\n\
         tests and lists made from published documents.\n\n\
         | category | published | called | of these modelled | modelled | validated |\n\
         |---|--:|--:|--:|--:|--:|\n",
        lines / modelled.len().max(1)
    );
    for (name, count) in &counts {
        if count.modelled + count.called > 0 {
            page.push_str(&count.row(name));
        }
    }
    let rest = counts
        .values()
        .filter(|count| count.modelled + count.called == 0);
    let mut others = Count::default();
    for count in rest {
        others.add(count);
    }
    page.push_str(&others.row("all others"));
    page.push_str(&total.row("**all**"));
    if !lacking.is_empty() {
        _ = write!(page, "\nCalled and not modelled:\n\n{}", lacking.concat());
    }
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn category(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

/// The ids of the operations whose answers are held to the description.
fn validated(folder: &Path) -> Result<BTreeSet<String>, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::bad(format!("{}: {error}", folder.display()));
    let mut ids = BTreeSet::new();
    for file in fs::read_dir(folder)
        .map_err(|error| failed(&error))?
        .flatten()
    {
        let text = fs::read_to_string(file.path()).map_err(|error| failed(&error))?;
        let slice: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        let operations = slice["operations"].as_object().into_iter().flatten();
        ids.extend(operations.map(|(id, _)| id.clone()));
    }
    Ok(ids)
}

/// Lines of a pack's source, less tests and what is made from published documents.
fn lines(folder: &Path) -> Result<usize, Failure> {
    let mut sum = 0;
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::bad(format!("{}: {error}", folder.display())))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let test =
            name.ends_with("tests.rs") || matches!(name.as_str(), "check.rs" | "conformance");
        let made = matches!(name.as_str(), "published.rs" | "called.rs");
        if path.is_dir() && !test {
            sum += lines(&path)?;
        } else if name.ends_with(".rs") && !test && !made {
            let text = fs::read_to_string(&path)
                .map_err(|error| Failure::bad(format!("{}: {error}", path.display())))?;
            sum += text.lines().count();
        }
    }
    Ok(sum)
}

/// Writes the page, or fails where it differs and `check`.
pub(crate) fn write(check: bool) -> Result<(), Failure> {
    let page = page()?;
    let place = root().join(PAGE);
    if fs::read_to_string(&place).is_ok_and(|found| found == page) {
        return Ok(());
    }
    if check {
        return Err(Failure::bad(format!(
            "{PAGE} differs from the code; run `cargo xtask gen`"
        )));
    }
    fs::write(&place, page).map_err(|error| Failure::bad(format!("{PAGE}: {error}")))?;
    note(&format!("wrote {PAGE}"));
    Ok(())
}
