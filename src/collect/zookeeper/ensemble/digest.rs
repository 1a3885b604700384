//! What an ensemble's view needs of one server and one tick. Pure.

use super::view::View;
use crate::collect::Collected;
use crate::collect::zookeeper::answer::Question;
use crate::collect::zookeeper::said::Said;

/// How a server was at one tick.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::collect::zookeeper) enum Digest {
    /// It serves, and says what it is.
    Serves(Report),
    /// It is up and says that it does not serve: without a quorum, or while it starts.
    NotServing,
    /// It does not answer, and why.
    Silent(String),
    /// It answers, but not what it is, and why.
    Untold(String),
}

/// What a server that serves says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::collect::zookeeper) struct Report {
    /// None of a server that stands alone or does not tell.
    pub(super) id: Option<u64>,
    pub(super) mode: Mode,
    pub(super) zxid: Option<u64>,
    /// Up to the first dash: `3.9.4`.
    pub(super) version: Option<String>,
    /// Members with a vote, since 3.6.
    pub(super) quorum_size: Option<u64>,
    /// Followers that are in step, of a leader.
    pub(super) synced_followers: Option<u64>,
    pub(super) view: Option<View>,
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::collect::zookeeper) enum Mode {
    Leader,
    Follower,
    Observer,
    Standalone,
    /// It has no quorum, and serves readers all the same.
    ReadOnly,
}

impl Mode {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "leader" => Self::Leader,
            "follower" => Self::Follower,
            "observer" => Self::Observer,
            "standalone" => Self::Standalone,
            "read-only" => Self::ReadOnly,
            _ => return None,
        })
    }

    /// As `srvr` has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Observer => "observer",
            Self::Standalone => "standalone",
            Self::ReadOnly => "read-only",
        }
    }

    /// Whether what is written goes by it.
    pub(super) fn leads(self) -> bool {
        matches!(self, Self::Leader | Self::Standalone)
    }

    /// Whether it is one of those that agree on what is written.
    pub(super) fn is_in_quorum(self) -> bool {
        matches!(self, Self::Leader | Self::Follower | Self::Standalone)
    }
}

impl Digest {
    /// What comes of a server's answers.
    pub(in crate::collect::zookeeper) fn of(said: &Said<'_>, collected: &Collected) -> Self {
        let why = || {
            let first = collected.faults.first();
            first.map_or_else(|| "it says nothing".to_owned(), |why| why.message.clone())
        };
        if !collected.up {
            return Self::Silent(why());
        }
        let telling = [Question::Server, Question::Monitor];
        if telling.iter().any(|asked| said.not_serving.contains(asked)) {
            return Self::NotServing;
        }
        match Report::of(said) {
            Some(report) => Self::Serves(report),
            None => Self::Untold(why()),
        }
    }

    pub(super) fn report(&self) -> Option<&Report> {
        match self {
            Self::Serves(report) => Some(report),
            _ => None,
        }
    }
}

impl Report {
    /// None where nobody told what the server is: the metrics provider has numbers alone.
    fn of(said: &Said<'_>) -> Option<Self> {
        let figure = |name: &str| {
            let parts = [&said.server, &said.monitor];
            let mut parts = parts.into_iter().flatten();
            parts.find_map(|part| part.get(name))
        };
        // A leader before 3.6 has some of its counts as numbers with a fraction.
        let count = |name: &str| {
            let text = figure(name)?;
            text.split_once('.')
                .map_or(text, |(whole, _)| whole)
                .parse()
                .ok()
        };
        let configuration = said.configuration.as_ref();
        let id = configuration.and_then(|part| part.get("server_id"));
        let zxid = figure("zxid").and_then(|text| text.strip_prefix("0x"));
        let version = figure("version").and_then(|text| text.split(['-', ',']).next());
        Some(Self {
            id: id.and_then(|id| id.parse().ok()).filter(|id| *id > 0),
            mode: Mode::of(figure("server_state")?)?,
            zxid: zxid.and_then(|text| u64::from_str_radix(text, 16).ok()),
            version: version.map(str::to_owned),
            quorum_size: count("quorum_size"),
            synced_followers: count("synced_followers"),
            view: configuration.and_then(View::of),
        })
    }

    /// The upper half of the zxid.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.zxid.map(|zxid| zxid >> 32)
    }

    /// By how many transactions it is behind another one; nothing where they are of different epochs.
    pub(super) fn behind(&self, leader: &Self) -> Option<u64> {
        let same = self.epoch()? == leader.epoch()?;
        // One that is read a moment later may be ahead.
        same.then_some(leader.zxid?.saturating_sub(self.zxid?))
    }
}
