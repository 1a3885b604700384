//! Streams that are left alone for a while because the output does not take their documents now.
//!
//! One red index must not keep the other streams' documents back, so each stream has its own wait.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;

/// The waits of all streams; as many as there are streams.
#[derive(Debug, Default)]
pub(in crate::ship) struct Pauses(HashMap<String, Pause>);

#[derive(Debug)]
struct Pause {
    backoff: Backoff,
    until: Instant,
}

impl Pauses {
    /// The stream failed once more; gives its wait.
    pub(in crate::ship) fn failed(
        &mut self,
        stream: &str,
        retry_after: Option<Duration>,
    ) -> Duration {
        let pause = self.0.entry(stream.to_owned()).or_insert_with(|| Pause {
            backoff: Backoff::default(),
            until: Instant::now(),
        });
        let wait = pause.backoff.failed(retry_after);
        pause.until = Instant::now() + wait;
        wait
    }

    /// The stream took a document.
    pub(in crate::ship) fn succeeded(&mut self, stream: &str) {
        self.0.remove(stream);
    }

    /// Whether the stream is to be left alone now.
    pub(in crate::ship) fn is_paused(&self, stream: &str) -> bool {
        self.0
            .get(stream)
            .is_some_and(|pause| pause.until > Instant::now())
    }

    /// When the first pause ends, if there is one.
    pub(in crate::ship) fn next_end(&self) -> Option<Instant> {
        let now = Instant::now();
        self.0
            .values()
            .map(|pause| pause.until)
            .filter(|until| *until > now)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_stream_waits_and_the_others_do_not() {
        let mut pauses = Pauses::default();
        let wait = pauses.failed("red", None);
        assert!(pauses.is_paused("red") && !pauses.is_paused("green"));
        tokio::time::advance(wait).await;
        assert!(!pauses.is_paused("red") && pauses.next_end().is_none());
        assert!(
            pauses.failed("red", None) >= Duration::from_secs(1),
            "the second wait is longer"
        );
        pauses.succeeded("red");
        assert!(!pauses.is_paused("red"));
    }
}
