//! A bucket that is listed and read.

use std::io::Write;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Asking, Listing, Object, Objects, Point, PullError, PullErrorKind};
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::{EncodingType, ObjectStorageClass, OptionalObjectAttributes};
use http_body_util::Limited;
use percent_encoding::percent_decode_str;

use super::client::{Made, Wanted};
use super::refusal::{Asked, refusal};
use crate::objects::points::{point, read_nothing};
use crate::objects::waiting::Waiting;

/// Keys of a page.
const PAGE: i32 = 1_000;
/// The largest page of a listing, in bytes: a thousand of the longest keys are an eighth of it.
const LARGEST_PAGE: usize = 64 << 20;
/// The longest key that a listing can begin behind, in bytes.
const LONGEST_START: usize = 1_024;
/// How often the rest of an object is asked for that broke off.
const RESUMED: u32 = 4;
/// The first pause before that; the others double.
const PAUSE: Duration = Duration::from_millis(500);
/// How versions begin in a store without entity tags.
const UNTAGGED: &str = "written";
/// How places begin that are keys.
const AFTER: &str = "after:";
/// And those that are the store's.
const TOKEN: &str = "token:";

/// A bucket.
pub(super) struct Bucket {
    name: String,
    prefix: String,
    profile: Option<String>,
    wanted: Wanted,
    made: Option<Made>,
    /// The place that the last page led to, and the store's own name of it.
    next: Option<(String, String)>,
    /// Last, for the client lives in it.
    waiting: Waiting,
}

impl Bucket {
    /// As it was said; nothing is sent yet.
    pub(super) fn new(asking: &Asking) -> Result<Self, PullError> {
        let said = &asking.options;
        let bucket = Self {
            name: said.text("bucket").unwrap_or_default().to_owned(),
            prefix: said.text("prefix").unwrap_or_default().to_owned(),
            profile: said.text("profile").map(str::to_owned),
            wanted: Wanted::of(said)?,
            made: None,
            next: None,
            waiting: Waiting::new(&asking.stop)?,
        };
        if said.switch("ordered") && bucket.is_directory() {
            let told = "a directory bucket lists its keys in no order";
            return Err(
                PullError::new(PullErrorKind::Options, told).advice("--option ordered=false")
            );
        }
        Ok(bucket)
    }

    /// Whether it is one of S3 Express One Zone: those list in no order, and from a token only.
    fn is_directory(&self) -> bool {
        self.name.ends_with("--x-s3")
    }

    fn make(&mut self) -> Result<(), PullError> {
        if self.made.is_none() {
            let wanted = self.wanted.clone();
            self.made = Some(self.waiting.of(wanted.made())??);
        }
        Ok(())
    }

    fn made(&self) -> Result<&Made, PullError> {
        let told = "there is no client";
        self.made
            .as_ref()
            .ok_or_else(|| PullError::new(PullErrorKind::Options, told))
    }

    fn asked<'a>(&'a self, permission: &'a str, key: Option<&'a str>) -> Asked<'a> {
        Asked {
            bucket: &self.name,
            prefix: &self.prefix,
            region: self.made.as_ref().map_or("", Made::region),
            profile: self.profile.as_deref(),
            permission,
            key,
        }
    }

    /// One page, of at most so many keys.
    fn page(&self, place: Option<&str>, most: i32) -> Result<(Listing, Option<String>), PullError> {
        let made = self.made()?;
        let mut request = made
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .max_keys(most);
        if !self.prefix.is_empty() {
            request = request.prefix(&self.prefix);
        }
        // XML cannot say every character that a key may have.
        request = request.encoding_type(EncodingType::Url);
        // Other stores refuse headers that they do not know, and have no such archive.
        if made.is_aws() && !self.is_directory() {
            request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
        }
        let known = self.next.as_ref().filter(|(next, _)| place == Some(next));
        let token = place.and_then(|place| place.strip_prefix(TOKEN));
        let after = place.and_then(|place| place.strip_prefix(AFTER));
        request = match (known.map(|(_, token)| token.as_str()).or(token), after) {
            (Some(token), _) => request.continuation_token(token),
            (None, Some(after)) => request.start_after(after),
            (None, None) => request,
        };
        let limited = request.customize().interceptor(BodyLimit(LARGEST_PAGE));
        let answer = self.waiting.of(limited.send())?;
        let answer = answer.map_err(|error| refusal(&error, self.asked("s3:ListBucket", None)))?;
        let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
        let objects = answer.contents().iter();
        let objects: Vec<Object> = objects.map(|one| listed(one, is_encoded)).collect();
        let is_more = answer.is_truncated() == Some(true);
        let token = answer
            .next_continuation_token()
            .filter(|_| is_more)
            .map(str::to_owned);
        let page = Listing {
            objects,
            next: None,
            requests: 1,
        };
        if is_more && token.is_none() {
            let told = "the store says that there is more, and not where";
            return Err(PullError::new(PullErrorKind::Answer, told));
        }
        Ok((page, token))
    }

    /// Writes what there is of an object from `from` on; how much came, and why not all.
    fn part(
        &self,
        object: &Object,
        from: u64,
        into: &mut dyn Write,
    ) -> Result<(u64, Option<PullError>), PullError> {
        let mut request = self
            .made()?
            .client
            .get_object()
            .bucket(&self.name)
            .key(&object.key);
        if let Some(tag) = tag_of(object) {
            request = request.if_match(tag);
        }
        if from > 0 {
            request = request.range(format!("bytes={from}-"));
        }
        let answer = self.waiting.of(request.send())?;
        let asked = self.asked("s3:GetObject", Some(&object.key));
        let mut answer = answer.map_err(|error| refusal(&error, asked))?;
        let mut came = 0;
        loop {
            let chunk = match self.waiting.of(answer.body.next())? {
                None => return Ok((came, None)),
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => {
                    let told = format!("the object broke off: {}", super::refusal::causes(&error));
                    return Ok((came, Some(PullError::new(PullErrorKind::Unreachable, told))));
                }
            };
            into.write_all(&chunk)
                .map_err(|error| PullError::new(PullErrorKind::Answer, error.to_string()))?;
            came += chunk.len() as u64;
        }
    }
}

