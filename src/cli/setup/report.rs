//! How a plan looks.

use crate::assets::setup::roles::RoleStep;
use crate::assets::setup::{Difference, Plan, State};
use crate::cli::show::printable;
use crate::cli::{remark, say_on};

/// More places than these are counted: the rest of a diff of a whole mapping is not read.
const MAX_PLACES: usize = 40;

/// Each asset and how it stands, on stdout; the sum on stderr.
pub(super) fn differences(plan: &Plan, roles: &[RoleStep]) -> anyhow::Result<()> {
    for (path, state) in states(plan, roles) {
        for line in lines(&path, state) {
            if !say_on(&line)? {
                return Ok(());
            }
        }
    }
    remark(&format!("nothing is changed: {}", counted(plan, roles)));
    Ok(())
}

/// What was done.
pub(super) fn summary(plan: &Plan, roles: &[RoleStep]) -> String {
    format!(
        "set up, version {}: {}",
        crate::assets::VERSION,
        counted(plan, roles)
    )
}

fn states<'a>(plan: &'a Plan, roles: &'a [RoleStep]) -> impl Iterator<Item = (String, &'a State)> {
    let assets = plan
        .steps
        .iter()
        .map(|step| (step.asset.path(), &step.state));
    let roles = roles.iter().map(|step| (step.role.path(), &step.state));
    assets.chain(roles)
}

fn counted(plan: &Plan, roles: &[RoleStep]) -> String {
    let words = ["new", "changed", "edited", "newer", "foreign", "unchanged"];
    let count = |word: &str| {
        states(plan, roles)
            .filter(|(_, state)| self::word(state) == word)
            .count()
    };
    let counts = words.map(|word| (count(word), word));
    let there = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"));
    let there: Vec<String> = there.collect();
    match there.is_empty() {
        true => "nothing to install here".to_owned(),
        false => there.join(", "),
    }
}

fn word(state: &State) -> &'static str {
    match state {
        State::New => "new",
        State::Same => "unchanged",
        State::Changed(_) => "changed",
        State::Edited(_) => "edited",
        State::Newer(_) => "newer",
        State::Foreign => "foreign",
    }
}

fn lines(path: &str, state: &State) -> Vec<String> {
    let mut first = format!("{:<9}  {path}", word(state));
    let places: &[Difference] = match state {
        State::Changed(places) | State::Edited(places) => places,
        State::Newer(version) => {
            first += &format!(" (version {version}, ours is {})", crate::assets::VERSION);
            &[]
        }
        State::New | State::Same | State::Foreign => &[],
    };
    if let Some(version) = places.iter().find(|place| place.is_version()) {
        first += &format!(" (version {})", printable(&version.change()));
    }
    let mut lines = vec![first];
    let others: Vec<&Difference> = places.iter().filter(|place| !place.is_version()).collect();
    let shown = others.iter().take(MAX_PLACES);
    lines.extend(shown.map(|place| format!("             {}", printable(&place.to_string()))));
    if let Some(more) = others
        .len()
        .checked_sub(MAX_PLACES)
        .filter(|more| *more > 0)
    {
        lines.push(format!("             … and {more} places more"));
    }
    lines
}
