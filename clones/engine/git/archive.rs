//! A tree as an archive.

use super::objects::Objects;
use super::oid::Oid;
use super::program::{GitFailure, run};

/// What kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A tar, compressed by gzip.
    TarGz,
    /// A zip.
    Zip,
}

impl Format {
    /// As git writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Zip => "zip",
        }
    }
}

impl Objects {
    /// The files of a commit below a folder of that name.
    pub(crate) fn archive(
        &self,
        commit: &Oid,
        format: Format,
        folder: &str,
    ) -> Result<Vec<u8>, GitFailure> {
        let at = self.on_disk()?;
        let arguments = [
            "archive".to_owned(),
            format!("--format={}", format.name()),
            format!("--prefix={folder}/"),
            commit.to_string(),
        ];
        run(&at, &arguments, &[0]).map(|(_, out)| out)
    }
}
