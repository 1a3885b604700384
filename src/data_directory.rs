//! What is kept under `path.data`.

use std::path::Path;

use anyhow::Context;

/// File with the agent's id.
const AGENT_FILE: &str = "agent-id";

/// The agent's id, if it was started before.
pub fn known_agent_id(path_data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path_data.join(AGENT_FILE)).ok()?;
    Some(uuid::Uuid::try_parse(text.trim()).ok()?.to_string())
}

/// The agent's id, made at the first start.
pub fn agent_id(path_data: &Path) -> anyhow::Result<String> {
    let advice = || {
        format!(
            "cannot use path.data {}; make it writable or set another path.data",
            path_data.display()
        )
    };
    std::fs::create_dir_all(path_data).with_context(advice)?;
    let file = path_data.join(AGENT_FILE);
    match std::fs::read_to_string(&file) {
        Ok(id) if uuid::Uuid::try_parse(id.trim()).is_ok() => Ok(id.trim().to_owned()),
        Ok(_) => anyhow::bail!("{} is damaged; remove it: a new id is made", file.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let id = uuid::Uuid::new_v4().to_string();
            crate::files::replace(&file, id.as_bytes()).with_context(advice)?;
            Ok(id)
        }
        Err(error) => Err(error).with_context(advice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_and_a_damaged_one_is_not_overwritten() {
        let directory = crate::files::TestDirectory::new();
        assert_eq!(known_agent_id(directory.path()), None);
        let id = agent_id(directory.path()).unwrap();
        assert_eq!(agent_id(directory.path()).unwrap(), id);
        assert_eq!(known_agent_id(directory.path()), Some(id));
        std::fs::write(directory.path().join(AGENT_FILE), "?").unwrap();
        assert!(
            agent_id(directory.path())
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
