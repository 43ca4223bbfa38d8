//! What git clients talk to: `git upload-pack` and `git receive-pack` on a repository that is made
//! for one request.
//!
//! Its refs are those of the state, its objects those of the store. What `receive-pack` does to
//! refs ends with it; what counts is done to the state after.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Stdio;

use archal_core::clone::Spool;
use bytes::Bytes;
use flate2::read::GzDecoder;
use tempfile::{NamedTempFile, TempDir};

use super::disk::bare;
use super::objects::Objects;
use super::oid::Oid;
use super::program::{GitFailure, Place, ending, git, started};

/// Most bytes of a request once it is unpacked.
const LONGEST: u64 = 2 * 1024 * 1024 * 1024;
/// Answers up to this size are given as bytes.
const IN_MEMORY: u64 = 1024 * 1024;

/// A program of git's that clients talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Clone and fetch.
    UploadPack,
    /// Push.
    ReceivePack,
}

impl Service {
    /// As clients write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// The service of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::UploadPack, Self::ReceivePack]
            .into_iter()
            .find(|service| service.name() == name)
    }
}

/// A repository as its clients see it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Full names of refs in order, with what they stand for.
    pub refs: Vec<(String, Oid)>,
    /// The full name of the default branch.
    pub head: String,
    /// What names of refs begin with that no push may change.
    pub hidden: &'static [&'static str],
    /// What the service calls itself.
    pub agent: &'static str,
}

/// What a client sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// Bytes.
    Bytes(Bytes),
    /// A file.
    File(Spool),
}

impl Sent {
    fn reader(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            Self::File(spool) => Box::new(File::open(spool.path())?),
        })
    }

    /// The same unpacked, where the client packed it.
    pub(crate) fn unpacked(self, is_packed: bool) -> io::Result<Self> {
        if !is_packed {
            return Ok(self);
        }
        let mut file = NamedTempFile::with_prefix("archal-body-")?;
        let mut reader = GzDecoder::new(self.reader()?).take(LONGEST);
        let length = io::copy(&mut reader, file.as_file_mut())?;
        Ok(Self::File(spool(file, length)))
    }

    /// The first bytes.
    pub(crate) fn beginning(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        self.reader()?.take(most).read_to_end(&mut out)?;
        Ok(out)
    }

    /// As a program reads it.
    fn stdin(&self) -> io::Result<Stdio> {
        Ok(match self {
            Self::File(spool) => File::open(spool.path())?.into(),
            Self::Bytes(bytes) => {
                let mut file = NamedTempFile::with_prefix("archal-body-")?;
                file.write_all(bytes)?;
                file.reopen()?.into()
            }
        })
    }
}

fn spool(file: NamedTempFile, length: u64) -> Spool {
    let path = file.into_temp_path();
    Spool::new(path.to_path_buf(), length, None, path)
}

/// What a program answered.
#[derive(Debug)]
pub(crate) enum Given {
    /// Bytes.
    Bytes(Bytes),
    /// A file, since it is long.
    File(Spool),
}

impl Given {
    /// The same as bytes, where there are not more than that.
    pub(crate) fn in_memory(self, most: u64) -> io::Result<Self> {
        match self {
            Self::File(spool) if spool.length() <= most => {
                Ok(Self::Bytes(fs::read(spool.path())?.into()))
            }
            given => Ok(given),
        }
    }
}

impl Objects {
    /// What a client is told first: the refs, and what can be asked for. `protocol` is what it
    /// asked for in `Git-Protocol`.
    pub(crate) fn advertise(
        &self,
        shown: &Shown,
        service: Service,
        protocol: Option<&str>,
    ) -> Result<Given, GitFailure> {
        let arguments = ["--stateless-rpc", "--http-backend-info-refs"];
        self.serve(shown, service, protocol, &arguments, Stdio::null())
    }

    /// Answers one request of a client.
    pub(crate) fn answer(
        &self,
        shown: &Shown,
        service: Service,
        protocol: Option<&str>,
        sent: &Sent,
    ) -> Result<Given, GitFailure> {
        let answer = self.serve(
            shown,
            service,
            protocol,
            &["--stateless-rpc"],
            sent.stdin()?,
        );
        if service == Service::ReceivePack {
            self.received();
        }
        answer
    }

    fn serve(
        &self,
        shown: &Shown,
        service: Service,
        protocol: Option<&str>,
        arguments: &[&str],
        stdin: Stdio,
    ) -> Result<Given, GitFailure> {
        let store = self.on_disk()?.join("objects");
        let folder = self.throwaway(shown, &store)?;
        let mut answer = NamedTempFile::with_prefix("archal-git-")?;
        let mut said = tempfile::tempfile()?;
        let mut command = git(folder.path());
        if service == Service::ReceivePack {
            // What is pushed goes to the store itself; git puts it there when it is whole.
            command.env("GIT_OBJECT_DIRECTORY", &store);
        }
        if let Some(protocol) = protocol.filter(|protocol| is_harmless(protocol)) {
            command.env("GIT_PROTOCOL", protocol);
        }
        let _place = Place::take();
        let status = command
            .env("GIT_USER_AGENT", shown.agent)
            .arg(service.name().trim_start_matches("git-"))
            .args(arguments)
            .arg(".")
            .stdin(stdin)
            .stdout(answer.reopen()?)
            .stderr(said.try_clone()?)
            .status()
            .map_err(started)?;
        let length = answer.as_file().metadata()?.len();
        // A client that breaks the protocol is told so by git itself.
        if !status.success() && length == 0 {
            let mut stderr = Vec::new();
            io::Seek::rewind(&mut said)?;
            said.take(64 * 1024).read_to_end(&mut stderr)?;
            return Err(GitFailure::Failed {
                what: service.name().to_owned(),
                stderr: ending(&stderr),
            });
        }
        if length > IN_MEMORY {
            return Ok(Given::File(spool(answer, length)));
        }
        let mut bytes = Vec::new();
        answer.as_file_mut().read_to_end(&mut bytes)?;
        Ok(Given::Bytes(bytes.into()))
    }

    /// A repository for one request.
    fn throwaway(&self, shown: &Shown, store: &Path) -> io::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("archal-git-").tempdir()?;
        let at = folder.path();
        bare(at)?;
        fs::write(at.join("HEAD"), format!("ref: {}\n", shown.head))?;
        fs::write(
            at.join("objects/info/alternates"),
            format!("{}\n", store.display()),
        )?;
        let mut refs = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
        for (name, oid) in &shown.refs {
            refs.push_str(&format!("{oid} {name}\n"));
            match self.peel_to_commit(oid) {
                Some(commit) if commit != *oid => refs.push_str(&format!("^{commit}\n")),
                _ => {}
            }
        }
        fs::write(at.join("packed-refs"), refs)?;
        let hidden: String = shown
            .hidden
            .iter()
            .map(|prefix| format!("\thideRefs = {prefix}\n"))
            .collect();
        let config = format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tlogAllRefUpdates = false\n\
             [transfer]\n\tfsckObjects = true\n\
             [receive]\n\tdenyDeleteCurrent = ignore\n\tdenyCurrentBranch = ignore\n\
             \tautogc = false\n{hidden}\
             [uploadpack]\n\tallowFilter = true\n\tallowTipSHA1InWant = true\n\
             \tallowReachableSHA1InWant = true\n"
        );
        fs::write(at.join("config"), config)?;
        Ok(folder)
    }
}

/// Whether what a client wrote into a header is what git reads from a variable.
fn is_harmless(protocol: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | ':' | '-' | '_' | '.');
    protocol.len() <= 256 && protocol.chars().all(fits)
}
