//! The brokers that are read.

use stack::{Consumer, JmxPort, Kafka, Options, Producer, RmiPort};

/// As in production: both of the JVM's compilers.
pub(crate) const COMPILERS: &str = "-XX:TieredStopAtLevel=4";

/// A broker with a topic, a producer and a consumer.
pub(crate) struct Busy {
    pub(crate) kafka: Kafka,
    _clients: (Producer, Consumer),
}

impl Busy {
    pub(crate) fn start(options: &Options) -> Self {
        let kafka = Kafka::start_kraft_with(&options.clone().jvm(COMPILERS)).unwrap();
        kafka.create_topic("orders", 10, 1).unwrap();
        let bootstrap = kafka.bootstrap();
        let producer = Producer::start(&bootstrap, "orders", 10.0).unwrap();
        producer.send(100).unwrap();
        let consumer = Consumer::start(&bootstrap, "orders", "billing").unwrap();
        Self {
            kafka,
            _clients: (producer, consumer),
        }
    }
}

/// A JMX port whose stub leads to a proxy.
pub(crate) fn behind_proxy() -> JmxPort {
    JmxPort::new()
        .rmi_port(RmiPort::Same)
        .hostname(stack::Proxy::HOST)
}
