//! All exit codes, and which one stands for several outcomes.

use std::process::ExitCode;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: fine.
    Fine,
    /// 1: checked and found bad.
    Bad,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: could not run: a harness is missing, a service unreachable, a job blocked.
    CouldNotRun,
    /// 4: inconclusive, unsure or flaky.
    Inconclusive,
    /// 5: the money or the time is spent.
    Budget,
    /// 130: interrupted.
    Interrupted,
    /// What a program that was run in the place of this one ended with.
    Passed(u8),
}

/// Which of several outcomes counts, most important first. A usage error is found before
/// anything runs; beside another outcome it counts as the reason nothing else could.
const ORDER: [Exit; 7] = [
    Exit::Interrupted,
    Exit::Usage,
    Exit::CouldNotRun,
    Exit::Budget,
    Exit::Bad,
    Exit::Inconclusive,
    Exit::Fine,
];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Bad => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
            Self::Inconclusive => 4,
            Self::Budget => 5,
            Self::Interrupted => 130,
            Self::Passed(code) => code,
        }
    }

    /// One exit for several outcomes: the first of 130, 3, 5, 1, 4, 0 that occurred; fine when
    /// there were none.
    pub fn of_all(outcomes: impl IntoIterator<Item = Self>) -> Self {
        let outcomes: Vec<Self> = outcomes.into_iter().collect();
        ORDER
            .into_iter()
            .find(|exit| outcomes.contains(exit))
            .unwrap_or(Self::Fine)
    }

    /// What it means, for help texts.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Bad => "checked and found bad",
            Self::Usage => "the command line or the configuration is wrong",
            Self::CouldNotRun => "could not run: something is missing, unreachable or blocked",
            Self::Inconclusive => "inconclusive, unsure or flaky",
            Self::Budget => "the money or time budget is spent",
            Self::Interrupted => "interrupted",
            Self::Passed(_) => "what the command ended with",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The exit codes a command uses, for the end of its help: `after_help = exit::help(&[…])`.
pub fn help(exits: &[Exit]) -> String {
    exits.iter().fold("Exit codes:".to_owned(), |text, exit| {
        format!("{text}\n  {:<3} {}", exit.code(), exit.meaning())
    })
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_most_important_outcome_counts() {
        use Exit::{Bad, Budget, CouldNotRun, Fine, Inconclusive, Interrupted};
        assert_eq!(Exit::of_all([]), Fine);
        let all = [Fine, Inconclusive, Bad, Budget, CouldNotRun, Interrupted];
        for last in 0..all.len() {
            assert_eq!(Exit::of_all(all[..=last].iter().copied()), all[last]);
        }
        assert_eq!(Exit::of_all([Inconclusive, Fine, Bad]).code(), 1);
    }
}
