//! Files that make a child trust the session's authority and find the clones' hosts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::egress::Egress;
use super::open::SessionError;
use super::trust_store;
use crate::sandbox::child::Bind;

/// Where systems keep their bundle of trusted roots.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];
/// Bundles that Python packages bring along and read whatever the environment says, below a
/// `site-packages` folder.
const PACKAGE_BUNDLES: &[&str] = &[
    "botocore/cacert.pem",
    "certifi/cacert.pem",
    "dropbox/trusted-certs.crt",
    "grpc/_cython/_credentials/roots.pem",
    "httplib2/cacerts.txt",
    "pip/_vendor/certifi/cacert.pem",
    "requests/cacert.pem",
    "stripe/data/ca-certificates.crt",
    "websocket/cacert.pem",
];
/// Bundles that Node packages bring along, below a `node_modules` folder.
const MODULE_BUNDLES: &[&str] = &["grpc/etc/roots.pem", "node-libcurl/cert/cacert.pem"];
/// Bundles of whole environments, below their folder.
const ENVIRONMENT_BUNDLES: &[&str] = &["ssl/cacert.pem", "ssl/cert.pem"];
/// The shim that leads a Node process to archal.
const NODE_SHIM: &str = include_str!("shim/node.cjs");
/// The shim that leads a Python process to archal, by the name that Python loads at its start.
const PYTHON_SHIM: &str = include_str!("shim/sitecustomize.py");
/// What stops the wall clock of a Node process.
const NODE_CLOCK: &str = include_str!("shim/clock/node.cjs");
/// What stops the wall clock of a Python process, by the name that Python loads at its start.
const PYTHON_CLOCK: &str = include_str!("shim/clock/sitecustomize.py");
/// Bytes of a script's first line, as many as the kernel reads.
const FIRST_LINE: u64 = 256;
/// Most folders of Python versions looked at below one environment.
const VERSIONS: usize = 16;

/// The files; removed with this value.
#[derive(Debug)]
pub(super) struct Files {
    folder: TempDir,
}

