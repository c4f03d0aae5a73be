//! Claims about the simulated org as a whole, over HTTP.
