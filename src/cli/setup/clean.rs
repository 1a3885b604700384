//! `setup --clean`.

use std::io::{BufRead, IsTerminal, Write};

use super::Setup;
use crate::assets::Server;
use crate::assets::setup::clean::{self, Cleaning, Stream};
use crate::cli::show::printable;
use crate::cli::{remark, say};
use crate::ship::elasticsearch::elastic::Elastic;

/// Whether there is somebody to ask.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Shows what would go, asks, and removes it.
pub(super) async fn clean(
    elastic: &Elastic,
    server: &Server,
    wishes: &Setup,
) -> anyhow::Result<()> {
    let cleaning = clean::plan(elastic, server, wishes.with_data).await?;
    let lines = lines(&cleaning, wishes.with_data);
    if wishes.dry_run {
        lines.iter().try_for_each(|line| say(line))?;
        remark("nothing is removed");
        return Ok(());
    }
    for line in &lines {
        remark(line);
    }
    if cleaning.is_empty() {
        remark("there is nothing of setup's to remove");
        return Ok(());
    }
    anyhow::ensure!(
        wishes.yes || is_agreed(&cleaning)?,
        "nothing was removed: not agreed"
    );
    let refused = clean::clean(elastic, &cleaning).await?;
    remark(&format!(
        "removed: {} assets, roles and data streams, {}; kept: {}",
        cleaning.remove.len() - refused.len(),
        keys(&cleaning),
        cleaning.keep.len()
    ));
    let count = refused.len();
    for error in refused {
        remark(&format!("{:#}", anyhow::Error::from(error)));
    }
    anyhow::ensure!(count == 0, "{count} could not be removed");
    Ok(())
}

fn lines(cleaning: &Cleaning, with_data: bool) -> Vec<String> {
    let line = |word: &str, what: &str| format!("{word:<6}  {}", printable(what));
    let removed = cleaning.remove.iter().map(|path| line("remove", path));
    let mut lines: Vec<String> = removed.collect();
    if cleaning.keys() > 0 {
        lines.push(line("remove", &format!("{} for shipping", keys(cleaning))));
    }
    lines.extend(cleaning.keep.iter().map(|path| line("keep", path)));
    let streams = cleaning.streams.iter();
    lines.extend(streams.map(|stream| {
        let goes = with_data && stream.is_ours();
        line(if goes { "data" } else { "stays" }, &holds(stream))
    }));
    if with_data && cleaning.streams.iter().any(Stream::is_ours) {
        let stop = "stop the agents first: one that still ships makes its streams anew, without our templates";
        lines.push(stop.to_owned());
    }
    if !with_data && !cleaning.streams.is_empty() {
        lines.push(
            "what is kept is needed by these data streams, or by templates of yours; --with-data removes the streams, too"
                .to_owned(),
        );
    }
    lines
}

fn keys(cleaning: &Cleaning) -> String {
    match cleaning.keys() {
        1 => "1 key".to_owned(),
        keys => format!("{keys} keys"),
    }
}

fn holds(stream: &Stream) -> String {
    match stream.holds {
        Some((documents, bytes)) => {
            format!("{}: {documents} documents, {bytes} bytes", stream.name)
        }
        None => format!("{}: how much it holds is not told here", stream.name),
    }
}

fn is_agreed(cleaning: &Cleaning) -> anyhow::Result<bool> {
    let mut err = std::io::stderr();
    let things = cleaning.remove.len() + cleaning.keys();
    write!(err, "Remove these {things} things? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

/// Anything else, an end of the input included, is no.
fn is_yes(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "Y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for yes in ["y\n", "Y\n", " yes \n"] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["", "\n", "n\n", "yessir\n"] {
            assert!(!is_yes(no), "{no}");
        }
    }
}