impl Files {
    /// Writes them into a folder of their own below `evidence`.
    pub(super) fn write<'a>(
        evidence: &Path,
        certificate: &str,
        hosts: impl Iterator<Item = &'a str>,
        egress: &Egress,
    ) -> Result<Self, SessionError> {
        let evidence = absolute_folder(evidence)?;
        let folder = tempfile::Builder::new()
            .prefix(".route-")
            .tempdir_in(&evidence)
            .map_err(|source| SessionError::File {
                path: evidence,
                source,
            })?;
        let files = Self { folder };
        // Roots of the caller's own: allowed hosts may be reached through a company's proxy, which
        // shows certificates of its own.
        let own = own_roots(egress.roots());
        let bundle = format!("{certificate}{}{own}", system_roots());
        let texts = [
            (files.trust_store(), trust_store::of(&bundle)),
            (files.certificate(), format!("{certificate}{own}").into()),
            (files.bundle(), bundle.into()),
            (files.hosts(), hosts_file(hosts).into()),
            (files.resolver(), RESOLVER.into()),
        ];
        for (path, text) in texts {
            write_private(&path, &text).map_err(|source| SessionError::File { path, source })?;
        }
        Ok(files)
    }

    /// Writes the shims, which lead processes to the door at `port`; to `allow` they connect by
    /// themselves.
    pub(super) fn write_shims(&self, port: u16, allow: &[String]) -> Result<(), SessionError> {
        self.write_shim_files(&serde_json::json!({
            "port": port,
            "authority": self.certificate(),
            "allow": allow,
        }))
    }

    fn write_shim_files(&self, settings: &serde_json::Value) -> Result<(), SessionError> {
        let folder = self.shims();
        let made = fs::create_dir(&folder);
        made.map_err(|source| SessionError::File {
            path: folder.clone(),
            source,
        })?;
        for (path, text) in [
            (self.shim_for_node(), NODE_SHIM.to_owned()),
            (folder.join("sitecustomize.py"), PYTHON_SHIM.to_owned()),
            (folder.join("shim.json"), settings.to_string()),
        ] {
            write_private(&path, text.as_bytes())
                .map_err(|source| SessionError::File { path, source })?;
        }
        Ok(())
    }

    /// Writes the shims so that they lead connections to some hosts alone: each with its port and the
    /// port of archal that takes its place.
    pub(super) fn write_leading_shims(
        &self,
        led: &[(String, u16, u16)],
    ) -> Result<(), SessionError> {
        self.write_shim_files(&serde_json::json!({
            "port": 0,
            "authority": self.certificate(),
            "allow": [],
            "only": led,
        }))
    }

    /// Writes what stops the wall clocks of Node and Python.
    pub(super) fn write_clocks(&self) -> Result<(), SessionError> {
        let folder = self.clocks();
        fs::create_dir(&folder).map_err(|source| SessionError::File {
            path: folder.clone(),
            source,
        })?;
        for (path, text) in [
            (self.clock_for_node(), NODE_CLOCK),
            (folder.join("sitecustomize.py"), PYTHON_CLOCK),
        ] {
            write_private(&path, text.as_bytes())
                .map_err(|source| SessionError::File { path, source })?;
        }
        Ok(())
    }

    /// The folder of the clocks, for Python's search path.
    pub(super) fn clocks(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// The clock that Node is to load.
    pub(super) fn clock_for_node(&self) -> PathBuf {
        self.clocks().join("node.cjs")
    }

    /// The folder of the shims, for Python's search path.
    pub(super) fn shims(&self) -> PathBuf {
        self.folder.path().join("shim")
    }

    /// The file that Node is to load.
    pub(super) fn shim_for_node(&self) -> PathBuf {
        self.shims().join("node.cjs")
    }

    /// The bundle as Java reads it.
    pub(super) fn trust_store(&self) -> PathBuf {
        self.folder.path().join("roots.jks")
    }

    /// The authority's certificate alone.
    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The authority's certificate and the system's roots.
    pub(super) fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle.pem")
    }

    /// The MCP servers of the clones, in the form that clients of MCP read.
    pub(super) fn servers(&self) -> PathBuf {
        self.folder.path().join("mcp.json")
    }

    /// Writes that file.
    pub(super) fn write_servers(&self, servers: &serde_json::Value) -> Result<(), SessionError> {
        let path = self.servers();
        // One that knows other ports may be there; what cannot be removed is told as not written.
        fs::remove_file(&path).ok();
        write_private(&path, format!("{servers:#}\n").as_bytes())
            .map_err(|source| SessionError::File { path, source })
    }

    fn hosts(&self) -> PathBuf {
        self.folder.path().join("hosts")
    }

    fn resolver(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    /// What is shown over the system's files, and over the bundles of packages in the environments
    /// that a child would use.
    pub(super) fn binds(
        &self,
        directory: &Path,
        environment: &BTreeMap<String, String>,
        command: &[String],
    ) -> Vec<Bind> {
        let child = &Child {
            directory,
            environment,
            command,
        };
        let mut pairs = vec![
            (self.hosts(), PathBuf::from("/etc/hosts")),
            (self.resolver(), PathBuf::from("/etc/resolv.conf")),
        ];
        let roots = environments(child);
        let below = |folders: Vec<PathBuf>, bundles: &[&str]| -> Vec<PathBuf> {
            let folders = folders.iter();
            folders
                .flat_map(|folder| bundles.iter().map(|bundle| folder.join(bundle)))
                .collect()
        };
        let mut targets: Vec<PathBuf> = SYSTEM_BUNDLES
            .iter()
            .map(PathBuf::from)
            .chain(below(package_folders(child, &roots), PACKAGE_BUNDLES))
            .chain(below(module_folders(child), MODULE_BUNDLES))
            .chain(below(roots, ENVIRONMENT_BUNDLES))
            .filter_map(|path| fs::canonicalize(path).ok())
            .filter(|path| path.is_file())
            .collect();
        targets.sort();
        targets.dedup();
        pairs.extend(targets.into_iter().map(|target| (self.bundle(), target)));
        pairs
            .into_iter()
            .map(|(source, target)| Bind {
                source,
                target,
                read_only: true,
            })
            .collect()
    }
}

