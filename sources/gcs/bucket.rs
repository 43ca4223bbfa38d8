//! A bucket that is listed and read.

use std::io::Write;

use archal_core::pull::{Asking, Listing, Object, Objects, Point, PullError, PullErrorKind};

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

    fn copy(&self, object: &Object, into: &mut dyn Write) -> Result<u64, PullError> {
        let asked = Asked {
            bucket: &self.name,
            is_object: true,
        };
        let generation: i64 = object.version.parse().map_err(|_| {
            PullError::new(PullErrorKind::Changed, "it was listed without a generation")
        })?;
        let request = self
            .made()?
            .storage
            .read_object(format!("projects/_/buckets/{}", self.name), &object.key)
            .set_if_generation_match(generation);
        let answer = self.waiting.of(request.send())?;
        let mut answer = answer.map_err(|error| refusal(&error, asked))?;
        let mut came = 0;
        while let Some(chunk) = self.waiting.of(answer.next())? {
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
                let read = self.copy(&first, &mut std::io::sink());
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
        let page = self.page(place, PAGE)?;
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
        self.copy(object, into)
    }
}
