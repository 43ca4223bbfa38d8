//! Whatever the order of rows, passes and pages: what is written is what the service has.

use std::time::Duration;

use proptest::prelude::*;

use super::bench::{BEFORE, Place};
use super::scripted::{Scripted, Service};

/// What happens at the service, and between.
#[derive(Debug, Clone)]
enum Happens {
    Row { trace: u8, span: u8, version: i64 },
    Pass,
    Later,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        8 => (0..4u8, 0..4u8, 0..4i64)
            .prop_map(|(trace, span, version)| Happens::Row { trace, span, version }),
        2 => Just(Happens::Pass),
        1 => Just(Happens::Later),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_rows_gives_what_the_service_has(
        all in prop::collection::vec(happens(), 1..40),
        page in 1..6usize,
        overlap in 0..8usize,
        is_untidy: bool,
        has_no_checkpoints: bool,
        is_newest_first: bool,
        empty_every in prop::option::of(2..5u64),
    ) {
        let place = Place::new();
        let service = Scripted::new(Service {
            page, overlap, is_untidy, has_no_checkpoints, is_newest_first, empty_every, ..Service::default()
        });
        for one in all {
            match one {
                Happens::Row { trace, span, version } => {
                    let id = if span == 0 { "root".to_owned() } else { format!("s{span}") };
                    // A version says one thing.
                    let says = format!("{id} as of {version}");
                    service.write(&format!("t{trace}"), &id, version, &says, BEFORE);
                }
                Happens::Pass => drop(place.pass(&service)),
                Happens::Later => place.clock.advance(Duration::from_secs(700)),
            }
        }
        place.pass(&service);
        place.clock.advance(Duration::from_secs(700));
        place.pass(&service);
        place.has_all(&service);
    }
}
