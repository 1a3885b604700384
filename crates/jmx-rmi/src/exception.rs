//! Exceptions that a JVM sent.

use std::fmt;

use crate::ObjectName;

/// An exception which the JVM threw and sent back instead of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteException {
    /// Name of the exception's class.
    pub class: String,
    /// The exception's message.
    pub message: Option<String>,
    /// Class and message of its causes, nearest first.
    pub causes: Vec<(String, Option<String>)>,
    /// The bean the call was about.
    pub bean: Option<ObjectName>,
}

impl RemoteException {
    /// The bean is not registered, or no longer.
    pub fn is_instance_not_found(&self) -> bool {
        self.class == "javax.management.InstanceNotFoundException"
    }

    /// The bean does not have the attribute.
    pub fn is_attribute_not_found(&self) -> bool {
        self.class == "javax.management.AttributeNotFoundException"
    }

    /// The user or password is wrong or missing, or the user may not do this.
    pub fn is_auth(&self) -> bool {
        self.class == "java.lang.SecurityException"
    }

    /// The session is gone on the server's side: its lease ran out or the JVM was restarted.
    pub fn is_no_such_object(&self) -> bool {
        self.class == "java.rmi.NoSuchObjectException"
    }
}

impl fmt::Display for RemoteException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(bean) = &self.bean {
            write!(f, " (bean {bean})")?;
        }
        for (class, message) in &self.causes {
            write!(f, ", caused by {class}")?;
            if let Some(message) = message {
                write!(f, ": {message}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for RemoteException {}
