//! A folder that mirrors a bucket, as `aws s3 sync` and `gcloud storage rsync` keep one.
//!
//! Its files are listed in the order in which the store would list their keys.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::pull::{Listing, Object, Objects, Point, PullError, PullErrorKind, Standing};

/// Objects of a page.
const PAGE: usize = 1_000;
/// Folders within folders.
const DEEPEST: usize = 64;

/// The folder.
pub(crate) struct Mirror {
    root: PathBuf,
    prefix: String,
    /// The walk that a listing is in, and the place it has come to.
    walk: Option<(String, Walk)>,
}

impl Mirror {
    /// Over a folder, whose keys are listed where they begin so.
    pub(crate) fn new(root: &Path, prefix: &str) -> Self {
        Self {
            root: root.to_owned(),
            prefix: prefix.to_owned(),
            walk: None,
        }
    }

    fn unreadable(&self, error: &io::Error) -> PullError {
        let told = format!("cannot read the mirror {}: {error}", self.root.display());
        PullError::new(PullErrorKind::Missing, told)
            .advice("--option mirror=<folder>, or --option mirror= to read the bucket")
    }
}

impl Objects for Mirror {
    fn check(&mut self) -> Vec<Point> {
        let (standing, detail, advice) = match self.list(None) {
            Ok(page) if page.objects.is_empty() => {
                let told = format!("{} holds no file under the prefix", self.root.display());
                (Standing::Limited, told, None)
            }
            Ok(_) => {
                let told = format!("the mirror {} is read", self.root.display());
                (Standing::Ready, told, None)
            }
            Err(error) => (Standing::Missing, error.message, error.advice),
        };
        vec![Point {
            name: "mirror",
            standing,
            detail,
            advice,
        }]
    }

    fn list(&mut self, place: Option<&str>) -> Result<Listing, PullError> {
        let mut walk = match self.walk.take() {
            Some((at, walk)) if Some(at.as_str()) == place => walk,
            _ => Walk::begin(&self.root, place).map_err(|error| self.unreadable(&error))?,
        };
        let mut page = Listing::default();
        while let Some((key, metadata)) = walk.next() {
            if !key.starts_with(&self.prefix) {
                continue;
            }
            page.objects.push(object(key, &metadata));
            if page.objects.len() == PAGE {
                break;
            }
        }
        if page.objects.len() == PAGE && !walk.stack.is_empty() {
            page.next = page.objects.last().map(|last| last.key.clone());
            self.walk = page.next.clone().map(|next| (next, walk));
        }
        Ok(page)
    }

    fn read(&mut self, asked: &Object, into: &mut dyn Write) -> Result<u64, PullError> {
        let changed = || PullError::new(PullErrorKind::Changed, "another file is there by now");
        let relative = Path::new(&asked.key);
        let is_inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return Err(changed());
        }
        let file = File::open(self.root.join(relative)).map_err(|_| changed())?;
        let version = |file: &File| file.metadata().map(|metadata| version(&metadata));
        if version(&file).ok().as_ref() != Some(&asked.version) {
            return Err(changed());
        }
        let copied = io::copy(&mut (&file).take(asked.size), into)
            .map_err(|error| PullError::new(PullErrorKind::Answer, error.to_string()))?;
        if version(&file).ok().as_ref() != Some(&asked.version) {
            return Err(changed());
        }
        Ok(copied)
    }
}

fn object(key: String, metadata: &Metadata) -> Object {
    let modified = metadata.modified().ok();
    Object {
        key,
        version: version(metadata),
        size: metadata.len(),
        modified: modified.and_then(|at| Timestamp::try_from(at).ok()),
    }
}

/// The file itself is part of it: a link that came to lie in its place leads to another one.
fn version(metadata: &Metadata) -> String {
    format!(
        "{}-{}.{:09}-{}",
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.len()
    )
}

/// A walk through folders in order of whole keys.
struct Walk {
    root: PathBuf,
    /// What is left of each folder on the way, the next one last.
    stack: Vec<Vec<String>>,
    after: Option<String>,
}

impl Walk {
    fn begin(root: &Path, after: Option<&str>) -> io::Result<Self> {
        let mut walk = Self {
            root: root.to_owned(),
            stack: Vec::new(),
            after: after.map(str::to_owned),
        };
        let first = walk.entries("")?;
        walk.stack.push(first);
        Ok(walk)
    }

