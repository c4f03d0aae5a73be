//! What a failed attempt may have done: the one place that reads statuses and errors of the transport.

/// How far a request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: nothing was sent.
    Connect,
    /// No byte moved for the idle limit.
    Timeout,
    /// The connection broke after the request had begun.
    Interrupted,
    /// The server answered with an error status.
    Status,
    /// The server said that all is well, but not in the form that the API has: a page of a proxy, an empty body.
    Malformed,
    /// The request could not be built.
    Build,
}

impl FailureKind {
    /// The kind of an error of the transport.
    #[must_use]
    pub fn of_transport(error: &reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Build
        } else {
            Self::Interrupted
        }
    }
}

/// What a failed attempt means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The request certainly had no effect, and a later attempt may succeed.
    Nothing,
    /// Nobody knows whether the request had an effect; a later attempt may succeed.
    Unclear,
    /// No other attempt can help.
    Final,
}

impl Effect {
    /// The effect of an attempt that got as far as `kind`; `status` is that of the answer, where there was one.
    #[must_use]
    pub fn of(kind: FailureKind, status: Option<u16>) -> Self {
        match (kind, status) {
            (FailureKind::Connect, _) | (FailureKind::Status, Some(420 | 429 | 503)) => {
                Self::Nothing
            }
            (FailureKind::Timeout | FailureKind::Interrupted | FailureKind::Malformed, _)
            | (FailureKind::Status, Some(408 | 500..=599)) => Self::Unclear,
            (FailureKind::Status | FailureKind::Build, _) => Self::Final,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_may_go_away_are_told_from_refusals() {
        let of = |status| Effect::of(FailureKind::Status, Some(status));
        for status in [420, 429, 503] {
            assert_eq!(of(status), Effect::Nothing, "{status}");
        }
        for status in [408, 500, 502, 504, 520] {
            assert_eq!(of(status), Effect::Unclear, "{status}");
        }
        for status in [302, 400, 401, 403, 404, 409] {
            assert_eq!(of(status), Effect::Final, "{status}");
        }
        assert_eq!(
            Effect::of(FailureKind::Malformed, Some(200)),
            Effect::Unclear
        );
        assert_eq!(Effect::of(FailureKind::Build, None), Effect::Final);
        assert_eq!(Effect::of(FailureKind::Connect, None), Effect::Nothing);
        assert_eq!(Effect::of(FailureKind::Timeout, None), Effect::Unclear);
    }
}
