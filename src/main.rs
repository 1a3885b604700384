//! brokerbeat
fn main() {}
