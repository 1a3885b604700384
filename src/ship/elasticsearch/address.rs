//! The addresses in `output.elasticsearch`: hosts, a Cloud ID, a proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Url;

use super::config::Proxy;
use crate::config::{Section, without_user_info};

/// The port of Elasticsearch where a host names none.
const PORT: u16 = 9200;

/// The port of Elastic's cloud where its id names none.
const CLOUD_PORT: &str = "443";

/// The base addresses of `hosts`, or that of `cloud_id`.
pub(super) fn read_hosts(section: &mut Section<'_>) -> Vec<String> {
    let hosts = section.texts("hosts");
    let Some(id) = section.text("cloud_id").filter(|id| !id.is_empty()) else {
        if hosts.is_empty() {
            section.problem(
                "hosts",
                "is empty; write at least one: [\"http://localhost:9200\"]",
            );
        }
        let written = hosts.iter();
        return written
            .filter_map(|host| read_base(section, "hosts", host, PORT))
            .collect();
    };
    if !hosts.is_empty() {
        section.problem("cloud_id", "stands beside `hosts`; write one of them");
    }
    match of_cloud_id(&id) {
        Ok(host) => vec![host],
        Err(why) => {
            let advice = "copy it from the deployment's page: name:…";
            section.problem("cloud_id", format!("`{id}` {why}; {advice}"));
            Vec::new()
        }
    }
}

/// `name:base64(domain[:port]$elasticsearch[:port]$kibana…)`.
fn of_cloud_id(id: &str) -> Result<String, String> {
    let packed = id.rsplit_once(':').map_or(id, |(_, packed)| packed);
    let bytes = BASE64
        .decode(packed)
        .map_err(|error| format!("is no Cloud ID ({error})"))?;
    let text = String::from_utf8(bytes).map_err(|_| "is no Cloud ID (no text in it)".to_owned())?;
    let mut words = text.split('$');
    let (Some(domain), Some(name)) = (words.next(), words.next()) else {
        return Err("is no Cloud ID (no host in it)".to_owned());
    };
    let (domain, port) = domain.rsplit_once(':').unwrap_or((domain, CLOUD_PORT));
    let (name, port) = name.rsplit_once(':').unwrap_or((name, port));
    let url = Url::parse(&format!("https://{name}.{domain}:{port}"));
    match url {
        Ok(url) if !name.is_empty() && !domain.is_empty() => {
            // A URL leaves the scheme's own port out, and then 9200 would be added.
            let host = url.host_str().unwrap_or_default();
            Ok(format!("https://{host}:{port}/"))
        }
        _ => Err("is no Cloud ID (no host in it)".to_owned()),
    }
}

/// A host as people write it: a scheme and a port are added where they are missing, as Beats do.
pub(crate) fn read_base(section: &Section<'_>, key: &str, host: &str, port: u16) -> Option<String> {
    let with_scheme = with_scheme(host);
    let shown = without_user_info(&with_scheme);
    let mut url = match http_url(&with_scheme) {
        Ok(url) => url,
        Err(why) => {
            section.problem(key, format!("`{shown}` {why}"));
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        section.problem(
            key,
            format!("`{shown}` carries a user or password; write `username` and `password`"),
        );
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        let message = format!("`{shown}` has a `?` or `#`; only a path may follow the host");
        section.problem(key, message);
        return None;
    }
    if !is_port_written(&with_scheme) {
        // Beats' habit: the product's port also for https, where a URL alone would mean 443.
        url.set_port(Some(port)).ok()?;
    }
    Some(url.to_string())
}

fn with_scheme(host: &str) -> String {
    match host.contains("://") {
        true => host.to_owned(),
        false => format!("http://{host}"),
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err("is not an http or https address".to_owned()),
        Err(error) => Err(format!("is not an address: {error}")),
    }
}

fn is_port_written(url: &str) -> bool {
    let authority = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next());
    authority.is_some_and(|authority| {
        authority
            .rsplit(']')
            .next()
            .is_some_and(|end| end.contains(':'))
    })
}

/// `proxy_url`, which may carry a user and a password.
pub(super) fn read_proxy(section: &mut Section<'_>) -> Option<Proxy> {
    let written = section.secret("proxy_url")?;
    let written = with_scheme(written.reveal());
    match http_url(&written) {
        Ok(url) => Some(Proxy(url)),
        Err(why) => {
            let shown = without_user_info(&written);
            section.problem("proxy_url", format!("`{shown}` {why}"));
            None
        }
    }
}
