/// What a test changes about a server or client: settings of its configuration and arguments of its JVM.
///
/// Both come after the stack's own, so they win.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) jvm: Vec<String>,
}

impl Options {
    /// Nothing changed.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of `server.properties`, `zoo.cfg`, `elasticsearch.yml` or a client property.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// An argument of the JVM, for example `-Djava.rmi.server.hostname=192.0.2.1`.
    #[must_use]
    pub fn jvm(mut self, argument: &str) -> Self {
        self.jvm.push(argument.to_owned());
        self
    }
}
