//! A credential on its way from the environment to the one request that carries it.

use std::fmt;

/// A credential. `Debug` hides it, and there is no `Display` and no way to serialise it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential as it was read from the environment.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The plain credential, for the one request that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(format!("{:?}", Some(secret)), "Some(Secret(…))");
    }
}
