//! Files that make a child trust the session's authority and find the clones' hosts.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::egress::Egress;
use super::open::{SessionError, absolute_folder};
use super::trust_store;
use crate::sandbox::child::Bind;

/// Where systems keep their bundle of trusted roots.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Bundles that Python packages bring along and read whatever the environment says, below a
/// `site-packages` folder.
const PACKAGE_BUNDLES: &[&str] = &[
    "botocore/cacert.pem",
    "certifi/cacert.pem",
    "httplib2/cacerts.txt",
    "pip/_vendor/certifi/cacert.pem",
    "stripe/data/ca-certificates.crt",
];
/// The shim that leads a Node process to archal.
const NODE_SHIM: &str = include_str!("shim/node.cjs");
/// The shim that leads a Python process to archal, by the name that Python loads at its start.
const PYTHON_SHIM: &str = include_str!("shim/sitecustomize.py");
/// Most folders of Python versions looked at below one environment.
const VERSIONS: usize = 16;

/// The files; removed with this value.
#[derive(Debug)]
pub(super) struct Files {
    folder: TempDir,
}

impl Files {
    /// Writes them into a folder of their own below `evidence`.
    pub(super) fn write(
        evidence: &Path,
        certificate: &str,
        hosts: impl Iterator<Item = &'static str>,
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
        let own: String = egress
            .roots()
            .filter_map(|path| fs::read_to_string(path).ok())
            .map(|roots| format!("\n{roots}"))
            .collect();
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
        let folder = self.shims();
        let settings = serde_json::json!({
            "port": port,
            "authority": self.certificate(),
            "allow": allow,
        });
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

    /// What is shown over the system's files, and over the bundles of packages in the Python
    /// environments a child in `directory` with that `environment` would use.
    pub(super) fn binds(
        &self,
        directory: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Vec<Bind> {
        let mut pairs = vec![
            (self.hosts(), PathBuf::from("/etc/hosts")),
            (self.resolver(), PathBuf::from("/etc/resolv.conf")),
        ];
        let packages = package_folders(directory, environment);
        let package_bundles = packages
            .iter()
            .flat_map(|folder| PACKAGE_BUNDLES.iter().map(|bundle| folder.join(bundle)));
        let mut targets: Vec<PathBuf> = SYSTEM_BUNDLES
            .iter()
            .map(PathBuf::from)
            .chain(package_bundles)
            .filter_map(|path| fs::canonicalize(path).ok())
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

fn system_roots() -> String {
    SYSTEM_BUNDLES
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map_or_else(String::new, |roots| format!("\n{roots}"))
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

/// The `site-packages` folders of the environments in reach: the active one, the usual ones in
/// the working directory, the interpreters in `PATH`.
fn package_folders(directory: &Path, environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let mut roots = vec![directory.join(".venv"), directory.join("venv")];
    roots.extend(
        environment
            .get("VIRTUAL_ENV")
            .map(|root| directory.join(root)),
    );
    let path = environment.get("PATH").map_or("", String::as_str);
    for folder in path.split(':').filter(|folder| !folder.is_empty()) {
        let Ok(python) = fs::canonicalize(Path::new(folder).join("python3")) else {
            continue;
        };
        roots.extend(python.parent().and_then(Path::parent).map(Path::to_owned));
    }
    let mut folders = Vec::new();
    for root in roots {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_of_the_working_directorys_environment_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder
            .path()
            .join(".venv/lib/python3.11/site-packages/certifi");
        fs::create_dir_all(&site).expect("made");
        fs::write(site.join("cacert.pem"), "roots").expect("written");
        let files = Files::write(
            folder.path(),
            "CA",
            ["api.echo.test"].into_iter(),
            &Egress::default(),
        )
        .expect("written");
        let binds = files.binds(folder.path(), &BTreeMap::new());
        let target = fs::canonicalize(site.join("cacert.pem")).expect("there");
        let bind = binds
            .iter()
            .find(|bind| bind.target == target)
            .expect("a bind");
        assert!(bind.read_only);
        assert!(
            fs::read_to_string(&bind.source)
                .expect("there")
                .starts_with("CA")
        );
        let hosts = fs::read_to_string(files.hosts()).expect("there");
        assert!(hosts.contains("127.0.0.1 api.echo.test\n"), "{hosts}");
        let gone = files.bundle();
        drop(files);
        assert!(!gone.exists());
    }
}
