//! Sentences about calls: how many, to what, in which order.

use archal_core::diagnostic::nearest;

use super::super::claim::{Amount, CallPhrase, Claim, Quantifier};
use super::super::token::{Kind, Token};
use super::amount::Said;
use super::{Parsed, Parser};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head"];
const CALLS: &[&str] = &[
    "tool calls",
    "tool call",
    "api calls",
    "api call",
    "api requests",
    "api request",
    "http requests",
    "http request",
    "http calls",
    "http call",
    "rest calls",
    "rest call",
    "mcp calls",
    "mcp call",
    "tool invocations",
    "tool invocation",
    "calls",
    "call",
    "requests",
    "request",
];
const OUTCOMES: &[&str] = &[
    "fail",
    "fails",
    "failed",
    "succeed",
    "succeeds",
    "succeeded",
    "successful",
];
const MADE: &[&str] = &[
    "made",
    "sent",
    "issued",
    "performed",
    "used",
    "executed",
    "recorded",
    "needed",
];

impl Parser<'_> {
    /// A sentence about calls.
    pub(super) fn calls(&mut self) -> Parsed<Claim> {
        for rule in [Self::agent_calls, Self::operation_called, Self::calls_made] {
            if let Some(claim) = self.attempt(rule)? {
                return Ok(claim);
            }
        }
        Err(super::Stop::Not)
    }

    /// `Fewer than 30 tool calls are made`, `No call to issues/delete fails`.
    fn calls_made(&mut self) -> Parsed<Claim> {
        let start = self.at;
        let there = self.attempt(|parser| {
            parser.expect(&["there"])?;
            parser.expect(&["are", "is", "should be", "were", "was"])
        })?;
        let counted = self.attempt(|parser| {
            parser.eat_any(&["the total", "the"]);
            parser.expect(&["number of", "count of"])
        })?;
        if counted.is_some() {
            self.eat("the");
            let calls = self.call_phrase()?;
            self.expect(&["is", "equals", "should be", "="])?;
            let amount = self.amount()?;
            return Ok(Claim::Calls { amount, calls });
        }
        let said = self.quantifier()?;
        let mut calls = self.call_phrase()?;
        let is_narrowed = calls.failed.is_some() || there.is_some();
        if there.is_none() {
            self.what_calls_do(&mut calls)?;
        }
        self.end()?;
        self.of_calls(start, &said, calls, is_narrowed)
    }

    /// What is said of calls: that they are made, fail or succeed.
    fn what_calls_do(&mut self, calls: &mut CallPhrase) -> Parsed<()> {
        let start = self.at;
        let is_narrowed = calls.failed.is_some() || calls.status.is_some();
        self.what_is_said(calls)?;
        if is_narrowed && self.says_outcome(start) {
            return Err(self.refuse(
                start,
                "this says twice how the calls end",
                "say it once: `All calls fail`, `No calls fail`, `Exactly 2 failed calls are made`",
            ));
        }
        Ok(())
    }

    /// Whether the tokens from `start` to here say that calls fail or succeed.
    fn says_outcome(&self, start: usize) -> bool {
        self.tokens[start..self.at]
            .iter()
            .filter_map(Token::word)
            .any(|word| OUTCOMES.contains(&word))
    }

    fn what_is_said(&mut self, calls: &mut CallPhrase) -> Parsed<()> {
        if self.at == self.tokens.len() {
            // `At most 10 tool calls` alone says that they are made.
            return Ok(());
        }
        if self.eat_any(&["fail", "fails", "failed"]) {
            calls.failed = Some(true);
            return Ok(());
        }
        if self.eat_any(&["succeed", "succeeds", "succeeded"]) {
            calls.failed = Some(false);
            return Ok(());
        }
        if self.eat_any(&[
            "happen", "happens", "happened", "occur", "occurs", "occurred",
        ]) {
            return Ok(());
        }
        let verbs = [
            "are",
            "is",
            "were",
            "was",
            "have been",
            "has been",
            "should be",
            "must be",
        ];
        self.expect(&verbs)?;
        if self.eat("successful") {
            calls.failed = Some(false);
            return Ok(());
        }
        self.expect(MADE)?;
        self.eat_any(&["by the agent", "during the run", "in the run"]);
        self.narrowed(calls)
    }

    /// What an amount says of calls; how they end narrows them, or is said of them.
    fn of_calls(
        &self,
        start: usize,
        said: &Said,
        calls: CallPhrase,
        is_narrowed: bool,
    ) -> Parsed<Claim> {
        let failed = calls.failed;
        match said {
            Said::Quantifier(Quantifier::Count(amount)) => Ok(Claim::Calls {
                amount: *amount,
                calls,
            }),
            Said::Quantifier(Quantifier::None) => Ok(Claim::Calls {
                amount: Amount::Exactly(0),
                calls,
            }),
            Said::Quantifier(Quantifier::Exists) => Ok(Claim::Calls {
                amount: Amount::AtLeast(1),
                calls,
            }),
            Said::Quantifier(Quantifier::All { .. }) if failed.is_some() && !is_narrowed => {
                let fails = failed == Some(true);
                let calls = CallPhrase {
                    failed: None,
                    ..calls
                };
                Ok(Claim::EveryCall { calls, fails })
            }
            _ => Err(self.refuse(
                start,
                "it is not said how many calls",
                "write `at most 10`, `exactly 2`, `at least 1` or `no`",
            )),
        }
    }

    /// `issues/update is called exactly twice`, `is called before issues/get`.
    fn operation_called(&mut self) -> Parsed<Claim> {
        let operation = self.operation()?;
        self.expect(&["is", "was", "has been", "should be", "must be"])?;
        let denied_at = self.at;
        let denied = self.eat_any(&["not", "never"]);
        self.expect(&["called", "used", "invoked"])?;
        let calls = CallPhrase {
            operation: Some(operation.clone()),
            ..CallPhrase::default()
        };
        if denied {
            self.eat_any(&["by the agent", "during the run"]);
            self.end()?;
            return Ok(Claim::Calls {
                amount: Amount::Exactly(0),
                calls,
            });
        }
        if let Some(claim) = self.attempt(|parser| parser.order(&operation))? {
            return Ok(claim);
        }
        let amount = self.times()?;
        self.eat_any(&["by the agent", "during the run"]);
        if self.at == denied_at {
            return Err(self.not("how often"));
        }
        Ok(Claim::Calls { amount, calls })
    }

    /// `The agent makes at most 10 calls`, `The agent calls x before y`.
    fn agent_calls(&mut self) -> Parsed<Claim> {
        self.expect(&["the agent", "agent"])?;
        let denied = self.eat("never")
            || self
                .attempt(|parser| {
                    parser.expect(&["does", "did", "should", "must"])?;
                    parser.expect(&["not", "never"])
                })?
                .is_some()
            || {
                self.eat_any(&["should", "must"]);
                false
            };
        let start = self.at;
        if self.eat_any(&[
            "makes", "make", "made", "uses", "use", "sends", "issues", "performs",
        ]) {
            let said = if denied {
                self.eat("any");
                Said::Quantifier(Quantifier::None)
            } else {
                self.quantifier()?
            };
            let calls = self.call_phrase()?;
            self.end()?;
            return self.of_calls(start, &said, calls, true);
        }
        self.expect(&["calls", "call", "called", "invokes", "invoke", "invoked"])?;
        let operation = self.operation()?;
        if !denied && let Some(claim) = self.attempt(|parser| parser.order(&operation))? {
            return Ok(claim);
        }
        let amount = if denied {
            Amount::Exactly(0)
        } else {
            self.times()?
        };
        let calls = CallPhrase {
            operation: Some(operation),
            ..CallPhrase::default()
        };
        Ok(Claim::Calls { amount, calls })
    }

    /// `before y`, `after y`.
    fn order(&mut self, operation: &str) -> Parsed<Claim> {
        let before = self.eat("before");
        if !before {
            self.expect(&["after"])?;
        }
        let other_at = self.at;
        let other = self.operation()?;
        self.eat_any(&["is called", "was called", "is", "was"]);
        self.end()?;
        if other == operation {
            return Err(self.refuse(
                other_at,
                "this is the same operation twice",
                "name two operations",
            ));
        }
        let (first, then) = if before {
            (operation.to_owned(), other)
        } else {
            (other, operation.to_owned())
        };
        Ok(Claim::Order { first, then })
    }

    /// How often: `once`, `exactly 3 times`, `at least twice`, nothing for at least once.
    fn times(&mut self) -> Parsed<Amount> {
        if self.at == self.tokens.len() || self.follows_any(&["by the agent", "during the run"]) {
            return Ok(Amount::AtLeast(1));
        }
        let start = self.at;
        let amount = self.any_amount(|parser| {
            if parser.eat("once") {
                Ok(1)
            } else if parser.eat("twice") {
                Ok(2)
            } else {
                let number = parser.number()?;
                // `between 2 and 3 times`, `2 or more times`: the word may come later.
                parser.eat_any(&["times", "time", "x"]);
                Ok(number)
            }
        })?;
        self.eat_any(&["times", "time"]);
        match amount {
            Amount::AtLeast(0) | Amount::FewerThan(0) => Err(self.refuse(
                start,
                "this is not about any number of calls",
                "write `never`, `once` or `at most 3 times`",
            )),
            amount => Ok(amount),
        }
    }

    /// Calls with what narrows them.
    fn call_phrase(&mut self) -> Parsed<CallPhrase> {
        let mut calls = CallPhrase::default();
        if self.eat_any(&["failed", "failing", "unsuccessful"]) {
            calls.failed = Some(true);
        } else if self.eat("successful") {
            calls.failed = Some(false);
        }
        if let Some((clone, length)) = self.lexicon.clone_at(self.rest()) {
            self.at += length;
            calls.clone = Some(self.lexicon.entries[clone].clone.name.to_owned());
        }
        let method = METHODS
            .iter()
            .find(|method| self.follows(method))
            .filter(|_| self.tokens.len() > self.at + 1);
        if let Some(method) = method {
            self.at += 1;
            calls.method = Some(method.to_uppercase());
        }
        self.expect(CALLS)?;
        self.narrowed(&mut calls)?;
        Ok(calls)
    }

    fn narrowed(&mut self, calls: &mut CallPhrase) -> Parsed<()> {
        let start = self.at;
        if self.eat_any(&["that fail", "that failed", "which fail", "which failed"]) {
            if calls.failed.is_some() {
                return Err(self.refuse(
                    start,
                    "this says twice how the calls end",
                    "leave one out",
                ));
            }
            calls.failed = Some(true);
        }
        let start = self.at;
        if self.eat_any(&["with status", "with the status", "answered with status"]) {
            if calls.status.is_some() {
                return Err(self.refuse(start, "this says two statuses", "leave one out"));
            }
            calls.status = Some(self.number()?);
        }
        let start = self.at;
        if self.eat_any(&["to", "of", "against"]) {
            let at = self.at;
            self.eat("the");
            if let Some((clone, length)) = self.lexicon.clone_at(self.rest()) {
                self.at += length;
                self.eat_any(&["api", "clone"]);
                if calls.clone.is_some() {
                    return Err(self.refuse(at, "this says twice to what", "leave one out"));
                }
                calls.clone = Some(self.lexicon.entries[clone].clone.name.to_owned());
            } else {
                self.at = at;
                let operation = self.operation()?;
                if calls.operation.is_some() {
                    return Err(self.refuse(start, "this says twice to what", "leave one out"));
                }
                calls.operation = Some(operation);
            }
        }
        Ok(())
    }

    /// The name of an operation: its id or that of a tool.
    fn operation(&mut self) -> Parsed<String> {
        let start = self.at;
        self.eat("the");
        let kind = self.eat_any(&["operation", "tool", "endpoint"]);
        let (name, sure) = match self.peek().map(|token| &token.kind) {
            Some(Kind::Quoted(name)) => (name.clone(), kind),
            Some(Kind::Word(word, written)) if word.contains(['/', '_', '.']) => {
                (written.clone(), true)
            }
            _ => return Err(self.not("an operation")),
        };
        let at = self.at;
        self.at += 1;
        let sure = self.eat_any(&["operation", "tool", "endpoint"]) || sure;
        if let Some(id) = self.lexicon.operation(&name) {
            return Ok(id.to_owned());
        }
        if !sure && !self.follows_any(&["is called", "was called"]) {
            self.at = start;
            return Err(self.not("an operation"));
        }
        self.at = at + 1;
        let help = match nearest(&name, self.lexicon.operations()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`archal clone list` shows the operations".to_owned(),
        };
        Err(self.refuse(at, "no clone here has this operation", help))
    }
}
