//! `[web]`: the page.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::config::reader::{Findings, Section, Value, Wrong};
use crate::config::sections::base;
use crate::config::values;

/// `[web]`: the page on which people decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it listens.
    pub listen: Listen,
    /// The names it is called by, each as it stands in a browser's Host header, in
    /// lower case; never empty.
    pub hosts: Vec<String>,
    /// Whether browsers reach it by TLS, of a proxy in front.
    pub https: bool,
    /// The address that a proxy in front connects from. Of a Unix socket everybody who
    /// can connect is the proxy.
    pub proxy: Option<IpAddr>,
    /// The header by which the proxy names whom it let in, in lower case; on a port only
    /// together with the proxy's address.
    pub trusted_header: Option<String>,
}

/// Where the page listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Reads the section; `None` if there is to be no page.
pub(crate) fn web(root: &DeTable<'_>, findings: &mut Findings) -> Option<Web> {
    let base = base(findings);
    let mut section = Section::open(root, "web", findings);
    let asked_for = section.place_of("listen").is_some();
    let listen = section.maybe("listen", |v| listen_at(v, &base));
    let open = section.or("open_to_network", false, values::yes_or_no);
    let hosts = section.maybe("hosts", |v| values::filled_list(v, host));
    let https = section.or("https", false, values::yes_or_no);
    let header = section.maybe("trusted_header", header);
    let proxy = section.maybe("proxy", address);
    if !asked_for {
        for key in ["hosts", "trusted_header", "proxy"] {
            section.warn(key, "means nothing without listen: there is no page");
        }
    }
    if let Some(Listen::Tcp(address)) = &listen
        && !address.ip().is_loopback()
        && !open
    {
        let wrong = Wrong::new(
            format!("= \"{address}\" can be reached by others than this machine"),
            "listen on \"127.0.0.1:8025\" behind a proxy that speaks TLS, or add \
             open_to_network = true",
        );
        tell(&mut section, "listen", wrong);
    }
    if let (Some(Listen::Tcp(_)), Some(_), None) = (&listen, &header, proxy) {
        let wrong = Wrong::new(
            "needs proxy on a port: else everybody who reaches it may claim to be anybody",
            "add proxy = \"127.0.0.1\", the address that the proxy connects from",
        );
        tell(&mut section, "trusted_header", wrong);
    }
    if let (Some(Listen::Unix(_)), Some(_)) = (&listen, proxy) {
        section.warn(
            "proxy",
            "means nothing for a socket: whoever can connect to it is the proxy",
        );
    }
    let hosts = hosts.or_else(|| {
        listen
            .as_ref()
            .and_then(|listen| usual_hosts(listen, https))
    });
    if listen.is_some() && hosts.is_none() && section.place_of("hosts").is_none() {
        let wrong = Wrong::new(
            "needs hosts: the names that browsers call the page by",
            "add hosts = [\"watch.example.org\"]",
        );
        tell(&mut section, "listen", wrong);
    }
    section.finish(&[]);
    Some(Web {
        listen: listen?,
        hosts: hosts?,
        https,
        proxy,
        trusted_header: header,
    })
}

fn tell(section: &mut Section<'_, '_>, key: &'static str, wrong: Wrong) {
    let at = section.place_of(key).unwrap_or_default();
    section.wrong(at, key, wrong);
}

/// What browsers on this machine call a port of it.
fn usual_hosts(listen: &Listen, https: bool) -> Option<Vec<String>> {
    match listen {
        Listen::Tcp(address) if address.ip().is_loopback() && !https => {
            let port = address.port();
            Some(vec![address.to_string(), format!("localhost:{port}")])
        }
        Listen::Tcp(_) | Listen::Unix(_) => None,
    }
}

fn listen_at(value: &Value<'_>, base: &Path) -> Result<Listen, Wrong> {
    let text = values::text(value)?;
    if text.contains('/') {
        return values::path(value, base).map(Listen::Unix);
    }
    text.parse().map(Listen::Tcp).map_err(|_| {
        Wrong::new(
            format!("= {text:?} is not an address with a port"),
            "write \"127.0.0.1:8025\", or the path of a Unix socket",
        )
    })
}

/// A name or an address, with its port unless that is the usual one.
fn host(value: &Value<'_>) -> Result<String, Wrong> {
    let text = values::text(value)?;
    let plain = |char: char| char.is_ascii_alphanumeric() || "-._:[]".contains(char);
    if !text.chars().all(plain) {
        return Err(Wrong::new(
            format!("= {text:?} is not a host"),
            "write what stands behind https:// in the browser: \"watch.example.org\"",
        ));
    }
    Ok(text.to_ascii_lowercase())
}

fn header(value: &Value<'_>) -> Result<String, Wrong> {
    let text = values::text(value)?;
    let plain = |char: char| char.is_ascii_alphanumeric() || char == '-';
    if !text.chars().all(plain) {
        return Err(Wrong::new(
            format!("= {text:?} is not the name of a header"),
            "write the name alone: \"X-Remote-User\"",
        ));
    }
    Ok(text.to_ascii_lowercase())
}

fn address(value: &Value<'_>) -> Result<IpAddr, Wrong> {
    let text = values::text(value)?;
    let parsed = text.parse().map(|address: IpAddr| address.to_canonical());
    parsed.map_err(|_| {
        Wrong::new(
            format!("= {text:?} is not an address"),
            "write the address that the proxy connects from: \"127.0.0.1\"",
        )
    })
}
