//! The files of the registry, read and changed.

use std::fs;

use archal_core::source::{OptionInfo, SourceStyle};
use archal_core::stability::Stability;
use tempfile::TempDir;

use super::*;

const fn option(name: &'static str, kind: OptionKind) -> OptionInfo {
    OptionInfo {
        name,
        about: "for this test",
        kind,
        default: None,
        is_required: false,
    }
}

const PROVIDERS: &[SourceDescriptor] = &[SourceDescriptor {
    name: "test",
    about: "for this test",
    stability: Stability::Beta,
    pull: None,
    push: None,
    style: SourceStyle::Pull,
    options: &[
        option("folder", OptionKind::Path),
        option("host", OptionKind::Text),
        option("program", OptionKind::Program),
    ],
    files: None,
}];

/// Somebody whose state folder is beside the repository.
fn user(folder: &Path) -> Environment {
    let state = folder.join("of-the-user");
    let state = state.to_str().expect("UTF-8").to_owned();
    Environment {
        variables: BTreeMap::from([("XDG_STATE_HOME".to_owned(), state)]),
        directory: folder.to_owned(),
    }
}

struct World {
    folder: TempDir,
    places: Places,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        layout.prepare().expect("writable");
        Self {
            places: Places::of(folder.path(), &layout, &user(folder.path())),
            folder,
        }
    }

    fn read(&self) -> Registry {
        Registry::read(&self.places, PROVIDERS).expect("readable")
    }

    fn connect(&self, name: &str, options: &[(&str, Option<&str>)], dir: Option<&str>) {
        let said = Said {
            options: options
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.map(str::to_owned)))
                .collect(),
            trace_dir: dir.map(|dir| self.folder.path().join(dir)),
        };
        Registry::change(&self.places, PROVIDERS, |registry| {
            registry.connect(name, &PROVIDERS[0], &said)
        })
        .expect("connected");
    }

    fn write(&self, text: &str) {
        fs::write(self.places.shared(), text).expect("writable");
    }
}

#[test]
fn what_differs_between_machines_is_not_committed() {
    let world = World::new();
    assert_eq!(world.read().sources(), []);
    let inside = world.folder.path().join("exports");
    let inside = inside.to_str().expect("UTF-8");
    world.connect(
        "prod",
        &[("host", Some("h")), ("folder", Some(inside))],
        Some("t"),
    );
    world.connect("far", &[("folder", Some("/elsewhere"))], None);
    let text = |path: &Path| fs::read_to_string(path).expect("written");
    insta::assert_snapshot!(text(world.places.shared()), @r#"
    {
      "schema": "archal.trace-sources",
      "version": 1,
      "default": "prod",
      "sources": {
        "far": {
          "provider": "test",
          "enabled": true
        },
        "prod": {
          "provider": "test",
          "enabled": true,
          "options": {
            "host": "h"
          }
        }
      }
    }
    "#);
    insta::assert_snapshot!(text(world.places.local()), @r#"
    {
      "schema": "archal.trace-sources.local",
      "version": 1,
      "sources": {
        "far": {
          "options": {
            "folder": "/elsewhere"
          }
        },
        "prod": {
          "traceDir": "t",
          "options": {
            "folder": "exports"
          }
        }
      }
    }
    "#);
    let prod = world.read().source("prod").expect("known");
    assert_eq!(prod.options.text("folder"), Some(inside));
    assert_eq!(prod.trace_dir, world.folder.path().join("t"));
    let far = world.read().source("far").expect("known");
    assert_eq!(far.trace_dir, world.folder.path().join(".archal/traces"));
}

#[test]
fn what_was_said_stays_until_it_is_taken_back() {
    let world = World::new();
    world.connect("prod", &[("host", Some("h"))], Some("t"));
    let changed = |change: &dyn Fn(&mut Registry) -> bool| {
        Registry::change(&world.places, PROVIDERS, |registry| {
            Ok::<_, RegistryError>(change(registry))
        })
        .expect("changed")
    };
    assert!(changed(&|registry| registry.disable("prod")));
    assert!(!changed(&|registry| registry.disable("other")));
    assert_eq!(world.read().default(), None);
    world.connect("prod", &[], None);
    let prod = world.read().source("prod").expect("known");
    assert!(prod.is_enabled);
    assert_eq!(prod.options.text("host"), Some("h"));
    world.connect("prod", &[("host", None)], None);
    assert_eq!(
        world
            .read()
            .source("prod")
            .expect("known")
            .options
            .text("host"),
        None
    );
    assert!(changed(&|registry| registry.make_default("prod")));
    assert_eq!(world.read().default(), Some("prod"));
}

#[test]
fn a_file_that_is_wrong_is_refused_whole_and_stays_as_it_is() {
    let world = World::new();
    let text = r#"{"schema": "archal.trace-sources", "version": 1,
  "sources": {"prod": {"provider": "test", "optoins": {}}}}"#;
    world.write(text);
    let refused = Registry::change(&world.places, PROVIDERS, |registry| {
        registry.connect("other", &PROVIDERS[0], &Said::default())
    });
    let Err(RegistryError::Invalid { diagnostics, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].message, "unknown key `sources.prod.optoins`");
    assert!(diagnostics[0].span.is_some());
    assert_eq!(
        fs::read_to_string(world.places.shared()).expect("there"),
        text
    );
}

#[test]
fn one_source_that_cannot_be_used_does_not_spoil_the_others() {
    let world = World::new();
    world.write(
        r#"{"schema": "archal.trace-sources", "version": 1, "sources": {
  "bad name": {"provider": "test"},
  "good": {"provider": "test", "options": {"host": "h"}},
  "odd": {"provider": "test", "options": {"hots": "h"}},
  "strange": {"provider": "tset"}}}"#,
    );
    let told: Vec<(String, Vec<String>)> = world
        .read()
        .sources()
        .into_iter()
        .map(|source| {
            let told = source.problems.iter().map(|finding| {
                assert!(finding.span.is_some());
                finding.message.clone()
            });
            (source.name, told.collect())
        })
        .collect();
    insta::assert_debug_snapshot!(told);
}

