//! Which traces are the same trace, and what each is called in paths.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::trace::TraceIdentity;

/// The `<trace>` of each identity: the trace id where it is safe as a name and no other source
/// or project has it, compared without case; else at most 40 safe characters, `-`, and 8 hex
/// digits of the identity.
///
/// No two identities get names that differ only in case, even when ids are made to collide.
pub fn path_names<'a>(
    identities: impl IntoIterator<Item = &'a TraceIdentity>,
) -> BTreeMap<TraceIdentity, String> {
    let mut names: BTreeMap<TraceIdentity, String> = identities
        .into_iter()
        .map(|identity| (identity.clone(), identity.path_name()))
        .collect();
    // A hashed name may itself be somebody's id, so once is not enough; each round only turns
    // plain names into hashed ones, and three rounds are one more than such a chain needs.
    for _ in 0..3 {
        let taken_twice = names_taken_twice(&names);
        if taken_twice.is_empty() {
            break;
        }
        for (identity, name) in &mut names {
            if taken_twice.contains(&name.to_ascii_lowercase()) {
                *name = identity.hashed_name();
            }
        }
    }
    // Equal 32-bit hashes of equal stems: count them apart, in the order of the identities.
    let taken_twice = names_taken_twice(&names);
    for (position, name) in names.values_mut().enumerate() {
        if taken_twice.contains(&name.to_ascii_lowercase()) {
            *name = format!("{name}-{position}");
        }
    }
    names
}

fn names_taken_twice(names: &BTreeMap<TraceIdentity, String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names
        .values()
        .map(|name| name.to_ascii_lowercase())
        .filter(|name| !seen.insert(name.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(source: &str, trace: &str) -> TraceIdentity {
        TraceIdentity {
            source: source.to_owned(),
            project: String::new(),
            trace: trace.to_owned(),
        }
    }

    #[test]
    fn a_safe_id_that_nobody_else_has_names_itself() {
        let all = [identity("file", "t-1"), identity("file", "t-2")];
        let names = path_names(&all);
        assert_eq!(names[&all[0]], "t-1");
        assert_eq!(names[&all[1]], "t-2");
    }

    #[test]
    fn ids_that_differ_in_source_or_case_only_are_told_apart() {
        let all = [
            identity("file", "t-1"),
            identity("prod", "t-1"),
            identity("file", "T-1"),
            identity("file", "../t1"),
        ];
        let names = path_names(&all);
        let distinct: BTreeSet<String> = names
            .values()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        assert_eq!(distinct.len(), 4, "{names:?}");
        assert!(
            names
                .values()
                .all(|name| name.contains('-') && !name.contains('/'))
        );
    }

    #[test]
    fn an_id_made_to_equal_a_hashed_name_does_not_take_its_place() {
        let victim = identity("file", "a/b");
        let thief = identity("file", &victim.path_name());
        let names = path_names([&victim, &thief]);
        assert_ne!(names[&victim], names[&thief]);
    }
}
