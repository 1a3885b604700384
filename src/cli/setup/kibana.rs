//! `setup --dashboards` and `setup --rules`.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::show::printable;
use crate::cli::{remark, say_on};
use crate::config::Config;
use crate::kibana::objects::{self, Found, Imported};
use crate::kibana::rules::{self, Done, Setting, State, Step};
use crate::kibana::{Kibana, KibanaConfig, KibanaError, Version, views, wrong_space};

/// Places of a rule that are shown; the rest is counted.
const MAX_PLACES: usize = 6;

/// What goes into Kibana.
#[derive(Debug, Args)]
pub(super) struct Wishes {
    /// Dashboards and data views, into the Kibana of setup.kibana
    #[arg(long)]
    dashboards: bool,
    /// Alerting rules, into the Kibana of setup.kibana; they are made disabled
    #[arg(long)]
    rules: bool,
    /// With --dashboards or --rules: another space than setup.kibana.space
    #[arg(long, value_name = "SPACE")]
    space: Option<String>,
    /// With --rules: switch all of them on
    #[arg(long, requires = "rules")]
    enable: bool,
}

/// How it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Only look, and say what would be done.
    pub(super) dry_run: bool,
    /// Replace also rules that were changed in Kibana.
    pub(super) overwrite: bool,
}

/// What is there, looked at before anything is changed.
struct Sight {
    kibana: Kibana,
    objects: Vec<Found>,
    steps: Vec<Step>,
    version: Version,
}

impl Wishes {
    /// Whether there is anything to do.
    pub(super) fn is_any(&self) -> bool {
        self.dashboards || self.rules
    }

    /// Whether a space is named for nothing.
    pub(super) fn is_lost(&self) -> bool {
        self.space.is_some() && !self.is_any()
    }

    /// Where to, or why nowhere.
    pub(super) fn target(&self, config: &Config) -> anyhow::Result<KibanaConfig> {
        let Some(kibana) = &config.kibana else {
            anyhow::bail!(
                "setup.kibana is missing: write `setup.kibana: {{host: \"http://localhost:5601\"}}`, or take the files of `export dashboard` and `export rules`"
            );
        };
        let mut kibana = kibana.clone();
        if let Some(space) = &self.space {
            if let Some(why) = wrong_space(space) {
                anyhow::bail!("--space: {why}");
            }
            kibana.space.clone_from(space);
        }
        Ok(kibana)
    }

    /// Looks, says what would be done, and does it unless this is a dry run.
    pub(super) async fn install(
        &self,
        target: &KibanaConfig,
        config: &Config,
        how: How,
    ) -> anyhow::Result<()> {
        let kibana = Kibana::new(target)?;
        let version = kibana.look().await?;
        supported(&kibana, version)?;
        let sight = self.look(kibana, version, config).await?;
        if how.dry_run {
            for line in lines(&sight, how) {
                if !say_on(&line)? {
                    return Ok(());
                }
            }
            remark("nothing is changed in Kibana");
            return Ok(());
        }
        let imported = self.import(&sight).await?;
        remark(&format!(
            "Kibana at {}, space {}: {} dashboards and data views",
            sight.kibana.base(),
            sight.kibana.space(),
            imported.count
        ));
        if self.rules {
            self.make_rules(&sight, config, &imported, how).await?;
        }
        Ok(())
    }

    async fn look(
        &self,
        kibana: Kibana,
        version: Version,
        config: &Config,
    ) -> anyhow::Result<Sight> {
        let views = views::find(&kibana).await?;
        let mut objects = objects::find(&kibana).await?;
        if !self.dashboards {
            // Rules look through data views; the dashboards were not asked for.
            objects.retain(|found| {
                views::is_view(&found.object) && !views.contains_key(&found.object.id)
            });
        }
        let steps = match self.rules {
            true => {
                let wanted = self::rules(&kibana, version, config, views);
                rules::plan(&kibana, wanted).await?
            }
            false => Vec::new(),
        };
        Ok(Sight {
            kibana,
            objects,
            steps,
            version,
        })
    }