impl Objects for Bucket {
    fn check(&mut self) -> Vec<Point> {
        let mut points = Vec::new();
        let credentials = self.make().and_then(|()| {
            let made = self.made()?;
            self.waiting.of(made.credentials())?
        });
        let is_known = credentials.is_ok();
        points.push(point(
            "credentials",
            credentials.map(|way| format!("found by {way}")),
        ));
        if !is_known {
            return points;
        }
        let listed = self.page(None, 20);
        let first = listed
            .as_ref()
            .ok()
            .and_then(|(page, _)| page.objects.iter().find(|one| one.size > 0))
            .cloned();
        let told = listed.map(|(page, _)| {
            let place = format!("s3://{}/{}", self.name, self.prefix);
            match page.objects.len() {
                0 => format!("{place} is empty"),
                _ => format!("{place} may be listed"),
            }
        });
        let is_listed = told.is_ok();
        points.push(point("list", told));
        if !is_listed {
            return points;
        }
        let Some(first) = first else {
            points.push(read_nothing());
            return points;
        };
        // Its last byte is asked for alone.
        let read = self.part(&first, first.size - 1, &mut std::io::sink());
        points.push(point(
            "read",
            read.map(|_| "an object may be read".to_owned()),
        ));
        points
    }

    fn list(&mut self, place: Option<&str>) -> Result<Listing, PullError> {
        self.make()?;
        let (mut page, token) = self.waiting.patiently(|| self.page(place, PAGE))?;
        self.next = None;
        if let Some(token) = token {
            let last = page.objects.last().map(|last| last.key.as_str());
            let last = last.filter(|last| !self.is_directory() && last.len() <= LONGEST_START);
            // A key says for ever where to go on, a token for a while.
            let next = match last {
                Some(last) => format!("{AFTER}{last}"),
                None => format!("{TOKEN}{token}"),
            };
            self.next = Some((next.clone(), token));
            page.next = Some(next);
        }
        Ok(page)
    }

    fn read(&mut self, object: &Object, into: &mut dyn Write) -> Result<u64, PullError> {
        self.make()?;
        let mut came = 0;
        let mut pause = PAUSE;
        for _ in 0..=RESUMED {
            let (more, trouble) = self.waiting.patiently(|| self.part(object, came, into))?;
            came += more;
            let Some(trouble) = trouble else {
                return Ok(came);
            };
            // Without a tag nobody says that the rest is of the same object.
            if tag_of(object).is_none() {
                return Err(trouble);
            }
            self.waiting.pause(pause)?;
            pause *= 2;
        }
        let told = format!("the object broke off {} times", RESUMED + 1);
        Err(PullError::new(PullErrorKind::Unreachable, told))
    }
}

/// A key as listings write it: what XML cannot say as `%` and two digits, a space as `+`.
fn decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// An object as it is listed.
fn listed(one: &aws_sdk_s3::types::Object, is_encoded: bool) -> Object {
    let key = one.key().unwrap_or_default();
    let modified = one.last_modified().and_then(|at| {
        let nanoseconds = i32::try_from(at.subsec_nanos()).unwrap_or(0);
        Timestamp::new(at.secs(), nanoseconds).ok()
    });
    let mut version = one.e_tag().unwrap_or_default().to_owned();
    if version.is_empty() {
        let at = modified.map(|at| at.to_string());
        version = format!("{UNTAGGED} {}", at.unwrap_or_default());
    }
    // What is archived cannot be read; taken out of the archive, or restored for a while, it is worth
    // another look.
    let class = one.storage_class().map(ObjectStorageClass::as_str);
    let restored = one.restore_status();
    let is_restored = restored.is_some_and(|status| status.is_restore_in_progress() == Some(false));
    if let Some(class @ ("GLACIER" | "DEEP_ARCHIVE")) = class.filter(|_| !is_restored) {
        version.push(' ');
        version.push_str(class);
    }
    Object {
        key: if is_encoded {
            decoded(key)
        } else {
            key.to_owned()
        },
        version,
        size: one
            .size()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        modified,
    }
}

/// The entity tag in a version.
fn tag_of(object: &Object) -> Option<&str> {
    let first = object.version.split(' ').next()?;
    (first != UNTAGGED).then_some(first)
}

/// Refuses an answer that is larger than any should be.
#[derive(Debug)]
struct BodyLimit(usize);

impl Intercept for BodyLimit {
    fn name(&self) -> &'static str {
        "body-limit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, self.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::RestoreStatus;

    use super::*;

    #[test]
    fn what_is_restored_from_an_archive_is_another_version() {
        let archived = aws_sdk_s3::types::Object::builder()
            .key("a")
            .e_tag("\"1\"")
            .storage_class(ObjectStorageClass::Glacier);
        let restoring = |is_in_progress| {
            let status = RestoreStatus::builder().is_restore_in_progress(is_in_progress);
            archived.clone().restore_status(status.build()).build()
        };
        let version = |object| listed(&object, true).version;
        assert_eq!(version(archived.clone().build()), "\"1\" GLACIER");
        assert_eq!(version(restoring(true)), "\"1\" GLACIER");
        assert_eq!(version(restoring(false)), "\"1\"");
    }
}
