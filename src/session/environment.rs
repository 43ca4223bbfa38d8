//! The variables that bring a child's clients to the clones.

use std::collections::BTreeMap;
use std::path::Path;

use archal_core::clock::Timestamp;
use archal_core::clone::CloneDescriptor;

use super::mcp;
use super::route::RouteLevel;
use super::trust::Files;

/// Variables that name a bundle of trusted roots, each read by some client in place of its own.
const BUNDLE_VARIABLES: &[&str] = &[
    "AWS_CA_BUNDLE",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];
const PROXY_VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];
/// Who a proxy with a password takes clients for.
pub(super) const PROXY_USER: &str = "archal";
/// What is never sent through the proxy.
const NO_PROXY: &str = "127.0.0.1,localhost,::1";
/// Variables that hold several things, of which a child keeps its own: what stands between them.
const JOINED: &[(&str, &str)] = &[
    ("JAVA_TOOL_OPTIONS", " "),
    ("NODE_OPTIONS", " "),
    ("PYTHONPATH", ":"),
];

/// Where archal listens for children, as they see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    /// The proxy's port.
    pub(super) proxy: Option<u16>,
    /// The password that the proxy asks for, where it does.
    pub(super) password: Option<String>,
    /// The port of a proxy for Java, where that is another: no option gives Java a password for it.
    pub(super) java: Option<u16>,
    /// The port of each clone's REST base URL; empty where children are not told.
    pub(super) bases: Vec<u16>,
    /// The position of each clone with tools, and the port of its MCP URL.
    pub(super) tools: Vec<(usize, u16)>,
    /// Whether children are told the MCP URLs in variables too, and not only in the file.
    pub(super) told: bool,
}

/// What a child's environment gets.
pub(super) fn variables(
    clones: &[&CloneDescriptor],
    trust: &Files,
    endpoints: &Endpoints,
    level: RouteLevel,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: String| {
        variables.insert(name.to_owned(), value);
    };
    if level != RouteLevel::Direct {
        for name in BUNDLE_VARIABLES {
            set(name, trust.bundle().display().to_string());
        }
        // Node adds this one to its own roots.
        set(
            "NODE_EXTRA_CA_CERTS",
            trust.certificate().display().to_string(),
        );
        let proxy = endpoints.java.or(endpoints.proxy);
        set("JAVA_TOOL_OPTIONS", java(trust, proxy));
    }
    for clone in clones {
        for (name, dummy) in clone.credentials {
            set(name, (*dummy).to_owned());
        }
    }
    // Also where nothing else is told: a client of MCP has no address of its own that could lead
    // to the clone.
    set("ARCHAL_MCP_CONFIG", trust.servers().display().to_string());
    for (clone, port) in endpoints.tools.iter().filter(|_| endpoints.told) {
        let name = clones[*clone].name.to_ascii_uppercase();
        set(&format!("ARCHAL_{name}_MCP_URL"), mcp::url(*port));
    }
    if let Some(port) = endpoints.proxy {
        let user = endpoints.password.as_ref();
        let user = user.map_or_else(String::new, |password| format!("{PROXY_USER}:{password}@"));
        for name in PROXY_VARIABLES {
            set(name, format!("http://{user}127.0.0.1:{port}"));
        }
        set("NO_PROXY", NO_PROXY.to_owned());
        set("no_proxy", NO_PROXY.to_owned());
    }
    match level {
        RouteLevel::Proxy => set("NODE_USE_ENV_PROXY", "1".to_owned()),
        RouteLevel::Shim => {
            set("NODE_OPTIONS", required(&trust.shim_for_node()));
            set("PYTHONPATH", trust.shims().display().to_string());
        }
        RouteLevel::Isolated | RouteLevel::Direct => {}
    }
    if !endpoints.bases.is_empty() {
        let mut urls = serde_json::Map::new();
        for (clone, port) in clones.iter().zip(&endpoints.bases) {
            let url = format!("http://127.0.0.1:{port}");
            set(
                &format!("ARCHAL_{}_REST_URL", clone.name.to_ascii_uppercase()),
                url.clone(),
            );
            urls.insert(clone.name.to_owned(), url.into());
        }
        set(
            "AGENT_CLONE_URLS",
            serde_json::Value::Object(urls).to_string(),
        );
        // Base URLs on the loopback need no header; harnesses expect the variable.
        set("AGENT_ROUTE_HEADERS", "{}".to_owned());
    }
    variables
}

