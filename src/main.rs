//! `brokerbeat`: arguments, configuration, logging, runtime, run, drain, exit code — see [`brokerbeat::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    brokerbeat::cli::Cli::parse().execute()
}
