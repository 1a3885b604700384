//! `docs/dashboards.md` and `docs/alerts.md`: an introduction written by hand, tables made of the source.

use crate::source::{Dashboard, Look, Measure, Panel, Rule, Source, Times};

/// The page of all dashboards.
pub fn dashboards(source: &Source) -> String {
    let mut page = source.pages.dashboards.trim_end().to_owned();
    page.push_str("\n\n## Colours\n\n| scale | means | from → colour |\n|---|---|---|\n");
    for (name, scale) in &source.look.scales {
        let steps: Vec<_> = scale
            .steps
            .iter()
            .map(|(from, colour)| format!("{from} → {colour}"))
            .collect();
        row(&mut page, &[name, &scale.meaning, &steps.join(", ")]);
    }
    for dashboard in &source.dashboards {
        one_dashboard(&mut page, dashboard, &source.look);
    }
    page
}

fn one_dashboard(page: &mut String, dashboard: &Dashboard, look: &Look) {
    let controls = dashboard
        .controls
        .iter()
        .filter_map(|name| look.controls.get(name));
    let controls: Vec<_> = controls.map(|control| control.title.as_str()).collect();
    let controls = if controls.is_empty() {
        "none".to_owned()
    } else {
        controls.join(" → ")
    };
    page.push_str(&format!("\n## {}\n\n{} Id `brokerbeat-{}`; controls: {controls}.\n\n| panel | question | drawn as | of | numbers |\n|---|---|---|---|---|\n",
        dashboard.title, dashboard.question, dashboard.id
    ));
    for panel in dashboard.rows.iter().flat_map(|row| &row.panels) {
        let by = if panel.by.is_empty() {
            String::new()
        } else {
            format!(" by {}", code(&panel.by))
        };
        let of = if panel.of.is_empty() {
            String::new()
        } else {
            format!("`{}`", panel.of)
        };
        let numbers: Vec<_> = panel.show.iter().map(number).collect();
        let numbers = format!("{}{by}", numbers.join(", "));
        row(
            page,
            &[
                &panel.title,
                &question(panel),
                panel.chart.as_str(),
                &of,
                &numbers,
            ],
        );
    }
}

fn question(panel: &Panel) -> String {
    match &panel.drill {
        Some(target) => format!("{} A click leads to `brokerbeat-{target}`", panel.question),
        None => panel.question.clone(),
    }
}

fn number(measure: &Measure) -> String {
    let (operation, field) = &measure.value;
    format!("{} `{field}`", operation.as_str())
}

fn code(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    line(page, &format!("| {} |", cells.join(" | ")));
}

/// The page of all rules.
pub fn alerts(source: &Source) -> String {
    let mut page = source.pages.alerts.trim_end().to_owned();
    quiet(&mut page, source);
    page.push_str("\n## All rules\n\n| rule | severity | fires when | an alert for each | window | incident | on | fires after | clears after |\n|---|---|---|---|---|---|---|---|---|\n");
    for rule in &source.rules {
        summary(&mut page, rule, source.measured.rules.get(&rule.id));
    }
    for rule in &source.rules {
        one_rule(&mut page, rule);
    }
    objectives(&mut page, source);
    page
}

fn quiet(page: &mut String, source: &Source) {
    let quiet = source.measured.quiet;
    let text = match quiet.minutes {
        0 => "A quiet hour has not been run.".to_owned(),
        minutes => format!(
            "In {minutes} quiet minutes, on the same servers without an incident, each rule was asked {} times, and none fired.",
            quiet.rounds
        ),
    };
    line(page, &format!("\n\n{text}"));
}

fn summary(page: &mut String, rule: &Rule, measured: Option<&Times>) {
    let window = match rule.ticks {
        1 => format!("{} intervals", rule.intervals),
        ticks => format!("{ticks} of {} intervals", rule.intervals),
    };
    let by = match rule.by.as_slice() {
        [] => "–".to_owned(),
        by => code(by),
    };
    let time = |seconds: Option<u64>, stated: u64| match seconds {
        Some(seconds) => format!("{seconds} s of {stated} s"),
        None => format!("not run; {stated} s"),
    };
    let incident = match measured {
        Some(times) if times.note.is_empty() => times.incident.clone(),
        Some(times) => format!("{}; {}", times.incident, times.note),
        None => rule.incident.clone(),
    };
    row(
        page,
        &[
            &format!("[{}](#{})", rule.id, rule.id),
            rule.severity.as_str(),
            rule.kind.as_str(),
            &by,
            &window,
            &incident,
            measured.map_or("not run", |times| times.seen.as_str()),
            &time(measured.map(|times| times.fires), rule.fires_within()),
            &time(measured.map(|times| times.clears), rule.clears_within()),
        ],
    );
}

fn one_rule(page: &mut String, rule: &Rule) {
    page.push_str(&format!(
        "\n### {}\n\n**{}.** {}\n\n",
        rule.id,
        rule.name,
        rule.meaning.trim()
    ));
    let counter = rule
        .counter
        .as_ref()
        .map_or(String::new(), |field| format!(", `{field}` grows"));
    line(
        page,
        &format!("- Asks: `{}`{counter}{}", rule.of, filter(rule)),
    );
    for (name, variable) in &rule.variables {
        line(
            page,
            &format!(
                "- `{name}`: {} {} – {}",
                variable.value, variable.unit, variable.meaning
            ),
        );
    }
    for (number, command) in rule.first.iter().enumerate() {
        line(page, &format!("- Command {}: `{command}`", number + 1));
    }
    line(
        page,
        &format!(
            "- Look at: {}; dashboard `brokerbeat-{}`",
            code(&rule.look_at),
            rule.dashboard
        ),
    );
    if let Some(esql) = &rule.esql {
        line(
            page,
            &format!("- ES|QL variant, untested: `{}`", esql.trim()),
        );
    }
}

fn filter(rule: &Rule) -> String {
    let text = rule.filter.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        String::new()
    } else {
        format!(", `{text}`")
    }
}

fn objectives(page: &mut String, source: &Source) {
    page.push_str("\n## Objectives (SLO)\n\nBodies for `POST /api/observability/slos` stand in `kibana/slos.ndjson`. They need a platinum licence (or a trial) and are not installed by `setup`.\n\n| objective | target | over | good |\n|---|---|---|---|\n");
    for slo in &source.slos {
        let target = format!("{} %", slo.target * 100.0);
        row(
            page,
            &[
                &slo.name,
                &target,
                &format!("{} days", slo.days),
                &format!("`{}`", slo.good),
            ],
        );
    }
}
