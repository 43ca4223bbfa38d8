//! Sentences about the run itself: how it ended, how long it took, what the agent answered.

use super::super::claim::{Amount, Claim};
use super::{Parsed, Parser};

const RUN: &[&str] = &[
    "the run",
    "the agent",
    "the harness",
    "the process",
    "the agent's run",
    "run",
    "agent",
];
const OUTPUT: &[&str] = &[
    "the agent's final answer",
    "the agent's answer",
    "the agent's output",
    "the agent's response",
    "the final answer",
    "the final output",
    "the final response",
    "the answer",
    "the output",
    "the response",
    "the reply",
    "output",
    "answer",
];

impl Parser<'_> {
    /// A sentence about the run.
    pub(super) fn outcome(&mut self) -> Parsed<Claim> {
        for rule in [Self::errors, Self::exit_code, Self::output, Self::run] {
            if let Some(claim) = self.attempt(|parser| {
                let claim = rule(parser)?;
                parser.end()?;
                Ok(claim)
            })? {
                return Ok(claim);
            }
        }
        Err(super::Stop::Not)
    }

    /// `No errors`, `There are no errors`.
    fn errors(&mut self) -> Parsed<Claim> {
        self.eat_any(&["there are", "there were", "there should be"]);
        self.expect(&[
            "no errors",
            "no error",
            "zero errors",
            "0 errors",
            "without errors",
        ])?;
        self.eat_any(&[
            "occur",
            "occurs",
            "occurred",
            "happen",
            "happened",
            "are reported",
            "were reported",
            "are returned",
            "were returned",
            "are raised",
            "were raised",
            "are recorded",
            "were recorded",
        ]);
        self.eat_any(&["during the run", "in the run"]);
        Ok(Claim::NoErrors)
    }

    /// `The exit code is 0`.
    fn exit_code(&mut self) -> Parsed<Claim> {
        self.eat("the");
        self.expect(&[
            "exit code",
            "exit status",
            "agent's exit code",
            "run's exit code",
            "harness's exit code",
        ])?;
        self.expect(&["is", "equals", "was", "should be", "must be", "="])?;
        let negated = self.eat("not");
        let code = Some(self.number()?);
        Ok(Claim::Exit { code, negated })
    }

    /// `The output contains "done"`.
    fn output(&mut self) -> Parsed<Claim> {
        self.expect(OUTPUT)?;
        let negated = if self.eat_any(&["contains", "mentions", "includes"]) {
            false
        } else {
            let modal = self.eat_any(&["should", "must"]);
            let negated = if modal {
                self.eat("not")
            } else {
                self.expect(&["does", "do"])?;
                self.expect(&["not"])?;
                true
            };
            self.expect(&["contain", "mention", "include"])?;
            negated
        };
        self.eat_any(&["the text", "the word", "the words", "the phrase"]);
        let text = self.quoted()?;
        Ok(Claim::Output { text, negated })
    }

    /// `The run exits successfully`, `The run finishes within 60 seconds`.
    fn run(&mut self) -> Parsed<Claim> {
        self.expect(RUN)?;
        if self.eat_any(&["times out", "timed out"]) {
            return Ok(Claim::TimedOut { negated: false });
        }
        if self.eat_any(&[
            "does not time out",
            "did not time out",
            "should not time out",
            "must not time out",
            "never times out",
        ]) {
            return Ok(Claim::TimedOut { negated: true });
        }
        if self.eat_any(&["succeeds", "succeeded", "is successful", "was successful"]) {
            return Ok(Claim::Exit {
                code: None,
                negated: false,
            });
        }
        if self.eat_any(&[
            "takes",
            "took",
            "lasts",
            "lasted",
            "should take",
            "must take",
        ]) {
            return self.duration(false);
        }
        self.eat_any(&["should", "must"]);
        self.expect(&[
            "exits",
            "exited",
            "finishes",
            "finished",
            "completes",
            "completed",
            "ends",
            "ended",
            "exit",
            "finish",
            "complete",
            "end",
            "terminates",
            "stops",
        ])?;
        if self.eat_any(&["successfully", "cleanly", "normally", "with success"]) {
            return Ok(Claim::Exit {
                code: None,
                negated: false,
            });
        }
        if self.eat_any(&[
            "without errors",
            "without error",
            "without an error",
            "with no errors",
            "without any errors",
        ]) {
            return Ok(Claim::NoErrors);
        }
        if self.eat_any(&[
            "with code",
            "with exit code",
            "with status",
            "with exit status",
            "with a code of",
            "with an exit code of",
            "with",
        ]) {
            let code = Some(self.number()?);
            return Ok(Claim::Exit {
                code,
                negated: false,
            });
        }
        self.expect(&["in", "within"]).or_else(|stop| {
            // `finishes in under 60 seconds` and `finishes under 60 seconds`.
            if self.follows_any(&["under", "before"]) {
                Ok(())
            } else {
                Err(stop)
            }
        })?;
        self.duration(true)
    }

    /// `60 seconds`, `less than 2 minutes`, `at most 500 ms`.
    fn duration(&mut self, limit: bool) -> Parsed<Claim> {
        let start = self.at;
        let amount = self.any_amount(|parser| {
            let number = parser.number()?;
            let units: &[(&[&str], i64)] = &[
                (&["milliseconds", "millisecond", "ms"], 1),
                (&["seconds", "second", "secs", "sec", "s"], 1_000),
                (&["minutes", "minute", "mins", "min", "m"], 60_000),
                (&["hours", "hour", "h"], 3_600_000),
            ];
            for (words, each) in units {
                if parser.eat_any(words) {
                    return number.checked_mul(*each).ok_or(super::Stop::Not);
                }
            }
            Err(parser.not("seconds"))
        })?;
        let (milliseconds, strictly) = match amount {
            Amount::Exactly(most) if limit => (most, false),
            Amount::AtMost(most) => (most, false),
            Amount::FewerThan(most) => (most, true),
            _ => {
                return Err(self.refuse(
                    start,
                    "only how long a run takes at most can be said",
                    "write `within 60 seconds`",
                ));
            }
        };
        Ok(Claim::Within {
            milliseconds,
            strictly,
        })
    }
}
