//! `brokerbeat setup`: installs what Elasticsearch needs, or removes it; and dashboards and rules in Kibana.

mod clean;
mod kibana;
mod report;

use std::process::ExitCode;

use clap::Args;

use crate::assets::setup::roles::{self, NoRoles, RoleStep};
use crate::assets::setup::{self, Plan};
use crate::assets::{self, Asset, AssetKind, Lifecycle, Product, Server};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::ship::OutputConfig;
use crate::ship::elasticsearch::Credentials;
use crate::ship::elasticsearch::ElasticsearchConfig;
use crate::ship::elasticsearch::elastic::Elastic;

/// The oldest Elasticsearch that is tried to be right for.
const OLDEST: (u64, u64) = (7, 17);

/// What to install; without any flag that names a part, all that Elasticsearch needs.
#[derive(Debug, Args)]
pub(super) struct Setup {
    /// Component and index templates
    #[arg(long)]
    templates: bool,
    /// Lifecycle policies
    #[arg(long)]
    ilm: bool,
    /// Ingest pipelines
    #[arg(long)]
    pipelines: bool,
    /// The least roles for setting up and for shipping, and a key for shipping on stdout if there is none
    #[arg(long)]
    role: bool,
    /// Make a key for shipping, also where there is one, and write it to stdout
    #[arg(long)]
    api_key: bool,
    /// Show what differs from what is installed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Put also what is installed in a newer version
    #[arg(long)]
    downgrade: bool,
    /// Put also lifecycle policies that somebody has changed, and with --rules the rules (their actions stay)
    #[arg(long)]
    overwrite: bool,
    /// Remove what setup has made, and nothing else
    #[arg(long, conflicts_with_all = ["templates", "ilm", "pipelines", "role", "api_key", "downgrade", "overwrite", "dashboards", "rules"])]
    clean: bool,
    /// With --clean: do not ask
    #[arg(long, requires = "clean")]
    yes: bool,
    /// With --clean: remove the data streams, too, with all documents in them
    #[arg(long, requires = "clean")]
    with_data: bool,
    #[command(flatten)]
    kibana: kibana::Wishes,
}

/// What is on the other side, looked at once.
struct Sight {
    server: Server,
    lifecycle: Lifecycle,
    plan: Plan,
    roles: Result<Vec<RoleStep>, Option<NoRoles>>,
}

impl Setup {
    /// Does what was asked and says how it ended.
    pub(super) fn execute(&self, config: &Config) -> ExitCode {
        if self.kibana.is_lost() {
            return super::wrong(anyhow::anyhow!(
                "--space is for --dashboards and --rules; name one of them"
            ));
        }
        if !self.kibana.is_any() {
            return self.in_elasticsearch(config);
        }
        let target = match self.kibana.target(config) {
            Ok(target) => target,
            Err(error) => return super::wrong(error),
        };
        if self.is_part() {
            let done = self.in_elasticsearch(config);
            if done != ExitCode::SUCCESS {
                return done;
            }
        }
        let how = kibana::How {
            dry_run: self.dry_run,
            overwrite: self.overwrite,
        };
        let done = super::block_on(self.kibana.install(&target, config, how));
        super::finish(done.and_then(|done| done))
    }

    fn in_elasticsearch(&self, config: &Config) -> ExitCode {
        let output = match super::output(config) {
            Ok(OutputConfig::Elasticsearch(output)) => output,
            Ok(other) => return super::wrong(elsewhere(other)),
            Err(error) => return super::wrong(error),
        };
        if self.clean && !self.yes && !self.dry_run && !clean::can_ask() {
            return super::wrong(anyhow::anyhow!(
                "setup --clean asks before it removes anything, and stdin is no terminal; say --yes, or look first with --dry-run"
            ));
        }
        let done = super::block_on(async {
            let elastic = Elastic::new(output)?;
            let server = Server::ask(&elastic).await?;
            supported(&server)?;
            match self.clean {
                true => clean::clean(&elastic, &server, self).await,
                false => self.install(&elastic, server, config, output).await,
            }
        });
        super::finish(done.and_then(|done| done))
    }

    async fn install(
        &self,
        elastic: &Elastic,
        server: Server,
        config: &Config,
        output: &ElasticsearchConfig,
    ) -> anyhow::Result<()> {
        let sight = self.look(elastic, server, config).await?;
        let obstacles = self.obstacles(&sight);
        if self.dry_run {
            report::differences(&sight.plan, sight.roles.as_deref().unwrap_or_default())?;
            self.remarks(&sight);
        }
        for obstacle in &obstacles {
            super::remark(obstacle);
        }
        anyhow::ensure!(
            obstacles.is_empty(),
            "{}nothing is installed until that is settled",
            if self.dry_run { "in a set-up " } else { "" }
        );
        if self.dry_run {
            return Ok(());
        }
        setup::apply(elastic, &sight.plan).await?;
        let steps = sight.roles.as_deref().unwrap_or_default();
        roles::apply_roles(elastic, steps).await?;
        super::remark(&report::summary(&sight.plan, steps));
        self.remarks(&sight);
        self.key(elastic, &sight, output).await
    }

