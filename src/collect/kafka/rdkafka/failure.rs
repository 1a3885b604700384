//! Why something did not work, by librdkafka's word.

/// A request that failed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Code of the protocol, or of librdkafka where negative.
    pub code: i32,
    /// Its text.
    pub text: String,
}

impl Failure {
    /// librdkafka's own time-out.
    pub const TIMED_OUT: i32 = -185;
    /// Bad argument, found before anything was sent.
    pub const INVALID: i32 = -186;

    /// A failure with librdkafka's text for the code.
    pub fn of_code(code: i32) -> Self {
        Self {
            code,
            text: super::sys::error_text(code),
        }
    }

    /// No failure for the code 0.
    pub(super) fn check(code: i32) -> Result<(), Self> {
        match code {
            0 => Ok(()),
            code => Err(Self::of_code(code)),
        }
    }
}

/// Why a property is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such property.
    Unknown,
    /// A value that does not fit, with librdkafka's sentence (it repeats the value).
    Value(String),
}
