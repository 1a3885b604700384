//! Nothing is shipped to a stream before its template is known to be there.
//!
//! Without its template a bulk request quietly makes a plain index and answers 201, and a foreign
//! `metrics-*-*` template makes a stream with other types: both are worse than waiting. So each
//! stream passes two questions first — who made the index behind it, if there is one, and which
//! template would make the next one — and is asked about again now and then.
//!
//! Not by a simulation: that wants the right to change templates, where to read them the right to monitor is enough.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::elastic::{Elastic, ElasticError};
use crate::assets::setup::{self, IndexTemplate, InstallError, index_templates, winner};
use crate::assets::{self, Owner, Server};
use crate::catalogue::{Catalogue, Dataset};
use crate::config::SetupConfig;

/// How long a stream that was fine is believed to be fine.
const BELIEVED: Duration = Duration::from_secs(300);
/// How long a stream that was not fine is left alone, and what was found is not doubted: a look costs a request, and one for all.
const HELD: Duration = Duration::from_secs(15);

/// Which streams may be shipped to.
#[derive(Debug)]
pub(super) struct Gate {
    setup: SetupConfig,
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
    /// A gate that installs missing templates itself if it may and should.
    pub(super) fn new(setup: SetupConfig) -> Self {
        Self {
            setup,
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
        let mut templates = None;
        for stream in streams.iter().map(AsRef::as_ref) {
            if self.is_due(stream) {
                let examined = self.examine(elastic, stream, &mut templates).await;
                let finding = match examined {
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

    async fn examine(
        &self,
        elastic: &Elastic,
        stream: &str,
        templates: &mut Option<Vec<IndexTemplate>>,
    ) -> Result<Finding, ElasticError> {
        let finding = look(elastic, stream, templates).await?;
        let Some(dataset) = dataset_of(stream) else {
            return Ok(Finding::Foreign(
                "its dataset is not in the catalogue".to_owned(),
            ));
        };
        if finding != Finding::Missing || !self.setup.install {
            return Ok(finding);
        }
        match self.install(elastic, stream, dataset).await {
            Ok(()) => {
                tracing::info!(stream, "template installed");
                *templates = None;
                look(elastic, stream, templates).await
            }
            Err(InstallError::Blocked(why)) => Ok(Finding::Foreign(why.join("; "))),
            Err(InstallError::Failed(error)) if error.source.is_temporary() => Err(error.source),
            Err(InstallError::Failed(error)) => {
                tracing::debug!(
                    stream,
                    error = &error as &dyn std::error::Error,
                    "template not installed"
                );
                Ok(Finding::Missing)
            }
        }
    }

    /// Installs what the dataset of a stream needs.
    async fn install(
        &self,
        elastic: &Elastic,
        stream: &str,
        dataset: &Dataset,
    ) -> Result<(), InstallError> {
        let server = Server::ask(elastic).await;
        let server = server.map_err(|source| setup::SetupError::new("read", "/", source))?;
        let lifecycle = self.setup.lifecycle(&server);
        let wanted = assets::for_dataset(Catalogue::get(), dataset, &server, lifecycle);
        let namespace = stream
            .rsplit_once('-')
            .map_or("", |(_, namespace)| namespace);
        setup::install(elastic, wanted, namespace).await
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

/// Looks at a stream; at the templates only if nobody has looked in this round.
async fn look(
    elastic: &Elastic,
    stream: &str,
    templates: &mut Option<Vec<IndexTemplate>>,
) -> Result<Finding, ElasticError> {
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
    let known = match templates.take() {
        Some(known) => known,
        None => index_templates(elastic)
            .await
            .map_err(|error| error.source)?,
    };
    let finding = template_finding(templates.insert(known), stream);
    // Documents go to the index that is there, whatever the next one will be.
    match (finding, newest) {
        (Finding::Ready(_), Some((_, index))) => {
            Ok(Finding::Ready(Mode::of(index.get("settings"))))
        }
        (finding, _) => Ok(finding),
    }
}

/// What the names of indices begin with that a data stream makes. Those that a lifecycle makes of them, old ones, have something
/// before it: `downsample-5m-.ds-…`, `shrink-…`, `restored-…`.
const MADE_BY_STREAM: &str = ".ds-";

/// The newest backing index. Names end in a rising generation.
fn newest_index(indices: &Value) -> Option<(&String, &Value)> {
    let indices = indices.as_object()?.iter();
    indices.max_by_key(|(name, _)| (name.starts_with(MADE_BY_STREAM), *name))
}

/// What the template says that would make the next index. Ours, but beaten by a higher priority, is
/// foreign; a foreign one of lower priority only means that ours is missing.
fn template_finding(templates: &[IndexTemplate], stream: &str) -> Finding {
    let Some(winner) = winner(templates, stream) else {
        return Finding::Missing;
    };
    match winner.owner {
        Owner::Ours(version) if version >= assets::VERSION => {
            return Finding::Ready(Mode::of(winner.settings()));
        }
        Owner::Ours(_) => return Finding::Missing,
        Owner::Foreign => {}
    }
    let beaten = templates.iter().find(|template| {
        template.name.starts_with("brokerbeat-")
            && template.owner != Owner::Foreign
            && template.matches(stream)
    });
    match beaten {
        Some(beaten) => Finding::Foreign(format!(
            "the index template {} of the priority {} stands before {}",
            winner.name, winner.priority, beaten.name
        )),
        None => Finding::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Finding = Finding::Ready(Mode::Plain);

    #[test]
    fn a_template_is_ready_missing_or_foreign() {
        const STREAM: &str = "metrics-brokerbeat.jvm-prod";
        let ours = |version| {
            IndexTemplate::new(
                "brokerbeat-jvm",
                "metrics-brokerbeat.jvm-*",
                501,
                Owner::Ours(version),
            )
        };
        let general = IndexTemplate::new("metrics", "metrics-*-*", 100, Owner::Foreign);
        let above = IndexTemplate::new("mine", "metrics-*-prod", 900, Owner::Foreign);
        let found = |templates: &[IndexTemplate]| template_finding(templates, STREAM);
        let mut series = ours(assets::VERSION);
        series.set_mode("time_series");
        assert_eq!(found(&[general.clone(), ours(assets::VERSION)]), PLAIN);
        assert_eq!(found(&[series]), Finding::Ready(Mode::TimeSeries));
        assert_eq!(found(&[general.clone(), ours(assets::VERSION + 1)]), PLAIN);
        assert_eq!(found(&[ours(assets::VERSION - 1)]), Finding::Missing);
        assert_eq!(found(std::slice::from_ref(&general)), Finding::Missing);
        assert_eq!(found(&[]), Finding::Missing);
        assert_eq!(found(std::slice::from_ref(&above)), Finding::Missing);
        let beaten = found(&[above, ours(assets::VERSION)]);
        let Finding::Foreign(why) = beaten else {
            panic!("{beaten:?}")
        };
        assert!(why.contains("mine of the priority 900 stands before brokerbeat-jvm"));
    }

    #[test]
    fn the_newest_backing_index_counts() {
        let newest = |indices: &Value| newest_index(indices).map(|(name, _)| name.clone());
        let two = json!({"a-000001": {}, "a-000002": {}});
        assert_eq!(newest(&two).as_deref(), Some("a-000002"));
        let written = ".ds-a-2026.11.01-000002";
        let old = "downsample-5m-.ds-a-2026.10.01-000001";
        assert_eq!(
            newest(&json!({written: {}, old: {}})).as_deref(),
            Some(written)
        );
        assert_eq!(newest(&json!({})), None);
    }

    #[test]
    fn a_plain_stream_takes_ids_and_a_time_series_does_not() {
        let mut gate = Gate::new(SetupConfig::installing(false));
        gate.note("plain", PLAIN);
        gate.note("series", Finding::Ready(Mode::TimeSeries));
        gate.note("held", Finding::Missing);
        let taking = ["plain", "series", "held", "new"].map(|stream| gate.takes_ids(stream));
        assert_eq!(taking, [true, false, false, false]);
    }

    #[test]
    fn a_held_stream_is_looked_at_again_when_something_waits_in_it() {
        let mut gate = Gate::new(SetupConfig::installing(false));
        gate.note("held", Finding::Missing);
        gate.note("open", PLAIN);
        assert_eq!(gate.next_check(&["open", "new"]), None);
        assert!(gate.next_check(&["open", "held"]).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_doubted_once_in_a_while() {
        let mut gate = Gate::new(SetupConfig::installing(false));
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
        let mut gate = Gate::new(SetupConfig::installing(false));
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
