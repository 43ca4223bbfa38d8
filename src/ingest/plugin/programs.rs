//! What starts the programs of sources: plugins, held and limited as all children are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::environment::Environment;
use archal_core::program::{Farewell, NotStarted, Patience, Program, Programs, Silence, Talk};
use archal_core::redact::{Literals, RedactionCounts, Redactor};

use super::trust;
use crate::config::sandbox::SandboxMode;
use crate::report::causes::chain;
use crate::sandbox::child::{ChildEnd, ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::confine::{Confine, Demand};
use crate::sandbox::conversation::Conversation;
use crate::sandbox::hold::{Probe, Probing};

/// The command of this binary that loads a library.
pub const HOST_COMMAND: &str = "plugin-host";
/// How names of shared libraries end.
const LIBRARIES: &[&str] = &["so", "dylib"];
/// The caller's variables that every program is given: what finds programs and tells the language. No key
/// is among them.
const VARIABLES: &[&str] = &["HOME", "LANG", "LOGNAME", "PATH", "TZ", "USER"];
/// Longer no program runs for one pass.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes kept of its stderr.
const STDERR: usize = 64 << 10;
/// Bytes of them that are shown.
const SHOWN: usize = 1000;

/// Starts programs held by this binary.
pub struct HeldPrograms {
    helper: PathBuf,
    probing: Probing,
    environment: Environment,
    mode: SandboxMode,
    redactor: Redactor,
}

impl HeldPrograms {
    /// With the binary whose helper modes hold children, what is known of how they can be held, the
    /// caller's variables, and how far they are confined.
    pub fn new(
        helper: &Path,
        probe: Option<Probe>,
        environment: Environment,
        mode: SandboxMode,
        redactor: Redactor,
    ) -> Self {
        Self {
            helper: helper.to_owned(),
            probing: Probing::later(probe, helper),
            environment,
            mode,
            redactor,
        }
    }

    fn environment(&self, named: &[String]) -> Result<BTreeMap<String, String>, NotStarted> {
        let caller = &self.environment.variables;
        let mut given: BTreeMap<String, String> = caller
            .iter()
            .filter(|(name, _)| VARIABLES.contains(&name.as_str()) || name.starts_with("LC_"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for name in named {
            let value = caller.get(name).ok_or_else(|| NotStarted {
                reason: format!("the variable {name}, which the plugin is to be given, is not set"),
                advice: Some(format!("export {name}=…")),
            })?;
            given.insert(name.clone(), value.clone());
        }
        Ok(given)
    }
}

impl Programs for HeldPrograms {
    fn start(&self, program: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        let path = trust::trusted(&program.path).map_err(|error| NotStarted {
            reason: chain(&error),
            advice: error.advice(),
        })?;
        let environment = self.environment(&program.variables)?;
        let secrets = program
            .variables
            .iter()
            .filter_map(|name| environment.get(name));
        let literals = Literals::new(&self.redactor, secrets.map(String::as_str));
        let shown = path.to_string_lossy().into_owned();
        let is_library = path
            .extension()
            .is_some_and(|ending| LIBRARIES.iter().any(|known| ending == *known));
        let command = if is_library {
            let helper = self.helper.to_string_lossy().into_owned();
            vec![helper, HOST_COMMAND.to_owned(), shown]
        } else {
            vec![shown]
        };
        let confine = Confine::of(self.mode, &self.environment, &[]).map(|confine| Confine {
            memory: Some(program.memory),
            // Somebody chose it to be run; a machine that can confine nothing can still import.
            demand: match self.mode {
                SandboxMode::Required => Demand::All,
                SandboxMode::BestEffort | SandboxMode::Off => Demand::Nothing,
            },
            ..confine
        });
        let spec = ChildSpec {
            command,
            directory: path.parent().unwrap_or(Path::new("/")).to_owned(),
            environment,
            timeout: LIFETIME,
            idle: None,
            grace: GRACE,
            output_cap: STDERR,
            binds: Vec::new(),
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine,
        };
        let containment = self.probing.wait().containment();
        let conversation =
            Conversation::start(spec, self.helper.clone(), containment, program.stop.clone())
                .map_err(|error| NotStarted {
                    reason: format!("{} cannot be started: {error}", path.display()),
                    advice: None,
                })?;
        Ok(Box::new(Held {
            conversation,
            knows_secrets: !program.variables.is_empty(),
            literals,
            redactor: self.redactor.clone(),
            line: String::new(),
            is_given_up: false,
        }))
    }
}

/// A program that runs.
struct Held {
    conversation: Conversation,
    knows_secrets: bool,
    /// The secrets that it was given: it gives none of them back.
    literals: Literals,
    redactor: Redactor,
    line: String,
    is_given_up: bool,
}

impl Talk for Held {
    fn begin(&mut self, patience: Patience) {
        self.conversation.begin(patience);
    }

    fn say(&mut self, line: &str) -> Result<(), Silence> {
        let said = self.conversation.say(line);
        self.is_given_up |= matches!(said, Err(silence) if silence != Silence::Ended);
        said
    }

    fn hear(&mut self) -> Result<&[u8], Silence> {
        match self.conversation.hear() {
            Ok(line) if self.knows_secrets => {
                let text = String::from_utf8_lossy(line);
                self.line = self.literals.text(&text).into_owned();
                Ok(self.line.as_bytes())
            }
            Ok(line) => Ok(line),
            Err(silence) => {
                self.is_given_up |= silence != Silence::Ended;
                Err(silence)
            }
        }
    }

    fn end(&mut self) -> Farewell {
        let Some(end) = self.conversation.end(self.is_given_up) else {
            return Farewell::default();
        };
        Farewell {
            trouble: trouble(end),
            said: last_words(end, &self.literals, &self.redactor),
        }
    }
}

fn trouble(end: &ChildEnd) -> Option<String> {
    match &end.outcome {
        ChildOutcome::Exited { code: 0 } | ChildOutcome::Stopped => None,
        ChildOutcome::Exited { code } => Some(format!("it exited with status {code}")),
        ChildOutcome::Killed { signal } => Some(match signal_name(*signal) {
            Some(name) => format!("{name} (signal {signal}) ended it"),
            None => format!("signal {signal} ended it"),
        }),
        ChildOutcome::TimedOut => Some(format!("it ran for {} h", LIFETIME.as_secs() / 3600)),
        ChildOutcome::NotStarted { reason } => Some(reason.clone()),
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    let signal = nix::sys::signal::Signal::try_from(number).ok()?;
    Some(signal.as_str())
}

/// The end of what it wrote to stderr, redacted.
fn last_words(end: &ChildEnd, literals: &Literals, redactor: &Redactor) -> String {
    let text = String::from_utf8_lossy(&end.stderr);
    let mut text = text.as_ref();
    if end.stderr_dropped > 0 {
        // The last line was cut, and with it perhaps a secret.
        text = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    }
    let text = literals.text(text);
    let text = redactor.text(&text, &mut RedactionCounts::new());
    let text = text.trim();
    let from = text.len().saturating_sub(SHOWN);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at));
    text[from.unwrap_or_default()..].to_owned()
}
