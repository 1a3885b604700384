//! Which host is asked, and which one is told the password. On Linux 127.0.0.1 and 127.0.0.2 are both this machine.

use super::*;
use crate::codec::stub::{ObjId, RemoteRef};

/// What the server on one host does when a session is wanted of it.
#[derive(Clone, Copy)]
enum Answer {
    Session,
    HangUp,
    WrongPassword,
}

impl Answer {
    fn act(self) -> Option<Act> {
        match self {
            Self::Session => None,
            Self::HangUp => Some(Act::ReplyAndClose(Vec::new())),
            Self::WrongPassword => Some(Act::Reply(capture("exception-jdk17-wrong-password"))),
        }
    }
}

/// Two servers on the same port: on the host that is configured, where the registry is, and on the advertised one.
struct Hosts {
    configured: FakeJvm,
    advertised: FakeJvm,
}

impl Hosts {
    async fn start(configured: Answer, advertised: Answer) -> Self {
        let (first, second) = loop {
            let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = first.local_addr().unwrap().port();
            if let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await {
                break (first, second);
            }
        };
        let port = first.local_addr().unwrap().port();
        let configured = FakeJvm::serving(first, 0, move |kind, _| match kind {
            Called::Lookup => Some(Act::Reply(elsewhere(port))),
            Called::NewClient => configured.act(),
            _ => None,
        });
        let advertised = FakeJvm::serving(second, 0, move |kind, _| {
            (kind == Called::NewClient).then(|| advertised.act())?
        });
        Self {
            configured,
            advertised,
        }
    }

    async fn connect(&self, choice: AdvertisedHost, password: bool) -> Result<Client, Error> {
        let mut endpoint = Endpoint::new("127.0.0.1", self.configured.port);
        endpoint.advertised_host = choice;
        endpoint.credentials = password.then(|| Credentials::new("monitor", "hunter2"));
        Client::connect(&endpoint, PATIENT).await
    }

    /// How often each was asked for a session.
    fn asked(&self) -> (usize, usize) {
        let asked = |jvm: &FakeJvm| jvm.count(Called::NewClient);
        (asked(&self.configured), asked(&self.advertised))
    }
}

/// A stub that names the other host.
fn elsewhere(port: u16) -> Vec<u8> {
    let mut bytes = stub("stub-jdk17-server", port);
    let host = b"127.0.0.1";
    let at = bytes.windows(host.len()).position(|window| window == host);
    bytes[at.unwrap() + host.len() - 1] = b'2';
    bytes
}

#[tokio::test]
async fn hosts_are_tried_in_the_order_that_was_asked_for() {
    use AdvertisedHost::{Fallback, First, Never};
    use Answer::{HangUp, Session};
    for (choice, configured, advertised, works, asked) in [
        (Fallback, Session, Session, true, (1, 0)),
        (Fallback, HangUp, Session, true, (1, 1)),
        (First, Session, Session, true, (0, 1)),
        (First, Session, HangUp, true, (1, 1)),
        (Never, HangUp, Session, false, (1, 0)),
    ] {
        let hosts = Hosts::start(configured, advertised).await;
        let connected = hosts.connect(choice, false).await;
        assert_eq!(connected.is_ok(), works, "{choice:?}: {connected:?}");
        assert_eq!(hosts.asked(), asked, "{choice:?}");
    }
}

#[tokio::test]
async fn a_refused_password_is_not_tried_on_another_host() {
    let hosts = Hosts::start(Answer::Session, Answer::WrongPassword).await;
    let refused = hosts.connect(AdvertisedHost::First, true).await;
    assert!(refused.unwrap_err().is_auth());
    assert_eq!(hosts.asked(), (0, 1));
}

#[tokio::test]
async fn a_registry_does_not_decide_where_the_password_goes() {
    let hosts = Hosts::start(Answer::HangUp, Answer::Session).await;
    let failed = hosts.connect(AdvertisedHost::default(), true).await;
    assert!(failed.unwrap_err().is_closed());
    assert_eq!(hosts.asked(), (1, 0));
}

#[tokio::test]
async fn no_host_at_all_is_nobody_to_connect_to() {
    let server = RemoteRef {
        host: String::new(),
        port: 9,
        id: ObjId::REGISTRY,
        socket_factory: None,
    };
    let host = String::new();
    let endpoint = Endpoint::at(super::super::endpoint::Place::Stub { host, server });
    let error = Client::connect(&endpoint, PATIENT).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    let expected = "neither the configuration nor the JVM names a host";
    assert!(sentence(&error).ends_with(expected), "{error:?}");
}

#[tokio::test]
async fn no_time_is_too_long() {
    let jvm = FakeJvm::start(|_, _| None).await;
    let endless = Timeouts {
        connect: Duration::MAX,
        call: Duration::MAX,
    };
    let mut client = client(&jvm, endless).await;
    assert_eq!(client.query_names(None).await.unwrap().len(), 18);
}