#[test]
fn those_who_connect_at_once_do_not_take_from_each_other() {
    let world = World::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let world = &world;
            scope.spawn(move || world.connect(&format!("s{number}"), &[], None));
        }
    });
    assert_eq!(world.read().names().count(), 8);
}

#[test]
fn a_path_that_was_written_into_the_committed_file_begins_at_the_repository() {
    let world = World::new();
    world.write(
        r#"{"schema":"archal.trace-sources","version":1,"sources":{"a":{"provider":"test","options":{"folder":"logs/a","host":"logs/a"}}}}"#,
    );
    let source = world.read().source("a").expect("there");
    let folder = world.folder.path().join("logs/a");
    assert_eq!(source.options.path("folder"), Some(folder));
    assert_eq!(source.options.text("host"), Some("logs/a"));
}

#[test]
fn a_repository_that_was_cloned_starts_no_program() {
    let world = World::new();
    world.write(
        r#"{"schema":"archal.trace-sources","version":1,"sources":{"a":{"provider":"test","options":{"program":"evil.sh"}},"b":{"provider":"test"}}}"#,
    );
    // Git ignores this file, but whoever commits it all the same has it cloned.
    let local = r#"{"schema":"archal.trace-sources.local","version":1,"sources":{"a":{"options":{"program":"evil.sh"}},"b":{"options":{"program":"evil.sh"}}}}"#;
    fs::write(world.places.local(), local).expect("writable");
    for name in ["a", "b"] {
        let source = world.read().source(name).expect("there");
        assert_eq!(source.options.path("program"), None);
        let codes = source.problems.iter().map(|one| one.code.as_str());
        assert_eq!(codes.collect::<Vec<_>>(), ["trace-sources/program"]);
    }
    world.connect("a", &[("program", Some("/mine.sh"))], None);
    let source = world.read().source("a").expect("there");
    assert_eq!(source.options.path("program"), Some("/mine.sh".into()));
    assert_eq!(source.problems, []);
    // Nothing of it is in the repository, and it is of this repository alone.
    for file in [world.places.shared(), world.places.local()] {
        let text = fs::read_to_string(file).expect("written");
        assert!(!text.contains("mine.sh"), "{text}");
    }
    let other = tempfile::tempdir().expect("temporary folder");
    let layout = Layout::of(other.path(), None);
    layout.prepare().expect("writable");
    let places = Places::of(other.path(), &layout, &user(world.folder.path()));
    fs::copy(world.places.shared(), places.shared()).expect("writable");
    let registry = Registry::read(&places, PROVIDERS).expect("readable");
    let source = registry.source("a").expect("there");
    assert_eq!(source.options.path("program"), None);

    world.connect("a", &[("program", None)], None);
    let source = world.read().source("a").expect("there");
    assert_eq!(source.options.path("program"), None);
}

#[test]
fn without_a_home_no_program_is_allowed() {
    let mut world = World::new();
    let layout = Layout::of(world.folder.path(), None);
    world.places = Places::of(world.folder.path(), &layout, &Environment::default());
    let said = Said {
        options: BTreeMap::from([("program".to_owned(), Some("/mine.sh".to_owned()))]),
        trace_dir: None,
    };
    let refused = Registry::change(&world.places, PROVIDERS, |registry| {
        registry.connect("a", &PROVIDERS[0], &said)
    });
    assert!(matches!(refused, Err(RegistryError::NoHome)), "{refused:?}");
    assert_eq!(world.read().sources(), []);
}