/// What Java is told: it reads neither bundles nor proxy variables. A path with a blank in it
/// cannot be said there.
fn java(trust: &Files, proxy: Option<u16>) -> String {
    let mut options = format!(
        "-Djavax.net.ssl.trustStore={}",
        trust.trust_store().display()
    );
    if let Some(port) = proxy {
        for scheme in ["http", "https"] {
            options.push_str(&format!(
                " -D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={port}"
            ));
        }
        options.push_str(" -Dhttp.nonProxyHosts=localhost|127.*|[::1]");
    }
    options
}

/// Lets the wall clocks of children stand at a time; what else they load at their start comes after
/// that.
pub(super) fn stop_clocks(variables: &mut BTreeMap<String, String>, trust: &Files, at: Timestamp) {
    let node = required(&trust.clock_for_node());
    let python = trust.clocks().display().to_string();
    for (name, value, between) in [("NODE_OPTIONS", node, ' '), ("PYTHONPATH", python, ':')] {
        let value = match variables.get(name) {
            Some(next) => format!("{value}{between}{next}"),
            None => value,
        };
        variables.insert(name.to_owned(), value);
    }
    let stands = at.as_millisecond().to_string();
    variables.insert("ARCHAL_CLOCK".to_owned(), stands);
}

/// The option by which Node loads a file.
fn required(file: &Path) -> String {
    let file = file.display().to_string();
    let quoted = file.replace('\\', "\\\\").replace('"', "\\\"");
    format!("--require \"{quoted}\"")
}

/// Gives a child the variables of its route and takes out what would lead clients around it.
pub(super) fn apply(
    environment: &mut BTreeMap<String, String>,
    variables: &BTreeMap<String, String>,
    level: RouteLevel,
) {
    if level != RouteLevel::Direct {
        environment.remove("SSL_CERT_DIR");
    }
    if level != RouteLevel::Direct && level != RouteLevel::Proxy {
        for name in PROXY_VARIABLES {
            environment.remove(*name);
        }
        for name in ["NO_PROXY", "no_proxy", "NODE_USE_ENV_PROXY"] {
            environment.remove(name);
        }
    }
    for (name, value) in variables {
        let between = JOINED.iter().find(|(joined, _)| joined == name);
        let own = environment.get(name).filter(|own| !own.is_empty());
        let value = match (between, own, name.as_str()) {
            // Java heeds the last of several, Node and Python the first.
            (Some((_, between)), Some(own), "JAVA_TOOL_OPTIONS") => {
                format!("{own}{between}{value}")
            }
            (Some((_, between)), Some(own), _) => format!("{value}{between}{own}"),
            _ => value.clone(),
        };
        environment.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_child_keeps_its_own_part_of_variables_that_hold_several_things() {
        let mut environment = map(&[
            ("NODE_OPTIONS", "--max-old-space-size=64"),
            ("PYTHONPATH", "lib"),
            ("JAVA_TOOL_OPTIONS", "-Xmx64m"),
            ("HTTPS_PROXY", "http://elsewhere"),
            ("SSL_CERT_DIR", "/certs"),
        ]);
        let variables = map(&[
            ("NODE_OPTIONS", "--require \"shim\""),
            ("PYTHONPATH", "/shims"),
            ("JAVA_TOOL_OPTIONS", "-Dx"),
            ("SSL_CERT_FILE", "/bundle"),
        ]);
        let mut direct = environment.clone();
        apply(&mut environment, &variables, RouteLevel::Shim);
        let expected = map(&[
            ("NODE_OPTIONS", "--require \"shim\" --max-old-space-size=64"),
            ("PYTHONPATH", "/shims:lib"),
            ("JAVA_TOOL_OPTIONS", "-Xmx64m -Dx"),
            ("SSL_CERT_FILE", "/bundle"),
        ]);
        assert_eq!(environment, expected);
        apply(&mut direct, &BTreeMap::new(), RouteLevel::Direct);
        assert!(direct.contains_key("HTTPS_PROXY") && direct.contains_key("SSL_CERT_DIR"));
    }
}
