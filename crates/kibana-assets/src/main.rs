//! `kibana-assets [root]`: checks the source and writes what is made of it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    match run(&root) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes nothing while something is wrong.
fn run(root: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let (source, catalogue) = kibana_assets::read(root)?;
    let mut problems = kibana_assets::validate::source(&source, &catalogue);
    let files = if problems.is_empty() {
        kibana_assets::generate(&source, &catalogue)?
    } else {
        Vec::new()
    };
    if let Some((_, ndjson)) = files.first() {
        problems.extend(kibana_assets::validate::ndjson(ndjson, &catalogue));
    }
    if problems.is_empty() {
        for (path, text) in files {
            std::fs::write(root.join(path), text)?;
        }
    }
    Ok(problems)
}
