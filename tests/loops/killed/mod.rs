//! `kill -9` at random moments, again and again: in the end everything is as if nothing had
//! happened, nothing is paid twice, and nothing is left.
//!
//! How often and from which seed is the caller's to say (`ARCHAL_TEST_KILLS`,
//! `ARCHAL_TEST_SEED`): the moments are shares of the time that an undisturbed run takes here.

mod outcome;
mod stage;
mod tables;
mod traces;
mod watcher;

pub(super) use stage::until;

use std::time::{Duration, Instant};

use outcome::Outcome;
use stage::{End, Stage};

/// How often archal is killed unless somebody asks for more.
const KILLS: u32 = 25;
/// A job that is killed so often in one history is left to come to its end.
const MOST_IN_ONE: u32 = 12;

/// Numbers that look random: SplitMix64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        let seed = number("ARCHAL_TEST_SEED").unwrap_or(20_261_121);
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// What it began with, or would go on with.
    pub(super) fn seed(&self) -> u64 {
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A part of a time, from none to `most` percent.
    pub(super) fn share(&mut self, of: Duration, most: u32) -> Duration {
        let thousandths = u32::try_from(self.below(u64::from(most * 10))).expect("small");
        of * thousandths / 1000
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how often and from which seed is for the caller of the tests to say"
)]
pub(super) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

/// Kills `attach --once` at `kills` moments, and compares each history's end.
fn disturb(stage: &Stage, kills: u32) {
    let mut dice = Dice::new();
    let seed = dice.seed();
    let mut arguments = stage.attach("traces");
    arguments.push("--once");
    let undisturbed = |stage: &Stage| {
        stage.renew();
        let began = Instant::now();
        let End::Itself(code) = stage.run(&arguments, None) else {
            panic!("nobody killed it");
        };
        (began.elapsed(), code)
    };
    let (took, code) = undisturbed(stage);
    stage.until_still();
    let expected = Outcome::of(stage);
    let mut killed = 0;
    let mut histories = 0;
    while killed < kills {
        histories += 1;
        stage.renew();
        let mut here = 0;
        loop {
            let life = dice.share(took, 45);
            let life = (killed < kills && here < MOST_IN_ONE).then_some(life);
            match stage.run(&arguments, life) {
                End::Killed => {
                    killed += 1;
                    here += 1;
                    // Of what archal had started nothing outlives it.
                    stage.until_still();
                }
                End::Itself(found) => {
                    let when = format!("history {histories} of seed {seed}, {here} kills");
                    assert_eq!(found, code, "{when}:\n{}", stage.stderr());
                    stage.until_still();
                    Outcome::of(stage).assert_is(&expected, &when);
                    break;
                }
            }
        }
    }
}

fn kills() -> u32 {
    number("ARCHAL_TEST_KILLS").map_or(KILLS, |kills| u32::try_from(kills).expect("fewer"))
}

#[test]
fn killed_at_any_moment_it_ends_as_if_nothing_had_happened() {
    let stage = Stage::new(false);
    traces::several(&stage.world, "traces");
    disturb(&stage, kills());
}

#[test]
fn however_often_it_is_killed_no_attempt_is_paid_twice() {
    let stage = Stage::new(true);
    traces::one(&stage.world, "traces");
    disturb(&stage, kills().div_ceil(2));
}
