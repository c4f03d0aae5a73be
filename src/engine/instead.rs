//! A function of our own in the place of one of DataFusion's.
//!
//! In: a function, and how a call of it is answered. Out: one of the same name, arguments and types. Never: a function that plans see as
//! another one; an executor of a cluster takes its own under this name.

use std::fmt::{self, Debug, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// How calls are answered.
pub(super) trait Answer: Copy + Send + Sync + 'static {
    /// Answers a call that was meant for `inner`.
    fn answer(self, inner: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue>;
}

/// Puts a function in the place of the one of its name, if there is one.
pub(super) fn put(state: &mut SessionState, name: &str, answer: impl Answer) -> Result<()> {
    if let Ok(inner) = state.udf(name) {
        state.register_udf(Arc::new(instead_of(inner, answer)))?;
    }
    Ok(())
}

/// A function in the place of this one.
pub(super) fn instead_of(inner: Arc<ScalarUDF>, answer: impl Answer) -> ScalarUDF {
    ScalarUDF::new_from_impl(Instead { inner, answer })
}

struct Instead<A> {
    inner: Arc<ScalarUDF>,
    answer: A,
}

impl<A> Debug for Instead<A> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "Instead({})", self.inner.name())
    }
}

impl<A> PartialEq for Instead<A> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl<A> Eq for Instead<A> {}

impl<A> Hash for Instead<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl<A: Answer> ScalarUDFImpl for Instead<A> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.answer.answer(&self.inner, args)
    }
}
