//! What of the sources of a repository its user allowed: the programs they start, and whom they ask with what.

use std::collections::BTreeMap;
use std::path::Path;

use archal_core::diagnostic::Diagnostic;
use archal_core::reach::{Named, Reach};
use archal_core::source::{OptionInfo, OptionKind};

use super::{AllowedFile, Places, Registry, RegistryError, Said, VERSION, bytes_of, hold, load};
use crate::ingest::registry::allowed::{self, Allowed};
use crate::ingest::registry::source::{NOT_ALLOWED, Source};
use crate::store::atomic::{self, Durability};

impl Registry {
    /// What a source does that has to be allowed, in words: `sends A_KEY to host.example`. None of one
    /// that does nothing of the kind.
    pub fn told(&self, source: &Source) -> Option<String> {
        let reach = self.reach(source)?;
        Some((reach.told)(&self.named(source, &reach)))
    }

    /// Allows what a source does as it stands; one that is usual needs nothing. A program that a file of the
    /// repository names is taken from there. False where there is none of that name.
    ///
    /// # Errors
    ///
    /// Where there is no place to keep it, or a path has no form in text.
    pub fn allow(&mut self, name: &str) -> Result<bool, RegistryError> {
        let Some(source) = self.source(name) else {
            return Ok(false);
        };
        for option in self.programs(&source) {
            let said = self.said_in_files(name, option.name);
            if let Some(path) = said.map(|path| self.places.repo.join(path)) {
                let kept = self.places.kept(&path)?;
                let own = self.allowed.entry(name.to_owned()).or_default();
                own.insert(option.name.to_owned(), kept);
            }
        }
        self.let_through(name)?;
        Ok(true)
    }

    /// The same of a source whose programs are known.
    pub(super) fn let_through(&mut self, name: &str) -> Result<(), RegistryError> {
        let Some(source) = self.source(name) else {
            return Ok(());
        };
        let Some(reach) = self.reach(&source) else {
            return Ok(());
        };
        let named = self.named(&source, &reach);
        if (reach.is_usual)(&named) {
            self.allowed.remove(name);
            return Ok(());
        }
        if self.places.allowed.is_none() {
            return Err(RegistryError::NoHome);
        }
        self.allowed.insert(name.to_owned(), kept(named));
        Ok(())
    }

    /// Whether a source may do what it does: it is usual, or was allowed as it stands.
    pub(super) fn is_allowed(&self, source: &Source) -> bool {
        self.reach(source).is_none_or(|reach| {
            let named = self.named(source, &reach);
            (reach.is_usual)(&named) || self.allowed.get(&source.name) == Some(&kept(named))
        })
    }

    /// Whether whoever connects a source says everything himself that files say of whom it asks and what
    /// with: nobody allows what somebody else wrote by saying something beside it.
    pub(super) fn is_all_said(&self, name: &str, said: &Said) -> bool {
        let reach = self.source(name).and_then(|source| self.reach(&source));
        reach.is_none_or(|reach| {
            let mut options = reach.options.iter();
            options.all(|option| {
                said.options.contains_key(*option) || self.said_in_files(name, option).is_none()
            })
        })
    }

    /// That nobody allowed it.
    pub(super) fn not_allowed(&self, source: &Source) -> Option<Diagnostic> {
        if self.is_allowed(source) {
            return None;
        }
        let told = self.told(source)?;
        let finding = Diagnostic::error(
            NOT_ALLOWED,
            format!("not allowed on this machine: it {told}"),
        );
        Some(finding.with_help(format!("archal trace-source allow {}", source.name)))
    }

    /// Programs that only files of the repository name.
    pub(super) fn unknown_programs(&self, source: &Source) -> Vec<(&'static str, Diagnostic)> {
        let named_by_files = self.programs(source).filter(|option| {
            source.options.text(option.name).is_none()
                && self.said_in_files(&source.name, option.name).is_some()
        });
        named_by_files
            .map(|option| {
                let finding = Diagnostic::error(
                    NOT_ALLOWED,
                    format!(
                        "`{}` is a program that you have not allowed: files of a repository start none by themselves",
                        option.name
                    ),
                );
                let command = format!("archal trace-source allow {}", source.name);
                (option.name, finding.with_help(command))
            })
            .collect()
    }

    fn programs(&self, source: &Source) -> impl Iterator<Item = &'static OptionInfo> + use<> {
        let known = source.descriptor(self.providers);
        let options = known.map_or(&[][..], |known| known.options).iter();
        options.filter(|option| option.kind == OptionKind::Program)
    }

    /// What files of the repository say of an option; this machine's own counts.
    fn said_in_files(&self, name: &str, option: &str) -> Option<&str> {
        let local = self.local.sources.get(name).map(|one| &one.options);
        let shared = self.now.sources.get(name).map(|one| &one.options);
        let mut said = [local, shared].into_iter().flatten();
        said.find_map(|said| said.get(option)).map(String::as_str)
    }

    fn reach(&self, source: &Source) -> Option<Reach> {
        let pull = source.descriptor(self.providers)?.pull?;
        Some(pull.reach)
    }

    /// The options that say what has to be allowed, as they stand.
    fn named(&self, source: &Source, reach: &Reach) -> Named {
        let known = source.descriptor(self.providers);
        let known = known.map_or(&[][..], |known| known.options).iter();
        let of = known.filter(|option| reach.options.contains(&option.name));
        of.filter_map(|option| {
            let text = source.options.text(option.name)?;
            let kept = option.kind.is_path().then(|| Path::new(text));
            let kept = kept.and_then(|path| self.places.kept(path).ok());
            let kept = kept.unwrap_or_else(|| text.to_owned());
            Some((option.name, kept))
        })
        .collect()
    }
}

/// As the user's file has them.
fn kept(named: Named) -> Allowed {
    let named = named.into_iter();
    named
        .map(|(option, text)| (option.to_owned(), text))
        .collect()
}

/// Writes what is allowed of a repository into the user's file, which other repositories change as well.
pub(super) fn keep(
    places: &Places,
    allowed: &BTreeMap<String, Allowed>,
) -> Result<(), RegistryError> {
    let place = places.allowed.as_ref().ok_or(RegistryError::NoHome)?;
    let _held = hold(&place.lock())?;
    let file = load::<AllowedFile>(&place.path, allowed::SCHEMA)?;
    let mut file = file.map_or_else(
        || AllowedFile {
            schema: allowed::SCHEMA.to_owned(),
            version: VERSION,
            repositories: BTreeMap::new(),
        },
        |read| read.value,
    );
    let repository = place.repository.clone();
    if allowed.is_empty() {
        file.repositories.remove(&repository);
    } else {
        file.repositories.insert(repository, allowed.clone());
    }
    let bytes = bytes_of(&place.path, &file)?;
    Ok(atomic::write(&place.path, &bytes, Durability::Synced)?)
}
