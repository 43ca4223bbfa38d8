//! Licences as repositories name them.

use super::API;
use crate::engine::writer::Writer;

/// SPDX ids, keys and names of the licences that GitHub finds most often.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "AGPL-3.0",
        "agpl-3.0",
        "GNU Affero General Public License v3.0",
    ),
    ("Apache-2.0", "apache-2.0", "Apache License 2.0"),
    (
        "BSD-2-Clause",
        "bsd-2-clause",
        "BSD 2-Clause \"Simplified\" License",
    ),
    (
        "BSD-3-Clause",
        "bsd-3-clause",
        "BSD 3-Clause \"New\" or \"Revised\" License",
    ),
    ("GPL-2.0", "gpl-2.0", "GNU General Public License v2.0"),
    ("GPL-3.0", "gpl-3.0", "GNU General Public License v3.0"),
    (
        "LGPL-3.0",
        "lgpl-3.0",
        "GNU Lesser General Public License v3.0",
    ),
    ("MIT", "mit", "MIT License"),
    ("MPL-2.0", "mpl-2.0", "Mozilla Public License 2.0"),
    ("Unlicense", "unlicense", "The Unlicense"),
];

/// SPDX id, key and name of the licence of an SPDX id, in any case.
pub(in crate::github) fn named(spdx: &str) -> (&'static str, &'static str, &'static str) {
    let found = KNOWN.iter().find(|(id, ..)| id.eq_ignore_ascii_case(spdx));
    found.copied().unwrap_or(("NOASSERTION", "other", "Other"))
}

/// The licence of an SPDX id; one that is not known is shown as GitHub shows those it cannot name.
pub(in crate::github) fn license(spdx: Option<&str>, out: &mut Writer) {
    let Some(spdx) = spdx else {
        out.raw("null");
        return;
    };
    let (spdx, key, name) = named(spdx);
    out.raw("{").key("key").text(key);
    out.key("name").text(name);
    out.key("spdx_id").text(spdx);
    out.key("url");
    if key == "other" {
        out.raw("null");
    } else {
        out.text(&format!("{API}/licenses/{key}"));
    }
    out.key("node_id").text(&crate::github::complete::node_id(
        "L",
        &[i64::try_from(key.len()).unwrap_or(0)],
    ));
    out.raw("}");
}
