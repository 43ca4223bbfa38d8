//! Where people keep credentials: what a confined child may not read.

use std::path::{Path, PathBuf};

use archal_core::environment::Environment;

/// Places below the home: who keeps what there.
pub const IN_HOME: &[(&str, &str)] = &[
    (".ssh", "SSH keys"),
    (".gnupg", "GnuPG keys"),
    (".password-store", "passwords of pass"),
    (".local/share/keyrings", "the keyring of GNOME"),
    (".local/share/kwalletd", "the wallet of KDE"),
    (".netrc", "passwords of curl, git and others"),
    (".git-credentials", "passwords of git"),
    (".config/git/credentials", "passwords of git"),
    (".config/gh", "tokens of the GitHub command"),
    (".config/hub", "tokens of hub"),
    (".config/glab-cli", "tokens of the GitLab command"),
    (".aws", "AWS"),
    (".azure", "Azure"),
    (".config/gcloud", "Google Cloud"),
    (".config/doctl", "DigitalOcean"),
    (".kube", "Kubernetes"),
    (".docker", "container registries"),
    (".config/containers", "container registries"),
    (".npmrc", "tokens of npm"),
    (".yarnrc.yml", "tokens of Yarn"),
    (".pypirc", "tokens of PyPI"),
    (".cargo/credentials", "tokens of crates.io"),
    (".cargo/credentials.toml", "tokens of crates.io"),
    (".gem/credentials", "tokens of RubyGems"),
    (".m2/settings.xml", "passwords of Maven"),
    (".gradle/gradle.properties", "passwords of Gradle"),
    (".terraform.d", "tokens of Terraform"),
    (".vault-token", "tokens of Vault"),
    (".config/op", "1Password"),
    (".config/rclone", "rclone"),
    (".pgpass", "passwords of PostgreSQL"),
    (".my.cnf", "passwords of MySQL"),
    (".authinfo", "passwords of Emacs"),
    (".authinfo.gpg", "passwords of Emacs"),
    (".config/age", "keys of age"),
    (".config/sops", "keys of sops"),
    (".config/Bitwarden CLI", "Bitwarden"),
    (".config/pulumi", "Pulumi"),
    (".pulumi/credentials.json", "Pulumi"),
    (".terraformrc", "tokens of Terraform"),
    (".config/heroku", "Heroku"),
    (".fly", "Fly"),
    (".config/netlify", "Netlify"),
    (".local/share/com.vercel.cli", "Vercel"),
    (".config/.wrangler", "Cloudflare"),
    (".supabase", "Supabase"),
    (".config/stripe", "Stripe"),
    (".databrickscfg", "Databricks"),
    (".snowflake", "Snowflake"),
    (".boto", "Google Cloud Storage"),
    (".s3cfg", "S3"),
    (".cache/huggingface/token", "Hugging Face"),
    (".kaggle", "Kaggle"),
    (".config/composer/auth.json", "tokens of Composer"),
    (".composer/auth.json", "tokens of Composer"),
    (".nuget/NuGet/NuGet.Config", "tokens of NuGet"),
    (".bash_history", "what was typed"),
    (".zsh_history", "what was typed"),
    (".local/share/fish/fish_history", "what was typed"),
    (".python_history", "what was typed"),
    (".node_repl_history", "what was typed"),
    (".psql_history", "what was typed"),
    (".mysql_history", "what was typed"),
    (".Xauthority", "the key of the desktop"),
    (
        ".claude.json",
        "a coding agent's settings, with keys of its servers",
    ),
    (
        ".aider.conf.yml",
        "a coding agent's settings, with keys of its servers",
    ),
    (".claude/.credentials.json", "a coding agent's login"),
    (".codex/auth.json", "a coding agent's login"),
    (".gemini/oauth_creds.json", "a coding agent's login"),
    (".copilot", "a coding agent's login"),
    (".config/github-copilot", "a coding agent's login"),
    (".local/share/opencode/auth.json", "a coding agent's login"),
    (".mozilla", "browser profiles"),
    (".thunderbird", "mail"),
    (".config/google-chrome", "browser profiles"),
    (".config/chromium", "browser profiles"),
    (".config/BraveSoftware", "browser profiles"),
    (".config/microsoft-edge", "browser profiles"),
    (".config/vivaldi", "browser profiles"),
    (".config/opera", "browser profiles"),
    (".var/app", "browser profiles and keys of Flatpak programs"),
    ("snap/firefox", "browser profiles"),
    ("snap/chromium", "browser profiles"),
    ("Library/Keychains", "the keychain of macOS"),
    ("Library/Cookies", "cookies of macOS programs"),
    (
        "Library/Application Support/Google/Chrome",
        "browser profiles",
    ),
    ("Library/Application Support/Firefox", "browser profiles"),
];

