//! Serves the stand-in of `archal_testkit::stand_in_judge` on the loopback until its input ends.
#![expect(clippy::print_stdout, reason = "where it listens is its output")]

use std::io::Read;

use archal_testkit::fake_judge::{FakeJudge, KEY, Protocol};
use archal_testkit::stand_in_judge;

fn main() -> std::io::Result<()> {
    let server = FakeJudge::answering(Protocol::OpenAi, stand_in_judge::say);
    println!("{} key {KEY}", server.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
