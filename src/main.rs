//! brokerbeat
fn main(){}