/// Nobody's search domain is asked: an agent's names go to the stub as they are.
const RESOLVER: &str = "nameserver 127.0.0.1\nsearch .\noptions timeout:2 attempts:1\n";

fn hosts_file<'a>(hosts: impl Iterator<Item = &'a str>) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    let mut add = |host: &str| {
        text.push_str("127.0.0.1 ");
        text.push_str(host);
        text.push('\n');
    };
    hosts.for_each(&mut add);
    own_name().as_deref().into_iter().for_each(&mut add);
    text
}

/// The machine's own name, which programs look up without meaning to leave it.
fn own_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
}

/// The roots that the caller's programs trust: the system's and the caller's own.
pub(super) fn roots(egress: &Egress) -> String {
    format!("{}{}", system_roots(), own_roots(egress.roots()))
}

fn system_roots() -> String {
    SYSTEM_BUNDLES
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map_or_else(String::new, |roots| format!("\n{roots}"))
}

/// The texts of those files, each once, but for the system's bundle, which is there anyway.
fn own_roots<'a>(files: impl Iterator<Item = &'a Path>) -> String {
    let systems: Vec<PathBuf> = SYSTEM_BUNDLES
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    let mut files: Vec<PathBuf> = files
        .filter_map(|path| fs::canonicalize(path).ok())
        .filter(|path| !systems.contains(path))
        .collect();
    files.sort();
    files.dedup();
    let texts = files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    texts.map(|roots| format!("\n{roots}")).collect()
}

#[cfg(unix)]
fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text)
}

/// What is known of a child before it starts.
struct Child<'a> {
    directory: &'a Path,
    environment: &'a BTreeMap<String, String>,
    /// Empty where it is not known.
    command: &'a [String],
}

/// The environments in reach: the active ones, the usual ones in the working directory, those of
/// the command and of the interpreters in `PATH`.
fn environments(child: &Child<'_>) -> Vec<PathBuf> {
    let directory = child.directory;
    let variable = |name: &str| {
        child
            .environment
            .get(name)
            .filter(|value| !value.is_empty())
    };
    let mut roots = vec![directory.join(".venv"), directory.join("venv")];
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME"] {
        roots.extend(variable(name).map(|root| directory.join(root)));
    }
    let path = variable("PATH").map_or("", String::as_str);
    let folders = path.split(':').filter(|folder| !folder.is_empty());
    let interpreters = folders.map(|folder| directory.join(folder).join("python3"));
    // A virtual environment's interpreter is a link out of it, so both ends count.
    for program in interpreters.chain(program(child)) {
        let real = fs::canonicalize(&program);
        for program in real.into_iter().chain([program]) {
            roots.extend(program.parent().and_then(Path::parent).map(Path::to_owned));
        }
    }
    roots.sort();
    roots.dedup();
    roots
}

/// The child's program as a path, or the interpreter that a script names in its first line.
fn program(child: &Child<'_>) -> Vec<PathBuf> {
    let Some(name) = child.command.first().filter(|name| name.contains('/')) else {
        return Vec::new();
    };
    let program = child.directory.join(name);
    let mut start = Vec::new();
    let read =
        fs::File::open(&program).and_then(|file| file.take(FIRST_LINE).read_to_end(&mut start));
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let interpreter = read
        .ok()
        .and_then(|_| line.strip_prefix(b"#!"))
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .and_then(|line| line.split_whitespace().next().map(PathBuf::from));
    interpreter.into_iter().chain([program]).collect()
}

