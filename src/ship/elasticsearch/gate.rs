//! Nothing is shipped to a stream before its template is known to be there.
//!
//! Without its template a bulk request quietly makes a plain index and answers 201, and a foreign
//! `metrics-*-*` template makes a stream with other types: both are worse than waiting. So each
//! stream passes two questions first — who made the index behind it, if there is one, and which
//! template would make the next one — and is asked about again now and then.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::elastic::{Elastic, ElasticError};
use crate::assets::{self, Lifecycle, Owner, Server};
use crate::catalogue::{Catalogue, Dataset};

/// How long a stream that was fine is believed to be fine.
const BELIEVED: Duration = Duration::from_secs(300);
/// How long a stream that was not fine is left alone, and what was found is not doubted: a look costs two requests.
const HELD: Duration = Duration::from_secs(15);

/// Which streams may be shipped to.
#[derive(Debug)]
pub(super) struct Gate {
    install: bool,
    streams: HashMap<String, State>,
}

#[derive(Debug)]
struct State {
    open: bool,
    /// Whether it is a plain data stream, which takes the ids of our documents.
    takes_ids: bool,
    looked_at: Instant,
    again_at: Instant,
    /// What was said last, so that it is said once; until a document is taken, as one may be let look and not write.
    said: Option<String>,
}

/// What stands in the way of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// Nothing.
    Ready(Mode),
    /// Our template is not there, or is older than this agent.
    Missing,
    /// Somebody else's template or index has the name.
    Foreign(String),
    /// Elasticsearch does not let this agent look or write: its words.
    Forbidden(String),
}

/// What an index does with ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It makes them of series and timestamp.
    TimeSeries,
    /// It takes them; without one a document that is sent twice is there twice.
    Plain,
}

impl Mode {
    /// Of an index's or a template's settings.
    fn of(settings: Option<&Value>) -> Self {
        let mode = settings.and_then(|settings| settings.get("index")?.get("mode")?.as_str());
        match mode {
            Some("time_series") => Self::TimeSeries,
            _ => Self::Plain,
        }
    }
}

impl Gate {
    /// A gate that installs missing templates itself if it may.
    pub(super) fn new(install: bool) -> Self {
        Self {
            install,
            streams: HashMap::new(),
        }
    }

    /// Whether documents may go to the stream, by what was found last.
    pub(super) fn is_open(&self, stream: &str) -> bool {
        self.streams.get(stream).is_some_and(|state| state.open)
    }

    /// Whether documents go to the stream with their ids.
    pub(super) fn takes_ids(&self, stream: &str) -> bool {
        self.streams
            .get(stream)
            .is_some_and(|state| state.takes_ids)
    }

    /// When the first held one of these streams is to be looked at again.
    pub(super) fn next_check<S: AsRef<str>>(&self, streams: &[S]) -> Option<Instant> {
        let known = streams.iter().map(AsRef::as_ref);
        let known = known.filter_map(|stream| self.streams.get(stream));
        let held = known.filter(|state| !state.open);
        held.map(|state| state.again_at).min()
    }

    fn is_due(&self, stream: &str) -> bool {
        let state = self.streams.get(stream);
        state.is_none_or(|state| state.again_at <= Instant::now())
    }

    /// Looks at the streams whose time has come. An error is about the connection, not about a stream.
    pub(super) async fn check<S: AsRef<str>>(
        &mut self,
        elastic: &Elastic,
        streams: &[S],
    ) -> Result<(), ElasticError> {
        for stream in streams.iter().map(AsRef::as_ref) {
            if self.is_due(stream) {
                let finding = match self.examine(elastic, stream).await {
                    // 403 is about this stream; 401 about who we are, everywhere.
                    Err(error @ ElasticError::Refused { status: 403, .. }) => {
                        Finding::Forbidden(error.to_string())
                    }
                    finding => finding?,
                };
                self.note(stream, finding);
            }
        }
        Ok(())
    }

    /// Holds a stream whose documents were answered with a missing right.
    pub(super) fn forbid(&mut self, stream: &str, why: &str) {
        self.note(stream, Finding::Forbidden(why.to_owned()));
    }

    /// What was found of a stream is contradicted by an answer: it is looked at again, if that was not just done. A series
    /// that is always refused must not cost a look for every answer.
    pub(super) fn doubt(&mut self, stream: &str) {
        if let Some(state) = self.streams.get_mut(stream) {
            state.again_at = state.again_at.min(state.looked_at + HELD);
        }
    }

