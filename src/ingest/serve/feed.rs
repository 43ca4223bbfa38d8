//! A push source inside the watcher: started, watched over, started again.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use archal_core::clock::Clock;
use archal_core::source::SourceDescriptor;

use super::settings::SettingsError;
use super::{ServeOptions, Told, serve};
use crate::ingest::feed::{Feed, FeedHealth};
use crate::ingest::subscription::Subscription;
use crate::sandbox::StopToken;

/// A push source that serves for as long as the watcher runs.
pub struct PushFeed {
    options: ServeOptions,
    clock: Arc<dyn Clock>,
    /// Where it listens, once it does.
    at: Mutex<Vec<(&'static str, SocketAddr)>>,
}

/// The feed of a source in the registry, whose provider is `source`.
///
/// # Errors
///
/// When its token or mapping is not there.
pub fn of(
    subscription: &Subscription,
    source: &'static SourceDescriptor,
) -> Result<Arc<dyn Feed>, SettingsError> {
    Ok(Arc::new(PushFeed {
        options: ServeOptions::of(subscription, source)?,
        clock: Arc::clone(&subscription.clock),
        at: Mutex::default(),
    }))
}

impl Feed for PushFeed {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn detail(&self) -> Option<String> {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let doors: Vec<String> = at
            .iter()
            .map(|(door, address)| format!("{door} {address}"))
            .collect();
        (!doors.is_empty()).then(|| format!("listens on {}", doors.join(", ")))
    }

    fn run(&self, stop: &StopToken, told: &dyn Fn(FeedHealth)) -> Result<(), String> {
        let (tell, hear) = channel();
        let tell = Mutex::new(tell);
        thread::scope(|scope| {
            let serving = scope.spawn(move || {
                let told = |event| {
                    let tell = tell.lock().unwrap_or_else(PoisonError::into_inner);
                    // The watcher listens for as long as this runs.
                    tell.send(event).ok();
                };
                serve(self.options.clone(), &self.clock, stop, &told)
            });
            let mut health = Health::default();
            for event in hear {
                if let Told::Listening(at) = &event {
                    self.at
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clone_from(at);
                }
                if let Some(changed) = health.after(&event) {
                    told(changed);
                }
            }
            match serving.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(with_cause(&error)),
                Err(_) => Err("its server has ended with a fault".to_owned()),
            }
        })
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// How it does, by what was heard.
#[derive(Debug, Default)]
struct Health {
    refusing: Option<String>,
    unwritten: Option<String>,
    told: Option<FeedHealth>,
}

impl Health {
    /// The health after an event, where that changes it.
    fn after(&mut self, event: &Told) -> Option<FeedHealth> {
        match event {
            Told::Recovered(_) => return None,
            Told::Listening(_) => {}
            Told::Packed(packed) => self.unwritten = packed.failure.clone(),
            Told::Refusing(reason) => self.refusing = reason.clone(),
        }
        let now = match self.refusing.as_ref().or(self.unwritten.as_ref()) {
            None => FeedHealth::Healthy,
            Some(reason) => FeedHealth::Degraded {
                reason: reason.clone(),
                advice: None,
            },
        };
        if self.told.as_ref() == Some(&now) {
            return None;
        }
        self.told = Some(now.clone());
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::assembly::packer::Packed;

    #[test]
    fn trouble_is_told_once_and_so_is_its_end() {
        let mut health = Health::default();
        let mut after = |event: Told| health.after(&event);
        assert_eq!(
            after(Told::Listening(Vec::new())),
            Some(FeedHealth::Healthy)
        );
        let degraded = |reason: &str| {
            Some(FeedHealth::Degraded {
                reason: reason.to_owned(),
                advice: None,
            })
        };
        let full = || Told::Refusing(Some("full".to_owned()));
        assert_eq!(after(full()), degraded("full"));
        assert_eq!(after(full()), None);
        let unwritten = Packed {
            failure: Some("no room".to_owned()),
            ..Packed::default()
        };
        assert_eq!(after(Told::Packed(unwritten)), None, "one is enough");
        assert_eq!(after(Told::Refusing(None)), degraded("no room"));
        assert_eq!(
            after(Told::Packed(Packed::default())),
            Some(FeedHealth::Healthy)
        );
    }
}