    async fn import(&self, sight: &Sight) -> Result<Imported, KibanaError> {
        let objects: Vec<_> = sight
            .objects
            .iter()
            .map(|found| found.object.clone())
            .collect();
        match objects.is_empty() {
            true => Ok(Imported::default()),
            false => objects::import(&sight.kibana, &objects).await,
        }
    }

    async fn make_rules(
        &self,
        sight: &Sight,
        config: &Config,
        imported: &Imported,
        how: How,
    ) -> anyhow::Result<()> {
        let mut ids = views::find(&sight.kibana).await?;
        ids.extend(imported.elsewhere.clone());
        // Again, as the data views may have got other ids.
        let wanted = self::rules(&sight.kibana, sight.version, config, ids);
        let steps = rules::plan(&sight.kibana, wanted).await?;
        let done = rules::apply(&sight.kibana, &steps, how.overwrite, self.enable).await?;
        remark(&summary(&steps, &done));
        let kept = steps
            .iter()
            .filter(|step| !how.overwrite && is_changed(step));
        let kept: Vec<&str> = kept.map(|step| step.rule.name.as_str()).collect();
        if !kept.is_empty() {
            remark(&format!(
                "changed in Kibana, or of another version of the agent, and kept: {}; --overwrite replaces them, --dry-run shows how they differ",
                kept.join(", ")
            ));
        }
        let refused = done.refused.len();
        for (name, error) in done.refused {
            let error = anyhow::Error::from(error);
            remark(&printable(&format!("{name}: {error:#}")));
        }
        anyhow::ensure!(refused == 0, "{refused} rules could not be made");
        if !self.enable {
            remark(
                "rules that are new are disabled: `--enable` switches all of them on; actions are yours to add",
            );
        }
        Ok(())
    }
}

/// What a dry run says.
fn lines(sight: &Sight, how: How) -> Vec<String> {
    let line = |word: &str, what: &str| format!("{word:<9}  {}", printable(what));
    let mut lines = Vec::new();
    for found in &sight.objects {
        let word = if found.is_there { "replaced" } else { "new" };
        lines.push(line(
            word,
            &format!("{} {}", found.object.kind, found.object.id),
        ));
    }
    for step in &sight.steps {
        let (word, places) = match &step.state {
            State::New => ("new", &[][..]),
            State::Same(_) => ("unchanged", &[][..]),
            State::Differs(_, places) if how.overwrite => ("replaced", places.as_slice()),
            State::Differs(_, places) => ("kept", places.as_slice()),
        };
        lines.push(line(word, &format!("rule {}", step.rule.name)));
        let shown = places.iter().take(MAX_PLACES);
        lines.extend(shown.map(|place| line("", &format!("  {place} differs"))));
    }
    lines
}

/// The rules for this Kibana and this agent.
fn rules(
    kibana: &Kibana,
    version: Version,
    config: &Config,
    ids: BTreeMap<String, String>,
) -> Vec<rules::Rule> {
    rules::rules(&Setting {
        version,
        space: kibana.space(),
        interval: config.interval,
        ids,
    })
}

fn supported(kibana: &Kibana, version: Version) -> Result<(), KibanaError> {
    match version < objects::OLDEST {
        true => Err(KibanaError::TooOld {
            base: kibana.base().to_owned(),
            what: "the dashboards and rules",
            version,
            needed: objects::OLDEST,
        }),
        false => Ok(()),
    }
}

fn is_changed(step: &Step) -> bool {
    matches!(step.state, State::Differs(..))
}

fn summary(steps: &[Step], done: &Done) -> String {
    format!(
        "{} rules: {} new, {} replaced, {} switched on",
        steps.len(),
        done.created,
        done.updated,
        done.enabled
    )
}