    /// A document of the stream was taken.
    pub(super) fn took(&mut self, stream: &str) {
        if let Some(state) = self.streams.get_mut(stream) {
            state.said = None;
        }
    }

    async fn examine(&self, elastic: &Elastic, stream: &str) -> Result<Finding, ElasticError> {
        let finding = look(elastic, stream).await?;
        let Some(dataset) = dataset_of(stream) else {
            return Ok(Finding::Foreign(
                "its dataset is not in the catalogue".to_owned(),
            ));
        };
        if finding != Finding::Missing || !self.install {
            return Ok(finding);
        }
        let server = Server::ask(elastic).await?;
        let lifecycle = Lifecycle::of(&server);
        let wanted = assets::for_dataset(Catalogue::get(), dataset, &server, lifecycle);
        match assets::install(elastic, &wanted).await {
            Ok(_) => {
                tracing::info!(stream, "template installed");
                look(elastic, stream).await
            }
            Err(error) if error.source.is_temporary() => Err(error.source),
            Err(error) => {
                tracing::debug!(
                    stream,
                    error = &error as &dyn std::error::Error,
                    "template not installed"
                );
                Ok(Finding::Missing)
            }
        }
    }

    /// Whether there was something new to say.
    fn note(&mut self, stream: &str, finding: Finding) -> bool {
        let takes_ids = finding == Finding::Ready(Mode::Plain);
        let sentence = match finding {
            Finding::Ready(_) => None,
            Finding::Missing => Some(format!(
                "the template of {stream} is missing or too old: its documents wait; run `brokerbeat setup` with a user who may install templates"
            )),
            Finding::Foreign(who) => Some(format!(
                "{stream} is not ours ({who}): its documents wait; remove that or set another `namespace`"
            )),
            Finding::Forbidden(why) => Some(format!(
                "{stream} may not be written: its documents wait; give the key or user its privileges ({why})"
            )),
        };
        let before = self.streams.remove(stream);
        let said_before = before.and_then(|state| state.said);
        let open = sentence.is_none();
        let is_new = !open && said_before != sentence;
        if let Some(sentence) = sentence.as_ref().filter(|_| is_new) {
            tracing::error!(stream, "{sentence}");
        }
        let now = Instant::now();
        let state = State {
            open,
            takes_ids,
            looked_at: now,
            again_at: now + if open { BELIEVED } else { HELD },
            said: sentence.or(said_before),
        };
        self.streams.insert(stream.to_owned(), state);
        is_new
    }
}

fn dataset_of(stream: &str) -> Option<&'static Dataset> {
    let (_, rest) = stream.split_once("-brokerbeat.")?;
    let (dataset, _) = rest.split_once('-')?;
    Catalogue::get().dataset(dataset)
}

/// What is looked at of the indices behind a stream; the date is there for those that have nothing else of it.
const INDICES: &str =
    "?filter_path=*.mappings._meta,*.settings.index.mode,*.settings.index.creation_date";

async fn look(elastic: &Elastic, stream: &str) -> Result<Finding, ElasticError> {
    let path = format!("/{stream}{INDICES}");
    let indices = elastic.json(Method::GET, &path, None).await?;
    let newest = indices.as_ref().and_then(newest_index);
    if let Some((name, index)) = newest
        && assets::owner_of(index.get("mappings")) == Owner::Foreign
    {
        return Ok(Finding::Foreign(format!(
            "the index {name} was made without our template"
        )));
    }
    let path = format!("/_index_template/_simulate_index/{stream}");
    let simulated = elastic.json(Method::POST, &path, None).await?;
    let finding = template_finding(simulated.as_ref());
    // Documents go to the index that is there, whatever the next one will be.
    match (finding, newest) {
        (Finding::Ready(_), Some((_, index))) => {
            Ok(Finding::Ready(Mode::of(index.get("settings"))))
        }
        (finding, _) => Ok(finding),
    }
}

/// The newest backing index. Names end in a rising generation.
fn newest_index(indices: &Value) -> Option<(&String, &Value)> {
    indices.as_object()?.iter().max_by(|a, b| a.0.cmp(b.0))
}

