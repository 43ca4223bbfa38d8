//! What is done with one object of a pass.

use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Object, PullErrorKind};

use super::fetch::{FetchError, fetch};
use super::ledger::{Mark, Row, State, WantedFile};
use super::manifest::{self, Manifests};
use super::names;
use super::pass::{Next, PassError, Work};

/// What mends that one is too large.
const COPIED: &str = "copy it to this machine and read it with `archal trace-source import FILE`, which reads \
                      lines of any size in pieces";
/// Objects in a row that the store does not give before a pass ends.
const MOST_REFUSED: u32 = 5;
/// What was read is written after so many bytes.
pub(super) const WRITE_AFTER: u64 = 64 << 20;
/// And after so many objects.
pub(super) const OBJECTS_AFTER: usize = 1_000;
/// Findings about objects that are told one by one.
pub(super) const MOST_FINDINGS: usize = 50;

/// Where an object that is to be read was named.
#[derive(Debug, Clone, Copy)]
pub(super) enum NamedIn<'a> {
    /// In the page at that place of the listing.
    Page(Option<&'a String>),
    /// In the ledger: the store did not give it in an earlier pass.
    Refused,
    /// In a manifest.
    Wanted,
    /// In the ledger: it had scores of traces that nobody had.
    Alone,
}

/// How an object was come upon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upon<'a> {
    pub(super) named_in: NamedIn<'a>,
    /// Whether the store did not give this version of it before.
    pub(super) is_refused: bool,
}

