//! One pass: list, read what is not known, note what became of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::pull::{Listing, Object, Objects, PullError, PullErrorKind};

use super::ledger::{Between, Mark, ObjectLedger, Row, State, ToRead};
use super::names;
use super::position::{Ordered, PageSeen, Position};
use super::reading::{MOST_FINDINGS, NamedIn, OBJECTS_AFTER, Upon, WRITE_AFTER};
use super::report::ObjectsReport;
use super::settings::Settings;
use crate::ingest::import::{Import, ImportError, Importing};
use crate::store::database::DatabaseError;
use crate::store::space::{self, Full, SpaceError};

/// The place in the listing is noted after so many pages of which everything is known.
const PAGES_AFTER: usize = 20;
/// How often objects are listed again that changed while they were read.
const MOST_ROUNDS: u32 = 3;
/// Files that manifests name, asked for at once.
const WANTED_AT_ONCE: usize = 200;
/// Objects with scores of traces that nobody had, read again in one pass.
const ALONE_AT_ONCE: usize = 100;
/// For so long such scores wait for their traces.
const ALONE_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest place in a listing that is taken, in bytes.
const LONGEST_PLACE: usize = 16 << 10;

/// A pass over a store.
pub struct Pass<'a> {
    /// The store.
    pub objects: &'a mut dyn Objects,
    /// What is known of its objects.
    pub ledger: &'a mut ObjectLedger,
    /// Which are wanted.
    pub settings: &'a Settings,
    /// What reads files, and which traces are wanted of them.
    pub import: &'a Import<'a>,
    /// What is older is never wanted: that is how the source was first asked.
    pub floor: Option<Timestamp>,
    /// Where large objects lie while they are read.
    pub spool: &'a Path,
    /// Hears of every page.
    pub told: &'a mut dyn FnMut(&ObjectsReport),
}

/// What became of a pass.
#[derive(Debug)]
pub struct Passed {
    /// What was read.
    pub report: ObjectsReport,
    /// Why it ended before the end of the listing, where the store is the cause. What was read until
    /// then stays, and the next pass goes on there.
    pub trouble: Option<PullError>,
}

