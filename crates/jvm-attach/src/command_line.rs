//! The command line of a `java` process, as `/proc/<pid>/cmdline` has it. Any process may write anything there.

/// Options whose value is the next word (see `java --help`; `--name=value` is one word).
const WITH_VALUE: &[&str] = &[
    "-cp",
    "-classpath",
    "--class-path",
    "-p",
    "--module-path",
    "--upgrade-module-path",
    "--add-modules",
    "--limit-modules",
    "--enable-native-access",
    "--add-reads",
    "--add-exports",
    "--add-opens",
    "--patch-module",
    "--source",
    "-d",
    "--describe-module",
];

/// Those of them that are followed by the class path.
const CLASS_PATH: &[&str] = &["-cp", "-classpath", "--class-path"];

/// Variables with options, in the order in which the JVM takes them: what comes later wins.
pub(crate) const BEFORE: [&str; 2] = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"];
/// The variable that comes after the command line.
pub(crate) const AFTER: &str = "_JAVA_OPTIONS";

/// The option with which a JVM does not let itself be attached to.
pub(crate) const DISABLED: &str = "-XX:+DisableAttachMechanism";

/// A command line, taken apart. It may hold passwords: it has no `Debug`.
#[derive(Default)]
pub(crate) struct CommandLine {
    /// The program.
    pub(crate) program: String,
    /// Options of the JVM.
    pub(crate) options: Vec<String>,
    /// Value of the last `-cp`.
    pub(crate) class_path: String,
    /// Main class, jar or module; none where it stands in a file of arguments, or nothing does.
    pub(crate) main: Option<String>,
    /// What comes after it.
    pub(crate) arguments: Vec<String>,
}

impl CommandLine {
    /// Words end with a zero byte. Bytes that are no UTF-8 are replaced.
    pub(crate) fn parse(raw: &[u8]) -> Self {
        let raw = raw.strip_suffix(b"\0").unwrap_or(raw);
        let mut words = raw
            .split(|&byte| byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned());
        let mut line = Self {
            program: words.next().unwrap_or_default(),
            ..Self::default()
        };
        while let Some(word) = words.next() {
            if matches!(word.as_str(), "-jar" | "-m" | "--module") {
                line.main = words.next();
                break;
            }
            if CLASS_PATH.contains(&word.as_str()) {
                line.class_path = words.next().unwrap_or_default();
            } else if WITH_VALUE.contains(&word.as_str()) {
                words.next();
            } else if let Some(module) = word.strip_prefix("--module=") {
                line.main = Some(module.to_owned());
                break;
            } else if word.starts_with(['-', '@']) {
                line.options.push(word);
            } else {
                line.main = Some(word);
                break;
            }
        }
        line.main = line.main.filter(|main| !main.is_empty());
        line.arguments = words.collect();
        line
    }

    /// Whether the program is called as the launcher of a JDK is.
    pub(crate) fn is_java(&self) -> bool {
        file_name(&self.program) == "java"
    }
}

/// What comes after the last `/`.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// All options of a JVM, wherever they were written. Their text may hold passwords: it is not shown.
#[derive(Default, Clone, PartialEq, Eq)]
pub(crate) struct Options(Vec<String>);

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Options({} hidden)", self.0.len())
    }
}

impl Options {
    pub(crate) fn new(all: Vec<String>) -> Self {
        Self(all)
    }

    /// Value of the last `-D<key>=<value>`.
    pub(crate) fn property(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find_map(|option| {
            option
                .strip_prefix("-D")?
                .strip_prefix(key)?
                .strip_prefix('=')
        })
    }

    /// Whether the last `-XX:+<name>` or `-XX:-<name>` switches it on.
    fn is_on(&self, name: &str) -> bool {
        self.0
            .iter()
            .rev()
            .find_map(|option| {
                let switch = option.strip_prefix("-XX:")?;
                let is_on = switch.starts_with('+');
                (switch.strip_prefix(['+', '-'])? == name).then_some(is_on)
            })
            .unwrap_or(false)
    }

    pub(crate) fn is_attach_disabled(&self) -> bool {
        self.is_on("DisableAttachMechanism")
    }

    /// Whether the JVM leaves `SIGQUIT` at its deadly default.
    pub(crate) fn reduces_signals(&self) -> bool {
        self.is_on("ReduceSignalUsage") || self.0.iter().any(|option| option == "-Xrs")
    }
}

/// Value of a variable in `/proc/<pid>/environ`.
pub(crate) fn variable(environ: &[u8], name: &str) -> Option<String> {
    environ.split(|&byte| byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(words: &[&str]) -> CommandLine {
        CommandLine::parse((words.join("\0") + "\0").as_bytes())
    }

    #[test]
    fn mains_of_every_form() {
        let main = |words: &[&str]| {
            let line = parse(words);
            (line.main.unwrap_or_default(), line.arguments.join(" "))
        };
        let is = |main: &str, arguments: &str| (main.to_owned(), arguments.to_owned());
        let kafka = [
            "/usr/bin/java",
            "-Xmx1G",
            "-cp",
            "/opt/*",
            "kafka.Kafka",
            "a.properties",
        ];
        assert_eq!(main(&kafka), is("kafka.Kafka", "a.properties"));
        assert_eq!(parse(&kafka).class_path, "/opt/*");
        assert_eq!(parse(&kafka).options, ["-Xmx1G"]);
        assert!(parse(&kafka).is_java());
        assert_eq!(
            main(&["java", "-jar", "/a b/x.jar", "-v"]),
            is("/a b/x.jar", "-v")
        );
        assert_eq!(
            main(&["java", "--add-opens", "a/b=C", "-m", "m/c.D"]),
            is("m/c.D", "")
        );
        assert_eq!(main(&["java", "--module=m/c.D", "x"]), is("m/c.D", "x"));
        assert_eq!(main(&["java", "@args", "-Xrs"]), is("", ""));
        assert_eq!(main(&["java", "-cp"]), is("", ""));
        assert_eq!(main(&["java", "-jar"]), is("", ""));
        assert_eq!(main(&[]), is("", ""));
    }

    #[test]
    fn the_last_option_wins() {
        let options = |all: &[&str]| Options::new(all.iter().map(|&o| o.to_owned()).collect());
        let all = options(&["-Da=1", "-Da=2", "-Dab=3", "-Dc"]);
        assert_eq!(all.property("a"), Some("2"));
        assert_eq!(all.property("c"), None);
        assert!(options(&["-XX:+DisableAttachMechanism"]).is_attach_disabled());
        let both = ["-XX:+DisableAttachMechanism", "-XX:-DisableAttachMechanism"];
        assert!(!options(&both).is_attach_disabled());
        assert!(options(&["-Xrs"]).reduces_signals());
        assert!(options(&["-XX:+ReduceSignalUsage"]).reduces_signals());
        assert!(!options(&["-Xrss", "-XX:", "-XX:+"]).reduces_signals());
        assert!(!format!("{all:?}").contains("-Da"));
    }

    #[test]
    fn variables_of_an_environment() {
        let environ = b"A=1\0JAVA_TOOL_OPTIONS=-Xrs -Da=b\0=x\0B";
        assert_eq!(variable(environ, "A"), Some("1".to_owned()));
        assert_eq!(
            variable(environ, "JAVA_TOOL_OPTIONS"),
            Some("-Xrs -Da=b".to_owned())
        );
        assert_eq!(variable(environ, "B"), None);
    }

    proptest! {
        #[test]
        fn rubbish_does_no_harm(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            CommandLine::parse(&raw);
            variable(&raw, "A");
        }
    }
}
