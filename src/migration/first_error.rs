//! Two results of which only one error can be told.

use crate::error::Error;

/// Of two results in a row, both or the first error; what went wrong later is logged.
pub(super) fn first<A, B>(
    earlier: Result<A, Error>,
    later: Result<B, Error>,
) -> Result<(A, B), Error> {
    match (earlier, later) {
        (Ok(earlier), Ok(later)) => Ok((earlier, later)),
        (Err(error), later) => {
            if let Err(second) = later {
                tracing::warn!(error = %second, "after the first error another thing failed");
            }
            Err(error)
        }
        (Ok(_), Err(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(what: &str) -> Result<(), Error> {
        Err(Error::Defect {
            what: what.to_owned(),
        })
    }

    #[test]
    fn the_first_error_is_the_one_that_is_told() {
        let text = |result: Result<((), ()), Error>| result.unwrap_err().to_string();
        assert!(text(first(failed("work"), failed("closing"))).contains("work"));
        assert!(text(first(failed("work"), Ok(()))).contains("work"));
        assert!(text(first(Ok(()), failed("closing"))).contains("closing"));
        assert!(first(Ok(1), Ok(2)).is_ok_and(|both| both == (1, 2)));
    }
}
