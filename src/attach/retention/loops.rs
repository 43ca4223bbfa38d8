//! Artifacts of `archal preprod run` that something still refers to: a pull request that was open when it
//! was read back, or a step that has not ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::fix::publish::record::Record;
use crate::store::layout::Layout;

use super::known::Reason;

/// Those that stay whatever their age, by the name of their folder, and why.
pub(super) fn held(layout: &Layout) -> BTreeMap<String, Reason> {
    let folder = layout.preprod();
    let mut held = BTreeMap::new();
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        if let Some(reason) = of_request(&entry.path()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            held.insert(name, reason);
        }
    }
    for entry in fs::read_dir(folder.join("open"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let step = fs::read(entry.path()).ok();
        let step = step.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let record = step.as_ref().and_then(|step| step["record"].as_str());
        let inside = record.and_then(|record| Path::new(record).strip_prefix(&folder).ok());
        if let Some(name) = inside.and_then(|inside| inside.iter().next()) {
            held.insert(name.to_string_lossy().into_owned(), Reason::UnderWay);
        }
    }
    held
}

/// Why the record of a publication keeps its folder; one without an end was cut off in the midst.
fn of_request(folder: &Path) -> Option<Reason> {
    match Record::read(folder)?.published {
        None => Some(Reason::UnderWay),
        Some(published) => {
            let is_open = published.request?.state == "open";
            is_open.then_some(Reason::PullRequest)
        }
    }
}