/// Why nothing can be read, apart from the store. What was noted until then stays.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The ledger cannot be used.
    #[error("what is known of the objects cannot be told")]
    Ledger(#[from] DatabaseError),
    /// Traces cannot be written.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// There is no room for them.
    #[error(transparent)]
    Full(#[from] Full),
    /// The disk cannot be asked.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// An object cannot be kept while it is read.
    #[error("an object cannot be kept in {}", path.display())]
    Disk {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// Whether a pass goes on.
pub(super) enum Next {
    Object,
    End,
}

impl<'a> Pass<'a> {
    /// Reads what is not known, until the end of the listing, or the limit.
    ///
    /// # Errors
    ///
    /// When something but the store and its objects is wrong.
    pub fn run(self) -> Result<Passed, PassError> {
        let label = PathBuf::from(format!("{}{}", self.settings.label, self.settings.prefix));
        let import = self.import;
        let way = self.settings.way();
        let mut work = Work {
            importing: import.begin(&label),
            pass: self,
            marks: Vec::new(),
            pages: Vec::new(),
            position: Position::default(),
            is_sorted: true,
            bytes: 0,
            again: BTreeSet::new(),
            is_last_round: false,
            way,
            is_full_due: false,
            refused: 0,
            findings: 0,
            trouble: None,
            report: ObjectsReport::default(),
        };
        work.all()?;
        Ok(work.ended())
    }
}

pub(super) struct Work<'a> {
    pub(super) pass: Pass<'a>,
    pub(super) importing: Importing<'a>,
    /// What is to be noted when the traces so far stand in batch files.
    pub(super) marks: Vec<Mark>,
    pub(super) pages: Vec<PageSeen>,
    pub(super) position: Position,
    /// Whether all keys so far came in their order.
    pub(super) is_sorted: bool,
    /// Bytes that were read since traces were written.
    pub(super) bytes: u64,
    /// Where pages begin in which an object changed while it was read.
    pub(super) again: BTreeSet<Option<String>>,
    /// Whether what changes while it is read now is not listed again in this pass.
    pub(super) is_last_round: bool,
    /// How objects are read.
    pub(super) way: String,
    /// Whether the next pass is to list everything.
    pub(super) is_full_due: bool,
    /// Objects in a row that the store did not give, and that were not known for it.
    pub(super) refused: u32,
    pub(super) findings: usize,
    pub(super) trouble: Option<PullError>,
    pub(super) report: ObjectsReport,
}

impl Work<'_> {
    fn ended(self) -> Passed {
        let report = ObjectsReport {
            traces: self.importing.ended(),
            ..self.report
        };
        Passed {
            report,
            trouble: self.trouble,
        }
    }

    pub(super) fn is_dry(&self) -> bool {
        self.pass.import.is_dry
    }

    fn now(&self) -> Timestamp {
        self.pass.import.clock.now()
    }

    fn all(&mut self) -> Result<(), PassError> {
        self.position = self.begin()?;
        self.report.is_resumed = self.position.place.is_some() && self.position.is_full;
        let is_whole = match self.listing()? {
            Next::Object => self.afterwards()?,
            Next::End => false,
        };
        self.write(true)?;
        if !is_whole || self.is_dry() {
            return Ok(());
        }
        let is_of_all = self.position.is_full && self.pass.import.since == self.pass.floor;
        let position = Position {
            is_full: is_of_all,
            ..Position::default()
        };
        self.report.is_full = is_of_all;
        let is_due = self.is_full_due || !self.again.is_empty();
        let now = self.now();
        self.pass.ledger.end(&position, is_due, now)?;
        Ok(())
    }

    fn begin(&mut self) -> Result<Position, PassError> {
        if self.is_dry() {
            return Ok(Position {
                is_full: true,
                ..Position::default()
            });
        }
        let settings = self.pass.settings;
        let ordered = Ordered {
            overlap: settings.overlap,
            full_list: settings.full_list,
            now: self.now(),
        };
        let filter = settings.filter(self.pass.import.since);
        let ordered = settings.is_ordered.then_some(&ordered);
        let position = self.pass.ledger.begin(&filter, ordered)?;
        Ok(position)
    }

    /// Lists until the end; [`Next::End`] where that was not come to.
    fn listing(&mut self) -> Result<Next, PassError> {
        // They are behind the place where the listing goes on.
        if self.position.place.is_some() {
            let named = |ledger: &ObjectLedger, after: &str| ledger.refused(after, WANTED_AT_ONCE);
            if let Next::End = self.of_rows(NamedIn::Refused, named)? {
                return Ok(Next::End);
            }
            self.write(true)?;
        }
        let mut places = HashSet::new();
        let mut may_begin_anew = self.position.place.is_some() && !self.is_dry();
        loop {
            if self.is_stopped()? {
                return Ok(Next::End);
            }
            let place = self.position.place.clone();
            let page = match self.list(place.as_deref()) {
                Ok(page) => page,
                // A place that was noted long ago may say nothing to the store any more.
                Err(error) if error.kind == PullErrorKind::Changed && may_begin_anew => {
                    may_begin_anew = false;
                    self.position = self.pass.ledger.begin_anew()?;
                    continue;
                }
                Err(error) => {
                    self.breaks_off(error);
                    return Ok(Next::End);
                }
            };
            may_begin_anew = false;
            if let Next::End = self.page(&page)? {
                return Ok(Next::End);
            }
            let Some(next) = page.next else {
                return Ok(Next::Object);
            };
            if next.len() > LONGEST_PLACE || !places.insert(hash::sixty_four_bits(next.as_bytes()))
            {
                let told = "the listing does not come to an end: it leads back to a place before";
                self.trouble = Some(PullError::new(PullErrorKind::Answer, told));
                return Ok(Next::End);
            }
            self.position.place = Some(next);
            if let Some(last) = page.objects.last() {
                self.position.last_key = Some(cut(&last.key));
            }
            if self.is_due() {
                self.write(true)?;
            }
        }
    }

    /// The store does not go on; whoever was asked to end has no trouble.
    pub(super) fn breaks_off(&mut self, error: PullError) {
        if error.kind == PullErrorKind::Stopped {
            self.importing.report_mut().is_interrupted = true;
        } else {
            self.trouble = Some(error);
        }
    }

    fn list(&mut self, place: Option<&str>) -> Result<Listing, PullError> {
        let page = self.pass.objects.list(place)?;
        self.report.requests += page.requests;
        self.report.pages += 1;
        Ok(page)
    }

    /// What is left when everything was listed; false where it was not done.
    fn afterwards(&mut self) -> Result<bool, PassError> {
        for round in 1..=MOST_ROUNDS {
            if self.again.is_empty() {
                break;
            }
            self.is_last_round = round == MOST_ROUNDS;
            self.write(true)?;
            for place in std::mem::take(&mut self.again) {
                if self.is_stopped()? {
                    return Ok(false);
                }
                let page = match self.list(place.as_deref()) {
                    Ok(page) => page,
                    Err(error) => {
                        self.breaks_off(error);
                        return Ok(false);
                    }
                };
                let mut known = self.pass.ledger.known(&page.objects, None)?;
                for object in &page.objects {
                    if let Next::End = self.object(object, place.as_ref(), &mut known, true)? {
                        return Ok(false);
                    }
                }
            }
        }
        if self.is_dry() {
            return Ok(true);
        }
        self.write(true)?;
        if self.pass.settings.manifests.is_some() && !self.wanted()? {
            return Ok(false);
        }
        self.alone()
    }

    /// Reads what manifests name; false where it was not done.
    fn wanted(&mut self) -> Result<bool, PassError> {
        for file in self.pass.ledger.missing(MOST_FINDINGS)? {
            self.missing(&file);
        }
        let named = |ledger: &ObjectLedger, after: &str| ledger.wanted(after, WANTED_AT_ONCE);
        let done = self.of_rows(NamedIn::Wanted, named)?;
        Ok(matches!(done, Next::Object))
    }

    /// Reads scores again that came before their traces, where traces came; false where it was not done.
    fn alone(&mut self) -> Result<bool, PassError> {
        if self.importing.report().new == 0 {
            return Ok(true);
        }
        self.write(true)?;
        let since = self.now().checked_sub(ALONE_FOR).unwrap_or(Timestamp::MIN);
        for one in self.pass.ledger.alone(since, ALONE_AT_ONCE)? {
            if self.is_stopped()? {
                return Ok(false);
            }
            let upon = Upon {
                named_in: NamedIn::Alone,
                is_refused: true,
            };
            if let Next::End = self.read(&one.object, upon)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads objects that the ledger names, in order of their keys.
    fn of_rows(
        &mut self,
        named_in: NamedIn<'_>,
        named: impl Fn(&ObjectLedger, &str) -> Result<Vec<ToRead>, DatabaseError>,
    ) -> Result<Next, PassError> {
        let mut after = String::new();
        loop {
            let some = named(self.pass.ledger, &after)?;
            let Some(last) = some.last() else {
                return Ok(Next::Object);
            };
            after.clone_from(&last.object.key);
            for one in &some {
                if self.is_stopped()? {
                    return Ok(Next::End);
                }
                let upon = Upon {
                    named_in,
                    is_refused: one.is_refused,
                };
                if let Next::End = self.read(&one.object, upon)? {
                    return Ok(Next::End);
                }
            }
        }
    }

    pub(super) fn is_stopped(&mut self) -> Result<bool, PassError> {
        if (self.pass.import.is_stopped)() {
            self.importing.report_mut().is_interrupted = true;
            return Ok(true);
        }
        if self.importing.is_full() {
            self.importing.report_mut().is_limited = true;
            return Ok(true);
        }
        if self.trouble.is_some() {
            return Ok(true);
        }
        let left = space::of(self.pass.import.directory)?;
        if left.is_low() && !self.is_dry() {
            let path = self.pass.import.directory.to_owned();
            return Err(Full { path, left }.into());
        }
        Ok(false)
    }

    fn page(&mut self, page: &Listing) -> Result<Next, PassError> {
        let place = self.position.place.clone();
        let last = self.position.last_key.clone();
        let mut before = last.as_deref();
        for object in &page.objects {
            self.is_sorted &= before.is_none_or(|before| before <= object.key.as_str());
            before = Some(&object.key);
        }
        let between = self.is_sorted.then_some(Between {
            prefix: &self.pass.settings.prefix,
            after: last.as_deref(),
            is_end: page.next.is_none(),
        });
        // An empty page in the middle says nothing of what is between.
        let between = between.filter(|between| between.is_end || !page.objects.is_empty());
        let mut known = self.pass.ledger.known(&page.objects, between)?;
        if between.is_some() {
            self.gone(&known, &page.objects);
        }
        for object in &page.objects {
            self.report.listed += 1;
            if let Next::End = self.object(object, place.as_ref(), &mut known, false)? {
                return Ok(Next::End);
            }
        }
        self.pages.push(PageSeen {
            place,
            last_key: last,
            newest: page.objects.iter().filter_map(|one| one.modified).max(),
        });
        self.report.traces = self.importing.report().clone();
        (self.pass.told)(&self.report);
        Ok(Next::Object)
    }

    /// Notes objects that should stand in a page and do not.
    fn gone(&mut self, known: &BTreeMap<String, Row>, objects: &[Object]) {
        let there: BTreeSet<&str> = objects.iter().map(|one| one.key.as_str()).collect();
        for (key, row) in known {
            if row.state == State::Gone || there.contains(key.as_str()) {
                continue;
            }
            self.report.gone += 1;
            let object = Object {
                key: key.clone(),
                version: row.version.clone(),
                size: row.size,
                modified: None,
            };
            let told = "is not there any more; what was read of it stays";
            self.find(Diagnostic::note("object/gone", told), &object);
            self.marks.push(Mark::of(&object, State::Gone, None));
        }
    }

    fn is_due(&self) -> bool {
        self.marks.len() >= OBJECTS_AFTER
            || self.pages.len() >= PAGES_AFTER
            || self.bytes >= WRITE_AFTER
    }

    /// Writes the traces that were read, and then notes what became of their objects; with the
    /// place that the listing has come to where pages are done.
    pub(super) fn write(&mut self, is_page_done: bool) -> Result<(), PassError> {
        self.importing.write()?;
        self.bytes = 0;
        let marks = std::mem::take(&mut self.marks);
        if self.is_dry() {
            self.pages.clear();
            return Ok(());
        }
        let now = self.now();
        let pages = if is_page_done {
            std::mem::take(&mut self.pages)
        } else {
            Vec::new()
        };
        let position = is_page_done.then_some(&self.position);
        let ledger = &mut self.pass.ledger;
        ledger.note(&marks, &pages, position, &self.way, now)?;
        Ok(())
    }
}

/// A key to compare with, cut where it is too long: nothing that is known stands between the two.
fn cut(key: &str) -> String {
    let mut end = key.len().min(names::LONGEST);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key[..end].to_owned()
}
