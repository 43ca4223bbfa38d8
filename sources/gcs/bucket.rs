//! A bucket that is listed and read.

use std::io::Write;

use archal_core::pull::{Asking, Listing, Object, Objects, Point, PullError, PullErrorKind};
use backon::Retryable as _;
use google_cloud_storage::read_object::ReadObjectResponse;

use super::client::{Made, Wanted};
use super::listing::{self, Page};
use super::refusal::{Asked, refusal};
use crate::objects::points::{point, read_nothing};
use crate::objects::waiting::Waiting;

/// Keys of a page.
const PAGE: i32 = 1_000;
/// The longest key that a listing can begin behind, in bytes.
const LONGEST_START: usize = 1_024;
/// How places begin that are keys.
const AFTER: &str = "after:";
/// And those that are the store's.
const TOKEN: &str = "token:";

/// A bucket.
pub(super) struct Bucket {
    name: String,
    prefix: String,
    wanted: Wanted,
    made: Option<Made>,
    /// The place that the last page led to, and the store's own name of it.
    next: Option<(String, String)>,
    /// Last, for the clients live in it.
    waiting: Waiting,
}

impl Bucket {
    /// As it was said; nothing is sent yet.
    pub(super) fn new(asking: &Asking) -> Result<Self, PullError> {
        let said = &asking.options;
        Ok(Self {
            name: said.text("bucket").unwrap_or_default().to_owned(),
            prefix: said.text("prefix").unwrap_or_default().to_owned(),
            wanted: Wanted::of(said)?,
            made: None,
            next: None,
            waiting: Waiting::new(&asking.stop)?,
        })
    }

    fn make(&mut self) -> Result<(), PullError> {
        if self.made.is_none() {
            self.made = Some(self.waiting.of(self.wanted.made())??);
        }
        Ok(())
    }

    fn made(&self) -> Result<&Made, PullError> {
        let told = "there is no client";
        self.made
            .as_ref()
            .ok_or_else(|| PullError::new(PullErrorKind::Options, told))
    }

    fn page(&self, place: Option<&str>, most: i32) -> Result<Page, PullError> {
        let known = self.next.as_ref().filter(|(next, _)| place == Some(next));
        let token = place.and_then(|place| place.strip_prefix(TOKEN));
        let after = place.and_then(|place| place.strip_prefix(AFTER));
        // The first key that sorts behind it.
        let from = after.map(|after| format!("{after}\0"));
        let wanted = listing::Wanted {
            bucket: &self.name,
            prefix: &self.prefix,
            token: known.map(|(_, token)| token.as_str()).or(token),
            from: from.as_deref(),
            most,
        };
        self.waiting.of(self.made()?.listed.page(wanted))?
    }

    /// The answer with its bytes, which is begun.
    fn opened(&self, object: &Object) -> Result<ReadObjectResponse, PullError> {
        let asked = Asked {
            bucket: &self.name,
            is_object: true,
        };
        let generation: i64 = object.version.parse().map_err(|_| {
            PullError::new(PullErrorKind::Changed, "it was listed without a generation")
        })?;
        let storage = &self.made()?.storage;
        let once = || async {
            let request = storage
                .read_object(format!("projects/_/buckets/{}", self.name), &object.key)
                .set_if_generation_match(generation);
            let answer = request.send().await;
            answer.map_err(|error| refusal(&error, asked))
        };
        self.waiting.part(async {
            once.retry(listing::pauses())
                .sleep(tokio::time::sleep)
                .when(listing::is_passing)
                .await
        })?
    }

    fn copy(&self, mut answer: ReadObjectResponse, into: &mut dyn Write) -> Result<u64, PullError> {
        let asked = Asked {
            bucket: &self.name,
            is_object: true,
        };
        let mut came = 0;
        while let Some(chunk) = self.waiting.part(answer.next())? {
            let chunk = chunk.map_err(|error| refusal(&error, asked))?;
            into.write_all(&chunk)
                .map_err(|error| PullError::new(PullErrorKind::Answer, error.to_string()))?;
            came += chunk.len() as u64;
        }
        Ok(came)
    }
}

impl Objects for Bucket {
    fn check(&mut self) -> Vec<Point> {
        let mut points = Vec::new();
        let way = self.make().and_then(|()| {
            let made = self.made()?;
            self.waiting.of(made.way())?
        });
        let is_known = way.is_ok();
        points.push(point(
            "credentials",
            way.map(|way| format!("found by {way}")),
        ));
        if !is_known {
            return points;
        }
        let listed = self.page(None, 20);
        let place = format!("gcs://{}/{}", self.name, self.prefix);
        let first = listed.as_ref().ok().and_then(|page| {
            let with_content = page.objects.iter().filter(|one| one.size > 0);
            with_content.min_by_key(|one| one.size).cloned()
        });
        let told = listed.map(|page| match page.objects.len() {
            0 => format!("{place} is empty"),
            _ => format!("{place} may be listed"),
        });
        let is_listed = told.is_ok();
        points.push(point("list", told));
        match first {
            _ if !is_listed => {}
            None => points.push(read_nothing()),
            Some(first) => {
                let read = self
                    .opened(&first)
                    .and_then(|answer| self.copy(answer, &mut std::io::sink()));
                points.push(point(
                    "read",
                    read.map(|_| "an object may be read".to_owned()),
                ));
            }
        }
        points
    }

    fn list(&mut self, place: Option<&str>) -> Result<Listing, PullError> {
        self.make()?;
        let page = self.waiting.patiently(|| self.page(place, PAGE))?;
        self.next = None;
        let mut listing = Listing {
            objects: page.objects,
            next: None,
            requests: 1,
        };
        if let Some(token) = page.next {
            // A key says for ever where to go on, a token for a while.
            let last = listing.objects.last().map(|last| last.key.as_str());
            let next = match last.filter(|last| last.len() <= LONGEST_START) {
                Some(last) => format!("{AFTER}{last}"),
                None => format!("{TOKEN}{token}"),
            };
            self.next = Some((next.clone(), token));
            listing.next = Some(next);
        }
        Ok(listing)
    }

    fn read(&mut self, object: &Object, into: &mut dyn Write) -> Result<u64, PullError> {
        self.make()?;
        let answer = self.waiting.patiently(|| self.opened(object))?;
        self.copy(answer, into)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;

    use super::*;
    use crate::objects::loopback::serve;
    use crate::objects::testing::{asking, text};

    #[test]
    fn an_object_that_never_comes_is_not_waited_for() {
        let (_held, never) = mpsc::channel::<()>();
        let never = Mutex::new(never);
        let address = serve(move |_| {
            never.lock().expect("whole").recv().ok();
            crate::objects::loopback::Response::new(500, "")
        });
        let mut bucket = Bucket::new(&asking(&[
            ("bucket", text("traces")),
            ("endpoint", text(&format!("http://{address}"))),
            ("anonymous", archal_core::pull::SaidValue::Switch(true)),
        ]))
        .expect("a bucket");
        bucket.waiting.answer = Duration::from_millis(20);
        let object = Object {
            key: "a".to_owned(),
            version: "1".to_owned(),
            ..Object::default()
        };
        let error = bucket.read(&object, &mut Vec::new()).expect_err("nothing");
        assert_eq!(error.kind, PullErrorKind::Unreachable);
        assert!(error.message.contains("says nothing"), "{error}");
    }
}
