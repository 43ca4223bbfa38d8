//! Secrets taken out of what a child printed or left behind, before it is kept.
//!
//! Besides the redaction rules, the literal values of the caller's own keys are replaced
//! wherever they occur: an agent that prints its environment must not put them on disk.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use archal_core::clone::CloneDescriptor;
use archal_core::environment::Environment;
use archal_core::redact::{Literals, PatternError, RedactionCounts, Redactor, every_text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::schema::Redaction;

/// A shorter value is no key, and replacing it would blank out ordinary words.
const SHORTEST_KEY: usize = 10;
/// The largest file of a child that is kept.
const FILE_LIMIT: u64 = 64 << 20;

/// The rules and the caller's own keys.
#[derive(Debug, Clone)]
pub struct Scrubber {
    redactor: Redactor,
    literals: Literals,
    /// Each key with the variable that holds it.
    keys: Vec<(String, String)>,
}

/// The redaction rules in force: the user's key, what the clones and the configuration keep, and
/// what the configuration adds.
///
/// # Errors
///
/// All patterns of the configuration that cannot be used; reading it has told them with places.
pub fn rules(
    key: [u8; 32],
    clones: &[CloneDescriptor],
    redaction: &Redaction,
) -> Result<Redactor, Vec<PatternError>> {
    let keep = clones
        .iter()
        .flat_map(|clone| clone.keep_fields)
        .copied()
        .chain(redaction.keep.iter().map(String::as_str));
    Redactor::with_options(key, keep, &redaction.options())
}

impl Scrubber {
    /// The rules, the values of the named variables, and those of every variable whose name
    /// says that it holds a secret.
    pub fn new(redactor: Redactor, environment: &Environment, named: &[String]) -> Self {
        let keys: Vec<(String, String)> = environment
            .variables
            .iter()
            .filter(|(name, _)| named.contains(name) || holds_a_secret(name))
            .map(|(name, value)| (name.clone(), value.trim().to_owned()))
            .filter(|(_, value)| value.len() >= SHORTEST_KEY)
            .collect();
        let values = keys.iter().map(|(_, value)| value.as_str());
        Self {
            literals: Literals::new(&redactor, values),
            redactor,
            keys,
        }
    }

    /// The caller's own keys, for what has rules of its own.
    pub fn literals(&self) -> &Literals {
        &self.literals
    }

    /// Those and more, looked for together: of two that overlap nothing is left then.
    pub fn literals_and<'a>(&'a self, more: impl IntoIterator<Item = &'a str>) -> Literals {
        let own = self.keys.iter().map(|(_, value)| value.as_str());
        Literals::new(&self.redactor, own.chain(more))
    }

    /// The variable whose value, one of the caller's own keys, stands in a text.
    pub fn key_in(&self, text: &str) -> Option<&str> {
        self.keys
            .iter()
            .find(|(_, value)| text.contains(value.as_str()))
            .map(|(name, _)| name.as_str())
    }

    /// The variable whose value was taken out of a text: its placeholder stands there.
    pub fn key_taken_out_of(&self, text: &str) -> Option<&str> {
        self.keys
            .iter()
            .find(|(_, value)| text.contains(&self.redactor.placeholder(value)))
            .map(|(name, _)| name.as_str())
    }

    /// The rules alone.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Text with secrets taken out: the caller's own keys, and what the rules find in logs.
    pub fn text(&self, text: &str) -> String {
        let text = self.literals.text(text);
        self.redactor.text(&text, &mut RedactionCounts::new())
    }

    /// Bytes with secrets taken out; what is no text is replaced by the usual mark.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.text(&String::from_utf8_lossy(bytes)).into_bytes()
    }

    /// A document with secrets taken out of every text in it. One that cannot be read back with
    /// them taken out is not given back at all.
    pub fn document<T: Serialize + DeserializeOwned>(
        &self,
        document: &T,
    ) -> Result<T, serde_json::Error> {
        let mut value = serde_json::to_value(document)?;
        self.value(&mut value);
        serde_json::from_value(value)
    }

    fn value(&self, value: &mut Value) {
        every_text(value, &mut |text| self.text(text));
    }

    /// Why [`Self::file`] gives nothing for a path; none where nothing is there.
    pub fn refused(path: &Path) -> Option<&'static str> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let kind = metadata.file_type();
        Some(if kind.is_symlink() {
            "it is a link"
        } else if kind.is_dir() {
            "it is a folder"
        } else if !kind.is_file() {
            "it is no file"
        } else if metadata.len() > FILE_LIMIT {
            "it is larger than 64 MiB"
        } else {
            "it cannot be read"
        })
    }

    /// What a child left in a file, with secrets taken out; none where it left no ordinary file
    /// or one larger than is kept. A link, a pipe or a device is never opened.
    pub fn file(&self, path: &Path) -> Option<Vec<u8>> {
        let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return None;
        }
        // Between the look and the opening it may have become something else.
        let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path)
            .ok()?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return None;
        }
        let mut bytes = Vec::new();
        file.by_ref()
            .take(FILE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        if bytes.len() as u64 > FILE_LIMIT {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        Some(match serde_json::from_str::<Value>(&text) {
            Ok(mut value) => {
                // Before the rules, which may take a part of a key for the whole of another.
                self.literals.value(&mut value);
                self.redactor.value(&mut value, &mut RedactionCounts::new());
                self.value(&mut value);
                value.to_string().into_bytes()
            }
            Err(_) => self.bytes(&bytes),
        })
    }
}

