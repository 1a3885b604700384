//! A Kibana as far as setting up asks it: it holds spaces, saved objects and rules, and refuses what a real one refuses. No real
//! one can be had here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ServerConfig;
use serde_json::{Value, json};

use super::http::{Answer, Request, serve};
use super::{import, rules};

/// Which Kibana it is.
#[derive(Clone, Copy)]
pub(super) struct Contract {
    pub(super) version: &'static str,
    pub(super) spaces: &'static [&'static str],
    /// An object that it cannot write.
    pub(super) breaks: Option<&'static str>,
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            version: "9.1.4",
            spaces: &["default", "ops"],
            breaks: None,
        }
    }
}

impl Contract {
    /// Major and minor.
    pub(super) fn version(&self) -> (u64, u64) {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap())
    }
}

/// Type and id.
pub(super) type Name = (String, String);

/// What it holds.
#[derive(Default)]
pub(super) struct Store {
    /// By space, type and id: the id that it was imported under, and the object.
    objects: BTreeMap<(String, Name), (String, Value)>,
    /// By space and id.
    pub(super) rules: BTreeMap<(String, String), Value>,
    /// Method and path of all that changed something.
    pub(super) changes: Vec<String>,
    ids: u32,
}

impl Store {
    pub(super) fn get(&self, space: &str, name: &Name) -> Option<&Value> {
        let found = self.objects.get(&(space.to_owned(), name.clone()));
        found.map(|(_, object)| object)
    }

    pub(super) fn has(&self, space: &str, name: &Name) -> bool {
        self.get(space, name).is_some()
    }

    /// The id that the object of this origin has in the space.
    pub(super) fn here(&self, space: &str, (kind, origin): &Name) -> Option<String> {
        let mut objects = self.objects.iter();
        let of =
            |((of_space, (of_kind, _)), (of_origin, _)): &(&(String, Name), &(String, Value))| {
                of_space == space && of_kind == kind && of_origin == origin
            };
        objects.find(of).map(|((_, (_, id)), _)| id.clone())
    }

    pub(super) fn is_elsewhere(&self, space: &str, name: &Name) -> bool {
        self.objects
            .keys()
            .any(|(other, its)| other != space && its == name)
    }

    pub(super) fn put(&mut self, space: &str, (kind, origin): &Name, id: &str, object: &Value) {
        let place = (space.to_owned(), (kind.clone(), id.to_owned()));
        self.objects.insert(place, (origin.clone(), object.clone()));
    }

    pub(super) fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("00000000-0000-4000-8000-{:012}", self.ids)
    }

    pub(super) fn views(&self, space: &str) -> BTreeMap<String, Value> {
        let views = self.objects.iter();
        let views = views.filter(|((of, (kind, _)), _)| of == space && kind == "index-pattern");
        let views = views.map(|((_, (_, id)), (_, object))| (id.clone(), object.clone()));
        views.collect()
    }
}

/// The server.
pub(super) struct Server {
    pub(super) url: String,
    store: Arc<Mutex<Store>>,
}

impl Server {
    pub(super) fn start(kind: Contract) -> Self {
        Self::start_with(kind, None)
    }

    pub(super) fn start_with(kind: Contract, tls: Option<Arc<ServerConfig>>) -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let of_thread = Arc::clone(&store);
        let url = serve(tls, move |request| {
            answer(kind, &mut of_thread.lock().unwrap(), request)
        });
        Self { url, store }
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    /// What was changed since this was asked last.
    pub(super) fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.store().changes)
    }
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An error as Kibana writes it.
pub(super) fn bad(status: u16, message: &str) -> Answer {
    (
        status,
        json!({"statusCode": status, "error": "-", "message": message}).to_string(),
    )
}

/// Who asks: `admin` may do everything, `reader` reads.
fn user(request: &Request) -> Option<&'static str> {
    ["admin", "reader"].into_iter().find(|user| {
        let login = BASE64.encode(format!("{user}:secret"));
        request.header("authorization") == format!("Basic {login}")
    })
}

fn answer(kind: Contract, store: &mut Store, request: &Request) -> Answer {
    let is_change = request.method != "GET";
    if is_change && request.header("kbn-xsrf").is_empty() {
        return bad(400, "Request must contain a kbn-xsrf header.");
    }
    let Some(user) = user(request) else {
        return match request.path.as_str() {
            "/api/status" => (
                200,
                json!({"status": {"overall": {"level": "available"}}}).to_string(),
            ),
            _ => bad(401, "Unauthorized"),
        };
    };
    let (space, path) = match request
        .path
        .strip_prefix("/s/")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((space, path)) => (space, format!("/{path}")),
        None => ("default", request.path.clone()),
    };
    if !kind.spaces.contains(&space) {
        return bad(404, "Not Found");
    }
    let reads = ["/api/saved_objects/_export"];
    if is_change && user == "reader" && !reads.contains(&path.as_str()) {
        return bad(403, "Unable to bulk_create dashboard,index-pattern");
    }
    if is_change && !reads.contains(&path.as_str()) {
        store
            .changes
            .push(format!("{} {}", request.method, request.path));
    }
    route(&kind, store, space, &path, request)
}

fn route(kind: &Contract, store: &mut Store, space: &str, path: &str, request: &Request) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", "/api/status") => {
            let answer = json!({"name": "kibana", "version": {"number": kind.version}, "status": {"overall": {"level": "available"}}});
            (200, answer.to_string())
        }
        ("POST", "/api/saved_objects/_import") => import::import(kind, store, space, request),
        ("POST", "/api/saved_objects/_export") => import::export(store, space, request),
        ("GET", "/api/data_views") => {
            let views = store.views(space);
            let views: Vec<Value> = views
                .iter()
                .map(|(id, view)| json!({"id": id, "title": view["attributes"]["title"]}))
                .collect();
            (200, json!({"data_view": views}).to_string())
        }
        (method, path) => {
            if let Some(id) = path.strip_prefix("/api/spaces/space/") {
                let known: BTreeSet<_> = kind.spaces.iter().collect();
                return match known.contains(&id) {
                    true => (200, json!({"id": id}).to_string()),
                    false => bad(404, "Not Found"),
                };
            }
            match path.strip_prefix("/api/alerting/rule/") {
                Some(rest) => rules::answer(kind, store, space, method, rest, &request.body),
                None => bad(404, "Not Found"),
            }
        }
    }
}