/// The folders that hold Python packages.
fn package_folders(child: &Child<'_>, roots: &[PathBuf]) -> Vec<PathBuf> {
    let variable = |name: &str| {
        child
            .environment
            .get(name)
            .filter(|value| !value.is_empty())
    };
    let mut folders: Vec<PathBuf> = variable("PYTHONPATH")
        .into_iter()
        .flat_map(|paths| paths.split(':'))
        .map(|path| child.directory.join(path))
        .collect();
    let own = variable("HOME").map(|home| Path::new(home).join(".local"));
    for root in roots.iter().cloned().chain(own) {
        folders.push(root.join("lib/python3/dist-packages"));
        let Ok(entries) = fs::read_dir(root.join("lib")) else {
            continue;
        };
        let versions = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3."))
            .take(VERSIONS);
        for version in versions {
            folders.push(version.path().join("site-packages"));
            folders.push(version.path().join("dist-packages"));
        }
    }
    folders.sort();
    folders.dedup();
    folders
}

/// The folders that hold Node packages, from the working directory upwards.
fn module_folders(child: &Child<'_>) -> Vec<PathBuf> {
    let upwards = child.directory.ancestors();
    upwards.map(|folder| folder.join("node_modules")).collect()
}

/// Makes the folder and its absolute path, which children need whatever their directory is.
fn absolute_folder(folder: &Path) -> Result<PathBuf, SessionError> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::canonicalize(folder))
        .map_err(|source| SessionError::File {
            path: folder.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn roots_of_the_callers_own_are_taken_once_and_the_systems_not_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("company.pem");
        fs::write(&own, "company").expect("written");
        let link = folder.path().join("link.pem");
        std::os::unix::fs::symlink(&own, &link).expect("linked");
        let system = SYSTEM_BUNDLES.iter().map(Path::new);
        let missing = Path::new("/no/such/file");
        let files = [own.as_path(), &link, missing].into_iter().chain(system);
        assert_eq!(own_roots(files), "\ncompany");
    }

    #[test]
    fn bundles_of_the_environments_in_reach_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(&path, "roots").expect("written");
            fs::canonicalize(path).expect("there")
        };
        let bundles = [
            ".venv/lib/python3.11/site-packages/certifi/cacert.pem",
            "tool/lib/python3.12/site-packages/stripe/data/ca-certificates.crt",
            "script/lib/python3.9/site-packages/botocore/cacert.pem",
            "conda/ssl/cacert.pem",
            "lib/pip/_vendor/certifi/cacert.pem",
            "node_modules/grpc/etc/roots.pem",
        ]
        .map(made);
        made("agent/main.py");
        let script = format!("#!{}/script/bin/python -u\n", folder.path().display());
        fs::write(folder.path().join("run"), script).expect("written");
        let files = Files::write(
            folder.path(),
            "CA",
            ["api.echo.test"].into_iter(),
            &Egress::default(),
        )
        .expect("written");
        let mut found = BTreeSet::new();
        for command in ["tool/bin/python", "./run"] {
            let environment = BTreeMap::from([
                ("PYTHONPATH".to_owned(), "lib".to_owned()),
                ("CONDA_PREFIX".to_owned(), "conda".to_owned()),
            ]);
            let command = [command.to_owned()];
            for bind in files.binds(folder.path(), &environment, &command) {
                assert!(bind.read_only);
                if bind.target.starts_with(folder.path()) {
                    let shown = fs::read_to_string(&bind.source).expect("there");
                    assert!(shown.starts_with("CA"));
                    found.insert(bind.target);
                }
            }
        }
        assert_eq!(found, BTreeSet::from(bundles));
        let hosts = fs::read_to_string(files.hosts()).expect("there");
        assert!(hosts.contains("127.0.0.1 api.echo.test\n"), "{hosts}");
        let gone = files.bundle();
        drop(files);
        assert!(!gone.exists());
    }
}