/// Whether a variable's name says that it holds a secret.
fn holds_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_PAT"]
        .iter()
        .any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber() -> Scrubber {
        let environment = Environment {
            variables: [
                ("MODEL", "sk-live-abc123secret"),
                ("OPENAI_API_KEY", "sk-other-456secret"),
                ("EDITOR_KEY", "vi"),
                ("LANG", "en_GB.UTF-8-long-enough"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            directory: "/".into(),
        };
        let redactor = Redactor::new([7; 32], []);
        Scrubber::new(redactor, &environment, &["MODEL".to_owned()])
    }

    #[test]
    fn keys_of_the_caller_are_replaced_wherever_they_stand() {
        let text = scrubber().text(
            "using sk-live-abc123secret\nand sk-other-456secret vi en_GB.UTF-8-long-enough\nAuthorization: Bearer abc",
        );
        assert!(
            !text.contains("sk-live") && !text.contains("sk-other"),
            "{text}"
        );
        assert!(text.contains(" vi en_GB.UTF-8-long-enough"), "{text}");
        assert!(!text.contains("Bearer abc"), "{text}");
    }

    #[test]
    fn names_of_members_hide_no_key() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("metrics");
        fs::write(
            &path,
            r#"{"costUsd": 1, "sk-live-abc123secret": {"sk-other-456secret": [1]}}"#,
        )
        .expect("writable");
        let kept = scrubber().file(&path).expect("read");
        let kept = String::from_utf8_lossy(&kept);
        assert!(kept.contains(r#""costUsd":1"#), "{kept}");
        assert!(!kept.contains("secret"), "{kept}");
        let document = serde_json::json!({"rows": [{"sk-live-abc123secret": 2}]});
        let clean: Value = scrubber().document(&document).expect("read back");
        assert!(!clean.to_string().contains("sk-live"), "{clean}");
        assert_eq!(
            scrubber().key_in("a sk-other-456secret"),
            Some("OPENAI_API_KEY")
        );
        assert_eq!(scrubber().key_in("vi"), None);
        let printed = scrubber().text("a sk-other-456secret");
        assert_eq!(
            scrubber().key_taken_out_of(&printed),
            Some("OPENAI_API_KEY")
        );
        assert_eq!(scrubber().key_taken_out_of("a b"), None);
    }

    #[test]
    fn only_ordinary_files_are_read_and_one_odd_byte_hides_nothing() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(
            at("odd"),
            b"{\"password\": \"hunter2\"}\n\xff sk-live-abc123secret",
        )
        .expect("writable");
        let kept = scrubber().file(&at("odd")).expect("read");
        let kept = String::from_utf8_lossy(&kept);
        assert!(
            !kept.contains("hunter2") && !kept.contains("sk-live"),
            "{kept}"
        );
        std::os::unix::fs::symlink("/etc/hostname", at("link")).expect("writable");
        assert_eq!(scrubber().file(&at("link")), None);
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        assert_eq!(scrubber().file(&at("pipe")), None);
        assert_eq!(scrubber().file(&at("none")), None);
    }
}
