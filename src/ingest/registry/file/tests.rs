//! The files of the registry, read and changed.

use std::fs;

use archal_core::pull::{PullError, PullErrorKind, PullSource};
use archal_core::reach::{self, Reach};
use archal_core::source::{OptionInfo, SourceStyle};
use archal_core::stability::Stability;
use tempfile::TempDir;

use super::*;

mod elsewhere_tests;

const fn option(name: &'static str, kind: OptionKind) -> OptionInfo {
    OptionInfo {
        name,
        about: "for this test",
        kind,
        default: None,
        is_required: false,
    }
}

/// Its own host is asked with its own key as it is.
const PULL: PullSource = PullSource {
    open: |_| Err(PullError::new(PullErrorKind::Options, "for this test")),
    hosts: |_| Vec::new(),
    reach: Reach {
        options: &["certificate", "host", "keyEnv", "program"],
        is_usual: |named| {
            let is_own = |option, own| {
                let text = reach::text(named, option);
                text.is_empty() || text == own
            };
            !named.contains_key("certificate")
                && !named.contains_key("program")
                && is_own("host", "h")
                && is_own("keyEnv", "OWN_KEY")
        },
        told: |named| format!("sends {}", reach::listed(named, &["keyEnv", "host"])),
    },
    asks: &[],
    scores: None,
};