    /// What is in a folder, as keys; those of folders end with a slash, which is how they sort.
    fn entries(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Links lead elsewhere; names that are no text are no keys.
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let key = if kind.is_dir() {
                format!("{folder}{name}/")
            } else if kind.is_file() {
                format!("{folder}{name}")
            } else {
                continue;
            };
            // Of a folder whose keys begin like the place, some are behind it.
            let is_behind = self.after.as_deref().is_none_or(|after| {
                key.as_str() > after || (key.ends_with('/') && after.starts_with(&key))
            });
            if is_behind {
                keys.push(key);
            }
        }
        keys.sort_unstable_by(|one, other| other.cmp(one));
        Ok(keys)
    }

    /// The next file. What is gone by now is left out.
    fn next(&mut self) -> Option<(String, Metadata)> {
        loop {
            let Some(key) = self.stack.last_mut()?.pop() else {
                self.stack.pop();
                continue;
            };
            if key.ends_with('/') {
                if self.stack.len() < DEEPEST
                    && let Ok(entries) = self.entries(&key)
                {
                    self.stack.push(entries);
                }
                continue;
            }
            if let Ok(metadata) = fs::symlink_metadata(self.root.join(&key))
                && metadata.is_file()
            {
                return Some((key, metadata));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(mirror: &mut Mirror, place: Option<&str>) -> Vec<String> {
        let page = mirror.list(place).expect("a listing");
        page.objects.into_iter().map(|one| one.key).collect()
    }

    #[test]
    fn files_are_listed_as_the_store_would_and_links_are_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("mirror");
        for file in [
            "a/b.json",
            "a-b.json",
            "a.json",
            "b/c/d.json",
            "b/c.json",
            ".x",
        ] {
            let at = root.join(file);
            fs::create_dir_all(at.parent().expect("a folder")).expect("writable");
            fs::write(at, file).expect("writable");
        }
        fs::write(folder.path().join("secret.json"), "secret").expect("writable");
        let link =
            |to: &str| std::os::unix::fs::symlink(folder.path().join("secret.json"), root.join(to));
        link("link.json").expect("writable");
        std::os::unix::fs::symlink(folder.path(), root.join("out")).expect("writable");
        let mut mirror = Mirror::new(&root, "");
        let all = keys(&mut mirror, None);
        assert_eq!(
            all,
            ["a-b.json", "a.json", "a/b.json", "b/c.json", "b/c/d.json"]
        );
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!(all, sorted);
        for at in 0..all.len() {
            assert_eq!(
                keys(&mut mirror, Some(&all[at])),
                all[at + 1..],
                "{}",
                all[at]
            );
        }
        assert_eq!(keys(&mut Mirror::new(&root, "b/c"), None), all[3..]);

        let listed = mirror.list(None).expect("a listing").objects;
        let mut bytes = Vec::new();
        let read = mirror.read(&listed[0], &mut bytes).expect("there");
        assert_eq!((read, bytes.as_slice()), (8, b"a-b.json".as_slice()));
        fs::remove_file(root.join("a-b.json")).expect("there");
        link("a-b.json").expect("writable");
        // Whoever knows how the file outside looks gets it no sooner.
        let outside = folder.path().join("secret.json");
        let outside_version = version(&fs::metadata(&outside).expect("there"));
        for (key, version) in [
            ("a-b.json", &listed[0].version),
            ("../secret.json", &outside_version),
            (outside.to_str().expect("a path"), &outside_version),
        ] {
            let asked = Object {
                key: key.to_owned(),
                version: version.clone(),
                ..listed[0].clone()
            };
            let error = mirror.read(&asked, &mut Vec::new()).expect_err("another");
            assert_eq!(error.kind, PullErrorKind::Changed, "{key}");
        }
    }

    #[test]
    fn a_large_folder_comes_in_pages() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..2_100 {
            fs::write(folder.path().join(format!("{number:05}")), "x").expect("writable");
        }
        let mut mirror = Mirror::new(folder.path(), "");
        let mut place = None;
        let mut found = Vec::new();
        loop {
            let page = mirror.list(place.as_deref()).expect("a listing");
            found.extend(page.objects.into_iter().map(|one| one.key));
            place = page.next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 2_100);
        assert!(found.is_sorted());
    }
}