    async fn look(
        &self,
        elastic: &Elastic,
        server: Server,
        config: &Config,
    ) -> anyhow::Result<Sight> {
        let lifecycle = config.setup.lifecycle(&server);
        let mut wanted = assets::all(Catalogue::get(), &server, lifecycle);
        wanted.retain(|asset| self.wants(asset));
        let mut plan = setup::plan(elastic, wanted, &config.namespace).await?;
        if self.overwrite {
            plan.overwrite();
        }
        let roles = match self.is_all() || self.role || self.api_key {
            false => Err(None),
            true => match roles::access(elastic, &server).await? {
                Some(reason) => Err(Some(reason)),
                None => Ok(roles::plan_roles(elastic, &server).await?),
            },
        };
        Ok(Sight {
            server,
            lifecycle,
            plan,
            roles,
        })
    }

    /// Whether no part was named.
    fn is_all(&self) -> bool {
        !self.is_part()
    }

    fn is_part(&self) -> bool {
        self.templates || self.ilm || self.pipelines || self.role || self.api_key
    }

    fn wants(&self, asset: &Asset) -> bool {
        let is_named = match asset.kind {
            AssetKind::Pipeline => self.pipelines,
            AssetKind::Policy => self.ilm,
            AssetKind::Custom | AssetKind::Component | AssetKind::Index => self.templates,
        };
        is_named || self.is_all()
    }

    /// Why nothing may be changed.
    fn obstacles(&self, sight: &Sight) -> Vec<String> {
        let mut said = sight.plan.obstacles(self.downgrade);
        let steps = sight.roles.as_deref().unwrap_or_default();
        said.extend(roles::obstacles(steps, self.downgrade));
        if let Err(Some(reason)) = sight.roles
            && (self.role || self.api_key)
        {
            said.push(reason.sentence().to_owned());
        }
        said
    }

    /// What else there is to know.
    fn remarks(&self, sight: &Sight) {
        for sentence in sight.plan.edited() {
            super::remark(&sentence);
        }
        if self.is_all() || self.templates || self.ilm {
            for sentence in assets::skipped(&sight.server, sight.lifecycle) {
                super::remark(&sentence);
            }
        }
        if let Err(Some(reason)) = sight.roles
            && self.is_all()
        {
            super::remark(reason.sentence());
        }
        if self.templates && !(self.pipelines && self.ilm) {
            super::remark(
                "the templates name pipelines and policies: without `setup --pipelines --ilm` their streams take no documents, or keep them for ever",
            );
        }
    }

    /// Makes the key where one is wanted: `--role` makes the first one, `--api-key` another. A set-up of everything makes none,
    /// as its output may be kept where a key must not be.
    async fn key(
        &self,
        elastic: &Elastic,
        sight: &Sight,
        output: &ElasticsearchConfig,
    ) -> anyhow::Result<()> {
        if sight.roles.is_err() {
            return Ok(());
        }
        if self.is_all() {
            super::remark("`setup --role` makes a key for shipping and writes it to stdout");
            return Ok(());
        }
        let there = roles::keys(elastic).await?;
        if !there.is_empty() && !self.api_key {
            super::remark("there is a key for shipping; `setup --api-key` makes another one");
            return Ok(());
        }
        anyhow::ensure!(
            !matches!(output.credentials, Credentials::ApiKey(_)),
            "no key for shipping: Elasticsearch lets no key make another one; run `setup --api-key` with username and password"
        );
        let key = roles::make_key(elastic).await?;
        super::say(key.reveal())?;
        super::remark(
            "the line on stdout is the key: output.elasticsearch.api_key. It is shown this once",
        );
        Ok(())
    }
}

/// What to do where documents go elsewhere first.
fn elsewhere(output: &OutputConfig) -> anyhow::Error {
    anyhow::anyhow!(
        "setup installs pipelines and templates in Elasticsearch, and documents go to output.{}; run it with a configuration whose output is the Elasticsearch in which they end, or take the files of `export assets --dir DIR`",
        output.name()
    )
}

/// Refuses what is older than anything that is tried to be right for.
pub(super) fn supported(server: &Server) -> anyhow::Result<()> {
    let (major, minor) = OLDEST;
    let is_older = server.product == Product::Elasticsearch && server.version < OLDEST;
    anyhow::ensure!(
        !is_older,
        "{server} is too old: the oldest Elasticsearch that the agent ships to is {major}.{minor}; nothing was changed"
    );
    Ok(())
}
