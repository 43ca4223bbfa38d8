//! The watched directory itself goes, comes back, and is replaced by another.

use std::fs;

use archal::ingest::watch::{Event, Health};

use super::{BY_EVENTS, Watched};

#[test]
fn a_directory_that_goes_and_comes_back_is_waited_for() {
    let watched = Watched::settled(BY_EVENTS);
    let above = watched.root.parent().expect("it has one").to_owned();
    let is_waiting = |event: &Event| matches!(event, Event::Health(Health::Waiting { reason }) if reason.ends_with("traces is not there"));
    let removals: [&dyn Fn(); 4] = [
        &|| fs::remove_dir_all(&watched.root).expect("there"),
        &|| fs::remove_dir_all(&above).expect("there"),
        &|| fs::rename(&watched.root, watched.home.path().join("moved")).expect("moved"),
        &|| {
            fs::remove_dir_all(&watched.root).expect("there");
            fs::write(&watched.root, "a file").expect("written");
        },
    ];
    for (round, remove) in removals.iter().enumerate() {
        let before = watched.at("before.json");
        fs::write(&before, "{}").expect("written");
        watched.look(&before);
        remove();
        if round == 3 {
            watched.until(|event| matches!(event, Event::Health(Health::Waiting { reason }) if reason.ends_with("traces is not a folder")));
            fs::remove_file(&watched.root).expect("there");
        } else {
            watched.until(is_waiting);
        }
        fs::create_dir_all(&watched.root).expect("new");
        watched.until_healthy();
        watched.until_scanned();
        let after = watched.at("after.json");
        fs::write(&after, "{}").expect("written");
        watched.look(&after);
        fs::remove_file(&after).expect("there");
        watched.gone(&after);
        watched.is_complete();
    }
}

#[test]
fn a_directory_made_after_the_start_is_found() {
    let home = tempfile::tempdir().expect("temporary folder");
    let root = home.path().join("not/yet");
    let watched = Watched::of(home, root.clone(), BY_EVENTS);
    watched.until(|event| matches!(event, Event::Health(Health::Waiting { .. })));
    fs::create_dir_all(&root).expect("new");
    fs::write(root.join("a.json"), "{}").expect("written");
    watched.look(&root.join("a.json"));
    watched.until_scanned();
    watched.is_complete();
}

#[test]
fn a_directory_replaced_by_another_is_watched_anew() {
    let watched = Watched::settled(BY_EVENTS);
    for round in 0..5 {
        let other = watched.home.path().join("other");
        fs::create_dir(&other).expect("new");
        fs::write(other.join("inside.json"), format!("{{\"round\": {round}}}")).expect("written");
        let away = watched.home.path().join(format!("away-{round}"));
        fs::rename(&watched.root, away).expect("moved");
        fs::rename(&other, &watched.root).expect("moved");
        watched.until_healthy();
        watched.until_scanned();
        let name = watched.at("after.json");
        fs::write(&name, "{}").expect("written");
        watched.look(&name);
        watched.is_complete();
    }
}
