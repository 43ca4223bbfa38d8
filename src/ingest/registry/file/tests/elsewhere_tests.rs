//! Paths that lead out of the repository.

use super::*;

/// This machine's file, as somebody committed it all the same.
fn local(world: &World, of_source: &str) {
    let text = format!(
        r#"{{"schema":"archal.trace-sources.local","version":1,"sources":{{"a":{of_source}}}}}"#
    );
    fs::write(world.places.local(), text).expect("writable");
}

/// A world whose repository is a folder of its own, and what lies beside it.
fn beside() -> (TempDir, World) {
    let outside = tempfile::tempdir().expect("temporary folder");
    (outside, World::new())
}

#[test]
fn a_repository_that_was_cloned_reads_and_writes_nothing_elsewhere() {
    let (outside, world) = beside();
    let at = outside.path().to_str().expect("UTF-8");
    for inside in [
        r#"{"options":{"folder":"exports"}}"#,
        r#"{"options":{"folder":"gone/../exports"},"traceDir":"t"}"#,
        r#"{"options":{"folder":"."}}"#,
    ] {
        cloned(&world, "");
        local(&world, inside);
        assert_eq!(told(&world), None, "{inside}");
    }
    for (of_source, does) in [
        (
            format!(r#"{{"options":{{"folder":"{at}"}}}}"#),
            format!("it reads {at}, outside of the repository"),
        ),
        (
            format!(r#"{{"traceDir":"{at}/t"}}"#),
            format!("it writes traces into {at}/t, outside of the repository"),
        ),
        (
            format!(r#"{{"options":{{"folder":"{at}"}},"traceDir":"{at}/t"}}"#),
            format!(
                "it reads {at}, outside of the repository, and writes traces into {at}/t, outside of the repository"
            ),
        ),
        (
            r#"{"options":{"folder":"../../no-such-folder"}}"#.to_owned(),
            "no-such-folder, outside of the repository".to_owned(),
        ),
    ] {
        cloned(&world, "");
        local(&world, &of_source);
        let said = told(&world).unwrap_or_default();
        assert!(
            said.starts_with("not allowed on this machine: it "),
            "{said}"
        );
        assert!(said.ends_with(&does), "{said}");
        allow(&world);
        assert_eq!(told(&world), None, "{of_source}");
    }
    // The committed file may say so as well.
    local(&world, "{}");
    cloned(&world, &format!(r#""folder":"{at}/other""#));
    assert!(told(&world).is_some());
    // What was allowed is not another host, and the other way round.
    allow(&world);
    cloned(&world, &format!(r#""folder":"{at}/other","host":"evil""#));
    assert!(told(&world).is_some_and(|told| told.contains("evil")));
    allow(&world);
    cloned(&world, &format!(r#""folder":"{at}/third","host":"evil""#));
    assert!(told(&world).is_some_and(|told| told.contains("third")));
}

#[test]
fn who_connects_a_source_allows_the_paths_he_says() {
    let (outside, world) = beside();
    let at = outside.path().to_str().expect("UTF-8");
    world.connect("a", &[("folder", Some(at))], None);
    assert_eq!(told(&world), None);
    local(&world, r#"{"options":{"folder":"/elsewhere"}}"#);
    assert!(told(&world).is_some());
    // Saying something beside it allows nothing, and what was said is kept all the same.
    let traces = outside.path().join("t");
    world.connect("a", &[("host", Some("h"))], traces.to_str());
    let said = told(&world).unwrap_or_default();
    assert!(said.contains("/elsewhere"), "{said}");
    world.connect("a", &[("folder", Some(at))], None);
    assert_eq!(told(&world), None);
    let source = world.read().source("a").expect("there");
    assert_eq!(source.trace_dir, traces);
}

#[test]
fn without_a_home_nothing_elsewhere_is_allowed() {
    let (outside, mut world) = beside();
    let layout = Layout::of(world.folder.path(), None);
    world.places = Places::of(world.folder.path(), &layout, &Environment::default());
    let said = Said {
        trace_dir: Some(outside.path().to_owned()),
        ..Said::default()
    };
    let refused = Registry::change(&world.places, PROVIDERS, |registry| {
        registry.connect("a", &PROVIDERS[0], &said)
    });
    assert!(matches!(refused, Err(RegistryError::NoHome)), "{refused:?}");
}

#[cfg(unix)]
#[test]
fn a_link_of_the_repository_is_what_it_leads_to() {
    use std::os::unix::fs::symlink;
    let (outside, world) = beside();
    for name in ["mine", "private"] {
        fs::create_dir(outside.path().join(name)).expect("writable");
    }
    let link = world.folder.path().join("exports");
    let leads_to = |name: &str| {
        drop(fs::remove_file(&link));
        symlink(outside.path().join(name), &link).expect("a link");
    };
    cloned(&world, r#""folder":"exports""#);
    leads_to("mine");
    assert!(told(&world).is_some_and(|told| told.contains("/mine, outside")));
    allow(&world);
    assert_eq!(told(&world), None);
    leads_to("private");
    assert!(told(&world).is_some_and(|told| told.contains("/private, outside")));

    // A link elsewhere is whoever made it there's.
    let current = outside.path().join("current");
    let said = current.to_str().expect("UTF-8");
    symlink("mine", &current).expect("a link");
    world.connect("a", &[("folder", Some(said))], None);
    assert_eq!(told(&world), None);
    fs::remove_file(&current).expect("writable");
    symlink("private", &current).expect("a link");
    assert_eq!(told(&world), None);
}

#[cfg(unix)]
#[test]
fn a_registry_that_is_a_link_out_of_the_repository_is_not_read() {
    use std::os::unix::fs::symlink;
    let (outside, world) = beside();
    let private = outside.path().join("private");
    fs::write(&private, "sesame").expect("writable");
    for file in [world.places.shared(), world.places.local()] {
        symlink(&private, file).expect("a link");
        let refused = Registry::read(&world.places, PROVIDERS).expect_err("a link");
        let RegistryError::LeadsOut { path } = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(path, file);
        assert!(!refused.to_string().contains("sesame"));
        fs::remove_file(file).expect("writable");
    }
    // One that stays is read.
    let own = world.folder.path().join("sources.json");
    fs::write(&own, r#"{"schema":"archal.trace-sources","version":1}"#).expect("writable");
    symlink(&own, world.places.shared()).expect("a link");
    assert_eq!(world.read().sources(), []);
}
