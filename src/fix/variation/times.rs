//! How far times may move without leaving their day.

use archal_core::clone::{FieldKind, seed_time};
use archal_core::id::IdSource;
use jiff::Timestamp;
use serde_json::Value;

use super::{Original, between, declared};

/// The seconds of a day.
const DAY: i64 = 86_400;
/// The seconds of an hour.
const HOUR: i64 = 3_600;
/// A move of fewer seconds is none.
const LEAST: i64 = 60;

/// Seconds by which every time of the starting state may lie further back, so that each has as
/// many whole days of age as before, or whole hours where hours are asked about. 0 where there is
/// no room, where the clock stands at a time or where times are not said by their age.
pub fn earlier(original: &Original<'_>, ids: &dyn IdSource) -> i64 {
    let mut said: Vec<&str> = vec![original.task];
    said.extend(
        original
            .prepared
            .compiled
            .iter()
            .flatten()
            .map(|compiled| compiled.source()),
    );
    let says = |word: &str| said.iter().any(|text| text.to_lowercase().contains(word));
    let is_fine = says("minute") || says("second") || says("timestamp(");
    if original.is_clock_fixed || is_fine {
        return 0;
    }
    let bucket = if says("hour") { HOUR } else { DAY };
    let mut room = bucket - 1;
    for clone in declared(original) {
        let seed = &original.seeds[clone.name];
        for table in clone.tables {
            let rows = seed.get(table.name).and_then(Value::as_array);
            for row in rows.into_iter().flatten() {
                let times = table
                    .fields
                    .iter()
                    .filter(|field| matches!(field.kind, FieldKind::Time));
                for text in times.filter_map(|field| row.get(field.name)?.as_str()) {
                    let Some(age) = age(text) else { return 0 };
                    room = room.min(bucket - 1 - age.rem_euclid(bucket));
                }
            }
        }
    }
    match room >= LEAST {
        true => between(ids, LEAST, room.min(6 * HOUR)),
        false => 0,
    }
}

/// A time by its age, moved back.
pub fn moved(text: &str, seconds: i64) -> Option<String> {
    let age = age(text)?.checked_add(seconds)?;
    Some(match age {
        0.. => format!("-{age}s"),
        _ => format!("+{}s", -age),
    })
}

/// How many seconds ago a time of a seed is; none where it is no age.
fn age(text: &str) -> Option<i64> {
    let at = |base| seed_time(text, base).map(Timestamp::as_second);
    let (here, there) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(DAY * 7).ok()?);
    let age = there.as_second() - at(there)?;
    // A time of the calendar has another age on another day.
    (here.as_second() - at(here)? == age).then_some(age)
}