/// Places of the machine.
pub const OF_THE_MACHINE: &[(&str, &str)] = &[
    ("/etc/shadow", "password hashes"),
    ("/etc/gshadow", "password hashes"),
    ("/etc/ssl/private", "keys of servers"),
    ("/run/secrets", "secrets of containers"),
    ("/var/run/secrets", "tokens of Kubernetes"),
    ("/run/user", "sockets of agents that hold keys"),
];

/// Variables that name such a place elsewhere.
pub const VARIABLES: &[&str] = &[
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AZURE_CONFIG_DIR",
    "BOTO_CONFIG",
    "CLOUDSDK_CONFIG",
    "DOCKER_CONFIG",
    "GH_CONFIG_DIR",
    "GNUPGHOME",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN_PATH",
    "KUBECONFIG",
    "NETRC",
    "NPM_CONFIG_USERCONFIG",
    "PASSWORD_STORE_DIR",
    "PGPASSFILE",
    "REGISTRY_AUTH_FILE",
    "SOPS_AGE_KEY_FILE",
    "SSH_AUTH_SOCK",
    "TF_CLI_CONFIG_FILE",
    "XAUTHORITY",
];

/// Variables that name the socket of an engine of containers, as a URL.
pub const ENGINES: &[&str] = &["CONTAINER_HOST", "DOCKER_HOST"];

/// All places of the caller's, whether they are there or not.
pub fn places(caller: &Environment) -> Vec<PathBuf> {
    let home = caller.get("HOME").map(Path::new);
    let in_home = home
        .into_iter()
        .flat_map(|home| IN_HOME.iter().map(move |(name, _)| home.join(name)));
    let of_the_machine = OF_THE_MACHINE.iter().map(|(path, _)| PathBuf::from(path));
    let named = VARIABLES
        .iter()
        .filter_map(|name| caller.get(name))
        .flat_map(|value| value.split(':'))
        .filter(|path| !path.is_empty())
        .map(|path| caller.resolve(path));
    let engines = ENGINES
        .iter()
        .filter_map(|name| caller.get(name)?.strip_prefix("unix://"))
        .filter(|path| path.starts_with('/'))
        .map(PathBuf::from);
    in_home
        .chain(of_the_machine)
        .chain(named)
        .chain(engines)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_below_the_home_of_the_machine_or_named() {
        let caller = Environment {
            variables: [
                ("HOME", "/home/me"),
                ("KUBECONFIG", "/srv/a.yaml:b.yaml"),
                ("NETRC", ""),
                ("DOCKER_HOST", "unix:///srv/docker.sock"),
                ("CONTAINER_HOST", "tcp://127.0.0.1:2375"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            directory: "/w".into(),
        };
        let places = places(&caller);
        for place in [
            "/home/me/.ssh",
            "/etc/shadow",
            "/srv/a.yaml",
            "/w/b.yaml",
            "/srv/docker.sock",
        ] {
            assert!(
                places.iter().any(|found| found == Path::new(place)),
                "{place}"
            );
        }
        assert!(places.iter().all(|place| place.is_absolute()));
        let is_port = |place: &PathBuf| place.ends_with("127.0.0.1:2375");
        assert!(!places.iter().any(is_port), "{places:?}");
    }
}
