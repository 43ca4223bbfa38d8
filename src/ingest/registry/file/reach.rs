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
use crate::store::inside;

/// By what name it is kept where traces are put.
const TRACE_DIR: &str = "traceDir";

impl Registry {
    /// What a source does that has to be allowed, in words: `sends A_KEY to host.example`. None of one
    /// that does nothing of the kind.
    pub fn told(&self, source: &Source) -> Option<String> {
        let outside = self.outside(source);
        let asked = self.reach(source).and_then(|reach| {
            let named = self.named(source, &reach);
            let is_told = outside.is_empty() || !(reach.is_usual)(&named);
            is_told.then(|| (reach.told)(&named))
        });
        let (written, read): (Vec<_>, Vec<_>) =
            outside.iter().partition(|(what, _)| *what == TRACE_DIR);
        let told_of = |does: &str, paths: &[&(String, String)]| {
            let paths: Vec<&str> = paths.iter().map(|(_, path)| path.as_str()).collect();
            let told = format!("{does} {}, outside of the repository", paths.join(" and "));
            (!paths.is_empty()).then_some(told)
        };
        let told = [
            asked,
            told_of("reads", &read),
            told_of("writes traces into", &written),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(", and "))
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
        let mut wanted: Allowed = self.outside(&source).into_iter().collect();
        match self.unusual(&source) {
            Some((_, named)) => wanted.extend(named),
            None if self.reach(&source).is_none() => {
                let programs = self.programs(&source).filter_map(|option| {
                    let kept = self.allowed.get(name)?.get(option.name)?;
                    Some((option.name.to_owned(), kept.clone()))
                });
                wanted.extend(programs);
            }
            None => {}
        }
        if wanted.is_empty() {
            self.allowed.remove(name);
            return Ok(());
        }
        if self.places.allowed.is_none() {
            return Err(RegistryError::NoHome);
        }
        self.allowed.insert(name.to_owned(), wanted);
        Ok(())
    }

    /// Allows the paths out of the repository that somebody says himself, whatever stands beside them.
    pub(super) fn allow_said_paths(
        &mut self,
        name: &str,
        said: &Said,
    ) -> Result<(), RegistryError> {
        let Some(source) = self.source(name) else {
            return Ok(());
        };
        for (what, path) in self.outside(&source) {
            if !said.says(&what) {
                continue;
            }
            if self.places.allowed.is_none() {
                return Err(RegistryError::NoHome);
            }
            let own = self.allowed.entry(name.to_owned()).or_default();
            own.insert(what, path);
        }
        Ok(())
    }

    /// Whether a source may do what it does: it is usual, or was allowed as it stands.
    pub(super) fn is_allowed(&self, source: &Source) -> bool {
        let none = Allowed::new();
        let own = self.allowed.get(&source.name).unwrap_or(&none);
        let may_ask = self.unusual(source).is_none_or(|(reach, named)| {
            let is_asked_with = |option: &String| reach.options.contains(&option.as_str());
            let asked_with = own.iter().filter(|(option, _)| is_asked_with(option));
            !named.is_empty() && asked_with.eq(named.iter())
        });
        let mut outside = self.outside(source).into_iter();
        may_ask && outside.all(|(what, path)| own.get(&what) == Some(&path))
    }

    /// Whether whoever connects a source says everything himself that files say of whom it asks, what
    /// with, and what it reads and writes elsewhere: nobody allows what somebody else wrote by saying
    /// something beside it.
    pub(super) fn is_all_said(&self, name: &str, said: &Said) -> bool {
        let Some(source) = self.source(name) else {
            return true;
        };
        let reach = self.reach(&source);
        let mut options = reach.map_or(&[][..], |reach| reach.options).iter();
        let mut outside = self.outside(&source).into_iter();
        options.all(|option| {
            said.options.contains_key(*option) || self.said_in_files(name, option).is_none()
        }) && outside.all(|(what, path)| {
            let own = self.allowed.get(name).and_then(|own| own.get(&what));
            said.says(&what) || own == Some(&path)
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

    /// The paths that files of the repository say of a source and that lead out of it, this machine's file
    /// among them: whoever gives somebody a repository to clone can put it there. Those that say whom it
    /// asks, where that is to be allowed, are not among them.
    fn outside(&self, source: &Source) -> Vec<(String, String)> {
        let of_reach = self.unusual(source);
        let of_reach = of_reach.map_or(&[][..], |(reach, _)| reach.options);
        let known = source.descriptor(self.providers);
        let known = known.map_or(&[][..], |known| known.options).iter();
        let read = known.filter(|option| {
            option.kind.is_path()
                && option.kind != OptionKind::Program
                && !of_reach.contains(&option.name)
        });
        let read = read.filter_map(|option| {
            let path = self.said_in_files(&source.name, option.name)?;
            Some((option.name, path))
        });
        let local = self.local.sources.get(&source.name);
        let written = local.and_then(|local| local.trace_dir.as_deref());
        read.chain(written.map(|path| (TRACE_DIR, path)))
            .filter_map(|(what, path)| {
                let path = self.places.repo.join(path);
                let elsewhere = self.places.elsewhere(&path)?;
                Some((what.to_owned(), elsewhere))
            })
            .collect()
    }

    /// What says whom a source asks and what with, where that is to be allowed.
    fn unusual(&self, source: &Source) -> Option<(Reach, Allowed)> {
        let reach = self.reach(source)?;
        let named = self.named(source, &reach);
        (!(reach.is_usual)(&named)).then(|| (reach, kept(named)))
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

impl Said {
    /// Whether it says this option, or where traces are put.
    fn says(&self, what: &str) -> bool {
        self.options.contains_key(what) || what == TRACE_DIR && self.trace_dir.is_some()
    }
}

impl Places {
    /// A path that leads out of the repository and of the state folder, as it is allowed; none of one that
    /// stays. Where it goes by way of the repository it is what that leads to, for the repository may
    /// come to lead elsewhere; else it is what was said.
    fn elsewhere(&self, path: &Path) -> Option<String> {
        let is_own = |path: &Path| {
            inside::is_inside(path, &self.repo) || inside::is_inside(path, &self.bounds)
        };
        if is_own(path) {
            return None;
        }
        let goes_by = path.ancestors().any(is_own);
        let leads = goes_by.then(|| inside::where_it_leads(path)).flatten();
        let leads = leads.as_deref().unwrap_or(path);
        Some(leads.to_string_lossy().into_owned())
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