impl Work<'_> {
    pub(super) fn object(
        &mut self,
        object: &Object,
        place: Option<&String>,
        known: &mut BTreeMap<String, Row>,
        is_again: bool,
    ) -> Result<Next, PassError> {
        let settings = self.pass.settings;
        let since = self.pass.import.since;
        if settings.is_older(object, since) || !settings.wants(object) {
            self.report.skipped += u64::from(!is_again);
            return Ok(Next::Object);
        }
        if object.key.len() > names::LONGEST {
            self.failed(
                object,
                "object/key",
                format!(
                    "its key has {} bytes, and no store has keys of more than {}",
                    object.key.len(),
                    names::LONGEST
                ),
            );
            return Ok(Next::Object);
        }
        let row = known.get(&object.key);
        let is_same = row.is_some_and(|row| {
            row.version == object.version && row.size == object.size && row.state != State::Gone
        });
        let state = row.filter(|_| is_same).map(|row| row.state);
        let is_file = settings
            .manifests
            .is_some_and(|manifests| !manifests.is_one(&object.key));
        let is_done = match state {
            Some(State::Read) => true,
            // Another archal may read it, or one that reads larger ones.
            Some(State::Failed) => row.is_some_and(|row| row.tried.as_ref() == Some(&self.way)),
            Some(State::Listed | State::Refused) => is_file,
            Some(State::Gone) | None => false,
        };
        if is_done {
            self.report.known += u64::from(!is_again);
            return Ok(Next::Object);
        }
        if row.is_some_and(|row| row.state != State::Gone && row.version != object.version) {
            self.report.changed += 1;
        }
        // The same key may be listed twice.
        known.insert(
            object.key.clone(),
            Row {
                version: object.version.clone(),
                size: object.size,
                state: if is_file { State::Listed } else { State::Read },
                tried: None,
            },
        );
        if is_file {
            self.marks.push(Mark::of(object, State::Listed, None));
            return Ok(Next::Object);
        }
        if self.is_stopped()? {
            return Ok(Next::End);
        }
        let upon = Upon {
            named_in: NamedIn::Page(place),
            is_refused: state == Some(State::Refused),
        };
        match settings.manifests {
            Some(manifests) => self.manifest(object, manifests, upon),
            None => self.read(object, upon),
        }
    }

    fn manifest(
        &mut self,
        object: &Object,
        manifests: Manifests,
        upon: Upon<'_>,
    ) -> Result<Next, PassError> {
        let bytes = match self.fetched(object, manifest::LARGEST, upon)? {
            Ok(bytes) => bytes,
            Err(next) => return Ok(next),
        };
        match manifests.read(&bytes) {
            Ok(named) => {
                let files: Vec<WantedFile> = named
                    .into_iter()
                    .filter(|file| file.key.len() <= names::LONGEST)
                    .map(|file| WantedFile {
                        key: file.key,
                        manifest: object.key.clone(),
                        unreadable: file.unreadable,
                    })
                    .collect();
                if !self.is_dry() {
                    self.pass.ledger.want(&files)?;
                }
                self.marks.push(Mark::of(object, State::Read, None));
            }
            Err(reason) => {
                self.failed(object, "object/manifest", reason.clone());
                self.marks
                    .push(Mark::of(object, State::Failed, Some(reason)));
            }
        }
        Ok(Next::Object)
    }

    pub(super) fn read(&mut self, object: &Object, upon: Upon<'_>) -> Result<Next, PassError> {
        let most = self.pass.settings.most;
        let bytes = match self.fetched(object, most, upon)? {
            Ok(bytes) => bytes,
            Err(next) => return Ok(next),
        };
        self.bytes += bytes.len() as u64;
        let shown = names::place(&self.pass.settings.label, object);
        let alone = self.importing.alone();
        let taken = self.importing.bytes(&shown, &bytes)?;
        let is_alone = self.importing.alone() > alone;
        drop(bytes);
        // What is older than was ever asked for is left out for good.
        let is_left = self.pass.import.since == self.pass.floor
            && !self.importing.is_full()
            && !self.importing.report().is_interrupted;
        if !taken.is_partial || is_left {
            let state = match taken.rejected {
                Some(_) => State::Failed,
                None => State::Read,
            };
            self.report.failed_objects += u64::from(state == State::Failed);
            self.marks.push(Mark {
                is_alone,
                ..Mark::of(object, state, taken.rejected)
            });
        }
        if self.bytes >= WRITE_AFTER || self.marks.len() >= 2 * OBJECTS_AFTER {
            // The page is not done: its place stays where it is.
            self.write(false)?;
        }
        if self.importing.is_full() {
            self.importing.report_mut().is_limited = true;
            return Ok(Next::End);
        }
        Ok(Next::Object)
    }

    /// The bytes of an object; where there are none, whether the pass goes on.
    fn fetched(
        &mut self,
        object: &Object,
        most: u64,
        upon: Upon<'_>,
    ) -> Result<Result<Vec<u8>, Next>, PassError> {
        self.report.requests += 1;
        let error = match fetch(self.pass.objects, object, most, self.pass.spool) {
            Ok(bytes) => {
                self.refused = 0;
                return Ok(Ok(bytes));
            }
            Err(error) => error,
        };
        if error.is_changed() {
            self.changed(object, upon);
            return Ok(Err(Next::Object));
        }
        match error {
            FetchError::TooLarge => {
                let reason = format!("it has {} bytes, and at most {most} are read", object.size);
                let finding = Diagnostic::error("object/too-large", reason.clone());
                self.unread(finding.with_help(COPIED), object);
                self.marks
                    .push(Mark::of(object, State::Failed, Some(reason)));
            }
            FetchError::Disk(source) => {
                let path = self.pass.spool.to_owned();
                return Err(PassError::Disk { path, source });
            }
            FetchError::Store(error) if error.kind == PullErrorKind::Stopped => {
                self.breaks_off(error);
                return Ok(Err(Next::End));
            }
            // It may not be read as it is, whoever asks: what is archived.
            FetchError::Store(error) if error.kind == PullErrorKind::Archived => {
                let mut finding = Diagnostic::error("object/unavailable", error.message.clone());
                finding.help = error.advice;
                self.unread(finding, object);
                let reason = Some(error.message);
                self.marks.push(Mark::of(object, State::Failed, reason));
            }
            FetchError::Store(error) => {
                // One that was refused before says nothing new of the store, unless nobody answers.
                let is_its_own = !matches!(
                    error.kind,
                    PullErrorKind::Unreachable | PullErrorKind::Limited { .. }
                );
                self.refused += u32::from(!(upon.is_refused && is_its_own));
                self.failed(object, "object/refused", error.message.clone());
                let reason = Some(error.message.clone());
                self.marks.push(Mark::of(object, State::Refused, reason));
                if self.refused >= MOST_REFUSED {
                    self.trouble = Some(error);
                    return Ok(Err(Next::End));
                }
            }
            FetchError::Cut { .. } => {}
        }
        Ok(Err(Next::Object))
    }

    /// Another version of it is there than was listed, or none. It is listed again; what is never as it is
    /// listed is told and asked for by the next pass.
    fn changed(&mut self, object: &Object, upon: Upon<'_>) {
        match upon.named_in {
            NamedIn::Page(place) if !self.is_last_round && !upon.is_refused => {
                self.again.insert(place.cloned());
                return;
            }
            NamedIn::Refused => {
                self.is_full_due = true;
                return;
            }
            // The listing comes upon what it is now.
            NamedIn::Alone => return,
            NamedIn::Wanted if !upon.is_refused => self.is_full_due = true,
            NamedIn::Page(_) | NamedIn::Wanted => self.failed(
                object,
                "object/changed",
                "it is not as it is listed, however often it is asked for".to_owned(),
            ),
        }
        let reason = Some("it is not as it is listed".to_owned());
        self.marks.push(Mark::of(object, State::Refused, reason));
    }

    pub(super) fn missing(&mut self, file: &WantedFile) {
        let object = Object {
            key: file.key.clone(),
            ..Object::default()
        };
        let manifest = names::shown(&file.manifest);
        match &file.unreadable {
            Some(reason) => self.failed(&object, "object/format", reason.clone()),
            None => {
                let told = format!("the manifest {manifest} names it, and it is not there");
                self.find(Diagnostic::warning("object/missing", told), &object);
            }
        }
    }

    fn failed(&mut self, object: &Object, code: &str, reason: String) {
        self.unread(Diagnostic::error(code, reason), object);
    }

    fn unread(&mut self, finding: Diagnostic, object: &Object) {
        self.report.failed_objects += 1;
        self.importing.report_mut().failed += 1;
        self.find(finding, object);
    }

    pub(super) fn find(&mut self, finding: Diagnostic, object: &Object) {
        self.findings += 1;
        if self.findings <= MOST_FINDINGS {
            let place = names::place(&self.pass.settings.label, object);
            let report = self.importing.report_mut();
            report.diagnostics.push(finding.in_file(place));
        }
    }
}
