//! `kibana-assets [root]`: checks the source and writes what is made of it.
//!
//! `kibana-assets <root> pages <answers.ndjson> <folder>`: writes a page for each dashboard that draws it from answers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kibana_assets::picture;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let done = match arguments.as_slice() {
        [] => run(Path::new(".")),
        [root] => run(root),
        [root, word, answers, folder] if word.as_os_str() == "pages" => {
            pages(root, answers, folder).map(|()| Vec::new())
        }
        _ => Err("usage: kibana-assets [root] [pages <answers.ndjson> <folder>]".into()),
    };
    let problems = done.unwrap_or_else(|error| vec![error.to_string()]);
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn pages(root: &Path, answers: &Path, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (source, catalogue) = kibana_assets::read(root)?;
    let objects = kibana_assets::objects::saved_objects(&source, &catalogue);
    let answers = picture::answers(&kibana_assets::source::read_text(answers)?)?;
    std::fs::create_dir_all(folder)?;
    for (id, page) in picture::pages(&objects, &answers)? {
        std::fs::write(folder.join(format!("{id}.html")), page)?;
    }
    Ok(())
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