const PROVIDERS: &[SourceDescriptor] = &[SourceDescriptor {
    name: "test",
    about: "for this test",
    stability: Stability::Beta,
    pull: Some(PULL),
    push: None,
    style: SourceStyle::Pull,
    options: &[
        option("certificate", OptionKind::Path),
        option("folder", OptionKind::Path),
        option("host", OptionKind::Text),
        OptionInfo {
            default: Some("OWN_KEY"),
            ..option("keyEnv", OptionKind::Variable)
        },
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
        r#"{"schema":"archal.trace-sources","version":1,"sources":{"a":{"provider":"test","options":{"folder":"logs/a","keyEnv":"OWN_KEY"}}}}"#,
    );
    let source = world.read().source("a").expect("there");
    let folder = world.folder.path().join("logs/a");
    assert_eq!(source.options.path("folder"), Some(folder));
    assert_eq!(source.problems, []);
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
        assert_eq!(codes.collect::<Vec<_>>(), ["trace-sources/not-allowed"]);
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

/// Whether the source `a` may be asked, and what is said of it where not.
fn told(world: &World) -> Option<String> {
    let source = world.read().source("a").expect("there");
    let said: Vec<String> = source
        .problems
        .iter()
        .map(|one| one.message.clone())
        .collect();
    assert_eq!(source.is_allowed(), said.is_empty());
    (!said.is_empty()).then(|| said.join("; "))
}

fn cloned(world: &World, options: &str) {
    world.write(&format!(
        r#"{{"schema":"archal.trace-sources","version":1,"sources":{{"a":{{"provider":"test","options":{{{options}}}}}}}}}"#
    ));
}

fn allow(world: &World) {
    let allowed = Registry::change(&world.places, PROVIDERS, |registry| registry.allow("a"));
    assert!(allowed.expect("allowed"));
}

#[test]
fn a_repository_that_was_cloned_sends_nothing_to_a_host_of_its_choice() {
    let world = World::new();
    for usual in ["", r#""host":"h""#, r#""host":"h","keyEnv":"OWN_KEY""#] {
        cloned(&world, usual);
        assert_eq!(told(&world), None, "{usual}");
    }
    for foreign in [
        r#""host":"evil""#,
        r#""keyEnv":"OTHER_KEY""#,
        r#""certificate":"evil.pem""#,
    ] {
        cloned(&world, foreign);
        assert!(told(&world).is_some(), "{foreign}");
    }
    cloned(&world, r#""host":"evil","keyEnv":"OTHER_KEY""#);
    assert_eq!(
        told(&world).as_deref(),
        Some("not allowed on this machine: it sends OTHER_KEY and evil")
    );
    // Git ignores this machine's file, but whoever commits it all the same has it cloned.
    cloned(&world, "");
    let local = r#"{"schema":"archal.trace-sources.local","version":1,"sources":{"a":{"options":{"certificate":"evil.pem"}}}}"#;
    fs::write(world.places.local(), local).expect("writable");
    assert!(told(&world).is_some());
}

#[test]
fn what_was_allowed_holds_until_it_is_something_else() {
    let world = World::new();
    cloned(&world, r#""host":"mine","keyEnv":"OTHER_KEY""#);
    allow(&world);
    assert_eq!(told(&world), None);
    // What does not say whom it asks is the repository's to say.
    cloned(&world, r#""host":"mine","keyEnv":"OTHER_KEY","folder":"x""#);
    assert_eq!(told(&world), None);
    for other in [
        r#""host":"evil","keyEnv":"OTHER_KEY""#,
        r#""host":"mine","keyEnv":"THIRD_KEY""#,
        r#""host":"mine""#,
        r#""host":"mine","keyEnv":"OTHER_KEY","certificate":"evil.pem""#,
    ] {
        cloned(&world, other);
        assert!(told(&world).is_some(), "{other}");
    }
    // It is allowed to this repository alone.
    cloned(&world, r#""host":"mine","keyEnv":"OTHER_KEY""#);
    let other = tempfile::tempdir().expect("temporary folder");
    let layout = Layout::of(other.path(), None);
    layout.prepare().expect("writable");
    let places = Places::of(other.path(), &layout, &user(world.folder.path()));
    fs::copy(world.places.shared(), places.shared()).expect("writable");
    let registry = Registry::read(&places, PROVIDERS).expect("readable");
    assert!(!registry.source("a").expect("there").is_allowed());
}

#[test]
fn who_connects_a_source_allows_what_he_says_and_not_what_stood_there() {
    let world = World::new();
    world.connect(
        "a",
        &[("host", Some("mine")), ("keyEnv", Some("OTHER_KEY"))],
        None,
    );
    assert_eq!(told(&world), None);
    world.connect("a", &[("host", Some("new"))], None);
    assert_eq!(told(&world), None);

    cloned(&world, r#""host":"evil","keyEnv":"OTHER_KEY""#);
    world.connect("a", &[("folder", Some("/x"))], None);
    assert!(told(&world).is_some_and(|told| told.contains("evil")));
    // A host of one's own is sent no variable that one did not see.
    world.connect("a", &[("host", Some("mine"))], None);
    assert!(told(&world).is_some());
    world.connect(
        "a",
        &[("host", Some("mine")), ("keyEnv", Some("OTHER_KEY"))],
        None,
    );
    assert_eq!(told(&world), None);
}

#[test]
fn a_source_that_only_this_machines_file_knows_is_no_new_one() {
    let world = World::new();
    let local = r#"{"schema":"archal.trace-sources.local","version":1,"sources":{"a":{"options":{"certificate":"evil.pem"}}}}"#;
    fs::write(world.places.local(), local).expect("writable");
    world.connect("a", &[("host", Some("mine"))], None);
    assert!(told(&world).is_some());
}

#[test]
fn a_program_is_allowed_with_what_it_is_given() {
    let world = World::new();
    cloned(&world, r#""program":"tools/mine.sh""#);
    allow(&world);
    let source = world.read().source("a").expect("there");
    let program = world.folder.path().join("tools/mine.sh");
    assert_eq!(source.options.path("program"), Some(program));
    assert_eq!(source.problems, []);
    cloned(&world, r#""program":"tools/mine.sh","keyEnv":"OTHER_KEY""#);
    assert!(told(&world).is_some());
    allow(&world);
    assert_eq!(told(&world), None);
}

#[test]
fn without_a_home_nothing_is_allowed_but_what_is_usual() {
    let mut world = World::new();
    let layout = Layout::of(world.folder.path(), None);
    world.places = Places::of(world.folder.path(), &layout, &Environment::default());
    world.connect("a", &[("host", Some("h"))], None);
    assert_eq!(told(&world), None);
    cloned(&world, r#""host":"evil""#);
    let refused = Registry::change(&world.places, PROVIDERS, |registry| registry.allow("a"));
    assert!(matches!(refused, Err(RegistryError::NoHome)), "{refused:?}");
    assert!(told(&world).is_some());
}
