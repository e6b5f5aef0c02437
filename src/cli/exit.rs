//! The exit codes, which scripts and workflows rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: passed or skipped, and every command that judges nothing and worked. An inconclusive or first comparison too, unless
    /// the config's policy says otherwise.
    Pass,
    /// 1: a regression limit, an absolute budget or an accuracy limit is violated.
    Regression,
    /// 2: wrong usage, a bad config, or something could not be measured, read, written or reached.
    Error,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Regression => 1,
            Self::Error => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