/// What the template says that would make the next index. Ours, but beaten by a higher priority, is
/// foreign; a foreign one of lower priority only means that ours is missing.
fn template_finding(simulated: Option<&Value>) -> Finding {
    let template = simulated.and_then(|simulated| simulated.get("template"));
    let mappings = template.and_then(|template| template.get("mappings"));
    if let Owner::Ours(version) = assets::owner_of(mappings) {
        let settings = template.and_then(|template| template.get("settings"));
        return if version >= assets::VERSION {
            Finding::Ready(Mode::of(settings))
        } else {
            Finding::Missing
        };
    }
    let overlapping = simulated.and_then(|s| s.get("overlapping")?.as_array());
    let beaten = overlapping.into_iter().flatten().find_map(|other| {
        let name = other.get("name")?.as_str()?;
        name.starts_with("brokerbeat-").then_some(name)
    });
    match beaten {
        Some(name) => Finding::Foreign(format!(
            "a template of higher priority stands before {name}"
        )),
        None => Finding::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Finding = Finding::Ready(Mode::Plain);

    fn simulated(mappings: Value, overlapping: Value) -> Value {
        json!({"template": {"mappings": mappings}, "overlapping": overlapping})
    }

    #[test]
    fn a_template_is_ready_missing_or_foreign() {
        let meta =
            |version: u64| json!({"_meta": {"managed_by": "brokerbeat", "version": version}});
        let ours = simulated(
            meta(assets::VERSION),
            json!([{"name": "metrics", "index_patterns": ["metrics-*-*"]}]),
        );
        assert_eq!(template_finding(Some(&ours)), PLAIN);
        let mut series = ours;
        series["template"]["settings"] = json!({"index": {"mode": "time_series"}});
        assert_eq!(
            template_finding(Some(&series)),
            Finding::Ready(Mode::TimeSeries)
        );
        let old = simulated(meta(0), json!([]));
        assert_eq!(template_finding(Some(&old)), Finding::Missing);
        let foreign = simulated(json!({"properties": {}}), json!([]));
        assert_eq!(template_finding(Some(&foreign)), Finding::Missing);
        let above = simulated(json!({}), json!([{"name": "brokerbeat-jvm"}]));
        assert!(matches!(
            template_finding(Some(&above)),
            Finding::Foreign(_)
        ));
        assert_eq!(template_finding(None), Finding::Missing);
    }

    #[test]
    fn the_newest_backing_index_counts() {
        let newest = |indices: &Value| newest_index(indices).map(|(name, _)| name.clone());
        let two = json!({"a-000001": {}, "a-000002": {}});
        assert_eq!(newest(&two).as_deref(), Some("a-000002"));
        assert_eq!(newest(&json!({})), None);
    }

    #[test]
    fn a_plain_stream_takes_ids_and_a_time_series_does_not() {
        let mut gate = Gate::new(false);
        gate.note("plain", PLAIN);
        gate.note("series", Finding::Ready(Mode::TimeSeries));
        gate.note("held", Finding::Missing);
        let taking = ["plain", "series", "held", "new"].map(|stream| gate.takes_ids(stream));
        assert_eq!(taking, [true, false, false, false]);
    }

    #[test]
    fn a_held_stream_is_looked_at_again_when_something_waits_in_it() {
        let mut gate = Gate::new(false);
        gate.note("held", Finding::Missing);
        gate.note("open", PLAIN);
        assert_eq!(gate.next_check(&["open", "new"]), None);
        assert!(gate.next_check(&["open", "held"]).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_doubted_once_in_a_while() {
        let mut gate = Gate::new(false);
        for _ in 0..3 {
            gate.note("a", PLAIN);
            gate.doubt("a");
            assert!(!gate.is_due("a") && gate.is_open("a"));
            tokio::time::advance(HELD).await;
            assert!(gate.is_due("a"), "what was doubted is looked at");
        }
        gate.note("a", PLAIN);
        tokio::time::advance(HELD).await;
        assert!(!gate.is_due("a"));
        gate.doubt("a");
        assert!(gate.is_due("a"), "at once where the look was long ago");
    }

    #[test]
    fn who_may_look_and_not_write_is_told_once() {
        let mut gate = Gate::new(false);
        let forbidden = || Finding::Forbidden("no right".to_owned());
        assert!(gate.note("a", forbidden()));
        for _ in 0..3 {
            assert!(!gate.note("a", PLAIN) && gate.is_open("a"));
            assert!(!gate.note("a", forbidden()) && !gate.is_open("a"));
        }
        gate.took("a");
        assert!(gate.note("a", forbidden()), "it had been right in between");
    }

    #[test]
    fn datasets_are_found_by_stream_name() {
        assert_eq!(
            dataset_of("metrics-brokerbeat.zookeeper.mntr-prod")
                .unwrap()
                .name,
            "zookeeper.mntr"
        );
        assert!(dataset_of("metrics-system.cpu-default").is_none());
    }
}
